package integration

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"brood/protocol"
	"brood/test/harness"
	"brood/worker/workertest"
)

// repository is an origin whose slow files stop in the middle until they are let go.
type repository struct {
	*httptest.Server
	asked atomic.Int64
	letGo func()
}

const imageSize = 400_000

func image(name string) []byte {
	b := make([]byte, imageSize)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ len(name))
	}
	return b
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	held := make(chan struct{})
	r := &repository{letGo: sync.OnceFunc(func() { close(held) })}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.asked.Add(1)
		name := strings.TrimPrefix(req.URL.Path, "/tree/")
		w.Header().Set("ETag", `"`+name+`"`)
		switch {
		case strings.HasPrefix(name, "none"):
			http.NotFound(w, req)
		case strings.HasPrefix(name, "cut") && req.Header.Get("Range") == "":
			w.Header().Del("ETag")
			w.Header().Set("Content-Length", fmt.Sprint(imageSize))
			w.Write(image(name)[:imageSize/2])
		case strings.HasPrefix(name, "slow") && req.Header.Get("Range") == "":
			w.Header().Set("Content-Length", fmt.Sprint(imageSize))
			w.Write(image(name)[:imageSize/2])
			w.(http.Flusher).Flush()
			<-held
			w.Write(image(name)[imageSize/2:])
		default:
			http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(image(name)))
		}
	}))
	t.Cleanup(r.Close)
	t.Cleanup(r.letGo)
	return r
}

// newMirror is a configuration whose content is the repository's.
func newMirror(t *testing.T, r *repository) *configured {
	t.Helper()
	c := newConfigured(t, "")
	c.cache()
	c.say(c.mirrors(r))
	return c
}

// cache makes the cache's directory where the server is no root that could.
func (c *configured) cache() {
	if harness.Race() {
		dir := filepath.Join(c.Dir, "cache")
		os.Mkdir(dir, 0o700)
		os.Chmod(dir, 0o777)
	}
}

func (c *configured) mirrors(r *repository) string {
	return fmt.Sprintf("content:\n  mirror: {origin: {url: %q}}\ncache: {dir: cache}\n", r.URL+"/tree/")
}

// halfway asks for a slow file and waits until half of it has come; finish waits for
// all of it.
func halfway(t *testing.T, s *harness.Server, file string) (finish func()) {
	t.Helper()
	half := make(chan struct{})
	w := &counting{at: imageSize / 3, reached: sync.OnceFunc(func() { close(half) })}
	done := make(chan error, 1)
	client := workertest.Client{Timeout: longTimeout, Options: []protocol.Option{{Name: "blksize", Value: "1400"}, {Name: "windowsize", Value: "8"}}}
	go func() {
		_, err := client.Get(t.Context(), s.Addr, file, w)
		done <- err
	}()
	select {
	case <-half:
	case err := <-done:
		t.Fatalf("%s ended after %d bytes: %v", file, w.Len(), err)
	}
	return func() {
		t.Helper()
		if err := <-done; err != nil || !bytes.Equal(w.Bytes(), image(file)) {
			t.Errorf("%s: %d bytes, %v; want %d", file, w.Len(), err, imageSize)
		}
	}
}

type counting struct {
	bytes.Buffer
	at      int
	reached func()
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.Buffer.Write(p)
	if c.Len() >= c.at {
		c.reached()
	}
	return n, err
}

