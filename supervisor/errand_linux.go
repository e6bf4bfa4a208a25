package supervisor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc/launch"
)

// Errand is a program that does once for a server what the process which owns the
// ports should not, such as to read a configuration in a language of its own. It runs
// under the helpers' account where the supervisor may change ids, without
// capabilities, and without a way to gain any; what it prints on standard output is
// its answer.
type Errand struct {
	Path  string
	Args  []string // after its name
	Stdin *os.File // nil means nothing to read
	// Timeout is how long it may take. Zero means 20 s.
	Timeout time.Duration
	// MaxOutput is how much it may print, in bytes. Zero means 64 MiB.
	MaxOutput int
}

// ErrandError is why an errand gave no answer.
type ErrandError struct {
	Program string
	Exit    int    // its exit code; -1: it did not exit by itself
	Why     string // how it ended
	Said    string // the end of what it printed on standard error
}

func (e *ErrandError) Error() string {
	text := e.Program + ": " + e.Why
	if e.Said != "" {
		text += ": " + e.Said
	}
	return text
}

// maxSaid is how much of an errand's standard error is kept.
const maxSaid = 64 << 10

// errands are children that reapOrphans leaves to those who have started them.
var errands struct {
	sync.Mutex
	pids map[int]bool
}

// Run starts the errand, waits for its end, and returns what it has printed. It
// kills one that takes too long or prints too much. It may be called before the
// Supervisor is made and beside it, from any goroutine.
func (e Errand) Run() ([]byte, error) {
	who, err := errandIdentity()
	if err != nil {
		return nil, err
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer outR.Close()
	defer outW.Close()
	errR, errW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer errR.Close()
	defer errW.Close()
	stdin := e.Stdin
	if stdin == nil {
		if stdin, err = os.Open(os.DevNull); err != nil {
			return nil, err
		}
		defer stdin.Close()
	}
	pid, err := e.start(who, stdin.Fd(), outW.Fd(), errW.Fd())
	if err != nil {
		return nil, err
	}
	outW.Close()
	errW.Close()
	return e.attend(pid, outR, errR)
}

func (e Errand) start(who *identity, files ...uintptr) (pid int, err error) {
	keepInherited() // or it would hold the ports that a service manager or an upgrade has passed
	errands.Lock()
	defer errands.Unlock()
	done := make(chan struct{})
	launch.OnOwnThread(func() {
		defer close(done)
		if err = launch.Deprive(); err != nil {
			return
		}
		pid, err = syscall.ForkExec(e.Path, append([]string{e.Path}, e.Args...), &syscall.ProcAttr{
			Dir:   "/",
			Env:   []string{"PATH=/usr/local/bin:/usr/bin:/bin"},
			Files: files,
			Sys:   &syscall.SysProcAttr{Credential: who.credential(), Setsid: true},
		})
	})
	<-done
	switch {
	case errors.Is(err, unix.EACCES):
		uid := unix.Getuid()
		if who != nil {
			uid = who.uid
		}
		return 0, fmt.Errorf("starting %s: %w (uid %d must be allowed to execute it: chmod o+x, also on the directories above)", e.Path, err, uid)
	case err != nil:
		return 0, fmt.Errorf("starting %s: %w", e.Path, err)
	}
	if errands.pids == nil {
		errands.pids = make(map[int]bool)
	}
	errands.pids[pid] = true
	return pid, nil
}

// attend hears an errand out.
func (e Errand) attend(pid int, outR, errR *os.File) ([]byte, error) {
	timeout, most := e.Timeout, e.MaxOutput
	if timeout == 0 {
		timeout = 20 * time.Second
	}
	if most == 0 {
		most = 64 << 20
	}
	end := killing{pid: pid}
	timer := time.AfterFunc(timeout, func() { end.kill(fmt.Sprintf("it took longer than %v and was killed", timeout)) })
	var out []byte
	var said bytes.Buffer
	var reading sync.WaitGroup
	reading.Go(func() {
		if out, _ = io.ReadAll(io.LimitReader(outR, int64(most)+1)); len(out) > most {
			end.kill(fmt.Sprintf("it printed more than %d bytes and was killed", most))
		}
	})
	reading.Go(func() {
		io.Copy(&said, io.LimitReader(errR, maxSaid))
		io.Copy(io.Discard, errR)
	})
	status := end.wait()
	timer.Stop()
	// Whoever else may hold the pipes is not waited for.
	outR.SetReadDeadline(time.Now().Add(time.Second))
	errR.SetReadDeadline(time.Now().Add(time.Second))
	reading.Wait()
	failed := &ErrandError{Program: e.Path, Exit: status.ExitStatus(), Why: end.why, Said: strings.TrimSpace(said.String())}
	switch {
	case failed.Why != "":
	case status.Signaled():
		failed.Why = fmt.Sprintf("it was killed by signal %v", status.Signal())
	case status.ExitStatus() != 0:
		failed.Why = fmt.Sprintf("exit code %d", status.ExitStatus())
	default:
		return out, nil
	}
	return nil, failed
}

// killing is an errand and the reason to end it early. The process is signalled only
// as long as it has not been reaped, when its number is nobody else's.
type killing struct {
	mu     sync.Mutex
	pid    int
	reaped bool
	why    string
}

func (k *killing) kill(why string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.reaped {
		return
	}
	if k.why == "" {
		k.why = why
	}
	unix.Kill(-k.pid, unix.SIGKILL) // and what it has started: it leads a session
}

func (k *killing) wait() (status unix.WaitStatus) {
	for {
		err := unix.Waitid(unix.P_PID, k.pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	unix.Kill(-k.pid, unix.SIGKILL) // whom it may have left
	for {
		if _, err := unix.Wait4(k.pid, &status, 0, nil); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	k.reaped = true
	errands.Lock()
	delete(errands.pids, k.pid)
	errands.Unlock()
	return status
}

// errandIdentity decides under whom errands run: nil means as this process does.
func errandIdentity() (*identity, error) {
	able, err := startsOthers()
	if err != nil {
		return nil, err
	}
	if !able {
		if unix.Geteuid() == 0 {
			return nil, errors.New("errands must not run as root, and this root may not change ids: add CAP_SETUID, CAP_SETGID and CAP_KILL, or start as an ordinary user")
		}
		return nil, nil
	}
	return helperUser()
}
