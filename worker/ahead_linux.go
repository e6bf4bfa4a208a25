package worker

import (
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// maxAhead is how much of a Response is read before it can be sent, in bytes.
const maxAhead = 256 << 10

// stopGrace is how long a Read that is under way when its session ends may take
// to return.
const stopGrace = 250 * time.Millisecond

// errNotYet says that a source has not given the next block so far.
var errNotYet = errors.New("the content is not there yet")

// ahead reads what a session is going to send, on a goroutine of its own and
// into a bounded buffer: a source may take its time, and the session has ACKs to
// answer meanwhile.
type ahead struct {
	src  io.Reader
	bell int           // eventfd, rung when a session that waits has something to send
	done chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	changed *sync.Cond
	ring    []byte // the goroutine fills the free part without holding mu
	from    int    // where the part begins that was read and not taken
	n       int    // how long it is
	err     error  // of src, after those bytes; what comes after an end is not content
	reading bool   // a Read is under way
	want    int    // the session waits for that much; 0: it does not
	stopped bool
}

// newAhead starts to read src, of at most size bytes; -1: nobody knows.
func newAhead(src io.Reader, size int64) (*ahead, error) {
	bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	room := int64(maxAhead)
	if size >= 0 {
		room = min(room, size+1) // the one is for the end, which has to be read, too
	}
	a := &ahead{src: src, bell: bell, ring: make([]byte, room), done: make(chan struct{})}
	a.changed = sync.NewCond(&a.mu)
	if runtime.GOMAXPROCS(0) == 1 {
		// The monitor looks for a thread when none is left, and would make one that has its
		// own timers.
		eachBeside(beside()+2, exact)
		// A worker's one processor stays with the session's thread while that waits
		// in the kernel, until the runtime's monitor comes round some time.
		runtime.GOMAXPROCS(2)
	}
	go a.run()
	return a, nil
}

func (a *ahead) run() {
	defer close(a.done)
	a.mu.Lock()
	defer a.mu.Unlock()
	for empty := 0; a.err == nil; {
		for a.n == len(a.ring) && !a.stopped {
			a.changed.Wait()
		}
		if a.stopped {
			return
		}
		at := (a.from + a.n) % len(a.ring)
		free := a.ring[at:min(len(a.ring), at+len(a.ring)-a.n, at+readAhead)]
		a.reading = true
		a.mu.Unlock()
		n, err := a.src.Read(free)
		a.mu.Lock()
		a.reading = false
		if empty++; n > 0 {
			empty = 0
		}
		if empty == maxEmptyReads && err == nil {
			err = io.ErrNoProgress
		}
		a.n, a.err = a.n+n, err
		if a.want > 0 && a.has(a.want) {
			a.want = 0
			unix.Write(a.bell, binary.NativeEndian.AppendUint64(nil, 1))
		}
		a.changed.Signal()
	}
}

// has says whether a block of that many bytes, or the end, can be taken.
func (a *ahead) has(n int) bool { return a.n >= n || a.err != nil }

// block is content.block, and returns errNotYet where that one would wait.
func (a *ahead) block(p []byte) (n int, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.has(len(p)) {
		return 0, errNotYet
	}
	n = min(len(p), a.n)
	head := copy(p[:n], a.ring[a.from:])
	copy(p[head:n], a.ring)
	a.from, a.n = (a.from+n)%len(a.ring), a.n-n
	a.changed.Signal()
	if n == len(p) || a.err == io.EOF {
		return n, nil
	}
	return n, a.err
}

// await waits until a block of n bytes, or the end, can be taken.
func (a *ahead) await(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for !a.has(n) {
		a.changed.Wait()
	}
}

// call has the bell rung as soon as a block of n bytes, or the end, can be
// taken. It says whether that is so already; then the bell stays silent.
func (a *ahead) call(n int) (there bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.want = n
	if there = a.has(n); there {
		a.want = 0
	}
	return there
}

// hush makes the bell ready for the next time.
func (a *ahead) hush() {
	var count [8]byte
	unix.Read(a.bell, count[:])
}

// stop ends the goroutine and gives the bell back. A Read that is under way is
// told by cancel; when it doesn't return all the same, stop says false, and the
// source must not be closed.
func (a *ahead) stop(cancel func()) bool {
	a.mu.Lock()
	a.stopped, a.want = true, 0
	a.changed.Signal()
	if a.reading {
		cancel()
	}
	a.mu.Unlock()
	patience := time.NewTimer(stopGrace)
	defer patience.Stop()
	select {
	case <-a.done:
		unix.Close(a.bell)
		return true
	case <-patience.C:
		return false
	}
}
