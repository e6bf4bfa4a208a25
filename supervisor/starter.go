package supervisor

// starter forks workers off the loop, one after the other: the runtime lets only
// one fork happen at a time in any case.
type starter struct {
	orders chan func(child, error)
	done   chan struct{}
}

// newStarter starts a starter. Results go to deliver, for the loop.
func newStarter(l *launch, deliver func(func())) *starter {
	st := &starter{orders: make(chan func(child, error), maxStarting), done: make(chan struct{})}
	onOwnThread(func() {
		defer close(st.done)
		marked := mark()
		for order := range st.orders {
			c, err := child{}, marked
			if err == nil {
				c, err = l.start()
			}
			deliver(func() { order(c, err) })
		}
	})
	return st
}

// start orders one worker. The loop never has more than maxStarting under way,
// so this does not block.
func (st *starter) start(done func(child, error)) { st.orders <- done }

func (st *starter) close() {
	close(st.orders)
	<-st.done
}
