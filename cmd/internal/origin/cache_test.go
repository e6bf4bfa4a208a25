package origin

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/protocol"
)

// versioned is an origin that has one file, of some version.
type versioned struct {
	n      atomic.Int64 // the version
	broken atomic.Bool
	gone   atomic.Bool
	asked  atomic.Int64 // unconditionally
}

func (v *versioned) content() []byte { return append(text(100_000), fmt.Sprint(v.n.Load())...) }

func (v *versioned) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case v.broken.Load():
		http.Error(w, "no", http.StatusBadGateway)
	case v.gone.Load():
		http.NotFound(w, r)
	default:
		if r.Header.Get("If-None-Match") == "" {
			v.asked.Add(1)
		}
		serveText(w, r, v.content(), fmt.Sprint(v.n.Load()))
	}
}

func always(s *Settings) { s.Origins[0].Fresh, s.Origins[0].Negative = -1, -1 }

func TestAFileIsAskedForAgainWhenItIsNotFreshAnyMore(t *testing.T) {
	t.Parallel()
	var v versioned
	s := newScene(t, v.ServeHTTP, always)
	for range 3 {
		s.gets("file", v.content())
		s.idle()
	}
	if n := v.asked.Load(); n != 1 {
		t.Errorf("its content was asked for %d times", n)
	}
	s.asked(3)
	v.n.Add(1)
	s.gets("file", v.content())
	s.idle()
	v.gone.Store(true)
	s.fails("file", protocol.CodeNotFound, "404")
	if files := s.files(); len(files) != 0 {
		t.Errorf("it is gone, and left %v", files)
	}
}

// files are those of the cache's directory.
func (s *scene) files() (names []string) {
	entries, err := os.ReadDir(s.settings.Dir)
	if err != nil {
		s.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "lock" {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestAnOriginThatFailsIsNoReasonNotToServe(t *testing.T) {
	t.Parallel()
	var v versioned
	s := newScene(t, v.ServeHTTP, always)
	s.gets("file", v.content())
	s.idle()
	v.broken.Store(true)
	for range 3 {
		s.gets("file", v.content())
	}
	s.asked(2) // and then not for a while
	s.fails("another", protocol.CodeUndefined, "502 Bad Gateway")
	s.server.Close()
	s.restart()
	s.gets("file", v.content())
}

func TestWhatIsStaleForTooLongIsNotServed(t *testing.T) {
	t.Parallel()
	var v versioned
	s := newScene(t, v.ServeHTTP, func(set *Settings) {
		always(set)
		set.Origins[0].StaleIfError = -1
	})
	s.gets("file", v.content())
	s.idle()
	v.broken.Store(true)
	s.fails("file", protocol.CodeUndefined, "502 Bad Gateway")
	v.broken.Store(false)
	s.helper.cache.forgetFailures()
	s.gets("file", v.content())
}

func (c *cache) forgetFailures() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.missing)
}

func TestTheCacheSurvivesARestart(t *testing.T) {
	t.Parallel()
	var v versioned
	s := newScene(t, v.ServeHTTP, nil)
	s.gets("file", v.content())
	s.idle()
	s.asked(1)
	s.restart()
	s.gets("file", v.content())
	s.asked(0)
	s.restart()
	s.damage(func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
	s.fails("file", protocol.CodeUndefined, "SHA-256")
	if !eventually(func() bool { return s.logged("damaged") == 1 }) {
		t.Errorf("the log says %q", s.log)
	}
	s.gets("file", v.content())
	s.asked(1)
	s.idle()
	s.end()
	s.damage(func(b []byte) []byte { return b[:len(b)-1] })
	s.start()
	s.gets("file", v.content())
	s.asked(1)
}

// damage changes the one file of the cache.
func (s *scene) damage(how func([]byte) []byte) {
	s.T.Helper()
	for _, name := range s.files() {
		if !strings.HasSuffix(name, recordSuffix) {
			path := filepath.Join(s.settings.Dir, name)
			b, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path, how(b), 0o600)
			}
			if err != nil {
				s.Fatal(err)
			}
		}
	}
}

func TestWhatCameInPartBeforeARestartIsResumed(t *testing.T) {
	t.Parallel()
	right := text(size)
	hold := make(chan struct{})
	var full atomic.Int64
	s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		if r.Header.Get("Range") != "" {
			serveText(w, r, right, "v1")
			return
		}
		full.Add(1)
		w.Header().Set("Content-Length", fmt.Sprint(size))
		w.Write(right[:size/2])
		w.(http.Flusher).Flush()
		<-hold
	}, nil)
	defer close(hold)
	b, err := s.helper.cache.open(t.Context(), s.helper.places[s.settings.Origins[0].URL], "file")
	if err != nil {
		t.Fatal(err)
	}
	eventually(func() bool { return b.reached() == size/2 })
	s.end()
	s.start()
	s.gets("file", right)
	if full.Load() != 1 {
		t.Errorf("it was asked for from its start %d times", full.Load())
	}
	s.idle()
	s.restart()
	s.gets("file", right)
	s.asked(2)
}

