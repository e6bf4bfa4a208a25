package feed

import (
	"encoding/json"
	"errors"
	"time"

	"brood/ipc/admin"
)

const (
	maxReaders = 16
	queueLen   = 1024 // messages that a reader has not taken yet
)

// What Read refuses with.
var (
	ErrCrowded = errors.New("there are too many readers of events already")
	ErrEnding  = errors.New("the console ends")
)

// Message is an event in the form that readers get it.
type Message struct {
	Number uint64 // rising; those that a reader does not want are missing
	Kind   admin.EventKind
	JSON   []byte // the event, on one line
}

func message(number uint64, e *admin.Event) *Message {
	b, err := json.Marshal(e)
	if err != nil { // a number that JSON has no word for
		b, _ = json.Marshal(&admin.Event{Event: e.Event, Time: e.Time, Reason: err.Error()})
	}
	return &Message{number, e.Event, b}
}

// Reader is told what happens.
type Reader struct {
	feed     *Feed
	queue    chan *Message
	progress bool
	cut      func()
}

// Read makes a reader, which is told first whether the server is heard. Cut is called
// when it is dropped, and must not wait.
func (f *Feed) Read(progress bool, cut func()) (*Reader, error) {
	f.Want()
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.ended:
		return nil, ErrEnding
	case len(f.readers) >= maxReaders:
		return nil, ErrCrowded
	}
	r := &Reader{f, make(chan *Message, queueLen), progress, cut}
	f.readers[r] = true
	if f.latest != nil {
		now := *f.latest
		now.Time = time.Now()
		r.tell(message(f.number, &now))
	}
	return r, nil
}

// tell queues a message, if there is room.
func (r *Reader) tell(m *Message) bool {
	select {
	case r.queue <- m:
		return true
	default:
		return false
	}
}

// Messages are what it is told. The channel is closed when the console ends, and says
// nothing more when the reader was dropped.
func (r *Reader) Messages() <-chan *Message { return r.queue }

// Leave ends it.
func (r *Reader) Leave() {
	r.feed.mu.Lock()
	defer r.feed.mu.Unlock()
	delete(r.feed.readers, r)
}

// Drop ends it because it does not read, and says so to who counts.
func (r *Reader) Drop() {
	r.feed.mu.Lock()
	defer r.feed.mu.Unlock()
	if r.feed.readers[r] {
		delete(r.feed.readers, r)
		r.feed.dropped++
	}
}
