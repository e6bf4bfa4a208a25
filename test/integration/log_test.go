package integration

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/test/harness"
)

// fill writes into a pipe until there is no room. It does so through a
// description of its own: O_NONBLOCK on the given one would be the server's, too.
func fill(t *testing.T, pipe *os.File) {
	t.Helper()
	fd, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", pipe.Fd()), unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for {
		if _, err := unix.Write(fd, []byte{'\n'}); errors.Is(err, unix.EAGAIN) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// A log that nobody reads any more must not make the daemon deaf.
func TestSIGTERMEndsADaemonWhoseLogNobodyReads(t *testing.T) {
	t.Parallel()
	for _, signals := range []int{1, 2} {
		cmd := harness.Command(t, "serve", "--root", harness.NewTree(t).Dir, "--listen", "127.0.0.1:0", "--log-level", "trace")
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
		cmd.Stderr = w
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		r.SetReadDeadline(time.Now().Add(time.Minute)) // our own writing end would keep it open for ever
		lines := bufio.NewScanner(r)
		for lines.Scan() && !strings.Contains(lines.Text(), "listening") {
		}
		fill(t, w)
		for range signals {
			cmd.Process.Signal(syscall.SIGTERM)
		}
		go func() { ended <- cmd.Wait() }()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("after %d signals the daemon ended with %v, want exit code 0", signals, err)
			}
		case <-time.After(time.Minute):
			cmd.Process.Kill()
			<-ended
			t.Errorf("the daemon did not end after %d signals", signals)
		}
	}
}
