package launch

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// OnOwnThread runs f on an operating system thread that nothing else ever runs
// on and that ends with f. It is never the process's first thread: that one
// can't end, and would keep what f did to it.
//
// All workers of a launch are started from one such thread, as long as the paths
// that they read lead where they led. A new one for each would be a hundred
// microseconds more, and where threads have run out the Go runtime ends the
// process rather than fail to make one; the fork itself fails with an error, and
// is tried again.
func OnOwnThread(f func()) {
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() != unix.Getpid() {
			f()
			return // locked still: the runtime ends the thread
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread()
			f()
		}()
		<-done
		runtime.UnlockOSThread()
	}()
}
