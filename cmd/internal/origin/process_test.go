package origin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/protocol"
	"brood/supervisor"
	"brood/test/harness"
	"brood/worker"
	"brood/worker/origin"
	"brood/worker/workertest"
)

// serverEnv has the options of a server whose content is an origin's, and what its
// helper is configured with.
const serverEnv = "BROOD_TEST_SERVER"

// TestMain makes this executable four things: the tests, a server, its workers and
// its helper.
func TestMain(m *testing.M) {
	newHandler := func(config []byte) (worker.Handler, error) {
		var o origin.Options
		if err := json.Unmarshal(config, &o); err != nil {
			return nil, err
		}
		return origin.New(o)
	}
	if code, ok := worker.Dispatch(newHandler, worker.Options{}); ok {
		os.Exit(code)
	}
	if os.Getenv(ipc.RoleEnv) == ipc.RoleHelper {
		if err := Main(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if text := os.Getenv(serverEnv); text != "" {
		os.Exit(serve(text))
	}
	os.Exit(harness.Main(m))
}

func serve(text string) int {
	var s Settings
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return 1
	}
	config, err := s.Encode()
	if err != nil {
		return 1
	}
	worker, err := json.Marshal(s.Origins[0].ForWorkers())
	if err != nil {
		return 1
	}
	sandbox := supervisor.SandboxStrict
	if harness.Race() {
		sandbox = supervisor.SandboxOff // the detector does not run in it
	}
	return harness.Run(supervisor.Options{
		Sandbox:           sandbox,
		Config:            worker,
		MaxSessions:       4096,
		SessionsPerWorker: 20,
		MaxIdle:           16,
		Helpers:           []supervisor.Helper{{Name: "origin", Path: "/proc/self/exe", Config: config, Dir: s.Dir, Workers: true}},
	})
}

// process is a server of this origin, in processes of its own.
type process struct {
	*scene
	*harness.Server
}

func newProcess(t *testing.T, answer http.HandlerFunc) *process {
	t.Helper()
	p := &process{scene: newScene(t, answer, nil)}
	p.end() // the helper of a process is its own
	p.settings.Dir = harness.NewTree(t).Dir + "/cache"
	text, err := json.Marshal(p.settings)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(harness.Self(t))
	cmd.Env = append(os.Environ(), serverEnv+"="+string(text))
	p.Server = harness.Start(t, cmd)
	return p
}

func (p *process) download(file string, want []byte, options ...protocol.Option) error {
	client := workertest.Client{Options: options, Retries: 10}
	got := &compared{want: want}
	if _, err := client.Get(context.Background(), p.Addr, file, got); err != nil {
		return err
	}
	if len(got.want) > 0 {
		return fmt.Errorf("%d of %d bytes did not come", len(got.want), len(want))
	}
	return nil
}

// compared takes what is wanted, and keeps nothing: a thousand copies of a file are
// more than a machine has memory.
type compared struct{ want []byte }

func (c *compared) Write(p []byte) (int, error) {
	if !bytes.HasPrefix(c.want, p) {
		return 0, fmt.Errorf("%d bytes that are others, with %d to come", len(p), len(c.want))
	}
	c.want = c.want[len(p):]
	return len(p), nil
}

var fast = []protocol.Option{{Name: "blksize", Value: "1428"}, {Name: "windowsize", Value: "32"}, {Name: "tsize", Value: "0"}}

// helper is the pid of the helper process.
func (p *process) helperPID() int {
	p.T.Helper()
	lines := p.WaitN(1, "a helper runs", nil)
	return lines[len(lines)-1].Int("pid")
}

func TestManyClientsOfOneFileCauseOneDownload(t *testing.T) {
	t.Parallel()
	content := text(5 << 20)
	p := newProcess(t, func(w http.ResponseWriter, r *http.Request) { serveText(w, r, content, "1") })
	clients, options := 100, fast
	if n, err := strconv.Atoi(os.Getenv("BROOD_TEST_CLIENTS")); err == nil { // by hand
		clients, content = n, text(50<<20)
		options = []protocol.Option{{Name: "blksize", Value: "32768"}, {Name: "windowsize", Value: "4"}}
	}
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			if err := p.download("image", content, options...); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	p.asked(1)
	if c := p.Counters(); c.Int("completed") != clients || c.Int("failures") != 0 {
		t.Errorf("counters %v, want %d completed", c, clients)
	}
}

// A client whose content stops coming does not give up, nor does its session when the
// helper is killed meanwhile: the next helper resumes the download.
func TestASessionOutlivesItsHelper(t *testing.T) {
	t.Parallel()
	content := text(size)
	dead := make(chan struct{})
	p := newProcess(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" {
			serveText(w, r, content, "1")
			return
		}
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Content-Length", fmt.Sprint(size))
		w.Write(content[:size/2])
		w.(http.Flusher).Flush()
		<-dead
	})
	client := workertest.Client{Options: fast, Retries: 20}
	got := &watched{at: size / 4, reached: make(chan struct{})}
	done := make(chan error, 1)
	go func() {
		_, err := client.Get(context.Background(), p.Addr, "image", got)
		done <- err
	}()
	<-got.reached
	first := p.helperPID()
	unix.Kill(first, unix.SIGKILL)
	p.WaitN(2, "a helper runs", nil)
	close(dead)
	if err := <-done; err != nil || !bytes.Equal(got.Bytes(), content) {
		t.Errorf("%d bytes, %v; want %d", got.Len(), err, size)
	}
	p.asked(2)
	if l := p.Wait("a helper ended", nil); !strings.Contains(l.String("exit"), "SIGKILL") {
		t.Errorf("logged %v", l)
	}
}

// watched tells when so many bytes have come.
type watched struct {
	bytes.Buffer
	at      int
	reached chan struct{}
	once    sync.Once
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if w.Len() >= w.at {
		w.once.Do(func() { close(w.reached) })
	}
	return n, err
}
