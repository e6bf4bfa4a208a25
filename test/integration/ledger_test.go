package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"brood/ipc/admin"
	"brood/protocol"
	"brood/test/harness"
)

// deed is something that clients do to a server, and what it is worth in its counters.
type deed struct {
	name  string
	times int
	do    func(l *ledger)
	worth admin.Counters // of one
}

// ledger is a server whose every datagram is known.
type ledger struct {
	*testing.T
	server   *harness.Server
	operator *operator
	content  []byte
	due      admin.Counters // what it must come to by now
}

func (l *ledger) peer() *harness.Peer { return harness.NewPeer(l.T, "127.0.0.1") }

// begun has a peer with a session that has got its first block; each has another name,
// so that none is taken for another's repetition.
func (l *ledger) begun(options ...string) (*harness.Peer, []byte) {
	p, ask := l.peer(), harness.RRQ("f", options...)
	p.Send(l.server.Addr, ask)
	p.Data(1)
	return p, ask
}

// session waits until there is only one that serves, and returns it.
func (l *ledger) session() (s admin.Session) {
	l.Helper()
	if !harness.Eventually(func() bool {
		all := read[[]admin.Session](l.operator, "sessions")
		if len(all) == 1 {
			s = all[0]
		}
		return len(all) == 1 && s.Worker != 0
	}) {
		l.Fatal("there is not one session")
	}
	return s
}

// beforeItHears has a client send while its session's worker stands still, until the
// supervisor has read what was sent to it: so many requests of this deed.
func (l *ledger) beforeItHears(send func(), requests uint64) {
	worker := l.session().Worker
	syscall.Kill(worker, syscall.SIGSTOP)
	defer syscall.Kill(worker, syscall.SIGCONT)
	send()
	l.reaches(func(c *admin.Counters) bool { return c.Requests == l.due.Requests+requests })
}

// giveUp has a peer give up.
func giveUp(p *harness.Peer, code protocol.ErrorCode) {
	e := protocol.Error{Code: code}
	p.Send(p.TID, e.Append(nil))
}

var deeds = []deed{
	{"a file is got", 7, func(l *ledger) {
		if fleet(l.T, l.server, "f", l.content, 1, 1) != 1 {
			l.Error("a client was not served right")
		}
	}, admin.Counters{Requests: 1, Started: 1, Completed: 1, Bytes: 1500}},
	{"a file that there is not", 5, func(l *ledger) {
		p := l.peer()
		p.Send(l.server.Addr, harness.RRQ("none"))
		p.Error(protocol.CodeNotFound)
	}, admin.Counters{Requests: 1, Started: 1, Missing: 1}},
	{"a size is asked", 3, func(l *ledger) {
		p := l.peer()
		p.Send(l.server.Addr, harness.RRQ("f", "tsize", "0"))
		p.Receive()
		giveUp(p, protocol.CodeOptionRefused)
	}, admin.Counters{Requests: 1, Started: 1, Declined: 1}},
	{"a client gives up after a block", 2, func(l *ledger) {
		p, _ := l.begun()
		p.Ack(1)
		p.Data(2)
		giveUp(p, protocol.CodeDiskFull)
	}, admin.Counters{Requests: 1, Started: 1, Failed: 1, Bytes: 512}},
	{"a client is gone", 2, func(l *ledger) {
		p, _ := l.begun()
		p.Ack(1)
		p.Data(2)
		p.Ack(2)
		p.Data(3)
		p.Conn.Close() // the server sends the block again, and hears that nobody is there
	}, admin.Counters{Requests: 1, Started: 1, TimedOut: 1, Bytes: 1024}},
	{"a client asks for something else meanwhile", 2, func(l *ledger) {
		p, _ := l.begun()
		p.Send(l.server.Addr, harness.RRQ("g"))
		if b := p.Receive(); string(b[4:]) != "g" {
			l.Fatalf("got %q of the second file", b)
		}
		p.Ack(1)
	}, admin.Counters{Requests: 2, Started: 2, Completed: 1, Ended: 1, Bytes: 1}},
	{"an operator ends a session", 2, func(l *ledger) {
		p, _ := l.begun()
		l.operator.do("kill", strconv.FormatUint(l.session().ID, 10))
		p.Error(protocol.CodeUndefined)
	}, admin.Counters{Requests: 1, Started: 1, Ended: 1}},
	{"a worker is killed", 2, func(l *ledger) {
		p, _ := l.begun()
		syscall.Kill(l.session().Worker, syscall.SIGKILL)
		p.Error(protocol.CodeUndefined)
	}, admin.Counters{Requests: 1, Started: 1, Crashed: 1}},
	{"a request is sent again", 3, func(l *ledger) {
		p, ask := l.begun()
		p.Send(l.server.Addr, ask)
		p.Send(l.server.Addr, ask)
		// Before they are read the session must not end.
		l.reaches(func(c *admin.Counters) bool { return c.Requests == l.due.Requests+3 })
		p.Ack(1)
		p.Data(2)
		giveUp(p, protocol.CodeDiskFull)
	}, admin.Counters{Requests: 3, Started: 1, Failed: 1, Duplicates: 2, Bytes: 512}},
	{"a file is written", 3, func(l *ledger) {
		p := l.peer()
		p.Send(l.server.Addr, []byte("\x00\x02f\x00octet\x00"))
		p.Error(protocol.CodeAccessViolation)
	}, admin.Counters{Requests: 1, RefusedWrite: 1}},
	{"a request without a mode", 4, func(l *ledger) {
		p := l.peer()
		p.Send(l.server.Addr, []byte("\x00\x01f\x00"))
		p.Error(protocol.CodeIllegalOperation)
	}, admin.Counters{Requests: 1, RefusedMalformed: 1}},
	{"a datagram that is no request", 5, func(l *ledger) {
		l.peer().Send(l.server.Addr, protocol.Ack{Block: 1}.Append(nil))
	}, admin.Counters{Requests: 1, Ignored: 1}},
	{"somebody who is not served", 2, func(l *ledger) {
		p := harness.NewPeer(l.T, "127.0.0.9")
		p.Send(l.server.Addr, harness.RRQ("f"))
		p.Error(protocol.CodeAccessViolation)
	}, admin.Counters{Requests: 1, RefusedDenied: 1}},
}

