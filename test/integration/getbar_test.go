package integration

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"brood/protocol"
	"brood/test/harness"
)

// screens are the blocks of cmd/broodctl/README.md that were a terminal's, by the
// command that is their first line.
func screens(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../../cmd/broodctl/README.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, block := range strings.Split(string(page), "```screen\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		command, screen, _ := strings.Cut(block, "\n")
		all[command] = screen
	}
	return all
}

// figures are what is not the same twice: times and rates. Their places are.
var figures = regexp.MustCompile(`(\d+ B|\d+\.\d [kMG]B)/s|\d+(\.\d+)? m?s|\d\d:\d\d`)

func normal(screen string) string {
	return figures.ReplaceAllStringFunc(screen, func(s string) string {
		switch {
		case strings.HasSuffix(s, "/s"):
			return "RATE"
		case strings.Contains(s, ":"):
			return "ETA"
		}
		return "TIME"
	})
}

// spaces are those before a figure, which depend on its width.
var spaces = regexp.MustCompile(` +(RATE|ETA|TIME)`)

func squeezed(screen string) string { return spaces.ReplaceAllString(screen, " $1") }

func same(a, b string) bool { return squeezed(normal(a)) == squeezed(normal(b)) }

func TestTheProgressBarIsTheOneInTheREADME(t *testing.T) {
	t.Parallel()
	const blksize, blocks = 1428, 400
	server := harness.NewPeer(t, "127.0.0.1")
	cmd := exec.Command(harness.Broodctl(t), "get", "--timeout", "60s", "tftp://"+server.Conn.LocalAddr().String()+"/boot/vmlinuz")
	cmd.Dir = t.TempDir()
	screen := harness.OnTerminal(t, cmd, 80, 5)

	// The server stops in the middle, so that there is a screen to look at.
	server.Receive()
	client := server.TID
	server.Send(client, fmt.Appendf(nil, "\x00\x06tsize\x00%d\x00blksize\x00%d\x00", blocks*blksize, blksize))
	server.Receive()
	block := func(n uint16, size int) {
		server.Send(client, protocol.Data{Block: n, Payload: make([]byte, size)}.Append(nil))
		server.Receive()
	}
	for n := range uint16(blocks / 4) {
		block(n+1, blksize)
	}
	want := screens(t)
	middle := want["$ broodctl get tftp://192.0.2.1/boot/vmlinuz"]
	end := want["$ broodctl get tftp://192.0.2.1/boot/vmlinuz # when it is done"]
	shows := func(want string) func(string) bool {
		return func(got string) bool { return same(got, want) }
	}
	t.Logf("wanted:\n%s\n%s", middle, end)
	screen.Wait(shows(middle))
	for n := range uint16(blocks - blocks/4) {
		block(blocks/4+n+1, blksize)
	}
	block(blocks+1, 0)
	screen.Wait(shows(end))
	if code := screen.Exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestALoadTestOnATerminalIsTheOneInTheREADME(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("initrd.img", 100_000)
	s := harness.Serve(t, "--root", tree.Dir)
	cmd := exec.Command(harness.Broodctl(t), "get", "--timeout", "60s", "--repeat", "200", "--concurrency", "20", url(s, "initrd.img"))
	screen := harness.OnTerminal(t, cmd, 80, 10)
	want := screens(t)["$ broodctl get --repeat 200 --concurrency 20 tftp://192.0.2.1/initrd.img"]
	t.Logf("wanted:\n%s", want)
	// A request that was sent twice is no fault.
	requests := regexp.MustCompile(`(?m)^(requests +)\d+$`)
	screen.Wait(func(got string) bool {
		return same(requests.ReplaceAllString(got, "${1}N"), requests.ReplaceAllString(want, "${1}N"))
	})
	if code := screen.Exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestWithoutATerminalThereIsNoBar(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 100_000)
	s := harness.Serve(t, "--root", tree.Dir)
	for _, tt := range []struct {
		name string
		env  string
		args []string
		want string // all of the screen
	}{
		{"quiet", "", []string{"--quiet"}, "\n"},
		{"a terminal that can't move its cursor", "TERM=dumb", nil, "\n"},
		{"content on the same terminal", "", []string{"-o", "-", "--netascii"}, "text\n"},
	} {
		tree.Write("text", []byte("text\n"))
		line := append([]string{"get"}, append(tt.args, url(s, "text"))...)
		cmd := exec.Command(harness.Broodctl(t), line...)
		if tt.env != "" {
			cmd = exec.Command("env", append([]string{tt.env, harness.Broodctl(t)}, line...)...)
		}
		cmd.Dir = t.TempDir()
		screen := harness.OnTerminal(t, cmd, 80, 5)
		if code := screen.Exit(); code != 0 || screen.Screen() != tt.want {
			t.Errorf("%s: exit code %d, the screen is\n%s", tt.name, code, screen.Screen())
		}
	}
}
