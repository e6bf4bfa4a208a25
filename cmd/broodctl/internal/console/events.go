package console

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

const (
	keepAlive  = 15 * time.Second // between signs of life of the stream
	readWithin = 10 * time.Second // how long a reader may take for what it is sent
)

// past is a deadline that ends a write under way.
var past = time.Unix(1, 0)

// events are told to a reader until it leaves, is dropped, or the console ends.
func (c *Console) events(w http.ResponseWriter, r *http.Request) error {
	if err := onlyParameters(r, "progress"); err != nil {
		return err
	}
	progress := r.URL.Query().Get("progress")
	if progress != "" && progress != "0" && progress != "1" {
		return faultf(http.StatusBadRequest, "progress=%s: want 1 or 0", progress)
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep events until it has some KiB
	if r.Method == http.MethodHead {
		return nil
	}
	s := &stream{ResponseWriter: w, control: http.NewResponseController(w)}
	reader, err := c.feed.Read(progress == "1", s.cut)
	if err != nil {
		return faultf(http.StatusServiceUnavailable, "%v", err)
	}
	defer reader.Leave()
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	err = s.say("retry: 2000\n\n")
	for err == nil {
		select {
		case m, more := <-reader.Messages():
			if !more {
				return nil
			}
			err = s.say("id: %d\nevent: %s\ndata: %s\n\n", m.Number, m.Kind, m.JSON)
		case <-alive.C:
			err = s.say(": nothing new\n\n")
		case <-r.Context().Done():
			return nil
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) { // or it has left
		reader.Drop()
		c.log.say("console: a reader of events was dropped: it did not read", "client", r.RemoteAddr)
	}
	return nil
}

// stream is an answer that has no end of its own.
type stream struct {
	http.ResponseWriter
	control *http.ResponseController
	dropped atomic.Bool
}

// say sends a piece at once.
func (s *stream) say(format string, args ...any) error {
	s.control.SetWriteDeadline(time.Now().Add(readWithin))
	if s.dropped.Load() { // and the deadline was set after it
		return os.ErrDeadlineExceeded
	}
	if _, err := fmt.Fprintf(s, format, args...); err != nil {
		return err
	}
	return s.control.Flush()
}

// cut ends what is being sent.
func (s *stream) cut() {
	s.dropped.Store(true)
	s.control.SetWriteDeadline(past)
}
