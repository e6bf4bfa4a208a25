package desk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"brood/ipc/launch"
)

// MaxPath is how long a socket's path may be: struct sockaddr_un has room for 108
// bytes with the one that ends it.
const MaxPath = 107

// Socket listens, and has a name in the file system.
type Socket struct {
	FD    int
	path  string
	inode uint64 // of the name; 0: not ours to remove
}

// Access is whose a new socket, and a directory made for it, is.
type Access struct {
	Group int // may connect; -1: nobody but the owner
	Owner int // of a directory that has to be made; -1: whoever makes it
}

const backlog = 64

// Open makes a socket of mode 0660, or 0600 where there is no group. The directory
// is made if need be. What is left of a server that was killed is replaced; a socket
// that somebody listens on is not, nor is anything else of that name.
func Open(path string, a Access) (*Socket, error) {
	if err := makeDir(filepath.Dir(path), a.Owner); err != nil {
		return nil, fmt.Errorf("admin socket %s: its directory: %w", path, err)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	s := &Socket{FD: fd, path: path}
	err = bind(fd, path, a.Group)
	if errors.Is(err, unix.EADDRINUSE) {
		if err = clear(path); err == nil {
			err = bind(fd, path, a.Group)
		}
	}
	if err == nil {
		s.inode = inodeOf(path)
		err = unix.Listen(fd, backlog)
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("admin socket %s: %w", path, err)
	}
	return s, nil
}

// Adopt takes over a socket that another process has made and listens on.
func Adopt(fd int, path string) *Socket {
	unix.CloseOnExec(fd)
	unix.SetNonblock(fd, true)
	return &Socket{FD: fd, path: path, inode: inodeOf(path)}
}

func makeDir(dir string, owner int) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if owner >= 0 {
		os.Lchown(dir, owner, owner) // else only root can remove the socket, which is no harm
	}
	return nil
}

// bind gives the socket its name, with its mode and group from the first moment on:
// to change them later by the name could be made to change another file's. So it is
// done by a thread that has a umask and a group of its own and does nothing else.
func bind(fd int, path string, group int) (err error) {
	done := make(chan struct{})
	launch.OnOwnThread(func() {
		defer close(done)
		unix.Unshare(unix.CLONE_FS) // where it may not, the umask is everybody's for a moment
		umask := 0o117
		if group < 0 {
			umask = 0o177
		}
		before := unix.Umask(umask)
		defer unix.Umask(before)
		if group >= 0 && group != unix.Getegid() {
			unix.Setfsgid(group)
			if got, _ := unix.SetfsgidRetGid(-1); got != group {
				err = errors.New("no right to give it to group " + fmt.Sprint(group) + ": that takes root, or CAP_SETGID, or to have this group as one's first")
				return
			}
		}
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	})
	<-done
	return err
}

// clear removes what is left of a server that has ended without doing so.
func clear(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("something else has this name, a %v: remove it, or choose another path", info.Mode())
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	switch err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); {
	case errors.Is(err, unix.ECONNREFUSED):
		return os.Remove(path)
	case err == nil, errors.Is(err, unix.EAGAIN): // or its backlog is full
		return errors.New("another server listens there: end it, or choose another path")
	default:
		return err
	}
}

func inodeOf(path string) uint64 {
	if info, err := os.Lstat(path); err == nil {
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			return st.Ino
		}
	}
	return 0
}

// Path is the socket's name.
func (s *Socket) Path() string { return s.path }

// Leave has Close leave the name to another process.
func (s *Socket) Leave() { s.inode = 0 }

// Close closes the socket and removes its name, if that is its own still and may be
// removed.
func (s *Socket) Close() {
	unix.Close(s.FD)
	if s.inode != 0 && inodeOf(s.path) == s.inode {
		os.Remove(s.path)
	}
}
