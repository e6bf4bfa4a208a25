package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"brood/ipc/admin"
	"brood/protocol"
	"brood/test/harness"
	"brood/worker/workertest"
)

// operator runs commands of broodctl against a server.
type operator struct {
	t    *testing.T
	path string
	as   []string // that comes before the command
}

func (o *operator) command(args ...string) *exec.Cmd {
	line := append(append([]string{}, o.as...), append([]string{harness.Broodctl(o.t)}, args...)...)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(os.Environ(), "BROOD_ADMIN="+o.path)
	return cmd
}

func (o *operator) run(args ...string) (code int, stdout, stderr string) {
	o.t.Helper()
	cmd := o.command(args...)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	code = exitCode(cmd.Run())
	return code, out.String(), err.String()
}

// do runs a command that must do what it is for.
func (o *operator) do(args ...string) (stdout string) {
	o.t.Helper()
	code, stdout, stderr := o.run(args...)
	if code != 0 || stderr != "" {
		o.t.Errorf("broodctl %q exits %d\nstdout: %s\nstderr: %s", args, code, stdout, stderr)
	}
	return stdout
}

// drains ends the server. How many sessions are left is said every two seconds, to who
// has to wait so long.
func (o *operator) drains() {
	o.t.Helper()
	code, stdout, stderr := o.run("drain", "--wait")
	for line := range strings.Lines(stderr) {
		if !strings.Contains(line, " sessions are left, ") {
			o.t.Errorf("broodctl drain says %q", line)
		}
	}
	if code != 0 || stdout != "" {
		o.t.Errorf("broodctl drain exits %d\nstdout: %s\nstderr: %s", code, stdout, stderr)
	}
}

func read[T any](o *operator, args ...string) (v T) {
	o.t.Helper()
	text := o.do(append(args, "--json")...)
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		o.t.Fatalf("broodctl %q prints what is no JSON: %v\n%s", args, err, text)
	}
	return v
}

// watch has each called with what happens from now on, until the server leaves who
// watches, which wait returns.
func (o *operator) watch(each func(admin.Event)) (cmd *exec.Cmd, wait func() error) {
	o.t.Helper()
	cmd = o.command("sessions", "--watch", "--json")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		o.t.Fatal(err)
	}
	told, first := json.NewDecoder(out), admin.Event{}
	if err := told.Decode(&first); err != nil || first.Event != admin.EventWatching {
		o.t.Fatalf("who watches is first told %+v, %v", first, errors.Join(err, cmd.Wait()))
	}
	end := make(chan struct{})
	go func() {
		defer close(end)
		for {
			var e admin.Event
			if told.Decode(&e) != nil {
				return
			}
			each(e)
		}
	}()
	return cmd, func() error {
		<-end
		return cmd.Wait()
	}
}

// settled is the status when no session is left: a client has its last block before
// the server has heard that.
func (o *operator) settled() (status admin.Status) {
	o.t.Helper()
	if !harness.Eventually(func() bool { status = read[admin.Status](o, "status"); return status.Active == 0 }) {
		o.t.Errorf("sessions are left: %+v", status)
	}
	return status
}

// serveOperated is harness.Serve with an admin socket.
func serveOperated(t *testing.T, flags ...string) (*harness.Server, *operator) {
	t.Helper()
	o := &operator{t: t, path: harness.SocketPath(t)}
	return harness.Serve(t, append(flags, "--admin", o.path)...), o
}

// fleet fetches a file so often, some at once. It returns how often that was right.
func fleet(t *testing.T, s *harness.Server, file string, want []byte, clients, atOnce int) int {
	t.Helper()
	var right atomic.Int64
	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for range clients {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			var got bytes.Buffer
			client := workertest.Client{Options: []protocol.Option{{Name: "blksize", Value: "1428"}}, Timeout: longTimeout}
			if _, err := client.Get(t.Context(), s.Addr, file, &got); err != nil || !bytes.Equal(got.Bytes(), want) {
				t.Errorf("a client: %v, %d bytes", err, got.Len())
				return
			}
			right.Add(1)
		})
	}
	wg.Wait()
	return int(right.Load())
}

