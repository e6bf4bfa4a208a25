package console

import (
	"errors"
	"sync"
	"time"

	"brood/ipc/admin"
)

// world is what a server has to say.
type world struct {
	mu       sync.Mutex
	status   admin.Status
	sessions []admin.Session
	history  []admin.Ended
	refusal  *admin.Error // of what changes it
	watching map[chan *admin.Event]bool
}

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// newWorld has a server with everything that there can be.
func newWorld() *world {
	return &world{
		watching: make(map[chan *admin.Event]bool),
		status: admin.Status{
			Program: "brood 1.0", PID: 7, Since: noon, Uptime: 60, State: "serving", DrainLeft: 1.5, Generation: 1, LogLevel: "info", Sandbox: "strict",
			Listeners: []string{"127.0.0.1:69"}, Rules: []admin.Rule{{Prefix: "10.0.0.0/8", Until: noon, Left: 5}}, Clients: 1, Active: 2, Waiting: 1, MaxSessions: 1024,
			Durations:    admin.Histogram{Bounds: []float64{1}, Counts: []uint64{1, 0}, Sum: 0.5},
			FirstAnswers: admin.Histogram{Bounds: []float64{1}, Counts: []uint64{1, 0}, Sum: 0.5},
			Rates:        admin.Histogram{Bounds: []float64{1}, Counts: []uint64{1, 0}, Sum: 0.5},
		},
		sessions: []admin.Session{
			{ID: 2, Peer: "192.0.2.7:2070", Local: "192.0.2.1:4711", MAC: "52:54:00:12:34:56", File: "vmlinuz", Mode: "octet", State: "serving", Worker: 99, Age: 3, Size: 5000, Bytes: 1000},
			{ID: 3, Peer: "192.0.2.8:2070", Local: "192.0.2.1:4712", File: "<&>", Mode: "octet", State: "ending", Worker: 98, Size: -1},
			{ID: 4, Peer: "[2001:db8::7]:2070", Local: "2001:db8::1", File: "x", Mode: "netascii", State: "waiting", Size: -1},
		},
		history: []admin.Ended{
			{ID: 1, Peer: "192.0.2.7:2070", MAC: "52:54:00:12:34:56", File: "pxelinux.0", Mode: "octet", Received: time.Now().Add(-10 * time.Second), Duration: 0.5, Outcome: "complete", Detail: "x", Bytes: 26000, Size: 26000},
		},
	}
}

// answer is linktest's.
func (w *world) answer(r admin.Request, say func(any) error) error {
	w.mu.Lock()
	status, sessions, history, refusal := w.status, w.sessions, w.history, w.refusal
	w.mu.Unlock()
	switch r.Kind {
	case admin.KindStatus:
		return say(&status)
	case admin.KindSessions:
		return each(sessions, say)
	case admin.KindHistory:
		return each(history, say)
	case admin.KindEvents:
		return w.tell(say)
	}
	if refusal != nil {
		return refusal
	}
	return nil
}

func each[T any](all []T, say func(any) error) error {
	for i := range all {
		if err := say(&all[i]); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) tell(say func(any) error) error {
	events := make(chan *admin.Event, 10_000)
	w.mu.Lock()
	w.watching[events] = true
	w.mu.Unlock()
	err := say(&admin.Event{Event: admin.EventWatching, Time: time.Now()})
	for err == nil {
		e := <-events
		if e == nil {
			return errors.New("hung up")
		}
		err = say(e)
	}
	return err
}

// happens tells who watches; nil: the connection ends.
func (w *world) happens(e *admin.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for events := range w.watching {
		events <- e
		if e == nil {
			delete(w.watching, events)
		}
	}
}

// changes changes what there is.
func (w *world) changes(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}
