package origin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/protocol"
	"brood/worker/origin"
	"brood/worker/workertest"
)

// text is n bytes that no shift leaves alike.
func text(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
}

// scene is a helper, and an origin that does what a test tells it.
type scene struct {
	*testing.T
	server   *httptest.Server
	requests atomic.Int64
	settings Settings

	helper *Helper
	ctx    context.Context // of the helper
	end    func()          // of it

	mu  sync.Mutex
	log []string
}

// newScene has an origin that answers so, and a helper for it. change may change how
// that is configured.
func newScene(t *testing.T, answer http.HandlerFunc, change func(*Settings)) *scene {
	t.Helper()
	s := &scene{T: t}
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		answer(w, r)
	}))
	t.Cleanup(s.server.Close)
	s.settings = Settings{Dir: t.TempDir(), Origins: []origin.Options{{URL: s.server.URL + "/tree/"}}}
	if change != nil {
		change(&s.settings)
	}
	s.start()
	t.Cleanup(func() { s.end() })
	return s
}

// start begins a helper, the first or another.
func (s *scene) start() {
	s.T.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	h, err := New(ctx, s.settings, s.note)
	if err != nil {
		cancel()
		s.Fatal(err)
	}
	h.cache.pause = time.Millisecond
	s.helper, s.ctx = h, ctx
	s.end = sync.OnceFunc(func() {
		cancel()
		h.guests.Wait()
		h.cache.mu.Lock()
		defer h.cache.mu.Unlock()
		if h.cache.lock != nil {
			h.cache.lock.Close() // as the process's end does
		}
	})
}

// restart ends the helper, as its process's end would, and begins another.
func (s *scene) restart() {
	s.T.Helper()
	s.end()
	s.start()
}

func (s *scene) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, fmt.Sprintf(format, args...))
}

func (s *scene) logged(part string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.log {
		if strings.Contains(line, part) {
			n++
		}
	}
	return n
}

// worker returns the handler of another worker.
func (s *scene) worker() *origin.Handler {
	s.T.Helper()
	ours, theirs, err := ipc.HelperPair()
	if err != nil {
		s.Fatal(err)
	}
	s.helper.Welcome(s.ctx, ours)
	s.Cleanup(func() { unix.Close(theirs) })
	h, err := origin.Over(theirs, s.settings.Origins[0].ForWorkers())
	if err != nil {
		s.Fatal(err)
	}
	return h
}

// get is what a client of another worker gets.
func (s *scene) get(file string, options ...protocol.Option) *workertest.Response {
	s.T.Helper()
	return workertest.Get(s, s.worker(), file, options...)
}

// gets wants that content.
func (s *scene) gets(file string, want []byte) {
	s.T.Helper()
	s.got(s.worker(), file, want)
}

func (s *scene) got(h *origin.Handler, file string, want []byte) {
	s.T.Helper()
	r := workertest.Get(s, h, file, protocol.Option{Name: "tsize", Value: "0"}, protocol.Option{Name: "blksize", Value: "1428"}, protocol.Option{Name: "windowsize", Value: "16"})
	if r.Err != nil || !bytes.Equal(r.Content, want) {
		s.Errorf("%s: %d bytes, ERROR %v (%s); want %d bytes", file, len(r.Content), r.Err, r.Detail, len(want))
	}
}

// fails wants an ERROR, and that reason in the log.
func (s *scene) fails(file string, code protocol.ErrorCode, reason string) {
	s.T.Helper()
	r := s.get(file)
	if r.Err == nil || r.Err.Code != code || !strings.Contains(r.Detail, reason) {
		s.Errorf("%s: %d bytes, ERROR %+v (%s); want ERROR %d and %q", file, len(r.Content), r.Err, r.Detail, code, reason)
	}
}

// asked wants that the origin was asked so often since the last time.
func (s *scene) asked(want int64) {
	s.T.Helper()
	if got := s.requests.Swap(0); got != want {
		s.Errorf("the origin was asked %d times, want %d", got, want)
	}
}

// idle waits until nothing is under way.
func (s *scene) idle() {
	s.T.Helper()
	if !eventually(func() bool {
		s.helper.cache.mu.Lock()
		defer s.helper.cache.mu.Unlock()
		for _, e := range s.helper.cache.entries {
			if e.flight != nil || e.body != nil && (e.body.users > 0 || e.body.growing()) {
				return false
			}
		}
		return true
	}) {
		s.Fatal("something is under way still")
	}
}

func eventually(ok func() bool) bool {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if ok() {
			return true
		}
	}
	return false
}

// serveText answers with so many bytes as a careful origin does, of that version.
func serveText(w http.ResponseWriter, r *http.Request, b []byte, etag string) {
	w.Header().Set("ETag", strconv.Quote(etag))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
}

func sha(b []byte) [32]byte { return sha256.Sum256(b) }
