package console

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"brood/cmd/broodctl/internal/console/machines"
	"brood/ipc/admin"
)

func TestMachinesAreWhatWasBeforeAndWhatHappens(t *testing.T) {
	t.Parallel()
	s := newScene(t, Options{})
	all := as[knownMachines](s, "/api/v1/machines")
	if !all.Watching || len(all.Machines) != 2 {
		t.Fatalf("the machines are %+v", all)
	}
	state := func(id string) machines.State { return as[knownMachine](s, "/api/v1/machines/"+id).State }
	m := as[knownMachine](s, "/api/v1/machines/52-54-00-12-34-56")
	if m.ID != "52:54:00:12:34:56" || m.State != machines.Loading || len(m.Boots) != 1 || len(m.Boots[0].Steps) != 2 || m.Last.File != "vmlinuz" || m.Last.Bytes != 1000 {
		t.Errorf("one of them is %+v", m)
	}
	s.world.happens(&admin.Event{Event: admin.EventEnded, Time: time.Now(), Ended: &admin.Ended{ID: 2, Peer: m.Address + ":2070", MAC: m.MAC, File: "vmlinuz", Received: m.Last.Received, Duration: 1, Outcome: "complete", Bytes: 5000, Size: 5000}})
	s.eventually("the kernel is got", func() bool { return as[knownMachine](s, "/api/v1/machines/192.0.2.7").Last.Outcome == "complete" })
	s.world.happens(&admin.Event{Event: admin.EventBegun, Time: time.Now(), Session: &admin.Session{ID: 9, Peer: "192.0.2.9:1", File: "pxelinux.0", State: "serving"}})
	s.eventually("another machine begins", func() bool { return len(as[knownMachines](s, "/api/v1/machines").Machines) == 3 })
	s.world.happens(&admin.Event{Event: admin.EventProgress, Time: time.Now(), Session: &admin.Session{ID: 9, Peer: "192.0.2.9:1", File: "pxelinux.0", State: "serving", Bytes: 512, Silence: 20}})
	s.eventually("it is stuck or not yet", func() bool { return as[knownMachine](s, "/api/v1/machines/192.0.2.9").Last.Bytes == 512 })
	if body := s.get("/api/v1/machines/192.0.2.99", http.StatusNotFound); !strings.Contains(body, "machine 192.0.2.99 has asked for nothing") {
		t.Errorf("one that is not known: %s", body)
	}
	// Another process of the server has forgotten all of it.
	s.world.changes(func() { s.world.sessions, s.world.history = nil, nil })
	s.world.happens(&admin.Event{Event: admin.EventGone, Time: time.Now(), Reason: admin.ReasonUpgraded})
	s.world.happens(nil)
	s.eventually("the server is heard again", func() bool {
		last := as[knownMachine](s, "/api/v1/machines/192.0.2.9")
		return last.Watching && last.Last.Outcome == machines.Unknown
	})
	if got := state("52:54:00:12:34:56"); got != machines.Between && got != machines.Booted {
		t.Errorf("the first one is %s", got)
	}
}

func TestWhatWasBeforeIsAskedForUntilItIsTold(t *testing.T) {
	t.Parallel()
	s := newScene(t, Options{})
	var asked atomic.Int64
	answer := s.server.Answer
	s.server.Answer = func(r admin.Request, say func(any) error) error {
		if r.Kind == admin.KindHistory {
			if asked.Add(1) == 1 {
				return &admin.Error{Code: admin.CodeBusy, Message: "too many clients"}
			}
		}
		return answer(r, say)
	}
	if all := as[knownMachines](s, "/api/v1/machines"); len(all.Machines) != 2 {
		t.Errorf("the machines are %+v", all)
	}
}
