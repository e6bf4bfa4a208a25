package supervisor

import (
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ownAccount is the account that the supervisor changes to when it was started
// as root and such an account exists.
const ownAccount = "brood"

// ownID is what it takes otherwise: Debian's policy reserves the number, and no
// account of a distribution or of systemd has it. It must not be an id that
// anything else runs under: a process of the same id may send it signals.
const ownID = 65530

// identity is a user and a group, without further groups.
type identity struct{ uid, gid int }

func (i *identity) credential() *syscall.Credential {
	if i == nil {
		return nil
	}
	return &syscall.Credential{Uid: uint32(i.uid), Gid: uint32(i.gid)}
}

func (i *identity) String() string {
	if i == nil {
		return "unchanged"
	}
	return fmt.Sprintf("uid %d gid %d", i.uid, i.gid)
}

func hasAccount(name string) bool {
	_, err := user.Lookup(name)
	return err == nil
}

// lookupUser finds an account by name or number. A number needs no account.
func lookupUser(name string) (*identity, error) {
	account, err := user.Lookup(name)
	if err != nil {
		n, numeric := strconv.ParseUint(name, 10, 31)
		if numeric != nil {
			return nil, fmt.Errorf("user %q: no such account", name)
		}
		if account, err = user.LookupId(name); err != nil {
			return &identity{int(n), int(n)}, nil
		}
	}
	uid, err1 := strconv.Atoi(account.Uid)
	gid, err2 := strconv.Atoi(account.Gid)
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("user %q: %w", name, err)
	}
	return &identity{uid, gid}, nil
}

// accountOr is an account, or where there is none a user and a group of that id.
func accountOr(name string, id int) *identity {
	who, err := lookupUser(name)
	if err != nil {
		who = &identity{id, id}
	}
	return who
}

// workerIdentity decides under whom workers run: nil means as the supervisor.
func workerIdentity(name string) (*identity, error) {
	able, err := startsOthers()
	if err != nil {
		return nil, err
	}
	if !able {
		if name != "" {
			return nil, fmt.Errorf("user %q: changing users needs root, or CAP_SETUID, CAP_SETGID and CAP_KILL", name)
		}
		return nil, nil
	}
	if name == "" {
		if name = "nobody"; !hasAccount(name) {
			name = "65534" // its number everywhere; an image without /etc/passwd has no names
		}
	}
	who, err := lookupUser(name)
	switch {
	case err == nil && (who.uid == 0 || who.gid == 0):
		err = fmt.Errorf("user %q: workers must not run as root or in its group", name)
	case err == nil && who.uid == unix.Getuid():
		err = fmt.Errorf("user %q: workers must not run as the supervisor itself does: they could signal it", name)
	}
	return who, err
}

// startsOthers says whether this process may start others under another id. Without
// CAP_KILL one could be started and never be ended.
func startsOthers() (bool, error) { return holds(unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_KILL) }

// holds says whether this process has all of the given capabilities.
func holds(caps ...uint) (bool, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false, fmt.Errorf("capget: %w", err)
	}
	for _, c := range caps {
		if data[c/32].Effective&(1<<(c%32)) == 0 {
			return false, nil
		}
	}
	return true, nil
}

// kept are the capabilities that the supervisor works with: to change a child's
// ids, to signal it afterwards, and to bind ports below 1024.
var kept = []uint{unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_KILL, unix.CAP_NET_BIND_SERVICE}

// capset is the argument of that call, on no stack: the address goes through the
// runtime as a number, and a stack may move meanwhile.
var capset struct {
	header unix.CapUserHeader
	data   [2]unix.CapUserData
}

// ownIdentity is whom a supervisor that was started as root changes to; nil when
// the process is not root.
func ownIdentity(workers *identity) (*identity, error) {
	if unix.Geteuid() != 0 {
		return nil, nil
	}
	own := accountOr(ownAccount, ownID)
	if workers != nil && own.uid == workers.uid {
		return nil, fmt.Errorf("workers can't run as %v: the supervisor itself does; choose another user", own)
	}
	// A container may have been given fewer than all.
	if able, err := holds(unix.CAP_SETUID, unix.CAP_SETGID); err == nil && !able {
		return nil, errors.New("can't leave root without CAP_SETUID and CAP_SETGID, which this root lacks: add them, or start as an ordinary user")
	}
	return own, nil
}

// dropRoot changes a supervisor to an id of its own, with no group and at most the
// kept capabilities.
//
// All threads must change at once, and the runtime can do that only as long as
// all are alike: so it happens before the thread that starts workers is marked.
func dropRoot(own *identity) error {
	err := inAllThreads("leaving root", append([]threadCall{
		{"keeping capabilities", unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 1, 0},
		{"setgroups", unix.SYS_SETGROUPS, 0, 0, 0},
		{"setresgid", unix.SYS_SETRESGID, uintptr(own.gid), uintptr(own.gid), uintptr(own.gid)},
		{"setresuid", unix.SYS_SETRESUID, uintptr(own.uid), uintptr(own.uid), uintptr(own.uid)},
	}, keepOnly()...))
	if errors.Is(err, unix.ENOTSUP) {
		err = errors.New("this program was built with cgo and can't leave root: build it with CGO_ENABLED=0, or start it as an ordinary user with CAP_SETUID, CAP_SETGID, CAP_KILL and CAP_NET_BIND_SERVICE")
	}
	return err
}

// dropExcess takes from an ordinary user what it holds beyond the kept
// capabilities: a service manager may have given it more than it needs. Like
// dropRoot it must come early.
func dropExcess() error {
	if unix.Geteuid() == 0 || !excess() {
		return nil
	}
	return inAllThreads("giving up capabilities", keepOnly())
}

// excess says whether this process has more than the kept capabilities, also such
// as are not in effect or as only a program that it executes would have.
func excess() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&header, &data[0]) != nil {
		return false
	}
	for _, c := range kept {
		data[c/32].Permitted &^= 1 << (c % 32)
		data[c/32].Inheritable &^= 1 << (c % 32)
	}
	return data[0].Permitted|data[1].Permitted|data[0].Inheritable|data[1].Inheritable != 0
}

// threadCall is a system call of at most three arguments.
type threadCall struct {
	name    string
	trap    uintptr
	a, b, c uintptr
}

// keepOnly leaves the kept capabilities, as far as they are there; ambient ones
// end with the inheritable ones.
func keepOnly() []threadCall {
	capset.header.Version = unix.LINUX_CAPABILITY_VERSION_3
	for _, c := range kept {
		// Root in a container may hold fewer than all.
		if has, err := holds(c); err == nil && has {
			capset.data[c/32].Permitted |= 1 << (c % 32)
			capset.data[c/32].Effective |= 1 << (c % 32)
		}
	}
	return []threadCall{{"capset", unix.SYS_CAPSET, uintptr(unsafe.Pointer(&capset.header)), uintptr(unsafe.Pointer(&capset.data[0])), 0}}
}

// inAllThreads makes the calls, each in every thread. In a program with cgo it
// can't, and fails with ENOTSUP before the first.
func inAllThreads(what string, calls []threadCall) error {
	for _, c := range calls {
		if _, _, errno := syscall.AllThreadsSyscall(c.trap, c.a, c.b, c.c); errno != 0 {
			return fmt.Errorf("%s: %s: %w", what, c.name, errno)
		}
	}
	return nil
}
