package integration

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"brood/protocol"
	"brood/test/harness"
)

// consoleOf is where a server's console answers, and its process.
func consoleOf(t *testing.T, s *harness.Server) (url string, pid int) {
	t.Helper()
	l := s.Wait("a helper runs", func(l harness.Line) bool { return l.String("helper") == "console" })
	return "http://" + l.String("address"), l.Int("pid")
}

// serveHTTP is harness.Serve with a console.
func serveHTTP(t *testing.T, tree *harness.Tree, flags ...string) *harness.Server {
	t.Helper()
	return harness.Serve(t, append(flags, "--root", tree.Dir, "--http", ":0", "--broodctl", harness.Broodctl(t))...)
}

// scraped is what a console's metrics say.
type scraped map[string]string

// scrape asks over a connection of its own: another console may have the next one.
func scrape(t *testing.T, url string) scraped {
	t.Helper()
	code, body := request(t, http.MethodGet, url+"/metrics", "", "")
	if code != http.StatusOK {
		t.Fatalf("metrics: %d: %s", code, body)
	}
	all := make(scraped)
	for line := range strings.Lines(body) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(line, "#") {
			all[name] = value
		}
	}
	return all
}

func request(t *testing.T, method, url, token, body string) (code int, answer string) {
	t.Helper()
	code, answer, err := try(method, url, token, body)
	if err != nil {
		t.Fatal(err)
	}
	return code, answer
}

// try is request where who answers may be killed meanwhile.
func try(method, url, token, body string) (code int, answer string, err error) {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Close = true
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

func TestAConsoleIsStartedAndStartedAgain(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	want := tree.File("f", 1000)
	s := serveHTTP(t, tree)
	url, pid := consoleOf(t, s)
	if !strings.HasPrefix(url, "http://127.0.0.1:") {
		t.Errorf("without an address it listens on %s", url)
	}
	if n := fleet(t, s, "f", want, 5, 5); n != 5 {
		t.Errorf("%d of 5 clients are content", n)
	}
	counted := func() bool { return scrape(t, url)["brood_content_bytes_total"] == "5000" }
	if !harness.Eventually(counted) {
		t.Errorf("the metrics are %v", scrape(t, url))
	}
	// Whoever has its account, as other helpers do, reaches neither its memory nor its
	// descriptors: /proc has them as root's.
	if info, err := os.Stat(fmt.Sprintf("/proc/%d/fd", pid)); err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
		t.Errorf("others of its account reach its descriptors: %+v, %v", info, err)
	}
	// What it says is the server's, not its own.
	syscall.Kill(pid, syscall.SIGKILL)
	s.Wait("a helper ended", nil) // or it might accept once more
	if !counted() {
		t.Errorf("after it was killed the metrics are %v", scrape(t, url))
	}
	if next := s.WaitN(2, "a helper runs", func(l harness.Line) bool { return l.String("helper") == "console" }); next[1].Int("pid") == pid {
		t.Errorf("process %d was killed, and runs", pid)
	}
	if harness.Root() {
		uid := strings.Fields(harness.Status(s.Wait("a helper runs", func(l harness.Line) bool { return l.Int("pid") != pid }).Int("pid"), "Uid"))[0]
		if server := strings.Fields(harness.Status(s.PID, "Uid"))[0]; uid == "0" || uid == server {
			t.Errorf("it runs as uid %s, the server as %s", uid, server)
		}
	}
	if code := s.Stop(); code != 0 {
		t.Errorf("the server exits %d", code)
	}
}

