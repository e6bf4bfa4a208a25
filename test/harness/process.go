package harness

import (
	"os/exec"
	"sync"
	"testing"
	"time"
)

// process is a program that a test has started, and waits for. What it writes is
// whoever embeds this; mu guards that, too.
type process struct {
	t    testing.TB
	cmd  *exec.Cmd
	done chan struct{} // closed when it has been collected

	mu    sync.Mutex
	more  *sync.Cond // it has written something, or ended
	ended bool
}

func (p *process) init(t testing.TB, cmd *exec.Cmd) {
	p.t, p.cmd, p.done = t, cmd, make(chan struct{})
	p.more = sync.NewCond(&p.mu)
}

// end is for when the program has been collected and all that it wrote is known.
func (p *process) end() {
	p.mu.Lock()
	p.ended = true
	p.more.Broadcast()
	p.mu.Unlock()
	close(p.done)
}

// until waits until seen says so, which it asks again whenever something was
// written. It is false if the program ends before, or takes longer than patience.
// The caller has the lock.
func (p *process) until(patience time.Duration, seen func() bool) bool {
	over := false
	timer := time.AfterFunc(patience, func() {
		p.mu.Lock() // without it this could come between a look and the wait after it, unheard
		defer p.mu.Unlock()
		over = true
		p.more.Broadcast()
	})
	defer timer.Stop()
	for !seen() {
		if p.ended || over {
			return false
		}
		p.more.Wait()
	}
	return true
}

// exit waits for the program's end and returns its exit code.
func (p *process) exit(patience time.Duration) int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("%s did not end within %v", p.cmd.Args[0], patience)
	}
	return p.cmd.ProcessState.ExitCode()
}
