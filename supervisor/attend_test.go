package supervisor

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
)

func TestFramesThatBreakTheContract(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		state state
		frame ipc.Frame
		want  string
	}{
		{"progress before it was ready", starting, ipc.Frame{Kind: ipc.KindProgress, Session: 1}, "no session"},
		{"ready while idle", idle, ipc.Frame{Kind: ipc.KindReady}, "ready twice"},
		{"ready while busy", busy, ipc.Frame{Kind: ipc.KindReady}, "ready twice"},
		{"the end of a session while idle", idle, ipc.Frame{Kind: ipc.KindFinal, Session: 1, Outcome: ipc.OutcomeComplete}, "no session"},
		{"the end of another's session", busy, ipc.Frame{Kind: ipc.KindFinal, Session: 99, Outcome: ipc.OutcomeComplete}, "no session"},
		{"stopped, unasked", busy, ipc.Frame{Kind: ipc.KindFinal, Session: 1, Outcome: ipc.OutcomeStopped, Packets: 9, Bytes: 512}, "without being asked"},
		{"fewer bytes than before", busy, ipc.Frame{Kind: ipc.KindProgress, Session: 1, Packets: 9, Bytes: 5}, "can't be"},
		{"fewer packets than before", busy, ipc.Frame{Kind: ipc.KindProgress, Session: 1, Packets: 8, Bytes: 512}, "can't be"},
		{"more bytes than can be", busy, ipc.Frame{Kind: ipc.KindFinal, Session: 1, Outcome: ipc.OutcomeComplete, Packets: 9, Bytes: math.MaxInt64}, "can't be"},
		{"more retransmissions than packets", busy, ipc.Frame{Kind: ipc.KindProgress, Session: 1, Packets: 9, Bytes: 512, Retransmissions: 10}, "can't be"},
		{"a word after the last word", leaving, ipc.Frame{Kind: ipc.KindProgress, Session: 1}, "no session"},
	} {
		f := newFake(t, Options{})
		sess := &session{with: testWith, last: ipc.Frame{Packets: 9, Bytes: 512}}
		w := f.busy(sess)
		if w.state = tt.state; tt.state != busy {
			w.session = nil
		}
		if tt.state == idle {
			f.pool.idle = append(f.pool.idle, w)
		}
		f.frame(f.now, w, &tt.frame)
		if !strings.Contains(w.violated, tt.want) || w.asked != askedKill {
			t.Errorf("%s: %+v gave %q and signal state %d, want %q and %d", tt.name, tt.frame, w.violated, w.asked, tt.want, askedKill)
		}
		if len(f.pool.idle) != 0 {
			t.Errorf("%s: the worker can still be given a job", tt.name)
		}
		if tt.state == busy {
			f.dies(w, ipc.Exit{Signal: unix.SIGKILL}, "")
			if got := f.reported(); len(got) != 1 || got[0].Outcome != Violated || f.counters.Crashed != 1 {
				t.Errorf("%s: recorded %+v, want one session, violated", tt.name, got)
			}
		}
	}
}

func TestMoreFramesThanAllowedBreakTheContract(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{})
	w := f.busy(&session{with: testWith})
	for i := range frameBurst {
		f.frame(f.now, w, &ipc.Frame{Kind: ipc.KindProgress, Session: w.session.id, Bytes: uint64(i)})
	}
	if w.violated != "" {
		t.Fatalf("%d frames: %q", frameBurst, w.violated)
	}
	f.frame(f.now, w, &ipc.Frame{Kind: ipc.KindProgress, Session: w.session.id})
	if w.violated == "" {
		t.Errorf("%d frames at once went through, want %d", frameBurst+1, frameBurst)
	}
}

func TestFinalFrameEndsItsSessionOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{})
	w := f.busy(&session{with: testWith})
	f.frame(f.now, w, &ipc.Frame{
		Kind: ipc.KindFinal, Session: w.session.id, Outcome: ipc.OutcomeComplete, Bytes: 1000, Packets: 3, Retransmissions: 1,
	})
	if w.state != leaving || w.session != nil || len(f.pool.busy) != 0 || len(f.sessions.newest) != 0 {
		t.Errorf("state %d, session %v, %d busy, %d in the table; want it to leave and nothing kept", w.state, w.session, len(f.pool.busy), len(f.sessions.newest))
	}
	f.dies(w, ipc.Exit{}, "")
	got := f.reported()
	if len(got) != 1 || got[0].Outcome != Complete || got[0].Bytes != 1000 || got[0].WorkerPID != w.PID {
		t.Errorf("recorded %+v, want one session, complete, of 1000 bytes", got)
	}
	c := f.counters
	if c.Completed != 1 || c.Bytes != 1000 || c.Packets != 3 || c.Retransmissions != 1 || c.WorkerFailures != 0 {
		t.Errorf("counted %+v, want one completed session and no failure", c)
	}
}

func TestConfirmationEndsOlderSessionsOfTheConversationOnly(t *testing.T) {
	t.Parallel()
	for _, frame := range []ipc.Frame{
		{Kind: ipc.KindConfirmed},
		{Kind: ipc.KindProgress, Packets: 2, Bytes: 512}, // the one before was lost
	} {
		testConfirmation(t, frame)
	}
}

func testConfirmation(t *testing.T, frame ipc.Frame) {
	t.Helper()
	f := newFake(t, Options{})
	other := testWith
	other.local = testLocal.Next()
	elsewhere := f.busy(&session{with: other})
	oldest := f.busy(&session{with: testWith})
	older := f.busy(&session{with: testWith})
	current := f.busy(&session{with: testWith})
	newer := f.busy(&session{with: testWith})
	frame.Session = current.session.id
	f.frame(f.now, current, &frame)
	var ending []uint32
	for _, w := range []*worker{elsewhere, oldest, older, current, newer} {
		if w.session.ending == Superseded {
			ending = append(ending, w.id)
		}
	}
	if want := []uint32{oldest.id, older.id}; !slices.Equal(ending, want) {
		t.Errorf("workers %v have to end, want %v", ending, want)
	}
	f.frame(f.now, oldest, &ipc.Frame{Kind: ipc.KindFinal, Session: oldest.session.id, Outcome: ipc.OutcomeStopped})
	f.dies(older, ipc.Exit{Signal: unix.SIGTERM}, "") // it did not stop by itself
	if got := f.reported(); len(got) != 2 || got[0].Outcome != Superseded || got[1].Outcome != Superseded || f.counters.Ended != 2 {
		t.Errorf("recorded %+v, want two superseded sessions", got)
	}
}

func TestBury(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		ending   Outcome
		violated string
		exit     ipc.Exit
		want     Outcome
		detail   string
	}{
		{"a panic", ipc.OutcomeNone, "", ipc.Exit{Code: ipc.ExitPanic}, Crashed, "worker 4711: exit 2 (panic)"},
		{"a signal", ipc.OutcomeNone, "", ipc.Exit{Signal: unix.SIGSEGV}, Crashed, "worker 4711: killed by SIGSEGV"},
		{"an exit without a last word", ipc.OutcomeNone, "", ipc.Exit{}, Crashed, "worker 4711: exit 0"},
		{"a broken contract", ipc.OutcomeNone, "babble", ipc.Exit{Signal: unix.SIGKILL}, Violated, "worker 4711 was killed: babble"},
		{"a broken contract while it was to end", Drained, "babble", ipc.Exit{Signal: unix.SIGKILL}, Violated, "worker 4711 was killed: babble"},
		{"a drain that it did not heed", Drained, "", ipc.Exit{Signal: unix.SIGTERM}, Drained, "worker 4711: killed by SIGTERM"},
	} {
		f := newFake(t, Options{})
		w := f.busy(&session{with: testWith})
		w.session.ending, w.violated = tt.ending, tt.violated
		f.dies(w, tt.exit, "stack")
		got := f.reported()
		if len(got) != 1 || got[0].Outcome != tt.want || got[0].Detail != tt.detail || got[0].Stack != "stack" {
			t.Errorf("%s: recorded %+v, want %v, %q and the stack", tt.name, got, tt.want, tt.detail)
		}
		if len(f.sessions.newest) != 0 || len(f.pool.busy) != 0 {
			t.Errorf("%s: %d sessions and %d workers are left", tt.name, len(f.sessions.newest), len(f.pool.busy))
		}
	}
}