func TestAConsoleThatCantBeHadFailsTheStart(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	short := tokenFile(t, "secret")
	dir := filepath.Dir(short)
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		flags []string
		want  string
	}{
		"a port in use":                 {[]string{"--http", taken.Addr().String()}, "address already in use"},
		"no address":                    {[]string{"--http", "9069"}, "want ADDRESS:PORT"},
		"a token without http":          {[]string{"--http-token", short}, "--http-token without --http"},
		"a token that is short":         {[]string{"--http", ":0", "--http-token", short}, "the token has 6 characters: want 16 to 1024"},
		"a token that is not":           {[]string{"--http", ":0", "--http-token", short + "er"}, "no such file"},
		"a token in a FIFO":             {[]string{"--http", ":0", "--http-token", fifo}, "want a file"},
		"a broodctl that is not":        {[]string{"--http", ":0", "--broodctl", dir + "/none"}, "no such file"},
		"a broodctl that is no program": {[]string{"--http", ":0", "--broodctl", short}, "want a program"},
		"a token, a directory":          {[]string{"--http", ":0", "--http-token", dir}, "want a file"},
	} {
		cmd := harness.Command(t, append([]string{"serve", "--listen", "127.0.0.1:0", "--root", dir, "--broodctl", harness.Broodctl(t)}, tt.flags...)...)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), tt.want) || strings.Contains(string(out), "secret") {
			t.Errorf("%s: %v\n%s\nwant %q", name, err, out, tt.want)
		}
	}
}

func TestAConsoleThatWaitsForItsTokenCanBeEnded(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "token")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), harness.Broodctl(t), "console", "--listen", "127.0.0.1:0", "--token-file", fifo)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(fifo, os.O_WRONLY, 0) // done when it reads there
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	if s := cmd.ProcessState.Sys().(syscall.WaitStatus); !s.Signaled() || s.Signal() != syscall.SIGTERM {
		t.Errorf("it ended so: %v", cmd.ProcessState)
	}
}

