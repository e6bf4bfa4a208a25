package sandbox

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Explain says what of a level may have brought an error about, and which level
// would allow it; "" if it looks like none of the sandbox's doing.
func Explain(err error, level Level) string {
	if err == nil || level == Off {
		return ""
	}
	var call *os.SyscallError
	var path *fs.PathError
	switch {
	case errors.Is(err, unix.EMFILE):
		return "the sandbox allows few open descriptors"
	case level < Network && strings.Contains(err.Error(), "socket: operation not permitted"): // of a lookup, which keeps only the text
		return networkWould
	case !refusal(err):
		return ""
	case errors.As(err, &call) && slices.Contains([]string{"socket", "connect", "bind", "listen", "sendto", "sendmsg", "setsockopt"}, call.Syscall):
		if level < Network {
			return networkWould
		}
		return "the sandbox's level network is for clients of internet addresses; level exec would allow it"
	case errors.As(err, &path) && strings.HasPrefix(path.Op, "fork/exec"):
		if level < Exec {
			return "the sandbox's level is " + level.String() + "; level exec would allow it"
		}
		return "the sandbox allows to run what lies under /usr, /bin, /sbin, /lib, /opt and ReadPaths"
	case path != nil:
		return "if the file's own permissions allow it, the sandbox does not: it allows to read what ReadPaths names, and to write nothing"
	}
	return "the sandbox's level is " + level.String()
}

const networkWould = "the sandbox's level is strict; level network would allow it"

// refusal says whether the kernel refused, and not a file's absence or a peer.
func refusal(err error) bool {
	for _, errno := range []syscall.Errno{unix.EPERM, unix.EACCES, unix.ENOSYS, unix.EAFNOSUPPORT} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}