func TestExitsThatCountAsFailures(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		state state
		asked ask
		exit  ipc.Exit
		want  uint64
	}{
		{"an idle worker that was killed", idle, notAsked, ipc.Exit{Signal: unix.SIGKILL}, 1},
		{"an idle worker that left by itself", idle, notAsked, ipc.Exit{}, 1},
		{"a dismissed one", leaving, askedNicely, ipc.Exit{}, 0},
		{"one whose Open outlived its deadline", leaving, askedNicely, ipc.Exit{Code: ipc.ExitOpen}, 0},
		{"one that panicked after its session", leaving, askedNicely, ipc.Exit{Code: ipc.ExitPanic}, 1},
		{"one that was killed after its session", leaving, askedNicely, ipc.Exit{Signal: unix.SIGKILL}, 1},
		{"one that had to be terminated", leaving, askedTerm, ipc.Exit{Signal: unix.SIGTERM}, 0},
		{"one that had to be killed", leaving, askedKill, ipc.Exit{Signal: unix.SIGKILL}, 0},
	} {
		f := newFake(t, Options{})
		w := &worker{id: 1, state: tt.state, asked: tt.asked}
		f.pool.all[1] = w
		if tt.state == idle {
			f.pool.idle = append(f.pool.idle, w)
		}
		f.dies(w, tt.exit, "")
		if f.counters.WorkerFailures != tt.want || len(f.pool.idle) != 0 {
			t.Errorf("%s: %d failures and %d idle, want %d and 0", tt.name, f.counters.WorkerFailures, len(f.pool.idle), tt.want)
		}
	}
}

// Each outcome is counted in one counter, so that Started is the sum of those
// that ended and those that run.
func TestEveryOutcomeIsCountedOnce(t *testing.T) {
	t.Parallel()
	for _, outcome := range []Outcome{
		Complete, Declined, Refused, PeerError, PeerGone, TimedOut, OpenTimeout,
		Aborted, Superseded, Drained, Stalled, Overdue, Crashed, Violated, Unserved,
	} {
		f := newFake(t, Options{})
		f.count(outcome, &ipc.Frame{Bytes: 2, Packets: 3, Retransmissions: 4})
		c := f.counters
		sum := c.Completed + c.Declined + c.TimedOut + c.Failed + c.Crashed + c.Ended + c.Expired
		want := uint64(1)
		if outcome == Unserved { // is counted by its reason, in Refused
			want = 0
		}
		if sum != want || c.Bytes != 2 || c.Packets != 3 || c.Retransmissions != 4 {
			t.Errorf("%v: counted %d times, want %d: %+v", outcome, sum, want, c)
		}
	}
}