// tokenFile is one that the server can read, whoever it runs as.
func tokenFile(t *testing.T, token string) (path string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "brood-token-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path = filepath.Join(dir, "token")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(path, []byte(token+"\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAConsoleChangesNothingWithoutAToken(t *testing.T) {
	t.Parallel()
	first, second := strings.Repeat("first-token", 4), strings.Repeat("other-token", 4)
	file := tokenFile(t, first)
	s := serveHTTP(t, harness.NewTree(t), "--http-token", file)
	url, before := consoleOf(t, s)
	rule := `{"prefix":"192.0.2.0/24","allow":false,"seconds":60}`
	for token, want := range map[string]int{"": http.StatusUnauthorized, second: http.StatusUnauthorized, first: http.StatusOK} {
		if code, body := request(t, http.MethodPut, url+"/api/v1/rules", token, rule); code/100 != want/100 || want != http.StatusOK && code != want {
			t.Errorf("with the token %q: %d %s, want %d", token, code, body, want)
		}
	}
	if !harness.Eventually(func() bool { return scrape(t, url)["brood_rules"] == "1" }) {
		t.Error("the rule is not in force")
	}
	s.Wait("an operator asks", func(l harness.Line) bool { return l.String("result") == "done" })
	// A reload reads it anew.
	if err := os.WriteFile(file, []byte(second), 0o644); err != nil {
		t.Fatal(err)
	}
	s.Signal(syscall.SIGHUP)
	s.WaitN(2, "a helper runs", func(l harness.Line) bool { return l.String("helper") == "console" })
	// The console of before may answer for another moment.
	s.Wait("a helper ended", func(l harness.Line) bool { return l.Int("pid") == before })
	if code, _ := request(t, http.MethodPut, url+"/api/v1/rules", first, rule); code != http.StatusUnauthorized {
		t.Errorf("with the old token: %d", code)
	}
	if code, body := request(t, http.MethodPut, url+"/api/v1/rules", second, rule); code/100 != 2 {
		t.Errorf("with the new token: %d %s", code, body)
	}
	for _, l := range s.Log() {
		if text := fmt.Sprint(l); strings.Contains(text, first) || strings.Contains(text, second) {
			t.Errorf("the log tells the token: %s", text)
		}
	}

	open := serveHTTP(t, harness.NewTree(t))
	url, _ = consoleOf(t, open)
	if code, body := request(t, http.MethodPut, url+"/api/v1/rules", first, rule); code != http.StatusForbidden || !strings.Contains(body, "http-token") {
		t.Errorf("where there is no token: %d %s", code, body)
	}
}

// Where it answers is what the last reload that succeeded has said.
func TestAReloadMovesAConsole(t *testing.T) {
	t.Parallel()
	content := "content:\n  one: {files: {root: one}}\n"
	c := newConfigured(t, content+"http: 127.0.0.1:0\n")
	c.Write("one/f", []byte("f"))
	s := harness.Serve(t, "--config", c.file)
	url, _ := consoleOf(t, s)
	reloads := 0
	reload := func(text string) {
		t.Helper()
		reloads++
		c.say(content + text)
		s.Signal(syscall.SIGHUP)
		s.WaitN(reloads, reloaded, nil)
	}
	refuses := func(url string) {
		t.Helper()
		if !harness.Eventually(func() bool {
			conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
			if err == nil {
				conn.Close()
			}
			return errors.Is(err, syscall.ECONNREFUSED)
		}) {
			t.Errorf("somebody listens at %s still", url)
		}
	}

	reload("http: 127.0.0.2:0\n")
	before := url
	url = "http://" + s.WaitN(2, "a helper runs", nil)[1].String("address")
	if !strings.HasPrefix(url, "http://127.0.0.2:") || scrape(t, url)["brood_config_generation"] != "2" {
		t.Errorf("after a reload it is at %s", url)
	}
	refuses(before)

	taken, err := net.Listen("tcp", "127.0.0.3:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c.say(content + "http: " + taken.Addr().String() + "\n")
	s.Signal(syscall.SIGHUP)
	if why := s.Wait(notReloaded, nil).String("why"); !strings.Contains(why, "address already in use") {
		t.Errorf("not reloaded because %q", why)
	}
	if !harness.Eventually(func() bool { return scrape(t, url)["brood_reload_failed"] == "1" }) {
		t.Error("the metrics do not say that a reload has failed")
	}

	reload("http: 127.0.0.2:0\nmax-blksize: 600\n")
	reload("http: 127.0.0.2:0\nmax-blksize: 700\n")
	syscall.Kill(latestConsole(s), syscall.SIGKILL)
	s.Wait("a helper ended", nil)
	if !harness.Eventually(func() bool { return scrape(t, url)["brood_config_generation"] == "4" }) {
		t.Errorf("the port is not its any more, though reloads left it as it was: %v", scrape(t, url))
	}
	if n := len(s.WaitN(3, "a helper runs", nil)); n != 3 {
		t.Errorf("%d consoles were started, want one for each address, and one for the one that was killed", n)
	}

	reload("")
	refuses(url)
}

// Its port goes along at an upgrade: nobody who connects is refused.
func TestAConsoleIsThereAcrossUpgrades(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 1500)
	u := harness.StartUpgradable(t, nil, "--root", tree.Dir, "--http", ":0", "--broodctl", harness.Broodctl(t), "--timeout", "60s")
	url, pid := consoleOf(t, u.Server)
	peer := harness.NewPeer(t, "127.0.0.1")
	peer.Send(u.Addr, harness.RRQ("f"))
	peer.Data(1)
	done := make(chan struct{})
	failed := make(chan error, 1)
	go func() {
		defer close(failed)
		for {
			select {
			case <-done:
				return
			default:
			}
			r, _ := http.NewRequest(http.MethodGet, url+"/healthz", nil)
			r.Close = true
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				failed <- err
				return
			}
			resp.Body.Close()
		}
	}()
	began := scrape(t, url)["brood_start_time_seconds"]
	for range 3 {
		u.Upgrade()
		before := began
		if !harness.Eventually(func() bool {
			began = scrape(t, url)["brood_start_time_seconds"]
			return began != before
		}) {
			t.Fatalf("the server that began at %s answers after an upgrade", before)
		}
	}
	close(done)
	if err := <-failed; err != nil {
		t.Errorf("a client in between: %v", err)
	}
	u.Left(pid) // though its server has a session still
	giveUp(peer, protocol.CodeDiskFull)
	// Until a process has taken over nobody is to hear how it is.
	u.WaitN(4, "a helper runs", nil)
	consoles, over := 0, 1
	for _, l := range u.Log() {
		switch l.Message() {
		case "taken over":
			over++
		case "a helper runs":
			if consoles++; consoles > over {
				t.Errorf("console %d is started before its server has taken over", consoles)
			}
		}
	}
}