// Each command under load, and what they say adds up to what the clients did.
func TestOperatorsCommandsUnderLoad(t *testing.T) {
	t.Parallel()
	c := newConfigured(t, "root: srv\nmax-sessions: 200\n")
	content := make([]byte, 100_000)
	c.Write("srv/f", content)
	s, o := serveOperated(t, "--config", c.file)
	events := map[admin.EventKind]int{}
	bytesSeen, lastEvent := uint64(0), admin.Event{}
	_, watched := o.watch(func(e admin.Event) {
		events[e.Event]++
		lastEvent = e
		if e.Ended != nil {
			bytesSeen += e.Ended.Bytes
		}
	})

	const clients = 400
	done := make(chan int, 1)
	go func() { done <- fleet(t, s, "f", content, clients, 20) }()
	fetched, rounds := 0, 0
	for len(done) == 0 {
		rounds++
		o.do("status")
		o.do("sessions")
		o.do("history", "--peer", "127.0.0.0/8")
		o.do("log-level", "info")
		o.do("deny", "192.0.2.0/24", "--for", "1h")
		o.do("allow", "192.0.2.7", "--for", "1h")
		o.do("reload")
		if line := o.do("probe", "--fetch", url(s, "f"), "--timeout", "60s"); !strings.HasPrefix(line, "BROOD OK: serving, ") || !strings.Contains(line, "fetch_bytes=100000B") {
			t.Errorf("a probe says %q", line)
		}
		fetched++
		for _, session := range read[[]admin.Session](o, "sessions") {
			if session.File != "f" || session.ID == 0 || session.Peer == "" || session.Bytes > uint64(len(content)) {
				t.Errorf("one of the sessions is %+v", session)
			}
		}
	}
	if right := <-done; right != clients {
		t.Errorf("%d of %d clients were served right", right, clients)
	}
	text := o.do("show-config")
	for _, want := range []string{"root: " + filepath.Join(c.Dir, "srv") + "\n", "max-sessions: 200\n", "admin: " + o.path + "\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("the configuration in force lacks %q:\n%s", want, text)
		}
	}

	total := uint64(clients + fetched)
	status := o.settled()
	n := status.Counters
	if n.Started != total || n.Completed != total || n.Bytes != total*uint64(len(content)) || n.Requests != total+n.Duplicates || n.ClientsLost != 0 {
		t.Errorf("%d sessions are counted as %+v", total, n)
	}
	if status.Generation != uint64(rounds)+1 || len(status.Rules) != 2 || status.Config != c.file || status.State != "serving" {
		t.Errorf("after %d reloads and 2 rules the status is %+v", rounds, status)
	}
	if history := read[[]admin.Ended](o, "history", "--limit", "0"); uint64(len(history)) != total {
		t.Errorf("the history has %d of %d sessions", len(history), total)
	}
	o.drains()
	if code := s.Exit(); code != 0 {
		t.Errorf("the server ended with code %d", code)
	}
	if err := watched(); err != nil {
		t.Errorf("who watches ends with %v", err)
	}
	if events[admin.EventBegun] != int(total) || events[admin.EventEnded] != int(total) || bytesSeen != n.Bytes || lastEvent.Reason != admin.ReasonDrained {
		t.Errorf("who watches was told %v, %d bytes, and last %+v; want %d sessions", events, bytesSeen, lastEvent, total)
	}
	if code, stdout, _ := o.run("probe"); code != 2 || !strings.HasPrefix(stdout, "BROOD CRITICAL: ") {
		t.Errorf("a probe of a server that has ended: %d, %s", code, stdout)
	}
}

