package supervisor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// helperAccount is whom helpers run under, if there is such an account; helperID is
// what they take otherwise. Like ownID no account of a distribution has it.
const (
	helperAccount = "brood-helper"
	helperID      = 65531
)

// helperIdentity decides under whom helpers run, given whom workers and, if it
// leaves root, the supervisor run under: nil means as the supervisor.
func helperIdentity(workers, own *identity) (*identity, error) {
	if workers == nil {
		return nil, nil // nobody could be changed
	}
	who, err := helperUser()
	if err != nil {
		return nil, err
	}
	mine := unix.Getuid()
	if own != nil {
		mine = own.uid
	}
	switch who.uid {
	case mine, workers.uid:
		return nil, fmt.Errorf("helpers can't run as %v: the supervisor or its workers do; choose another --user", who)
	}
	return who, nil
}

// helperUser is whom helpers and errands run under where ids can be changed.
func helperUser() (*identity, error) {
	who := accountOr(helperAccount, helperID)
	if who.uid == 0 || who.gid == 0 {
		return nil, fmt.Errorf("helpers and errands must not run as root or in its group: change the account %s", helperAccount)
	}
	return who, nil
}

// howToMake is what an administrator has to do.
func (i *identity) howToMake(dir string) string {
	if i == nil {
		return ""
	}
	return fmt.Sprintf(" (as root: install -d -m 700 -o %d -g %d %s)", i.uid, i.gid, dir)
}

// makeHelperDirs makes the directories that helpers write to, each for their account
// alone. One that exists is left as it is: what is in it may be another's.
func makeHelperDirs(helpers []Helper, who *identity) error {
	for _, h := range helpers {
		if h.Dir == "" {
			continue
		}
		if _, err := os.Stat(h.Dir); !errors.Is(err, fs.ErrNotExist) {
			continue // who can't look at it can't make it
		}
		err := os.MkdirAll(filepath.Dir(h.Dir), 0o755)
		if err == nil {
			err = os.Mkdir(h.Dir, 0o700)
		}
		if err == nil && who != nil {
			err = os.Lchown(h.Dir, who.uid, who.gid)
		}
		if err != nil {
			os.Remove(h.Dir) // if it was made: left as it is nobody would look at it again
			return fmt.Errorf("Helper %s: its directory can't be made: %w%s", h.Name, err, who.howToMake(h.Dir))
		}
	}
	return nil
}