// stopping are deeds while a worker stands still. On a single port they can't be done:
// what a client asks there comes to the socket of that worker.
var stopping = []deed{
	{"a file of one block is asked for twice at once", 2, func(l *ledger) {
		p, ask := l.peer(), harness.RRQ("g")
		p.Send(l.server.Addr, ask)
		p.Data(1)
		l.beforeItHears(func() {
			p.Send(l.server.Addr, ask)
			p.Ack(1)
		}, 2)
	}, admin.Counters{Requests: 2, Started: 1, Completed: 1, Duplicates: 1, Bytes: 1}},
	{"a file of one block is got and asked for again", 2, func(l *ledger) {
		p, ask := l.peer(), harness.RRQ("g")
		p.Send(l.server.Addr, ask)
		p.Data(1)
		first := p.TID
		l.beforeItHears(func() {
			p.Ack(1)
			p.Send(l.server.Addr, ask)
		}, 2)
		for p.TID == first { // the first session may have sent its block again before it stood still
			p.Data(1)
		}
		p.Ack(1)
	}, admin.Counters{Requests: 2, Started: 2, Completed: 2, Bytes: 2}},
}

// reaches returns the counters when they are as ok wants them.
func (l *ledger) reaches(ok func(*admin.Counters) bool) (c admin.Counters) {
	l.Helper()
	if !harness.Eventually(func() bool {
		c = read[admin.Status](l.operator, "status").Counters
		return ok(&c)
	}) {
		l.Errorf("the counters are %+v", c)
	}
	return c
}

// add adds what one deed is worth, counter by counter.
func add(to *admin.Counters, worth admin.Counters) {
	sum, each := reflect.ValueOf(to).Elem(), reflect.ValueOf(worth)
	for i := range sum.NumField() {
		sum.Field(i).SetUint(sum.Field(i).Uint() + each.Field(i).Uint())
	}
}

