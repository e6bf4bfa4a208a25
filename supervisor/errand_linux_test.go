package supervisor

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

func shell(script string) Errand {
	return Errand{Path: "/bin/sh", Args: []string{"-c", script, "errand"}}
}

func TestAnErrandAnswers(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w.WriteString("what it reads")
	w.Close()
	e := shell("cat; echo said >&2")
	e.Stdin = r
	if out, err := e.Run(); err != nil || string(out) != "what it reads" {
		t.Errorf("answered %q, %v", out, err)
	}
	if out, err := shell("cat").Run(); err != nil || len(out) > 0 {
		t.Errorf("with nothing to read: %q, %v", out, err)
	}
}

func TestAnErrandHasTheLeastOfRights(t *testing.T) {
	t.Parallel()
	out, err := shell("cat /proc/self/status; echo open: $(ls /proc/self/fd | wc -l); env").Run()
	if err != nil {
		t.Fatal(err)
	}
	wants := []string{"NoNewPrivs:\t1\n", "CapInh:\t0000000000000000\n", "CapPrm:\t0000000000000000\n", "CapEff:\t0000000000000000\n", "CapAmb:\t0000000000000000\n", "open: 4\n"}
	if os.Geteuid() == 0 {
		wants = append(wants, "Uid:\t65531\t65531\t65531\t65531\n", "Gid:\t65531\t65531\t65531\t65531\n", "Groups:\t \n")
	}
	for _, want := range wants {
		if !strings.Contains(string(out), want) {
			t.Errorf("it lacks %q:\n%s", want, out)
		}
	}
	for line := range strings.Lines(string(out)) {
		if name, _, ok := strings.Cut(line, "="); ok && name != "PATH" && name != "PWD" && name != "_" && name != "OLDPWD" && name != "SHLVL" {
			t.Errorf("its environment has %s", line)
		}
	}
}

func TestAnErrandThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		errand    Errand
		exit      int
		why, said string
	}{
		{"an exit code", shell("echo it is wrong >&2; exit 3"), 3, "exit code 3", "it is wrong"},
		{"a signal", shell("kill -9 $$"), -1, "killed by signal killed", ""},
		{"too slow", Errand{Path: "/bin/sh", Args: []string{"-c", "sleep 1000 & sleep 1000"}, Timeout: 1}, -1, "longer than 1ns", ""},
		{"too much", Errand{Path: "/bin/sh", Args: []string{"-c", "yes"}, MaxOutput: 1000}, -1, "more than 1000 bytes", ""},
		{"a lot on standard error", shell("yes | head -c 1000000 >&2; exit 1"), 1, "exit code 1", "y\ny\n"},
	} {
		out, err := tt.errand.Run()
		var failed *ErrandError
		if !errors.As(err, &failed) || failed.Exit != tt.exit || !strings.Contains(failed.Why, tt.why) || !strings.HasPrefix(failed.Said, tt.said) || len(failed.Said) > maxSaid || out != nil {
			t.Errorf("%s: %v (%+v), want %q", tt.name, err, failed, tt.why)
		} else if !strings.Contains(err.Error(), tt.why) || !strings.Contains(err.Error(), "/bin/sh") {
			t.Errorf("%s: %q", tt.name, err)
		}
	}
	if _, err := (Errand{Path: "/no-such-program"}).Run(); err == nil || !strings.Contains(err.Error(), "/no-such-program") {
		t.Errorf("one that is not there: %v", err)
	}
	plain := t.TempDir() + "/plain"
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := (Errand{Path: plain}).Run(); err == nil || !strings.Contains(err.Error(), "chmod o+x") {
		t.Errorf("one that can't be executed: %v", err)
	}
}

// A process that an errand leaves behind holds its pipes, and ends with it.
func TestAnErrandLeavesNobodyBehind(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	out, err := shell("sleep 1000 & echo $!").Run()
	if err != nil || time.Since(begun) > patience {
		t.Fatalf("%v after %v", err, time.Since(begun))
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatalf("the errand says %q, want its child's number", out)
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid)); err == nil {
		t.Errorf("process %s runs on", out)
	}
}
