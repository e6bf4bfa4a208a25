package worker

import (
	"os"
	"unsafe"

	"brood/ipc"
	"brood/protocol"
)

// titleOf says who is being served.
func titleOf(job *ipc.Job) string {
	return "brood: worker " + job.Peer.Addr().Unmap().String() + " " + protocol.Printable(job.File)
}

// setTitle changes what ps shows. The kernel shows the memory in
// which it laid the arguments at exec; the supervisor has left room there by
// padding the second one (ipc.WorkerArgs), and that is what is overwritten.
// prctl(PR_SET_MM) would be the proper way, but asks for CAP_SYS_RESOURCE.
func setTitle(title string) {
	if len(os.Args) != 2 {
		return
	}
	first, second := os.Args[0], os.Args[1]
	start := unsafe.StringData(first)
	if unsafe.Add(unsafe.Pointer(start), len(first)+1) != unsafe.Pointer(unsafe.StringData(second)) {
		return // not as the kernel laid them: somebody has changed os.Args
	}
	area := unsafe.Slice(start, len(first)+1+len(second))
	n := copy(area, title)
	clear(area[n:])
}
