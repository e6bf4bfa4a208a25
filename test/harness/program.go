package harness

import (
	"bytes"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// Program is one that is no TFTP server of ours, run for what it writes.
type Program struct {
	t    testing.TB
	cmd  *exec.Cmd
	done chan struct{}

	mu    sync.Mutex
	more  *sync.Cond
	said  bytes.Buffer
	ended bool
}

// Run starts a program. It is killed with the test, and what it wrote is shown if
// that failed.
func RunProgram(t testing.TB, cmd *exec.Cmd) *Program {
	t.Helper()
	p := &Program{t: t, cmd: cmd, done: make(chan struct{})}
	p.more = sync.NewCond(&p.mu)
	cmd.Stdout, cmd.Stderr = p, p
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		cmd.Wait()
		p.mu.Lock()
		p.ended = true
		p.more.Broadcast()
		p.mu.Unlock()
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-p.done
		if t.Failed() {
			t.Logf("what %s wrote:\n%s", strings.Join(cmd.Args, " "), p.Output())
		}
	})
	return p
}

// Write is the program's.
func (p *Program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.more.Broadcast()
	return p.said.Write(b)
}

// Output is all that it wrote so far.
func (p *Program) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

// Wait returns when the program has written text.
func (p *Program) Wait(text string, patience time.Duration) {
	p.t.Helper()
	timer := time.AfterFunc(patience, func() { p.more.Broadcast() })
	defer timer.Stop()
	end := time.Now().Add(patience)
	p.mu.Lock()
	defer p.mu.Unlock()
	for !strings.Contains(p.said.String(), text) {
		if p.ended || time.Now().After(end) {
			p.t.Fatalf("%s did not write %q within %v (ended: %v)", p.cmd.Args[0], text, patience, p.ended)
		}
		p.more.Wait()
	}
}

// Exit waits for the program's end and returns its exit code.
func (p *Program) Exit(patience time.Duration) int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("%s did not end within %v", p.cmd.Args[0], patience)
	}
	return p.cmd.ProcessState.ExitCode()
}
