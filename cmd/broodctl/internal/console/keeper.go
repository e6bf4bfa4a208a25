package console

import (
	"context"
	"sync"
	"time"

	"brood/cmd/broodctl/internal/console/feed"
	"brood/cmd/broodctl/internal/console/machines"
	"brood/ipc/admin"
)

const (
	maxPending = 8192        // events that are kept while the server is asked for what was before
	askAgain   = time.Second // when it could not be
)

// keeper has a table of machines, which it feeds with what the server remembers and
// then with what happens.
type keeper struct {
	catchUp func(context.Context) ([]admin.Session, []admin.Ended, error)

	mu      sync.Mutex
	table   *machines.Table
	turn    int            // changes when the server is heard, or not any more
	asking  bool           // for what was before
	pending []*admin.Event // that have come meanwhile
	known   chan struct{}  // closed when what was before is, for the first time
}

func newKeeper(catchUp func(context.Context) ([]admin.Session, []admin.Ended, error)) *keeper {
	return &keeper{catchUp: catchUp, table: machines.New(), known: make(chan struct{})}
}

// heed is told of each event in turn.
func (k *keeper) heed(e *admin.Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch e.Event {
	case admin.EventWatching:
		k.turn++
		k.asking, k.pending = true, nil
		go k.resume(k.turn)
	case admin.EventGone, feed.EventLost, feed.EventEnd:
		k.turn++
		k.settle() // what has come is true, whatever was before
		k.table.Lost(e.Time)
	default:
		if k.asking && len(k.pending) < maxPending {
			k.pending = append(k.pending, e)
			return
		}
		k.settle()
		k.apply(e)
	}
}

// resume asks for what was before, and has it come before what has happened since.
func (k *keeper) resume(turn int) {
	for {
		running, ended, err := k.catchUp(context.Background())
		if k.resumed(turn, running, ended, err) {
			return
		}
		time.Sleep(askAgain)
	}
}

// resumed says whether there is nothing more to ask.
func (k *keeper) resumed(turn int, running []admin.Session, ended []admin.Ended, err error) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.turn != turn {
		return true // it is not heard any more, or again
	}
	if err != nil {
		return false
	}
	k.table.Resume(time.Now(), running, ended)
	k.settle()
	select {
	case <-k.known:
	default:
		close(k.known)
	}
	return true
}

// settle applies what has come meanwhile. The caller has the lock.
func (k *keeper) settle() {
	for _, e := range k.pending {
		k.apply(e)
	}
	k.asking, k.pending = false, nil
}

func (k *keeper) apply(e *admin.Event) {
	switch {
	case e.Event == admin.EventBegun && e.Session != nil:
		k.table.Begun(e.Time, e.Session)
	case e.Event == admin.EventProgress && e.Session != nil:
		k.table.Progress(e.Time, e.Session)
	case e.Event == admin.EventEnded && e.Ended != nil:
		k.table.Ended(e.Ended)
	}
}

func (k *keeper) machines() []machines.Summary {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.table.Machines(time.Now())
}

func (k *keeper) machine(id string) (machines.Machine, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.table.Machine(time.Now(), id)
}
