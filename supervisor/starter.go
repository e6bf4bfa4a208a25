package supervisor

import (
	"sync"

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
	// forking is held while there may be a child that the loop can't know of.
	forking sync.Mutex
}

// newStarter starts a starter. Results go to deliver, for the loop.
func newStarter(l *launch.Launch, deliver func(func())) *starter {
	st := &starter{orders: make(chan order, maxStarting), done: make(chan struct{}), launch: l, deliver: deliver}
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

// work carries orders out, the one that was left over first. It returns when
// there will be no more, or, with the next one, when a path that workers may read
// leads elsewhere: a thread that has entered a domain can't leave it.
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
	}
	for o := range st.orders {
		if st.launch.Moved() && st.launch.Renew() == nil { // if not, workers see what they saw before
			return o, true
		}
		carryOut(o)
	}
	return nil, false
}

// start orders one worker. The loop never has more than maxStarting under way,
// so this does not block.
func (st *starter) start(done order) { st.orders <- done }

func (st *starter) close() {
	close(st.orders)
	<-st.done
}