func TestAnOperatorEndsAndRefusesSessions(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 1500)
	s, o := serveOperated(t, "--root", tree.Dir, "--timeout", "60s")
	peer, later := harness.NewPeer(t, "127.0.0.3"), harness.NewPeer(t, "127.0.0.3")
	peer.Send(s.Addr, harness.RRQ("f"))
	peer.Data(1)
	sessions := read[[]admin.Session](o, "sessions")
	if len(sessions) != 1 || sessions[0].Peer != peer.Conn.LocalAddr().String() || sessions[0].State != "serving" {
		t.Fatalf("the sessions are %+v", sessions)
	}
	o.do("deny", "127.0.0.3", "--for", "1h")
	later.Send(s.Addr, harness.RRQ("f"))
	later.Error(protocol.CodeAccessViolation)
	o.do("kill", fmt.Sprint(sessions[0].ID))
	if e := peer.Error(protocol.CodeUndefined); e.Message != "Server ended the session" {
		t.Errorf("its client is told %q", e.Message)
	}
	s.Wait("session", func(l harness.Line) bool { return l.String("outcome") == "killed" })
	if code, _, stderr := o.run("kill", fmt.Sprint(sessions[0].ID)); code != 1 || !strings.Contains(stderr, "no session has the ID") {
		t.Errorf("ending it again: %d, %s", code, stderr)
	}
	o.do("deny", "127.0.0.3", "--lift")
	later = harness.NewPeer(t, "127.0.0.3")
	later.Send(s.Addr, harness.RRQ("f"))
	later.Data(1)
	later.Ack(1)
	later.Data(2)
	later.Ack(2)
	later.Data(3)
	later.Ack(3)
	s.WaitN(2, "session", nil)
	history := read[[]admin.Ended](o, "history", "--peer", "127.0.0.3")
	if len(history) != 2 || history[0].Outcome != "complete" || history[1].Outcome != "killed" {
		t.Errorf("the history is %+v", history)
	}
}

