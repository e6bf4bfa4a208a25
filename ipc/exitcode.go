package ipc

import "fmt"

// ExitCode is a worker's exit status. The supervisor acts on it: a worker that
// could not read its configuration says so by ExitConfig, and starting another
// one of the same generation would be no use.
type ExitCode int

const (
	ExitOK       ExitCode = 0
	ExitPanic    ExitCode = 2  // what the Go runtime exits with after an unrecovered panic
	ExitContract ExitCode = 70 // a descriptor is missing or a job can't be decoded
	ExitOpen     ExitCode = 75 // Open outlived its deadline; the client has been told
	ExitUnclean  ExitCode = 76 // a session left something behind, so that no other may follow it here
	ExitConfig   ExitCode = 78 // the handler's constructor refused the configuration; the reason is on stderr
)

func (c ExitCode) String() string {
	switch c {
	case ExitOK:
		return "exit 0"
	case ExitPanic:
		return "exit 2 (panic)"
	case ExitContract:
		return "exit 70 (broken job or descriptor)"
	case ExitOpen:
		return "exit 75 (Open outlived its deadline)"
	case ExitUnclean:
		return "exit 76 (its session left something behind)"
	case ExitConfig:
		return "exit 78 (configuration refused)"
	default:
		return fmt.Sprintf("exit %d", int(c))
	}
}
