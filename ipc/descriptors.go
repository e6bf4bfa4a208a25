package ipc

import "golang.org/x/sys/unix"

// The descriptor numbers of a worker; see the package comment.
const (
	Control = 3
	Stats   = 4
	Config  = 5
)

// RoleEnv is the environment variable by which an executable learns that it was
// started as a worker. The supervisor sets it to RoleWorker; nobody else should.
const (
	RoleEnv    = "BROOD_ROLE"
	RoleWorker = "worker"
)

// CloseFD closes a descriptor. A number below 0 is none.
func CloseFD(fd int) {
	if fd >= 0 {
		unix.Close(fd)
	}
}
