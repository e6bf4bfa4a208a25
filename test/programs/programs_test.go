package programs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"brood/protocol"
	"brood/test/harness"
	"brood/worker/exec"
	"brood/worker/workertest"
)

func serve(t *testing.T, root string, o exec.Options) *harness.Server {
	t.Helper()
	config, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd := osexec.Command(harness.Self(t))
	cmd.Env = append(os.Environ(), configEnv+"="+string(config), rootEnv+"="+root)
	return harness.Start(t, cmd)
}

func get(t *testing.T, s *harness.Server, file string) (string, error) {
	t.Helper()
	var b bytes.Buffer
	_, err := (&workertest.Client{Retries: 10}).Get(t.Context(), s.Addr, file, &b)
	return b.String(), err
}

// running are the processes that were started for a file.
func running(file string) (pids []int) {
	all, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range all {
		b, err := os.ReadFile(path)
		if err == nil && strings.Contains("\x00"+string(b), "\x00TFTP_FILE="+file+"\x00") {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestOneWorkerRunsOneProgramAfterTheOther(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	script := tree.Program("script", "#!/bin/sh\nread line\necho \"$1, $TFTP_FILE\"\necho \"for ${line%%:*}\" >&2\nsleep 1000 &\n")
	s := serve(t, tree.Dir, exec.Options{Command: []string{script, "hello"}})
	workers := map[int]bool{}
	for n := range 5 {
		file := fmt.Sprint("file-", n)
		if got, err := get(t, s, file); err != nil || got != "hello, "+file+"\n" {
			t.Errorf("%s: %q, %v", file, got, err)
		}
		workers[s.Session(file).Int("worker")] = true
	}
	s.WaitN(5, "a worker says", func(l harness.Line) bool { return l.String("line") == `script: for {"file"` })
	if len(workers) > 2 { // two may be idle, and take turns
		t.Errorf("%d workers served 5 requests: something is left behind each time", len(workers))
	}
}

func TestAFailureIsAnERRORAndALineOfTheLog(t *testing.T) {
	t.Parallel()
	patient := serve(t, "/", exec.Options{
		Command:   []string{"/bin/sh", "-c", `case $TFTP_FILE in missing) exit 101;; closed) exit 102;; endless) cat /dev/zero;; esac; echo why >&2; exit 1`},
		Deadline:  time.Hour,
		MaxOutput: 1000,
	})
	hasty := serve(t, "/", exec.Options{Command: []string{"/bin/sleep", "1000"}, Deadline: time.Millisecond})
	for file, want := range map[string]struct {
		server *harness.Server
		code   protocol.ErrorCode
		detail string
	}{
		"missing": {patient, protocol.CodeNotFound, "exit status 101"},
		"closed":  {patient, protocol.CodeAccessViolation, "exit status 102"},
		"broken":  {patient, protocol.CodeUndefined, "exit status 1; it said last: why"},
		"endless": {patient, protocol.CodeUndefined, "wrote more than 1000 bytes"},
		"slow":    {hasty, protocol.CodeUndefined, "took longer than 1ms"},
	} {
		got, err := get(t, want.server, file)
		var e *protocol.Error
		if !errors.As(err, &e) || e.Code != want.code || got != "" || strings.Contains(e.Message, "why") {
			t.Errorf("%s: %q, %v; want ERROR %d", file, got, err, want.code)
		}
		if l := want.server.Session(file); l.String("outcome") != "refused" || !strings.Contains(l.String("detail"), want.detail) {
			t.Errorf("%s: %v, want %q", file, l, want.detail)
		}
	}
}

func TestWhatAWorkerRanDiesWithIt(t *testing.T) {
	t.Parallel()
	for name, kill := range map[string]func(s *harness.Server, worker int){
		"killed": func(_ *harness.Server, worker int) { syscall.Kill(worker, syscall.SIGKILL) },
		"hurried": func(s *harness.Server, _ int) {
			s.Signal(syscall.SIGTERM)
			s.Wait("draining", nil)
			s.Signal(syscall.SIGTERM)
			s.Exit()
		},
		"orphaned": func(s *harness.Server, worker int) { s.Kill(); syscall.Kill(worker, syscall.SIGKILL) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := fmt.Sprint("file-", name, "-", os.Getpid())
			// The program, and two children that have lost their parent.
			s := serve(t, "/", exec.Options{
				Command:  []string{"/bin/sh", "-c", "read request; (sleep 1000 & sleep 1000 &); exec sleep 1000"},
				Deadline: time.Hour,
			})
			answered := make(chan error, 1)
			go func() {
				_, err := get(t, s, file)
				answered <- err
			}()
			if !harness.Eventually(func() bool { return len(running(file)) == 3 }) {
				t.Errorf("running: %v, want 3 processes", running(file))
			}
			worker := 0
			for _, pid := range harness.Children(s.PID) {
				if strings.Contains(harness.Title(pid), file) {
					worker = pid
				}
			}
			if worker == 0 {
				t.Fatal("no worker has the file in its title")
			}
			kill(s, worker)
			if !harness.Eventually(func() bool { return len(running(file)) == 0 }) {
				t.Errorf("left behind: %v", running(file))
			}
			if name != "orphaned" { // whose client nobody tells
				if err := <-answered; err == nil {
					t.Error("the client got a file")
				}
			}
		})
	}
}
