package launch

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"brood/ipc"
)

// HelperSpec says how a helper is born: with nothing of the supervisor's but what
// stands here.
type HelperSpec struct {
	Path   string // of its executable, absolute
	Args   []string
	Config []byte              // its standard input
	User   *syscall.Credential // nil: the starter's own

	Listener int  // becomes its ipc.Listener, and is closed whatever comes of it; -1: none
	Door     bool // it gets an ipc.Door
}

// helperEnv are the variables that a helper is given, if they are there: what says
// how to reach others, and whom to trust.
var helperEnv = []string{
	"PATH", "TZ", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
}

// StartHelper starts one, with no_new_privs and no capabilities, from a thread of
// OnOwnThread's that nothing else was started from. Of the child's descriptors it
// has PIDFD, Control and Stderr, and Helper, which is the door's other end.
func StartHelper(s HelperSpec) (c Child, err error) {
	c = None
	theirs := []int{-1, -1, -1, -1, s.Listener, -1}
	defer func() {
		for _, fd := range theirs {
			ipc.CloseFD(fd)
		}
		if err != nil {
			c.Close()
		}
	}()
	if err := Deprive(); err != nil {
		return c, err
	}
	if theirs[0], err = ipc.SealConfig(s.Config); err != nil {
		return c, err
	}
	unix.Seek(theirs[0], 0, 0) // it is read from where it was written to
	if c.Stderr, theirs[2], err = ipc.StderrPipe(); err != nil {
		return c, err
	}
	if c.Control, theirs[ipc.Control], err = ipc.SocketPair(); err != nil {
		return c, err
	}
	if s.Door {
		if c.Helper, theirs[ipc.Door], err = ipc.DoorPair(); err != nil {
			return c, err
		}
	}
	files := []uintptr{uintptr(theirs[0]), uintptr(theirs[2]), uintptr(theirs[2]), uintptr(theirs[ipc.Control]), uintptr(theirs[ipc.Listener]), uintptr(theirs[ipc.Door])}
	env := []string{ipc.RoleEnv + "=" + ipc.RoleHelper}
	for _, name := range helperEnv {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	c.PID, err = syscall.ForkExec(s.Path, append([]string{s.Path}, s.Args...), &syscall.ProcAttr{
		Dir:   "/",
		Env:   env,
		Files: files,
		Sys:   &syscall.SysProcAttr{Credential: s.User, Setsid: true, PidFD: &c.PIDFD},
	})
	if err != nil {
		return c, fmt.Errorf("starting %s: %w", s.Path, err)
	}
	return c, nil
}
