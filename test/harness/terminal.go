package harness

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

// Terminal is a screen and a keyboard with a program before them.
type Terminal struct {
	process
	pty     *os.File
	screen  *vt.Emulator
	written int
}

// OnTerminal starts a program on a terminal of its own, an xterm of so many columns
// and rows. It is killed with the test, and its screen shown if that failed.
func OnTerminal(t testing.TB, cmd *exec.Cmd, columns, rows int) *Terminal {
	t.Helper()
	s := &Terminal{screen: vt.NewEmulator(columns, rows)}
	s.init(t, cmd)
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, "TERM=xterm-256color", "LC_ALL=C.UTF-8")
	var err error
	if s.pty, err = pty.StartWithSize(cmd, &pty.Winsize{Rows: uint16(rows), Cols: uint16(columns)}); err != nil {
		t.Fatal(err)
	}
	go io.Copy(s.pty, s.screen) // what a program asks its terminal is answered
	go s.show()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-s.done
		if t.Failed() {
			t.Logf("the screen of %s:\n%s", strings.Join(cmd.Args, " "), s.Screen())
		}
	})
	return s
}

// show draws until the program has ended and all that it wrote is on the screen.
func (s *Terminal) show() {
	b := make([]byte, 4096)
	for {
		n, err := s.pty.Read(b)
		s.mu.Lock()
		s.screen.Write(b[:n])
		s.written += n
		s.more.Broadcast()
		s.mu.Unlock()
		if err != nil { // EIO: nobody has the other end any more
			break
		}
	}
	s.cmd.Wait()
	s.pty.Close()
	// Not Close, which sets what Read looks at without a lock: this ends Read as well.
	s.screen.InputPipe().(io.Closer).Close()
	s.end()
}

// Screen is what stands there now, without the blanks at the ends of lines and below.
func (s *Terminal) Screen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text()
}

// Styled is Screen with its colours, as escape sequences.
func (s *Terminal) Styled() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.screen.Render()
}

func (s *Terminal) text() string {
	var b strings.Builder
	for line := range strings.Lines(s.screen.String()) {
		b.WriteString(strings.TrimRight(line, " \r\n") + "\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// Wait returns the first screen, now or later, that is accepted by ok.
func (s *Terminal) Wait(ok func(screen string) bool) string {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var text string
	if !s.until(patience, func() bool { text = s.text(); return ok(text) }) {
		s.t.Fatalf("the screen did not come to be as wanted (ended: %v)", s.ended)
	}
	return text
}

// Written is how many bytes the program has written so far.
func (s *Terminal) Written() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.written
}

// Resize makes the screen another size, and has the program told.
func (s *Terminal) Resize(columns, rows int) {
	s.t.Helper()
	s.mu.Lock()
	s.screen.Resize(columns, rows)
	s.mu.Unlock()
	if err := pty.Setsize(s.pty, &pty.Winsize{Rows: uint16(rows), Cols: uint16(columns)}); err != nil {
		s.t.Fatal(err)
	}
}

// Type presses keys.
func (s *Terminal) Type(keys string) {
	s.t.Helper()
	if _, err := s.pty.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// Exit waits for the program's end and returns its exit code.
func (s *Terminal) Exit() int {
	s.t.Helper()
	return s.exit(patience)
}
