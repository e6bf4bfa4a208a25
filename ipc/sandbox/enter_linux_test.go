package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// childEnv makes this test binary a process that goes into a sandbox and tries
// what it may: "LEVEL ABI DIR".
const childEnv = "BROOD_TEST_SANDBOX"

func TestMain(m *testing.M) {
	if spec := os.Getenv(childEnv); spec != "" {
		os.Exit(child(strings.Fields(spec)))
	}
	os.Exit(m.Run())
}

// attempts are what a child tries, in order.
var attempts = []struct {
	name string
	try  func(dir string) error
}{
	{"read", func(dir string) error { _, err := os.ReadFile(filepath.Join(dir, "served", "file")); return err }},
	{"list", func(dir string) error { _, err := os.ReadDir(filepath.Join(dir, "served")); return err }},
	{"read elsewhere", func(dir string) error { _, err := os.ReadFile(filepath.Join(dir, "secret")); return err }},
	{"read by a link", func(dir string) error {
		_, err := os.ReadFile(filepath.Join(dir, "served", "link"))
		return err
	}},
	{"write", func(dir string) error { return os.WriteFile(filepath.Join(dir, "served", "new"), []byte("x"), 0o600) }},
	{"truncate", func(dir string) error { return unix.Truncate(filepath.Join(dir, "secret"), 1) }},
	{"empty by opening", func(dir string) error {
		fd, err := unix.Open(filepath.Join(dir, "served", "file"), unix.O_RDONLY|unix.O_TRUNC, 0)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}},
	{"remove", func(dir string) error { return os.Remove(filepath.Join(dir, "served", "file")) }},
	{"tcp", func(string) error { return socket(unix.AF_INET, unix.SOCK_STREAM) }},
	{"udp", func(string) error { return socket(unix.AF_INET, unix.SOCK_DGRAM) }},
	{"unix", func(string) error { return socket(unix.AF_UNIX, unix.SOCK_DGRAM) }},
	{"bind", func(string) error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}},
	{"run", func(string) error { return start("/bin/true") }},
	{"run itself", func(string) error { return start("/proc/self/exe") }},
	{"signal", func(string) error { return unix.Kill(os.Getppid(), 0) }},
	{"descriptors", func(string) error {
		for range 2 * maxFiles {
			if _, err := unix.Dup(0); err != nil {
				return err
			}
		}
		return nil
	}},
}

