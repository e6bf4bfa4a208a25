package exec

import (
	"fmt"
	"io/fs"
	"syscall"
)

// Exit statuses by which a program says more than that it failed: 100 plus the
// code of the ERROR (RFC 1350 §5).
const (
	exitNotFound = 101
	exitRefused  = 102
)

// judge returns what a program's end is to the client.
func judge(ended syscall.WaitStatus) error {
	switch {
	case ended.Signaled():
		return fmt.Errorf("killed by signal %d (%v)", ended.Signal(), ended.Signal())
	case ended.ExitStatus() == 0:
		return nil
	case ended.ExitStatus() == exitNotFound:
		return fmt.Errorf("exit status %d: %w", exitNotFound, fs.ErrNotExist)
	case ended.ExitStatus() == exitRefused:
		return fmt.Errorf("exit status %d: %w", exitRefused, fs.ErrPermission)
	}
	return fmt.Errorf("exit status %d", ended.ExitStatus())
}
