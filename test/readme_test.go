package test

import (
	"bytes"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"brood/ipc"
	"brood/test/harness"
	"brood/worker/workertest"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

func readme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// fields returns the first group of every match, sorted.
func fields(pattern, text string) []string {
	var all []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	slices.Sort(all)
	return all
}

func TestREADMENamesTheFlagsThatHelpNames(t *testing.T) {
	t.Parallel()
	help, err := exec.Command(harness.Brood(t), "serve", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	inHelp := fields(`(?m)^  (--[a-z-]+)`, string(help))
	inREADME := fields("(?m)^\\| `(--[a-z-]+)", readme(t))
	if !slices.Equal(inHelp, inREADME) || len(inHelp) == 0 {
		t.Errorf("README has %q\nhelp has   %q", inREADME, inHelp)
	}
}

// The threat model names a test for each promise.
func TestTheThreatModelsTestsExist(t *testing.T) {
	t.Parallel()
	model, err := os.ReadFile("../supervisor/README.md")
	if err != nil {
		t.Fatal(err)
	}
	named := fields("`((?:Test|Fuzz)[A-Za-z]+)`", string(model))
	if len(named) == 0 {
		t.Error("it names none")
	}
	sources, err := exec.Command("git", "-C", "..", "grep", "-hE", "^func (Test|Fuzz)", "--", "*_test.go").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range named {
		if !bytes.Contains(sources, []byte("func "+name+"(")) {
			t.Errorf("supervisor/README.md names %s, which there is not", name)
		}
	}
}

func TestREADMEExplainsEveryOutcome(t *testing.T) {
	t.Parallel()
	text := readme(t)
	for o := ipc.OutcomeComplete; o.String() != "unknown"; o++ {
		if o == ipc.OutcomeStopped {
			continue // what a worker says; the supervisor reports why it had asked
		}
		if name := o.String(); !strings.Contains(text, "\n| "+name+" | ") {
			t.Errorf("outcome %q is not in the table", name)
		}
	}
}

// The server in the README is built and run as it stands there, but for its
// address: every loopback address has that port for itself.
func TestREADMEServerServes(t *testing.T) {
	t.Parallel()
	_, rest, _ := strings.Cut(readme(t), "```go\n")
	program, _, ok := strings.Cut(rest, "```")
	const addr = "127.83.12.9:6970"
	if !ok || !strings.Contains(program, `"127.0.0.1:6970"`) {
		t.Fatal("no program with that address in the README")
	}
	dir := harness.NewTree(t)
	dir.Write("main.go", []byte(strings.Replace(program, "127.0.0.1:6970", addr, 1)))
	build := exec.Command("go", "build", "-o", filepath.Join(dir.Dir, "server"), filepath.Join(dir.Dir, "main.go"))
	build.Dir = ".."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	server := exec.Command(filepath.Join(dir.Dir, "server"))
	var stderr bytes.Buffer
	server.Stderr = &stderr
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		server.Process.Signal(syscall.SIGKILL)
		server.Wait()
	}()
	const want = "Hello 127.0.0.1, this is your breakfast.\n"
	served := harness.Eventually(func() bool {
		var got bytes.Buffer
		client := workertest.Client{Local: netip.MustParseAddr("127.0.0.1")}
		_, err := client.Get(t.Context(), netip.MustParseAddrPort(addr), "breakfast", &got)
		return err == nil && got.String() == want
	})
	if !served {
		t.Errorf("it did not serve %q; it said %q", want, &stderr)
	}
}