// Who does not read, asks without end, says nonsense or is killed is an operators'
// affair.
func TestOperatorsThatMisbehaveChangeNothingForClients(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	content := tree.File("f", 100_000)
	s, o := serveOperated(t, "--root", tree.Dir)
	// says connects and says the same over and over, until it is sent away or hung up on.
	says := func(b []byte, reads bool) net.Conn {
		conn, err := net.Dial("unix", o.path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if reads {
			go io.Copy(io.Discard, conn)
		}
		go func() {
			for {
				if _, err := conn.Write(b); err != nil {
					return
				}
			}
		}()
		return conn
	}
	request := func(r admin.Request) []byte {
		b, err := r.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	before := fleet(t, s, "f", content, 100, 20)
	stalled, err := net.Dial("unix", o.path) // asks what happens, and reads nothing
	if err != nil {
		t.Fatal(err)
	}
	defer stalled.Close()
	stalled.Write(request(admin.Request{ID: 1, Kind: admin.KindEvents, Text: "progress"}))
	flood := bytes.Repeat(request(admin.Request{ID: 1, Kind: admin.KindSessions}), 1000)
	var floods []net.Conn
	for range 8 {
		floods = append(floods, says(flood, len(floods) > 0)) // one of them reads nothing
	}
	says(bytes.Repeat([]byte("nonsense"), 1000), true)
	killed, end := o.watch(func(admin.Event) {})
	if !harness.Eventually(func() bool { return read[admin.Status](o, "status").Clients >= len(floods)+2 }) {
		t.Error("they are not connected")
	}
	killed.Process.Kill()
	end()
	for _, f := range floods[:4] {
		f.Close()
	}
	after := fleet(t, s, "f", content, 400, 20)
	if before != 100 || after != 400 {
		t.Errorf("of 100 clients %d were served right, and %d of 400 beside such operators", before, after)
	}
	n := o.settled().Counters
	if n.Completed != 500 || n.Started != 500 || n.WorkerFailures != 0 || n.Bytes != 500*uint64(len(content)) {
		t.Errorf("500 sessions are counted as %+v", n)
	}
}

func TestWhoMayOperate(t *testing.T) {
	t.Parallel()
	harness.NeedRoot(t)
	tree := harness.NewTree(t)
	const group = "12345"
	s, o := serveOperated(t, "--root", tree.Dir, "--admin-group", group)
	if info, err := os.Stat(o.path); err != nil || info.Mode() != os.ModeSocket|0o660 || fmt.Sprint(info.Sys().(*syscall.Stat_t).Gid) != group {
		t.Errorf("the socket is %v, %v; want mode 0660 and group %s", info, err, group)
	}
	as := func(groups ...string) *operator {
		other := &operator{t: t, path: o.path, as: append([]string{"setpriv", "--reuid", "4711", "--regid", "4711"}, groups...)}
		return other
	}
	stranger, member := as("--clear-groups"), as("--groups", group)
	if code, _, stderr := stranger.run("status"); code != 1 || !strings.Contains(stderr, "no permission: it is for group 12345") {
		t.Errorf("a stranger: %d, %s", code, stderr)
	}
	if code, stdout, _ := stranger.run("probe"); code != 3 || !strings.HasPrefix(stdout, "BROOD UNKNOWN: ") {
		t.Errorf("a stranger's probe: %d, %s", code, stdout)
	}
	member.do("status")
	member.do("log-level", "debug")
	os.Chmod(o.path, 0o666) // an administrator lets everybody look
	stranger.do("status")
	stranger.do("sessions")
	stranger.do("history")
	stranger.do("probe")
	for _, args := range [][]string{{"drain"}, {"reload"}, {"kill", "1"}, {"log-level", "error"}, {"deny", "::/0", "--for", "1h"}, {"allow", "::/0", "--for", "1h"}, {"show-config"}} {
		if code, stdout, stderr := stranger.run(args...); code != 1 || !strings.Contains(stderr, args[0]+" is for root") || stdout != "" {
			t.Errorf("a stranger's %q: %d, %s%s", args, code, stdout, stderr)
		}
	}
	s.Wait("an operator asks", func(l harness.Line) bool {
		return l.String("uid") == "4711" && l.String("request") == "drain" && strings.Contains(l.String("result"), "is for root")
	})
	member.drains()
	s.Exit()
}

func TestASocketThatIsThereAlready(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	s, o := serveOperated(t, "--root", tree.Dir)
	second := harness.Command(t, "serve", "--root", tree.Dir, "--listen", "127.0.0.1:0", "--admin", o.path)
	var said bytes.Buffer
	second.Stderr = &said
	if code := exitCode(second.Run()); code != 1 || !strings.Contains(said.String(), o.path+": another server listens there") {
		t.Errorf("a second server: %d, %s", code, &said)
	}
	o.do("status")
	s.Kill()
	var code int
	var stderr string
	if !harness.Eventually(func() bool { // a worker that was being started has the socket, too, until its exec
		code, _, stderr = o.run("status")
		return code == 1 && strings.Contains(stderr, "nobody listens there")
	}) {
		t.Errorf("after the server was killed: %d, %s", code, stderr)
	}
	next := harness.Serve(t, "--root", tree.Dir, "--admin", o.path)
	o.do("status")
	next.Stop()
	if code, _, stderr := o.run("status"); code != 1 || !strings.Contains(stderr, "no such socket") {
		t.Errorf("after the server has ended: %d, %s", code, stderr)
	}
}

func TestAnUpgradeKeepsTheAdminSocketAndItsRules(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 1500)
	o := &operator{t: t, path: harness.SocketPath(t)}
	u := harness.StartUpgradable(t, nil, "--root", tree.Dir, "--admin", o.path)
	o.do("deny", "127.0.0.9", "--for", "1h")
	holder := harness.NewPeer(t, "127.0.0.1")
	holder.Send(u.Addr, harness.RRQ("f"))
	holder.Data(1)
	for range 2 {
		old := u.Now
		var last admin.Event
		_, watched := o.watch(func(e admin.Event) { last = e })
		u.Upgrade()
		if err := watched(); err != nil || last.Reason != admin.ReasonUpgraded {
			t.Errorf("who watches was last told %+v, %v", last, err)
		}
		status := read[admin.Status](o, "status")
		if status.PID != u.Now || status.PID == old || len(status.Rules) != 1 || status.Rules[0].Prefix != "127.0.0.9/32" {
			t.Errorf("after an upgrade to %d the status is %+v", u.Now, status)
		}
	}
	denied := harness.NewPeer(t, "127.0.0.9")
	denied.Send(u.Addr, harness.RRQ("f"))
	denied.Error(protocol.CodeAccessViolation)
	holder.Ack(1)
	holder.Data(2)
	holder.Ack(2)
	holder.Data(3)
	holder.Ack(3)
	u.Left(u.PID)
	o.do("status") // the first process's end has left the socket
	o.drains()
	u.Left(u.Now)
	if _, err := os.Lstat(o.path); err == nil {
		t.Error("the socket stays behind")
	}
}