func TestTheWatchdogEndsWhatDoesNotGetOn(t *testing.T) {
	t.Parallel()
	const stall, whole = 10 * time.Second, time.Minute
	ack := func(f *fake, w *worker, bytes uint64) {
		f.frame(f.now, w, &ipc.Frame{Kind: ipc.KindProgress, Session: w.session.id, Bytes: bytes})
	}
	for _, tt := range []struct {
		name    string
		options Options
		goOn    func(f *fake, w *worker, second uint64)
		after   int // seconds that it lives
		want    Outcome
	}{
		{"no word at all", Options{StallTimeout: stall}, func(*fake, *worker, uint64) {}, 10, Stalled},
		{"words, and no progress", Options{StallTimeout: stall}, func(f *fake, w *worker, _ uint64) { ack(f, w, 512) }, 11, Stalled},
		{"slow progress, for ever", Options{StallTimeout: stall, MaxSessionTime: whole}, func(f *fake, w *worker, s uint64) { ack(f, w, s/9) }, 60, Overdue},
		{"no watchdog", Options{StallTimeout: -1, MaxSessionTime: -1}, func(*fake, *worker, uint64) {}, 100, ipc.OutcomeNone},
		{"the defaults", Options{}, func(*fake, *worker, uint64) {}, 100, ipc.OutcomeNone},
	} {
		f := newFake(t, tt.options)
		sess := &session{with: testWith}
		w := f.busy(sess)
		w.begin(f.now, sess, true)
		second := 0
		for ; sess.ending == ipc.OutcomeNone && second < 100; second++ {
			f.now = f.now.Add(time.Second)
			tt.goOn(f, w, uint64(second)+1)
			f.tick(f.now)
		}
		if sess.ending != tt.want || second != tt.after {
			t.Errorf("%s: after %d s it was told to end: %v; want %d s, %v", tt.name, second, sess.ending, tt.after, tt.want)
		}
		if tt.want == ipc.OutcomeNone {
			continue
		}
		for _, want := range []ask{askedNicely, askedTerm, askedKill} { // and then it is made to
			if w.asked != want {
				t.Errorf("%s: it was asked in way %d, want %d", tt.name, w.asked, want)
			}
			f.now = f.now.Add(grace)
			f.tick(f.now)
		}
		f.dies(w, ipc.Exit{Signal: unix.SIGKILL}, "")
		if got := f.reported(); len(got) != 1 || got[0].Outcome != tt.want || f.counters.Expired != 1 || f.counters.Crashed != 0 {
			t.Errorf("%s: recorded %+v, counted %+v; want it %v", tt.name, got, f.counters, tt.want)
		}
	}
}

func TestAWorkerThatWritesTooMuchIsEnded(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{})
	w := f.busy(&session{with: testWith})
	r, write, err := ipc.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(r)
	defer unix.Close(write)
	w.Stderr = r
	for !w.output.full() {
		unix.Write(write, make([]byte, 4096))
		f.readOutput(f.now, w)
	}
	if !strings.Contains(w.violated, "256 KiB") || w.asked != askedKill {
		t.Errorf("after %d bytes: %q, signal state %d, want it killed", w.output.read, w.violated, w.asked)
	}
}

// atItsEnd gives a worker a descriptor that is watched and at its end.
func (f *fake) atItsEnd(t *testing.T, w *worker, fd *int, tag uint32) {
	t.Helper()
	read, write, err := ipc.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(write)
	*fd = read
	if err := f.watch(read, tag, w.id); err != nil {
		t.Fatal(err)
	}
}

// Its process may go on: what it says later in other ways is heard, and no number is used
// that may be another descriptor's by then.
func TestWhatAWorkerHasClosedIsClosed(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{})
	w := f.busy(&session{with: testWith})
	for _, end := range []struct {
		fd   *int
		tag  uint32
		read func(time.Time, *worker)
	}{{&w.Stats, tagStats, f.readFrames}, {&w.Stderr, tagStderr, f.readOutput}} {
		f.atItsEnd(t, w, end.fd, end.tag)
		end.read(f.now, w)
		if *end.fd != -1 {
			t.Errorf("descriptor %d is kept after its end", *end.fd)
		}
	}
	f.readRest(f.now, w)
	f.letGo(w)
	if w.session == nil || w.violated != "" {
		t.Errorf("its session is over, violated %q", w.violated)
	}
}

// A fork copies descriptors, and what is still open somewhere stays in an epoll
// set: its end would be told for ever, to nobody.
func TestNothingIsHeardOfAWorkerThatWasLetGo(t *testing.T) {
	t.Parallel()
	f := newFake(t, Options{})
	w := f.busy(&session{with: testWith})
	for _, end := range []struct {
		fd  *int
		tag uint32
	}{{&w.Stats, tagStats}, {&w.Stderr, tagStderr}, {&w.PIDFD, tagExit}} {
		f.atItsEnd(t, w, end.fd, end.tag)
		copied, err := unix.Dup(*end.fd)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(copied) })
	}
	var events [4]unix.EpollEvent
	if n, err := unix.EpollWait(f.epoll, events[:], 0); n != 3 {
		t.Fatalf("%d events before, want one from each (%v)", n, err)
	}
	f.letGo(w)
	if n, err := unix.EpollWait(f.epoll, events[:], 0); n != 0 {
		t.Errorf("%d events after (%v)", n, err)
	}
}
