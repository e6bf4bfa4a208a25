package console

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"brood/ipc/admin"
)

// asking is a keeper that has asked what was before, and is told when a test tells it.
func asking() *keeper {
	k := newKeeper(func(context.Context) ([]admin.Session, []admin.Ended, error) { select {} })
	k.heed(&admin.Event{Event: admin.EventWatching, Time: noon})
	return k
}

func asks(id uint64, address string) *admin.Event {
	return &admin.Event{Event: admin.EventBegun, Time: noon, Session: &admin.Session{ID: id, Peer: address + ":1", File: "f", State: "serving"}}
}

func (k *keeper) knows(address string) bool {
	_, ok := k.machine(address)
	return ok
}

func TestWhatHappensWhileItIsAskedWhatWasBefore(t *testing.T) {
	t.Parallel()
	k := asking()
	k.heed(asks(1, "192.0.2.1"))
	if k.knows("192.0.2.1") {
		t.Error("it is told before what was before it")
	}
	if k.resumed(1, nil, nil, errors.New("busy")) || !k.resumed(1, nil, nil, nil) || !k.knows("192.0.2.1") {
		t.Error("it is not told once that is known")
	}

	k = asking()
	k.heed(asks(1, "192.0.2.1"))
	k.heed(&admin.Event{Event: admin.EventGone, Time: noon})
	if !k.knows("192.0.2.1") {
		t.Error("it is forgotten when the server goes meanwhile")
	}
	if !k.resumed(1, []admin.Session{{ID: 2, Peer: "192.0.2.2:1", File: "f", State: "serving"}}, nil, nil) || k.knows("192.0.2.2") {
		t.Error("what a server has said that is gone is taken for what is")
	}
}

func TestNoMoreIsKeptThanABound(t *testing.T) {
	t.Parallel()
	k := asking()
	for i := range maxPending + 1 {
		k.heed(asks(uint64(i), fmt.Sprintf("10.0.%d.%d", i/200, i%200)))
	}
	if len(k.pending) > 0 || !k.knows(fmt.Sprintf("10.0.%d.%d", maxPending/200, maxPending%200)) {
		t.Errorf("%d events wait", len(k.pending))
	}
}
