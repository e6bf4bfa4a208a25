package harness

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Program is one that is no TFTP server of ours, run for what it writes.
type Program struct {
	process
	said bytes.Buffer
}

// RunProgram starts a program. It is killed with the test, and what it wrote is shown if
// that failed.
func RunProgram(t testing.TB, cmd *exec.Cmd) *Program {
	t.Helper()
	p := new(Program)
	p.init(t, cmd)
	cmd.Stdout, cmd.Stderr = p, p
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		cmd.Wait()
		p.end()
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
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.until(patience, func() bool { return strings.Contains(p.said.String(), text) }) {
		p.t.Fatalf("%s did not write %q within %v (ended: %v)", p.cmd.Args[0], text, patience, p.ended)
	}
}

// Exit waits for the program's end and returns its exit code.
func (p *Program) Exit(patience time.Duration) int {
	p.t.Helper()
	return p.exit(patience)
}