func TestAnOriginsFilesAreServed(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	s := harness.Serve(t, "--config", newMirror(t, r).file)
	r.letGo()
	var clients sync.WaitGroup
	for range 20 {
		clients.Go(func() {
			if got, err := fetch(t, s, "slow-image"); err != nil || !bytes.Equal(got, image("slow-image")) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
	clients.Wait()
	if n := r.asked.Load(); n != 1 {
		t.Errorf("20 clients of one file cost %d requests", n)
	}
	for _, tt := range []struct {
		file   string
		code   protocol.ErrorCode
		detail string
	}{
		{"none", protocol.CodeNotFound, "404 Not Found"},
		{"../secret", protocol.CodeAccessViolation, "leads upwards"},
		{"cut", protocol.CodeUndefined, "gives nothing to resume it by"},
	} {
		client := workertest.Client{Timeout: longTimeout}
		_, err := client.Get(t.Context(), s.Addr, tt.file, io.Discard)
		if e, ok := err.(interface{ Unwrap() error }); !ok || !strings.Contains(err.Error(), tt.code.String()) {
			t.Errorf("%s: %v (%v), want ERROR %d", tt.file, err, e, tt.code)
		}
		if l := s.Session(tt.file); !strings.Contains(l.String("detail"), tt.detail) {
			t.Errorf("%s: logged %v, want %q", tt.file, l, tt.detail)
		}
	}
	r.Close()
	if got, err := fetch(t, s, "slow-image"); err != nil || !bytes.Equal(got, image("slow-image")) {
		t.Errorf("without the origin: %d bytes, %v", len(got), err)
	}
}

func TestADrainWaitsForWhatStillArrives(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	s := harness.Serve(t, "--config", newMirror(t, r).file)
	finish := halfway(t, s, "slow")
	s.Signal(syscall.SIGTERM)
	s.Wait("draining", nil)
	r.letGo()
	finish()
	if code := s.Exit(); code != 0 {
		t.Errorf("it ended with %d", code)
	}
}

// The old process's helper finishes what it has begun; the new one's has the cache.
func TestAnUpgradeHandsTheCacheOver(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	c := newMirror(t, r)
	u := harness.StartUpgradable(t, os.Environ(), "--config", c.file, "--broodctl", harness.Broodctl(t))
	if got, err := fetch(t, u.Server, "done"); err != nil || !bytes.Equal(got, image("done")) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	finish := halfway(t, u.Server, "slow")
	asked := r.asked.Load()
	u.Upgrade()
	u.WaitN(2, "a helper runs", nil)
	if got, err := fetch(t, u.Server, "done"); err != nil || !bytes.Equal(got, image("done")) {
		t.Errorf("after the upgrade: %d bytes, %v", len(got), err)
	}
	if n := r.asked.Load(); n != asked {
		t.Errorf("the new process asked the origin %d times for what was there", n-asked)
	}
	r.letGo()
	finish()
	u.Left(u.PID)
	if code := u.End(); code != 0 {
		t.Errorf("the old process ended with %d", code)
	}
}

func TestAReloadChangesWhereContentComesFrom(t *testing.T) {
	t.Parallel()
	first, second := newRepository(t), newRepository(t)
	c := newMirror(t, first)
	s := harness.Serve(t, "--config", c.file)
	gets := func(file string) {
		t.Helper()
		if got, err := fetch(t, s, file); err != nil || !bytes.Equal(got, image(file)) {
			t.Errorf("%s: %d bytes, %v", file, len(got), err)
		}
	}
	gets("a")
	finish := halfway(t, s, "slow")
	s.Signal(syscall.SIGHUP)
	s.WaitN(1, reloaded, nil)
	gets("b") // from where it came before, by the helper that there was
	if n := len(s.WaitN(1, "a helper runs", nil)); n != 1 {
		t.Errorf("%d helpers were started, though nothing has changed", n)
	}
	first.letGo()
	finish()
	c.say(c.mirrors(second))
	s.Signal(syscall.SIGHUP)
	s.WaitN(2, reloaded, nil)
	gets("c")
	if first.asked.Load() != 3 || second.asked.Load() != 1 {
		t.Errorf("the first was asked %d times, the second %d", first.asked.Load(), second.asked.Load())
	}
}

// The origin's content is stopped for a while, and so is the helper: nobody else
// notices, and the client waits.
func TestAHelperThatStandsStillCostsOnlyThoseWhoNeedIt(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	c := newConfigured(t, "")
	c.cache()
	c.Write("files/f", []byte("a file"))
	c.say("default: local\ncontent:\n  local: {files: {root: files}}\n  mirror: {origin: {url: \"" + r.URL + "/tree/\", strip-prefix: mirror}}\n" +
		"cache: {dir: cache}\nrules:\n  - {match: {file: [\"mirror/*\"]}, handler: mirror}\n")
	s := harness.Serve(t, "--config", c.file)
	if got, err := fetch(t, s, "mirror/a"); err != nil || !bytes.Equal(got, image("a")) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	helper := s.Wait("a helper runs", nil).Int("pid")
	syscall.Kill(helper, syscall.SIGSTOP)
	waiting := make(chan error, 1)
	go func() {
		got, err := fetch(t, s, "mirror/b")
		if err == nil && !bytes.Equal(got, image("b")) {
			err = fmt.Errorf("%d wrong bytes", len(got))
		}
		waiting <- err
	}()
	if !harness.Eventually(func() bool {
		return slices.ContainsFunc(harness.Children(s.PID), func(pid int) bool {
			return harness.Title(pid) == "brood: worker 127.0.0.1 mirror/b"
		})
	}) {
		t.Error("nobody waits for the helper")
	}
	for range 20 {
		if got, err := fetch(t, s, "f"); err != nil || string(got) != "a file" {
			t.Errorf("%q, %v", got, err)
		}
	}
	select {
	case err := <-waiting:
		t.Fatalf("who needs the helper did not wait: %v", err)
	default:
	}
	syscall.Kill(helper, syscall.SIGCONT)
	if err := <-waiting; err != nil {
		t.Error(err)
	}
}

// Its helper goes on for those that it has, as its workers do, and then ends.
func TestWhatStillArrivesOutlivesTheSupervisor(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	s := harness.Serve(t, "--config", newMirror(t, r).file)
	finish := halfway(t, s, "slow")
	helper := s.Wait("a helper runs", nil).Int("pid")
	s.Kill()
	r.letGo()
	finish()
	if !harness.Eventually(func() bool {
		state := harness.Status(helper, "State")
		return state == "" || strings.HasPrefix(state, "Z")
	}) {
		t.Errorf("the helper %d lives on", helper)
	}
}