// Everything that comes is counted once: in the status, in the metrics, in the log and
// in what is told to who watches, and all of them say the same.
func TestAllCountersAddUpToWhatAFleetDid(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	l := &ledger{T: t, content: tree.File("f", 1500)}
	tree.Write("g", []byte("g"))
	all := deeds
	if !harness.SinglePort() {
		all = slices.Concat(deeds, stopping)
	}
	l.server, l.operator = serveOperated(t, "--root", tree.Dir, "--deny", "127.0.0.9", "--http", ":0", "--broodctl", harness.Broodctl(t))
	url, _ := consoleOf(t, l.server)
	watched := make(map[string]uint64) // by outcome
	var watchedBytes uint64
	_, wait := l.operator.watch(func(e admin.Event) {
		if e.Ended != nil {
			watched[e.Ended.Outcome]++
			watchedBytes += e.Ended.Bytes
		}
	})
	for _, d := range all {
		for range d.times {
			d.do(l)
			add(&l.due, d.worth)
			// One after the other: what a deed does must not be what another one waits for.
			settled := func(c *admin.Counters) bool {
				return c.Requests >= l.due.Requests && ended(c) >= ended(&l.due)
			}
			l.reaches(settled)
		}
	}
	got := l.operator.settled().Counters
	due := l.due
	// How much is sent is for the server to say, and how many workers it starts.
	due.Packets, due.Retransmissions, due.WorkersStarted = got.Packets, got.Retransmissions, got.WorkersStarted
	if got != due {
		t.Errorf("the counters are\n%+v, want\n%+v", got, due)
	}
	if got.Started+got.Duplicates+got.Ignored+refused(&got) != got.Requests || ended(&got) != got.Started {
		t.Errorf("the counters do not add up: %+v", got)
	}

	told := map[string]uint64{
		"brood_requests_total": got.Requests, "brood_requests_duplicate_total": got.Duplicates, "brood_requests_ignored_total": got.Ignored,
		"brood_sessions_started_total": got.Started, "brood_content_bytes_total": got.Bytes,
		"brood_packets_total": got.Packets, "brood_retransmissions_total": got.Retransmissions,
		"brood_session_duration_seconds_count": got.Started, "brood_worker_failures_total": got.WorkerFailures,
		"brood_sessions": 0, "brood_requests_waiting": 0,
	}
	for outcome, n := range map[string]uint64{
		"completed": got.Completed, "declined": got.Declined, "missing": got.Missing, "failed": got.Failed, "timed-out": got.TimedOut, "crashed": got.Crashed, "ended": got.Ended, "expired": got.Expired,
	} {
		told[fmt.Sprintf("brood_sessions_ended_total{outcome=%q}", outcome)] = n
	}
	for reason, n := range map[string]uint64{
		"malformed": got.RefusedMalformed, "write": got.RefusedWrite, "denied": got.RefusedDenied, "stale": 0, "queue-full": 0, "too-often": 0, "penalised": 0,
	} {
		told[fmt.Sprintf("brood_requests_refused_total{reason=%q}", reason)] = n
	}
	var metrics scraped
	if !harness.Eventually(func() bool { // they may be half a second old
		metrics = scrape(t, url)
		return metrics["brood_requests_total"] == strconv.FormatUint(got.Requests, 10)
	}) {
		t.Errorf("the metrics stay behind: %v", metrics)
	}
	for name, n := range told {
		if v, err := strconv.ParseFloat(metrics[name], 64); err != nil || v != float64(n) {
			t.Errorf("%s is %q, want %d", name, metrics[name], n)
		}
	}
	var stats struct{ Counters admin.Counters }
	if code, body := request(t, http.MethodGet, url+"/api/v1/stats", "", ""); code != http.StatusOK || json.Unmarshal([]byte(body), &stats) != nil || stats.Counters != got {
		t.Errorf("the console's stats are %d, %s", code, body)
	}

	l.operator.drains()
	if err := wait(); err != nil {
		t.Errorf("who watches ends with %v", err)
	}
	l.server.Exit()
	records, last := make(map[string]uint64), harness.Line{}
	for _, line := range l.server.Log() {
		switch line.Message() {
		case "session":
			records[line.String("outcome")]++
		case "stats":
			last = line
		}
	}
	for where, by := range map[string]map[string]uint64{"the log": records, "who watches": watched} {
		if by["complete"] != got.Completed || by["declined"] != got.Declined || by["refused"] != got.Missing || by["peer-error"] != got.Failed ||
			by["peer-gone"]+by["timed-out"] != got.TimedOut || by["crashed"] != got.Crashed || by["superseded"]+by["killed"] != got.Ended {
			t.Errorf("%s has the outcomes %v, and the counters are %+v", where, by, got)
		}
	}
	if watchedBytes != got.Bytes {
		t.Errorf("who watches was told of %d bytes, and %d are counted", watchedBytes, got.Bytes)
	}
	var line map[string]uint64
	text, err := json.Marshal(got)
	if err := errors.Join(err, json.Unmarshal(text, &line)); err != nil {
		t.Fatal(err)
	}
	for name, n := range line {
		if name != "clients-lost" && name != "workers-started" && uint64(last.Number(name)) != n {
			t.Errorf("the last line of the log says %s=%v, want %d", name, last.Number(name), n)
		}
	}
}

// ended is how many sessions have ended, whatever came of them.
func ended(c *admin.Counters) uint64 {
	return c.Completed + c.Declined + c.Missing + c.Failed + c.TimedOut + c.Crashed + c.Ended + c.Expired
}

// refused is how many requests no session was made of.
func refused(c *admin.Counters) uint64 {
	return c.RefusedMalformed + c.RefusedWrite + c.RefusedDenied + c.RefusedTooOften + c.RefusedPenalised + c.RefusedFailing +
		c.RefusedQueueFull + c.RefusedCrowded + c.RefusedStale + c.RefusedUnreachable + c.RefusedDraining
}
