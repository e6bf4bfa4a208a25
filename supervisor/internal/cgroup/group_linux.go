package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Group is the workers'.
type Group struct {
	// Dir is what a process is started in: syscall.SysProcAttr's CgroupFD.
	Dir *os.File

	path         string // of the delegated group
	memory, pids *os.File
}

// Open makes this process's group that of its workers and itself, or finds that it
// is so already, and sets limits. owner is the account that this process is going
// to have, -1 for the one that it has. admin says that this process
// has CAP_SYS_ADMIN, and so sees what systemd has not delegated, such as the session of
// a login. What is missing the error says, and where.
func Open(l Limits, owner int, admin bool) (*Group, error) {
	membership, mounts, err := self()
	if err != nil {
		return nil, err
	}
	home, err := version2.home(membership, mounts)
	if err != nil {
		return nil, err
	}
	at := delegated(home.String())
	g, err := open(at, l, owner, admin && kept(at))
	if err != nil {
		return nil, fmt.Errorf("the control group %s: %w", at, err)
	}
	return g, nil
}

// self is what /proc says of this process.
func self() (membership, mounts string, err error) {
	for _, in := range []struct {
		path string
		to   *string
	}{{"/proc/self/cgroup", &membership}, {"/proc/self/mountinfo", &mounts}} {
		b, err := os.ReadFile(in.path)
		if err != nil {
			return "", "", err
		}
		*in.to = string(b)
	}
	return membership, mounts, nil
}

// kept says whether systemd has a group for itself: it marks those that it delegates.
// Releases before 251 do so where only CAP_SYS_ADMIN sees it.
func kept(at string) bool {
	if !slices.Contains([]string{".service", ".scope", ".slice"}, filepath.Ext(at)) {
		return false // another's: a container runtime's, or another init's
	}
	for _, name := range []string{"trusted.delegate", "user.delegate"} {
		var mark [1]byte
		if n, err := unix.Getxattr(at, name, mark[:]); err == nil && string(mark[:n]) == "1" {
			return false
		}
	}
	return true
}

func open(at string, l Limits, owner int, kept bool) (*Group, error) {
	f := found{kept: kept}
	for _, in := range []struct {
		name string
		to   *string
	}{{"cgroup.controllers", &f.controllers}, {"cgroup.subtree_control", &f.given}} {
		b, err := os.ReadFile(filepath.Join(at, in.name))
		if err != nil {
			return nil, err
		}
		*in.to = string(b)
	}
	steps, err := plan(f, l, owner)
	if err != nil {
		return nil, err
	}
	g := &Group{path: at}
	if err := g.carryOut(steps); err != nil {
		return nil, err
	}
	for _, in := range []struct {
		name string
		to   **os.File
	}{{"", &g.Dir}, {"memory.events", &g.memory}, {"pids.events", &g.pids}} {
		if *in.to, err = os.Open(filepath.Join(at, workers, in.name)); err != nil {
			g.Close()
			return nil, err
		}
	}
	return g, nil
}

// Bound sets other limits. It may take its time: the kernel first takes from workers
// what they have beyond them, or ends one.
func (g *Group) Bound(l Limits) error { return g.carryOut(bounds(l)) }

// Close gives the descriptors back. The groups stay, as long as somebody is in them.
func (g *Group) Close() {
	for _, f := range []*os.File{g.Dir, g.memory, g.pids} {
		if f != nil {
			f.Close()
		}
	}
}

func (g *Group) carryOut(steps []step) error {
	for _, s := range steps {
		if err := s.carryOut(g.path); err != nil {
			return fmt.Errorf("%s %s: %w%s", s.do, s.path, unwrapped(err), hint(s.do, err))
		}
	}
	return nil
}

func (s step) carryOut(at string) error {
	path := filepath.Join(at, s.path)
	switch s.do {
	case take:
		if err := os.Chown(path, os.Geteuid(), -1); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	case makeDir:
		if err := os.Mkdir(path, 0o755); !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	case evacuate:
		return move(at, path)
	case give:
		owner, err := strconv.Atoi(s.text)
		if err == nil {
			err = os.Chown(path, owner, -1)
		}
		return s.forgive(err)
	}
	return s.forgive(put(path, s.text))
}

func (s step) forgive(err error) error {
	if s.path == swap && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func put(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(text)
	return err
}

// moves is how often those are looked for who have to move: one that is moved may
// have started another meanwhile.
const moves = 100

// move has all of one group go to another. Who has ended by then need not.
func move(from, to string) error {
	for range moves {
		list, err := os.ReadFile(filepath.Join(from, "cgroup.procs"))
		if err != nil {
			return err
		}
		pids := strings.Fields(string(list))
		if len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			if err := put(filepath.Join(to, "cgroup.procs"), pid); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("process %s: %w", pid, unwrapped(err))
			}
		}
	}
	return errors.New("others are started there all the time")
}

// unwrapped leaves out the path, which is said already.
func unwrapped(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// hint says what to do about a step that failed.
func hint(do verb, err error) string {
	switch {
	case errors.Is(err, unix.EROFS):
		return " (in a unit: ProtectControlGroups=no)"
	case (do == give || do == take) && errors.Is(err, unix.EPERM):
		return " (this takes CAP_CHOWN)"
	case errors.Is(err, fs.ErrPermission):
		return " (it belongs to another account: start as root, or have it delegated to this one)"
	case errors.Is(err, unix.EBUSY), do == evacuate:
		return " (it must be a group of this service's own)"
	}
	return ""
}
