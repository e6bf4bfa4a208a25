package supervisor

import (
	"fmt"
	"os/user"
	"path/filepath"
	"strconv"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"brood/supervisor/internal/desk"
)

// Admin is what operators are given: a Unix socket on which they see every session
// and act. ADMIN.md says what is spoken there and who may do what.
type Admin struct {
	// Path of the socket, absolute and at most 107 bytes long. Its directory is made
	// if there is none. Empty means no socket. A socket that a killed server has left
	// is replaced; New fails if another server listens there.
	Path string
	// Group, by name or number, may connect (mode 0660) and do everything. Empty means
	// the group of the account brood, or else root's, for a supervisor that was started
	// as root; and nobody but its own user otherwise (mode 0600).
	Group string
	// Program is what the server calls itself, with its version.
	Program string
	// ConfigFile is the path that a status names.
	ConfigFile string
	// Config is what show-config answers, in the program's own form.
	Config []byte
	// Reload is what an operator's reload does: see Supervisor.Reload. Nil means that
	// operators can't reload.
	Reload func() (Options, error)
}

func (a *Admin) check(fault func(format string, args ...any)) {
	switch {
	case a.Path == "":
		if a.Group != "" {
			fault("Admin.Group %s: there is no Admin.Path, and so no socket that it could use", a.Group)
		}
	case !filepath.IsAbs(a.Path):
		fault("Admin %q: want an absolute path", a.Path)
	case len(a.Path) > desk.MaxPath:
		fault("Admin %q: %d bytes, and a socket's path has at most %d", a.Path, len(a.Path), desk.MaxPath)
	}
}

// adminPrefix marks the admin socket among what an upgrade passes on.
const adminPrefix = "admin:"

// openAdmin makes the admin socket, or takes over that of the process before us. It
// comes before root is left: only root may write to /run.
func (s *Supervisor) openAdmin() (err error) {
	if s.Admin.Path == "" {
		return nil
	}
	if s.operators, err = adminGroup(s.Admin.Group); err != nil {
		return err
	}
	if fd, ok := s.Manager.predecessor.port(adminPrefix + s.Admin.Path); ok {
		s.admin = desk.Adopt(fd, s.Admin.Path)
		return nil
	}
	own, err := ownIdentity(s.who)
	if err != nil {
		return err
	}
	access := desk.Access{Group: s.operators, Owner: -1}
	if own != nil {
		access.Owner = own.uid
	}
	s.admin, err = desk.Open(s.Admin.Path, access)
	return err
}

// adminGroup finds the operators' group; -1: none.
func adminGroup(name string) (int, error) {
	if name == "" {
		if unix.Geteuid() != 0 {
			return -1, nil
		}
		if account, err := lookupUser(ownAccount); err == nil {
			return account.gid, nil
		}
		return 0, nil
	}
	if g, err := user.LookupGroup(name); err == nil {
		name = g.Gid
	}
	gid, err := strconv.ParseUint(name, 10, 31)
	if err != nil {
		return -1, fmt.Errorf("admin group %q: no such group", name)
	}
	return int(gid), nil
}

// serveOperators begins to answer them.
func (s *Supervisor) serveOperators() {
	if s.admin == nil {
		return
	}
	s.makeDesk()
	if err := s.desk.Serve(s.admin); err != nil {
		s.report.logf(hclog.Error, "operators are not served", "error", err.Error())
	}
}

// makeDesk is for the first who has operators come.
func (s *Supervisor) makeDesk() {
	if s.desk == nil {
		s.desk = desk.New(desk.Config{
			Program: s.Admin.Program, Group: s.operators,
			Answer: s.answerOperator, OnChange: s.operatorAsked, OnLost: s.operatorLost,
		})
	}
}

// openDoor lets a helper in that is an operator.
func (s *Supervisor) openDoor(h *helper) {
	if h.Child.Helper < 0 {
		return
	}
	s.makeDesk()
	s.desk.Admit(h.Child.Helper, h.Access == MayChange)
	h.Child.Helper = -1 // the desk's
}

func (s *Supervisor) closeAdmin() {
	if s.admin != nil {
		s.admin.Close()
	}
}
