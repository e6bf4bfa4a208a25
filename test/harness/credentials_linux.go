package harness

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// ownID is who a server is that did not have to leave root.
const ownID = 65530

// credentials returns how to start a server: as the tests' own user, and so as
// root under root. A program with cgo, as the race detector needs it and as a
// plain go test makes these, can't leave root by itself; it is started as a service manager would start it. A
// command that has attributes of its own keeps them.
func credentials(cmd *exec.Cmd) *syscall.SysProcAttr {
	if cmd.SysProcAttr != nil || !cgoEnabled || !Root() {
		return cmd.SysProcAttr
	}
	return &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: ownID, Gid: ownID},
		AmbientCaps: []uintptr{unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_KILL, unix.CAP_NET_BIND_SERVICE},
	}
}

// asService is credentials as the beginning of a command line, for servers that
// another program starts.
func asService() []string {
	if !cgoEnabled || !Root() {
		return nil
	}
	const caps = "+setuid,+setgid,+kill,+net_bind_service"
	id := strconv.Itoa(ownID)
	return []string{"setpriv", "--reuid", id, "--regid", id, "--clear-groups", "--inh-caps", caps, "--ambient-caps", caps}
}

// Root says whether servers can change users.
func Root() bool { return os.Geteuid() == 0 }

// NeedRoot skips a test that an ordinary user can't run. In CI that is a failure:
// nobody would notice that it is never run.
func NeedRoot(t testing.TB) {
	t.Helper()
	switch {
	case Root():
	case os.Getenv("CI") == "true":
		t.Fatal("this test needs root, and CI must run it")
	default:
		t.Skip("needs root")
	}
}

// Race says whether servers run under the race detector, and so with cgo.
func Race() bool { return raceEnabled }
