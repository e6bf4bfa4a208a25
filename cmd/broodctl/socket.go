package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/user"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"brood/ipc/admin"
)

// The admin socket is where nothing says another: brood.service has it there.
const (
	defaultSocket = "/run/brood/admin.sock"
	socketEnv     = "BROOD_ADMIN"
)

// How long a server may take to answer: at once, or when a worker has come up.
const (
	answersWithin = 10 * time.Second
	reloadsWithin = 2 * time.Minute
)

// socket is where a command's server is.
type socket struct{ path string }

// onServer makes a command one that asks a running server.
func onServer(cmd *cobra.Command, run func(cmd *cobra.Command, args []string, s *socket) error) *cobra.Command {
	s := new(socket)
	s.addFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return run(cmd, args, s) }
	return cmd
}

func (s *socket) addFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.path, "socket", "", "the server's admin `PATH`, its --admin (default $"+socketEnv+", or "+defaultSocket+")")
}

// operator is a connection to a server.
type operator struct {
	*admin.Client
	net.Conn
	where string
}

// where is its path.
func (s *socket) where() string { return cmp.Or(s.path, os.Getenv(socketEnv), defaultSocket) }

// dial connects, for so long; 0: for as long as it takes.
func (s *socket) dial(within time.Duration) (*operator, error) {
	path := s.where()
	conn, err := net.DialTimeout("unix", path, answersWithin)
	if err != nil {
		return nil, unreachable(path, err)
	}
	conn.SetDeadline(time.Now().Add(answersWithin))
	client, err := admin.NewClient(conn)
	if err != nil {
		conn.Close()
		return nil, explained(path, err)
	}
	deadline := time.Time{}
	if within > 0 {
		deadline = time.Now().Add(within)
	}
	conn.SetDeadline(deadline)
	return &operator{client, conn, path}, nil
}

// do asks for something that has no answer but that it was done.
func (s *socket) do(within time.Duration, r admin.Request) error {
	o, err := s.dial(within)
	if err != nil {
		return err
	}
	defer o.Close()
	return explained(o.where, o.Do(r))
}

// ask returns the items of an answer.
func ask[T any](s *socket, r admin.Request) ([]T, error) {
	o, err := s.dial(answersWithin)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	all, err := admin.All[T](o.Client, r)
	return all, explained(o.where, err)
}

func (s *socket) status() (*admin.Status, error) {
	all, err := ask[admin.Status](s, admin.Request{Kind: admin.KindStatus})
	if err == nil && len(all) != 1 {
		err = failure{fmt.Errorf("the server has %d statuses", len(all))}
	}
	if err != nil {
		return nil, err
	}
	return &all[0], nil
}

// lost is that a server can't be asked, or did not answer, as opposed to that it said no.
type lost struct {
	error
	denied bool // it may be there, and is for others
}

func (l lost) Unwrap() error { return l.error }

// unreachable says why nobody can be asked, and what to do.
func unreachable(path string, err error) error {
	l := lost{denied: errors.Is(err, fs.ErrPermission)}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.error = fmt.Errorf("%s: no such socket: is the server running, and was it started with --admin %s? --socket and %s name another", path, path, socketEnv)
	case errors.Is(err, syscall.ECONNREFUSED):
		l.error = fmt.Errorf("%s: nobody listens there: the server has ended, and could not remove it; start it again", path)
	case l.denied:
		l.error = fmt.Errorf("%s: no permission: %s", path, whoMay(path))
	default:
		l.error = fmt.Errorf("%s: %w", path, err)
	}
	return failure{l}
}

// whoMay says who may connect.
func whoMay(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return "its directory is closed to you; use sudo"
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || info.Mode().Perm()&0o060 == 0 {
		return "it is for its owner alone; use sudo, or start the server with --admin-group"
	}
	group := strconv.Itoa(int(owner.Gid))
	if g, err := user.LookupGroupId(group); err == nil {
		group = g.Name
	}
	if owner.Gid == 0 {
		return "it is for root; use sudo, or start the server with --admin-group"
	}
	return fmt.Sprintf("it is for group %s: have root add you (usermod -aG %s %s) and log in anew, or use sudo", group, group, cmp.Or(os.Getenv("USER"), "NAME"))
}

// explained is what a user is told of an error of an answer.
func explained(path string, err error) error {
	var version *admin.VersionError
	var said *admin.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &version):
		return failure{lost{error: err}}
	case errors.As(err, &said) && said.Code == admin.CodeForbidden:
		return failure{fmt.Errorf("%w: %s", err, whoMay(path))}
	case errors.As(err, &said) && said.Code == admin.CodeWrong:
		return err // an argument, which only the server can judge
	case errors.As(err, &said):
		return failure{err}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET):
		return failure{lost{error: fmt.Errorf("%s: the server has closed the connection: it ends, or it does not serve yet", path)}}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return failure{lost{error: fmt.Errorf("%s: the server does not answer", path)}}
	}
	return failure{lost{error: fmt.Errorf("%s: %w", path, err)}}
}
