package faults

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"brood/protocol"
	"brood/test/harness"
	"brood/worker/client"
	"brood/worker/workertest"
)

// storm is a number of clients, each with an address and a file of its own, that
// fetch one after the other without a pause and look at every byte.
type storm struct {
	t      *testing.T
	client workertest.Client
	to     atomic.Pointer[netip.AddrPort] // the server
	files  map[string][]byte
	ended  atomic.Bool
	wg     sync.WaitGroup

	served   atomic.Int64 // whole
	told     atomic.Int64 // by ERROR
	silent   atomic.Int64 // heard nothing any more
	wrong    atomic.Int64 // got something else
	repeated atomic.Int64 // requests

	mu    sync.Mutex
	first error // that was not whole
}

// newStorm writes the clients' files, of up to 300 KB, into a directory of the tree.
func newStorm(t *testing.T, tree *harness.Tree, dir string, clients int) *storm {
	t.Helper()
	st := &storm{
		t:      t,
		client: workertest.Client{Options: []protocol.Option{{Name: "blksize", Value: "1428"}}, Retries: 15},
		files:  make(map[string][]byte),
	}
	for i := range clients {
		name := fmt.Sprint("client-", i)
		st.files[name] = tree.File(dir+"/"+name, 1000+rand.IntN(300_000))
	}
	return st
}

func (st *storm) start(server netip.AddrPort) {
	st.to.Store(&server)
	i := 0
	for name, want := range st.files {
		client := st.client
		client.Local = netip.AddrFrom4([4]byte{127, 1, byte(i / 250), byte(1 + i%250)})
		i++
		st.wg.Go(func() {
			for n := 0; !st.ended.Load(); n++ {
				st.fetch(client, name, want, n)
			}
		})
	}
}

func (st *storm) fetch(c workertest.Client, name string, want []byte, n int) {
	// No two requests are the same: one that crashes its worker again and again is
	// not served for a while, which is not what is tried here.
	c.Options = append([]protocol.Option{{Name: "try", Value: fmt.Sprint(n)}}, c.Options...)
	var got bytes.Buffer
	result, err := c.Get(st.t.Context(), *st.to.Load(), name, &got)
	var e *protocol.Error
	var gone *client.Error
	switch {
	case errors.As(err, &gone) && gone.Outcome == protocol.PeerGone && !gone.Answered:
		st.repeated.Add(1) // nobody listens just now: a boot ROM goes on asking
		return
	case err == nil && bytes.Equal(got.Bytes(), want):
		st.served.Add(1)
	case err == nil:
		st.wrong.Add(1)
		err = fmt.Errorf("%s: %d bytes that are not the file's %d", name, got.Len(), len(want))
	case errors.As(err, &e):
		st.told.Add(1)
	default:
		st.silent.Add(1)
	}
	if result != nil && result.Requests > 1 {
		st.repeated.Add(1)
	}
	if err != nil {
		st.mu.Lock()
		defer st.mu.Unlock()
		if st.first == nil {
			st.first = err
		}
	}
}

// more waits until n further sessions have been served.
func (st *storm) more(n int) {
	st.t.Helper()
	before := st.served.Load()
	if !harness.Eventually(func() bool { return st.served.Load() >= before+int64(n) }) {
		st.t.Fatalf("%d sessions were served in all that time, want %d more; the first that was not: %v",
			st.served.Load()-before, n, st.firstError())
	}
}

func (st *storm) firstError() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.first
}

// end stops the clients, each after what it is at.
func (st *storm) end() {
	st.ended.Store(true)
	st.wg.Wait()
}

// nobodyLost fails the test if a client got something wrong, or heard nothing any
// more, or was told of more failures than may be.
func (st *storm) nobodyLost(told int) {
	st.t.Helper()
	if st.wrong.Load() > 0 || st.silent.Load() > 0 || st.told.Load() > int64(told) {
		st.t.Errorf("%d served, %d told by ERROR (at most %d may be), %d left without a word, %d got something else; the first: %v",
			st.served.Load(), st.told.Load(), told, st.silent.Load(), st.wrong.Load(), st.firstError())
	}
}

func (st *storm) String() string {
	return fmt.Sprintf("%d clients: %d files whole, %d told by ERROR, %d left without a word, %d wrong; %d asked again",
		len(st.files), st.served.Load(), st.told.Load(), st.silent.Load(), st.wrong.Load(), st.repeated.Load())
}

// every calls f again and again, at that pace, n times.
func every(d time.Duration, n int, f func(i int)) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for i := range n {
		<-tick.C
		f(i)
	}
}
