package sandbox

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Rights of Landlock (landlock(7)) by the version of its interface that brought
// them. What a kernel does not know must not be asked of it.
const (
	readFile = unix.LANDLOCK_ACCESS_FS_READ_FILE
	readDir  = unix.LANDLOCK_ACCESS_FS_READ_DIR
	execute  = unix.LANDLOCK_ACCESS_FS_EXECUTE
	write    = unix.LANDLOCK_ACCESS_FS_WRITE_FILE

	fsRights1 = execute | write | readFile | readDir |
		unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE |
		unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG |
		unix.LANDLOCK_ACCESS_FS_MAKE_SOCK | unix.LANDLOCK_ACCESS_FS_MAKE_FIFO |
		unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK | unix.LANDLOCK_ACCESS_FS_MAKE_SYM
)

// ABI returns the version of the kernel's Landlock interface; 0: it has none, or
// it is turned off.
func ABI() int {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(version)
}

// handled returns what a domain forbids unless a rule allows it.
func handled(level Level, abi int) unix.LandlockRulesetAttr {
	a := unix.LandlockRulesetAttr{Handled_access_fs: fsRights1}
	if abi >= 2 {
		a.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if abi >= 3 {
		a.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if abi >= 4 {
		a.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP
		if level == Strict {
			a.Handled_access_net |= unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
		}
	}
	if abi >= 5 {
		a.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	if abi >= 6 {
		a.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	return a
}

// A Rule allows rights on a file, or on all that lies under a directory.
type Rule struct {
	Path   string
	rights uint64
}

// Read allows to open path, and what lies under it, for reading.
func Read(path string) Rule { return Rule{path, readFile | readDir} }

// Run allows to execute path, and what lies under it, and to read it.
func Run(path string) Rule { return Rule{path, readFile | readDir | execute} }

// Rules returns what a worker of a level may open, given the paths that its
// handler reads and its own executable. Of what the level adds, the names are
// fixed; a path that does not exist allows nothing.
func Rules(level Level, read []string, image string) []Rule {
	// The kernel opens a program for reading, too, to execute it.
	rules := []Rule{{image, readFile | execute}, Read("/etc/localtime"), Read("/usr/share/zoneinfo"), {os.DevNull, readFile | write}}
	if dynamic {
		rules = append(rules, Run("/lib"), Run("/lib64"), Run("/usr/lib"), Read("/etc/ld.so.cache"))
	}
	for _, path := range read {
		rules = append(rules, Read(path))
	}
	if level >= Network { // to find addresses by names, and to trust certificates
		for _, path := range []string{
			"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/services", "/etc/gai.conf", "/etc/host.conf",
			"/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/usr/share/ca-certificates",
		} {
			rules = append(rules, Read(path))
		}
	}
	if level >= Exec {
		for _, path := range []string{"/bin", "/sbin", "/lib", "/lib64", "/usr", "/opt"} {
			rules = append(rules, Run(path))
		}
		for _, path := range read {
			rules = append(rules, Run(path))
		}
		rules = append(rules, Read("/etc/ld.so.cache"), Read("/etc/alternatives"), Read("/etc/passwd"), Read("/etc/group"),
			Read("/dev/zero"), Read("/dev/urandom"), Read("/dev/random"))
	}
	return rules
}

// A Domain is a set of rules that a thread can enter. It belongs to its maker,
// who closes it.
type Domain struct {
	fd    int
	Paths []Path // in the order of the rules
}

// find returns what d has of a path, as far as it could be opened.
func (d *Domain) find(name string) (p Path, ok bool) {
	if d == nil {
		return p, false
	}
	for _, p := range d.Paths {
		if p.Name == name && p.Err == nil {
			return p, true
		}
	}
	return p, false
}

// A Path is where a rule's path led when the domain was made.
type Path struct {
	Name     string
	Dev, Ino uint64
	Err      error // why it could not be opened; its rule allows nothing
	fd       int   // of the path itself (O_PATH), -1 if it could not be opened
}

// NewDomain returns a domain for a kernel with the given version of Landlock. A
// path that can't be reached any more by who asks, but could be when the domain
// before it was made, leads where it led then; before may be nil.
func NewDomain(level Level, abi int, rules []Rule, before *Domain) (*Domain, error) {
	attr := handled(level, abi)
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return nil, fmt.Errorf("landlock_create_ruleset: %w", errno)
	}
	d := &Domain{fd: int(fd)}
	for _, r := range rules {
		p, err := d.add(r, before)
		if err != nil {
			d.Close()
			return nil, fmt.Errorf("landlock_add_rule %q: %w", r.Path, err)
		}
		d.Paths = append(d.Paths, p)
	}
	return d, nil
}

func (d *Domain) add(r Rule, before *Domain) (p Path, err error) {
	p = Path{Name: r.Path, fd: -1}
	fd, err := unix.Open(r.Path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if old, ok := before.find(r.Path); ok && err != nil && !gone(err) {
		fd, err = unix.FcntlInt(uintptr(old.fd), unix.F_DUPFD_CLOEXEC, 0)
	}
	switch {
	case gone(err), errors.Is(err, unix.EACCES):
		p.Err = err
		return p, nil
	case err != nil: // for want of something; a rule left out would not come back
		return p, err
	}
	p.fd = fd
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err != nil {
		return p, err
	}
	p.Dev, p.Ino = st.Dev, st.Ino
	allowed := r.rights
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		allowed &^= readDir // means nothing there, and is refused
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: allowed, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(d.fd), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		err = errno
	}
	return p, err
}

// gone says that there is nothing by this name.
func gone(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) }

// Unseen are the paths that this process can't look at, though they could be
// opened when the domain was made: whether they lead elsewhere it will not learn.
func (d *Domain) Unseen() (names []string) {
	for _, p := range d.Paths {
		var st unix.Stat_t
		if err := unix.Stat(p.Name, &st); p.Err == nil && err != nil && !gone(err) {
			names = append(names, p.Name)
		}
	}
	return names
}

// Moved says whether a path leads elsewhere by now than when the domain was made:
// a directory was replaced, or has come to be. One that can't be looked at any
// more counts as it was: a supervisor that has left root may see less than before.
func (d *Domain) Moved() bool {
	for _, p := range d.Paths {
		var st unix.Stat_t
		err := unix.Stat(p.Name, &st)
		switch {
		case err == nil && (p.Err != nil || p.Dev != st.Dev || p.Ino != st.Ino):
			return true
		case gone(err) && p.Err == nil:
			return true
		}
	}
	return false
}

// Enter puts the calling thread, and what it will start, into the domain for
// good. The thread must have no_new_privs.
func (d *Domain) Enter() error {
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(d.fd), 0, 0); errno != 0 {
		return fmt.Errorf("landlock_restrict_self: %w", errno)
	}
	return nil
}

// Close gives the descriptors back; who is in the domain stays there.
func (d *Domain) Close() {
	unix.Close(d.fd)
	for _, p := range d.Paths {
		if p.fd >= 0 {
			unix.Close(p.fd)
		}
	}
}
