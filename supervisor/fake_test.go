package supervisor

import (
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/ipc/launch"
)

// patience bounds every wait of a test. It is not an expectation.
const patience = time.Minute

// fake is a supervisor whose starter starts nothing and whose workers are no
// processes: a test says what they do. Its loop is the test.
type fake struct {
	*Supervisor
	now     time.Time
	records []SessionStats
	ended   bool
}

// fakeCPUs is what a fake's credit is made for.
const fakeCPUs = 4

// fakeStarting is a fake's starts under way, whatever the number of CPUs.
const fakeStarting = 32

func newFake(t *testing.T, o Options) *fake {
	t.Helper()
	f := &fake{now: time.Now()}
	o.OnSessionStats = func(s SessionStats) { f.records = append(f.records, s) }
	settled, err := o.settle()
	if err != nil {
		t.Fatal(err)
	}
	f.Supervisor = &Supervisor{
		settings: *settled,
		sessions: newTable(),
		gate:     newGate(settled),
		crashes:  newCrashes(),
		quiet:    make(quiet),
		pool:     newPool(fakeStarting),
		queue:    newEntrance(),
		credit:   newCredit(settled.MaxSessions, fakeCPUs),
		phase:    serving,
		notifier: notifier{fd: -1},
		gen:      &generation{starter: &starter{orders: make(chan order, fakeStarting)}},
		report:   newReporter(hclog.NewNullLogger()),
	}
	if f.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.reported()
		unix.Close(f.epoll)
	})
	return f
}

// reported waits for the records of the sessions that have ended. The fake is of
// no use afterwards.
func (f *fake) reported() []SessionStats {
	if !f.ended {
		f.ended = true
		deliver(f.report)
	}
	return f.records
}

// born gives the answer to one order: a worker whose descriptors are none.
func (f *fake) born(t *testing.T) *worker {
	t.Helper()
	select {
	case <-f.gen.starter.orders:
	default:
		t.Fatalf("no worker was ordered; %d are starting", f.pool.starting)
	}
	f.pool.lastID++
	f.pool.ordered--
	none := launch.Child{PID: -1, PIDFD: -1, Control: -1, Stats: -1, Stderr: -1, Helper: -1}
	w := &worker{Child: none, id: f.pool.lastID, wave: f.pool.wave, patience: f.now.Add(readyWithin)}
	f.pool.all[w.id] = w
	return w
}

// deliver waits until everything that was reported so far has been delivered.
func deliver(r *reporter) bool { return r.finish(func() {}, time.Now().Add(time.Hour), nil) }

// ordered is how many workers the starter was asked for and has not made.
func (f *fake) ordered() int { return len(f.gen.starter.orders) }

// serving makes a worker that has been given a session.
func (f *fake) busy(sess *session) *worker {
	f.pool.lastID++
	f.lastID++
	none := launch.Child{PID: 4711, PIDFD: -1, Control: -1, Stats: -1, Stderr: -1, Helper: -1}
	w := &worker{Child: none, id: f.pool.lastID, state: busy, session: sess}
	sess.id, sess.worker, sess.socket, sess.received, sess.handed, sess.moved = f.lastID, w, -1, f.now, f.now, f.now
	f.pool.all[w.id], f.pool.busy[w.id] = w, w
	f.sessions.add(sess)
	f.counters.Started++
	return w
}

// dies ends a worker as reap does.
func (f *fake) dies(w *worker, exit ipc.Exit, stack string) { f.gone(f.now, w, exit, stack) }