func socket(domain, kind int) error {
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// start does without /dev/null, which exec.Cmd would open.
func start(program string) error {
	pid, err := syscall.ForkExec(program, []string{program, "-test.run=^$"}, &syscall.ProcAttr{Files: []uintptr{0, 2, 2}})
	if err == nil {
		_, err = syscall.Wait4(pid, nil, 0, nil)
	}
	return err
}

// child reports for each attempt the error's number, 0 for none.
func child(spec []string) int {
	runtime.LockOSThread()
	level, err := ParseLevel(spec[0])
	abi, _ := strconv.Atoi(spec[1])
	dir := spec[2]
	if err == nil {
		err = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	}
	if err == nil && abi > 0 && level != Off {
		var d *Domain
		d, err = NewDomain(level, abi, Rules(level, []string{filepath.Join(dir, "served")}, "/proc/self/exe"), nil)
		if err == nil {
			err = d.Enter()
		}
	}
	if err == nil {
		t := Terms{Level: level}
		if os.Getenv("NOFILTER") == "" {
			t.Filter = Assemble(level)
		}
		err = t.Enter()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	os.Unsetenv(childEnv)
	got := map[string]int{}
	for _, a := range attempts {
		var errno syscall.Errno
		switch err := a.try(dir); {
		case errors.As(err, &errno):
			got[a.name] = int(errno)
		case err != nil:
			got[a.name] = -1
			fmt.Fprintf(os.Stderr, "%s: %v\n", a.name, err)
		default:
			got[a.name] = 0
		}
	}
	json.NewEncoder(os.Stdout).Encode(got)
	return 0
}

// servedTree makes what a child tries its luck on.
func servedTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := os.Mkdir(filepath.Join(dir, "served"), 0o755)
	for _, name := range []string{"secret", "served/file"} {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), []byte("content"), 0o644))
	}
	if err = errors.Join(err, os.Symlink("../secret", filepath.Join(dir, "served", "link"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

func inside(t *testing.T, level Level, abi int, env ...string) map[string]int {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(append(os.Environ(), fmt.Sprintf("%s=%v %d %s", childEnv, level, abi, servedTree(t))), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	got := map[string]int{}
	if err == nil {
		err = json.Unmarshal(out, &got)
	}
	if err != nil {
		t.Fatalf("%v, Landlock %d: %v\n%s", level, abi, err, &stderr)
	}
	return got
}

const (
	eperm  = int(unix.EPERM)
	eacces = int(unix.EACCES)
)

// The kernel of Debian 12 (6.1) has version 2 of Landlock, others have 1 to what
// is here; a test can ask for less than there is.
func TestWhatAProcessMayDoInside(t *testing.T) {
	t.Parallel()
	have, filters := Probe()
	if have == 0 || !filters {
		t.Fatalf("this kernel has version %d of Landlock, and system call filters: %v; the tests need both", have, filters)
	}
	for abi := 1; abi <= have; abi++ {
		for _, tt := range []struct {
			level Level
			want  map[string]int // an attempt that is not named succeeds
		}{
			{Strict, map[string]int{
				"read elsewhere": eacces, "read by a link": eacces, "write": eperm, "truncate": eperm, "empty by opening": eperm, "remove": eperm,
				"tcp": eperm, "udp": eperm, "unix": eperm, "bind": eperm, "run": eperm, "run itself": eperm, "signal": eperm,
				"descriptors": int(unix.EMFILE),
			}},
			{Network, map[string]int{
				"read elsewhere": eacces, "read by a link": eacces, "write": eperm, "truncate": eperm, "empty by opening": eperm, "remove": eperm,
				"unix": int(unix.EAFNOSUPPORT), "bind": eperm, "run": eperm, "run itself": eperm, "signal": eperm,
				"descriptors": int(unix.EMFILE),
			}},
			{Exec, map[string]int{
				"read elsewhere": eacces, "read by a link": eacces, "write": eacces, "remove": eacces,
				"truncate":         since(abi, 3, eacces),
				"empty by opening": since(abi, 3, eacces),
				"bind":             since(abi, 4, eacces),
				"signal":           since(abi, 6, eperm),
				"descriptors":      int(unix.EMFILE),
			}},
			{Off, map[string]int{}},
		} {
			t.Run(fmt.Sprintf("%v, Landlock %d", tt.level, abi), func(t *testing.T) {
				t.Parallel()
				got := inside(t, tt.level, abi)
				for _, a := range attempts {
					if got[a.name] != tt.want[a.name] {
						t.Errorf("%s: errno %d, want %d", a.name, got[a.name], tt.want[a.name])
					}
				}
			})
		}
	}
	t.Run("strict, no filters", func(t *testing.T) {
		t.Parallel()
		got := inside(t, Strict, have, "NOFILTER=1")
		for name, want := range map[string]int{"read": 0, "read elsewhere": eacces, "write": eacces, "remove": eacces, "run": eacces, "run itself": 0} {
			if got[name] != want {
				t.Errorf("%s: errno %d, want %d", name, got[name], want)
			}
		}
	})
}

func since(abi, first, errno int) int {
	if abi < first {
		return 0
	}
	return errno
}

func TestADomainKnowsWhenAPathLeadsElsewhere(t *testing.T) {
	t.Parallel()
	if ABI() == 0 {
		t.Fatal("this kernel has no Landlock; the tests need it")
	}
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"v1", "v2", "plain"} {
		must(os.Mkdir(path(name), 0o755))
	}
	must(os.Symlink("v1", path("current")))
	renewed := func() *Domain {
		t.Helper()
		d, err := NewDomain(Strict, 1, []Rule{Read(path("current")), Read(path("plain")), Read(path("later"))}, nil)
		must(err)
		t.Cleanup(d.Close)
		if d.Moved() {
			t.Error("a new domain's paths lead elsewhere already")
		}
		return d
	}
	for _, tt := range []struct {
		name string
		do   func()
	}{
		{"a link is set to another directory", func() {
			must(os.Symlink("v2", path("new")))
			must(os.Rename(path("new"), path("current")))
		}},
		{"a directory is made anew", func() {
			must(os.Mkdir(path("new"), 0o755))
			must(unix.Rename(path("new"), path("plain")))
		}},
		{"a path comes to be", func() { must(os.WriteFile(path("later"), nil, 0o644)) }},
		{"a path is gone", func() { must(os.Remove(path("later"))) }},
	} {
		d := renewed()
		tt.do()
		if !d.Moved() {
			t.Errorf("%s: not seen", tt.name)
		}
		if d := renewed(); d.Paths[0].Err != nil || !errors.Is(d.Paths[2].Err, fs.ErrNotExist) && tt.name != "a path comes to be" {
			t.Errorf("%s: the new domain's paths are %+v", tt.name, d.Paths)
		}
	}
}
