package origin

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"brood/protocol"
)

// impatient makes a helper give an origin so much time, which is less than can be
// configured.
func (s *scene) impatient(timeout time.Duration) {
	for _, p := range s.helper.places {
		p.Timeout = timeout
	}
}

func TestAnOriginThatFallsSilentIsAskedForTheRest(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" {
			serveText(w, r, text(size), "1")
			return
		}
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Content-Length", fmt.Sprint(size))
		w.Write(text(size)[:size/2])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}, nil)
	s.impatient(time.Second) // enough for the rest to come on a loaded machine
	s.gets("file", text(size))
}

func TestAnOriginThatNeverAnswersIsGivenUp(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, nil)
	s.impatient(10 * time.Millisecond)
	s.fails("file", protocol.CodeUndefined, "no answer within 20ms")
	s.server.Close()
	s.restart() // with all the patience that it takes to hear that nobody listens
	s.fails("another", protocol.CodeUndefined, "connection refused")
}

// It gives a little at a time, and the client gets it as it comes.
func TestAnOriginThatIsSlowIsServedAsItComes(t *testing.T) {
	t.Parallel()
	const pieces = 200
	var given atomic.Int64
	s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(pieces*100))
		for i := range pieces {
			w.Write(text(pieces * 100)[i*100 : (i+1)*100])
			w.(http.Flusher).Flush()
			given.Add(1)
		}
	}, nil)
	s.gets("file", text(pieces*100))
	if given.Load() != pieces {
		t.Errorf("%d pieces were given", given.Load())
	}
}

// Until the digest is known to be right the last block is not sent, whatever else is.
func TestTheLastBlockWaitsForTheDigest(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 511, 512, 513, 51_200} {
		content := text(n)
		wrong := append([]byte{}, content...)
		wrong[n-1] ^= 1
		s := newScene(t, func(w http.ResponseWriter, r *http.Request) { serveText(w, r, wrong, "1") }, func(set *Settings) {
			set.Origins[0].SHA256 = map[string]string{"file": fmt.Sprintf("%x", sha(content))}
		})
		r := s.get("file")
		if r.Err == nil || len(r.Content) > (n-1)/512*512 {
			t.Errorf("of %d bytes, of which the last is wrong, %d came, ERROR %v", n, len(r.Content), r.Err)
		}
	}
	s := newScene(t, func(w http.ResponseWriter, r *http.Request) { serveText(w, r, nil, "1") }, nil)
	s.gets("empty", nil)
	s = newScene(t, func(w http.ResponseWriter, r *http.Request) { serveText(w, r, nil, "1") }, func(set *Settings) {
		set.Origins[0].SHA256 = map[string]string{"empty": fmt.Sprintf("%x", sha([]byte("content")))}
	})
	s.fails("empty", protocol.CodeUndefined, "its SHA-256 is")
}