func TestTheLeastRecentlyUsedFilesMakeRoom(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(w http.ResponseWriter, r *http.Request) { serveText(w, r, text(100_000), "1") },
		func(set *Settings) { set.MaxSize = 350_000 })
	get := func(names ...string) {
		t.Helper()
		for _, name := range names {
			s.gets(name, text(100_000))
			s.idle()
		}
	}
	get("a", "b", "c", "a")
	s.asked(3)
	get("d") // in place of b
	get("a", "c", "d")
	s.asked(1)
	get("b") // in place of a
	s.restart()
	get("b", "c", "d")
	s.asked(1)
	if files := s.files(); len(files) != 6 || s.helper.cache.bytes != 300_000 {
		t.Errorf("%d bytes in %v", s.helper.cache.bytes, files)
	}
	s.end()
	s.settings.MaxSize = 250_000
	s.start()
	if s.helper.cache.bytes != 200_000 {
		t.Errorf("%d bytes after it was allowed less", s.helper.cache.bytes)
	}
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	var chunked atomic.Bool
	s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
		if !chunked.Load() {
			serveText(w, r, text(100_000), "1")
			return
		}
		for range 10 {
			w.Write(text(10_000))
			w.(http.Flusher).Flush()
		}
	}, func(set *Settings) { set.MaxSize = 99_999 })
	s.fails("file", protocol.CodeUndefined, "100000 bytes are more than the cache may hold, 99999")
	chunked.Store(true)
	s.fails("another", protocol.CodeUndefined, "full of what is being served")
	s.idle()
	if files := s.files(); len(files) != 0 || s.helper.cache.bytes != 0 {
		t.Errorf("%d bytes are accounted for %v", s.helper.cache.bytes, files)
	}
}

func TestAFullDiskCostsWhatComesInAndIsSaidOnce(t *testing.T) {
	t.Parallel()
	var v versioned
	s := newScene(t, v.ServeHTTP, nil)
	s.gets("before", v.content())
	s.idle()
	var full atomic.Bool
	full.Store(true)
	s.helper.cache.write = func(f *os.File, p []byte, at int64) (int, error) {
		if full.Load() && at+int64(len(p)) > 50_000 {
			n := max(0, 50_000-int(at))
			f.WriteAt(p[:n], at)
			return n, &fs.PathError{Op: "write", Path: f.Name(), Err: unix.ENOSPC}
		}
		return f.WriteAt(p, at)
	}
	for _, name := range []string{"one", "two"} {
		s.fails(name, protocol.CodeUndefined, "no space left on device")
	}
	full.Store(false)
	s.gets("three", v.content())
	s.idle()
	s.gets("one", v.content()) // from where it broke off
	if s.logged("does not take what is fetched") != 1 || s.logged("takes what is fetched again") != 1 {
		t.Errorf("the log says %q", s.log)
	}
}

func TestAMissingFileIsNotAskedForAgainAtOnce(t *testing.T) {
	t.Parallel()
	var v versioned
	v.gone.Store(true)
	s := newScene(t, v.ServeHTTP, nil)
	for range 3 {
		s.fails("file", protocol.CodeNotFound, "404")
	}
	s.asked(1)
	s.settings.Origins[0].Negative = -1
	s.restart()
	for range 3 {
		s.fails("file", protocol.CodeNotFound, "404")
	}
	s.asked(3)
	for i := range 2 * maxMissing {
		s.helper.cache.remember(fmt.Sprint(i), missing{time.Now().Add(time.Hour), errors.New("no")})
	}
	if n := len(s.helper.cache.missing); n > maxMissing {
		t.Errorf("%d missing files are remembered", n)
	}
}

func TestOneProcessHasADirectory(t *testing.T) {
	t.Parallel()
	right := text(size)
	hold := make(chan struct{})
	s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/tree/slow" {
			serveText(w, r, right, "1")
			return
		}
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Content-Length", fmt.Sprint(size))
		w.Write(right[:size/2])
		w.(http.Flusher).Flush()
		<-hold
		w.Write(right[size/2:])
	}, nil)
	s.gets("done", right)
	s.idle()
	old, oldWorker := s.helper, s.worker()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.got(oldWorker, "slow", right)
	}()
	eventually(func() bool { // it is coming in
		old.cache.mu.Lock()
		defer old.cache.mu.Unlock()
		e := old.cache.entries[idOf(s.settings.Origins[0].URL, "slow")]
		return e != nil && e.body != nil && e.body.reached() == size/2
	})
	started := make(chan struct{})
	go func() {
		defer close(started)
		s.start() // waits
	}()
	old.cache.retire()
	<-started
	close(hold)
	<-done
	s.asked(2)
	s.gets("done", right) // the next process has it
	s.asked(0)
	s.got(oldWorker, "slow", right) // the old one, too, though its file has no name
	s.got(oldWorker, "late", right)
	s.asked(1)
	if files := s.files(); len(files) != 2 {
		t.Errorf("the directory has %v, want one file and its record", files)
	}
}
