package desk

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// place is a path in a directory of the test's own, short enough for a socket.
func place(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "desk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "admin.sock")
}

func open(t *testing.T, path string, a Access) *Socket {
	t.Helper()
	s := unclosed(t, path, a)
	t.Cleanup(s.Close)
	return s
}

// unclosed opens one that the test closes itself: a second time would be another
// test's descriptor.
func unclosed(t *testing.T, path string, a Access) *Socket {
	t.Helper()
	s, err := Open(path, a)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestASocketIsItsGroupsOrItsOwners(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		group int
		mode  fs.FileMode
	}{
		{"nobody's else", -1, 0o600},
		{"its process's group's", os.Getegid(), 0o660},
		{"another group's", 12345, 0o660},
	} {
		if tt.group == 12345 && os.Geteuid() != 0 {
			continue // only root may
		}
		path := place(t)
		open(t, path, Access{Group: tt.group, Owner: -1})
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != fs.ModeSocket|tt.mode {
			t.Errorf("%s: mode %v, want %v", tt.name, info.Mode(), tt.mode)
		}
		if gid := int(info.Sys().(*syscall.Stat_t).Gid); tt.group >= 0 && gid != tt.group {
			t.Errorf("%s: group %d, want %d", tt.name, gid, tt.group)
		}
	}
	if os.Geteuid() != 0 {
		if _, err := Open(place(t), Access{Group: 12345, Owner: -1}); err == nil || !strings.Contains(err.Error(), "no right to give it to group 12345") {
			t.Errorf("a group that is not ours to give to: %v", err)
		}
	}
}

func TestADirectoryThatIsMissingIsMade(t *testing.T) {
	t.Parallel()
	dir := filepath.Dir(place(t))
	owner := -1
	if os.Geteuid() == 0 {
		owner = 12345
	}
	s := unclosed(t, filepath.Join(dir, "a", "b", "admin.sock"), Access{Group: -1, Owner: owner})
	info, err := os.Lstat(filepath.Join(dir, "a", "b"))
	if err != nil || info.Mode() != fs.ModeDir|0o755 {
		t.Fatalf("%v, %v", info, err)
	}
	if uid := int(info.Sys().(*syscall.Stat_t).Uid); owner >= 0 && uid != owner {
		t.Errorf("it is %d's, want %d's, who is to remove the socket", uid, owner)
	}
	s.Close()
	if _, err := os.Lstat(s.Path()); err == nil {
		t.Error("the socket stays behind")
	}
}

func TestWhatHasTheNameAlready(t *testing.T) {
	t.Parallel()
	stale := func(path string) {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
		}
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fd) // as the kernel does it for a process that is killed
	}
	for _, tt := range []struct {
		name string
		put  func(path string)
		want string // "": it is replaced
	}{
		{"what a killed server left", stale, ""},
		{"a living server's", func(path string) { open(t, path, Access{Group: -1, Owner: -1}) }, "another server listens there"},
		{"a file", func(path string) { os.WriteFile(path, []byte("precious"), 0o600) }, "something else has this name, a -rw-------"},
		{"a link to such a socket", func(path string) { stale(path + "2"); os.Symlink(path+"2", path) }, "something else has this name"},
		{"a directory", func(path string) { os.Mkdir(path, 0o700) }, "something else has this name"},
	} {
		path := place(t)
		tt.put(path)
		before, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(path, Access{Group: -1, Owner: -1})
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
				continue
			}
			s.Close()
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v; want %q and the path", tt.name, err, tt.want)
		}
		if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
			t.Errorf("%s: it was removed: %v", tt.name, err)
		}
	}
}

// What another process has put in the place of ours since is not ours to remove.
func TestOnlyItsOwnNameIsRemoved(t *testing.T) {
	t.Parallel()
	path := place(t)
	first := unclosed(t, path, Access{Group: -1, Owner: -1})
	os.Remove(path)
	open(t, path, Access{Group: -1, Owner: -1})
	first.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the next server's socket is gone: %v", err)
	}
	third := unclosed(t, place(t), Access{Group: -1, Owner: -1})
	third.Leave()
	third.Close()
	if _, err := os.Lstat(third.Path()); err != nil {
		t.Errorf("one that was left to another process is gone: %v", err)
	}
}
