package ipc

import (
	"os"

	"golang.org/x/sys/unix"
)

// The descriptor numbers of a worker; see the package comment.
const (
	Control = 3
	Stats   = 4
	Config  = 5
	Helper  = 6 // only where workers may ask a helper
)

// What a helper has besides Control, where its supervisor gives it that.
const (
	Listener = 4 // a TCP socket that listens
	Door     = 5 // where it enters; see Enter
)

// RoleEnv is the environment variable by which an executable learns that it was
// started as a worker. The supervisor sets it to RoleWorker; nobody else should.
const (
	RoleEnv    = "BROOD_ROLE"
	RoleWorker = "worker"
	RoleHelper = "helper" // of another executable; see Word
)

// CloseFD closes a descriptor. A number below 0 is none.
func CloseFD(fd int) {
	if fd >= 0 {
		unix.Close(fd)
	}
}

// HelperEnv is set where a worker has Helper, the socket on which it may ask a
// helper of the supervisor's; package fetch says what.
const HelperEnv = "BROOD_HELPER"

// HelperSocket returns Helper, or -1 where the worker has none.
func HelperSocket() int {
	if os.Getenv(HelperEnv) == "" {
		return -1
	}
	return Helper
}
