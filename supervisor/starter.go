package supervisor

import (
	"sync"
	"time"

	"brood/ipc/launch"
)

// order asks for one worker; it is called with what came of it.
type order = func(launch.Child, error)

// starter forks workers off the loop, one after the other: the runtime lets only
// one fork happen at a time in any case.
type starter struct {
	orders  chan order
	done    chan struct{}
	launch  *launch.Launch
	deliver func(func())
	renewed func() // for the loop: workers that start from now on may see other files
	// forking is held while there may be a child that the loop can't know of. All
	// starters have the same.
	forking *sync.Mutex
}

// newStarter starts a starter. Results go to deliver, for the loop.
func newStarter(l *launch.Launch, forking *sync.Mutex, deliver func(func()), renewed func()) *starter {
	st := &starter{orders: make(chan order, maxStarting+1), done: make(chan struct{}), launch: l, forking: forking, deliver: deliver, renewed: renewed}
	go func() {
		defer close(st.done)
		var left order
		for open := true; open; {
			over := make(chan struct{})
			launch.OnOwnThread(func() {
				defer close(over)
				left, open = st.work(left)
			})
			<-over
		}
	}()
	return st
}

// lookEvery is how often the starter looks whether paths lead elsewhere, at most: a
// look for each start was 5 % of the supervisor's CPU time.
const lookEvery = 100 * time.Millisecond

// work carries orders out, the one that was left over first. It returns when
// there will be no more, or, with the next one, when the thread is of no more use:
// it could not enter, or a path that workers may read leads elsewhere, and a
// thread that has entered a domain can't leave it.
func (st *starter) work(first order) (left order, open bool) {
	entered := st.launch.Enter()
	carryOut := func(o order) {
		st.forking.Lock()
		defer st.forking.Unlock()
		c, err := launch.Child{}, entered
		if err == nil {
			c, err = st.launch.Start()
		}
		st.deliver(func() { o(c, err) })
	}
	if first != nil {
		carryOut(first)
		if entered != nil {
			return nil, true
		}
	}
	var looked time.Time
	for o := range st.orders {
		if time.Since(looked) >= lookEvery {
			if st.launch.Moved() {
				if err := st.launch.Renew(); err == nil {
					st.deliver(st.renewed)
					return o, true
				} else if o != nil {
					st.deliver(func() { o(launch.Child{}, err) })
				}
				continue
			}
			looked = time.Now()
		}
		if o != nil {
			carryOut(o)
		}
		if entered != nil {
			return nil, true
		}
	}
	return nil, false
}

// start orders one worker. The loop never has more than maxStarting under way,
// so this does not block.
func (st *starter) start(done order) { st.orders <- done }

// look has the starter find out whether the paths of workers lead elsewhere, if
// it has the time.
func (st *starter) look() {
	if len(st.orders) == 0 {
		select {
		case st.orders <- nil:
		default:
		}
	}
}

// starterGrace is what the starter has to come to an end. It may be looking at a
// path on a share that hangs.
const starterGrace = 3 * time.Second

// close says whether the starter has ended.
func (st *starter) close() bool {
	close(st.orders)
	select {
	case <-st.done:
		return true
	case <-time.After(starterGrace):
		return false
	}
}