// Whatever happens to a console, each client of the server gets what it asks for.
func TestWhateverHappensToAConsoleChangesNothingForClients(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	content := tree.File("f", 100_000)
	for _, tt := range []struct {
		name string
		// begin does something to a console, until it is told that it is enough.
		begin func(url string, pid func() int, enough <-chan struct{})
	}{
		{"killed over and over", func(_ string, pid func() int, enough <-chan struct{}) {
			ticks := time.NewTicker(20 * time.Millisecond)
			defer ticks.Stop()
			for killed := 0; ; {
				select {
				case <-ticks.C:
					if next := pid(); next != killed { // or it may be somebody else's by now
						syscall.Kill(next, syscall.SIGKILL)
						killed = next
					}
				case <-enough:
					return
				}
			}
		}},
		{"stopped, while many wait for it", func(url string, pid func() int, enough <-chan struct{}) {
			stopped := pid()
			syscall.Kill(stopped, syscall.SIGSTOP)
			defer syscall.Kill(stopped, syscall.SIGCONT)
			many(t, url, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", enough)
		}},
		{"flooded", func(url string, _ func() int, enough <-chan struct{}) {
			many(t, url, strings.Repeat("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 1000), enough)
		}},
		{"told nonsense", func(url string, _ func() int, enough <-chan struct{}) {
			many(t, url, strings.Repeat("\x16\x03\x01\x02\x00", 1000), enough)
		}},
		{"told half a request by many", func(url string, _ func() int, enough <-chan struct{}) {
			many(t, url, "GET /metrics HTTP/1.1\r\nHost:", enough)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := serveHTTP(t, tree)
			url, _ := consoleOf(t, s)
			enough, over := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(over)
				tt.begin(url, func() int { return latestConsole(s) }, enough)
			}()
			if n := fleet(t, s, "f", content, 100, 10); n != 100 {
				t.Errorf("%d of 100 clients were served right", n)
			}
			close(enough)
			<-over
			// And it is there again.
			var body string
			var err error
			if !harness.Eventually(func() bool {
				_, body, err = try(http.MethodGet, url+"/metrics", "", "")
				return strings.Contains(body, "\nbrood_sessions_ended_total{outcome=\"completed\"} 100\n")
			}) {
				t.Errorf("the metrics are %s, %v", body, err)
			}
			if c := s.Counters(); c.Int("completed") != 100 || c.Int("worker-failures") != 0 {
				t.Errorf("100 sessions are counted as %v", c)
			}
		})
	}
}

// latestConsole is the process of the one that was started last.
func latestConsole(s *harness.Server) (pid int) {
	for _, l := range s.Log() {
		if l.Message() == "a helper runs" {
			pid = l.Int("pid")
		}
	}
	return pid
}

// many connections say something, as often as they are let, and read nothing, until
// enough is closed.
func many(t *testing.T, url, what string, enough <-chan struct{}) {
	addr := strings.TrimPrefix(url, "http://")
	var all []net.Conn
	var writing sync.WaitGroup
	for range 80 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Error(err)
			break
		}
		all = append(all, conn)
		writing.Go(func() {
			for _, err := io.WriteString(conn, what); err == nil && len(what) > 1000; {
				_, err = io.WriteString(conn, what)
			}
		})
	}
	<-enough
	for _, conn := range all {
		conn.Close()
	}
	writing.Wait()
}
