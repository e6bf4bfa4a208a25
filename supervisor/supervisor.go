package supervisor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/ipc/admin"
	"brood/ipc/sandbox"
	"brood/supervisor/internal/desk"
)

// Supervisor is one server. New binds its ports, Run serves and frees them; one
// that is not to run is freed by Close.
type Supervisor struct {
	settings
	who       *identity // of workers; nil: as the supervisor
	guard     guard
	listeners []*listener
	addrs     []netip.AddrPort
	notifier  notifier
	admin     *desk.Socket // nil: none
	operators int          // the group that may use it; -1: none
	inbox     *inbox
	leaf      *leaf         // nil: workers have no control group of their own
	ran       atomic.Bool   // Run or Close was called
	hurried   chan struct{} // Hurry was called; Run may wait for the log by then

	// All below belongs to the loop.

	epoll          int
	poller         *poller
	started        time.Time
	report         *reporter
	desk           *desk.Desk // where operators come; nil: none, or not yet
	history        history
	gen            *generation
	generation     uint64 // how many there were
	reloading      bool
	unreloaded     bool        // the last reload came to nothing
	pending        *reload     // to be done after the one that is under way
	candidate      *generation // whose first worker is on its way; nil: none
	forking        sync.Mutex  // see starter
	receiver       receiver
	statsBuf       [ipc.MaxFrame]byte      // for what one read of a stats pipe brings
	tried          map[netip.AddrPort]bool // to give a listener of their own, in single-port mode
	strays         []stray
	lingering      []lingering
	macs           *neighbours
	sessions       table
	gate           gate
	crashes        crashes
	queue          entrance
	unproved       int // strangers' sessions that run and have not been acknowledged
	credit         credit
	stuck          int // workers that SIGKILL does not end
	pool           pool
	expendable     *expendable // nil: workers count for what they have
	bound          int64       // of all processes of the server, in bytes; 0: none
	counted        killCounter // nil: nobody counts, or it is the leaf
	kills          kills
	helperID       *identity // nil: as the supervisor
	helperPorts    helperPorts
	helpers        []*helper
	lastHelper     uint32 // id
	uninvited      bool   // a worker knocked that the helper could not be told of yet
	counters       ServerStats
	measured       distributions
	quiet          quiet
	chatter        chatter
	lastID         uint64 // of a session
	phase          phase
	successor      *successor              // of an upgrade that is under way
	parting        string                  // the last word to who watches; empty: drained
	yielding       bool                    // it has what waits, and the ports are not read
	elsewhere      map[conversation]string // requests that the process before us answers
	elsewhereUntil time.Time
	executable     string // what this process was started from

	leftAt   time.Time // when a drain next says what is left
	phaseEnd time.Time // when the next phase begins, whatever still runs
	nextTick time.Time
	statsAt  time.Time
	fatal    error // why Run has to end before it has served anybody
}

// New checks o, reporting every fault at once, and binds the ports. Requests
// that arrive before Run wait in their buffers.
func New(o Options) (*Supervisor, error) {
	settled, err := o.settle()
	if err != nil {
		return nil, err
	}
	s := &Supervisor{settings: *settled, epoll: -1, hurried: make(chan struct{}, 1), tried: make(map[netip.AddrPort]bool)}
	s.executable, _ = os.Executable() // there may be no /proc, and then no upgrade
	if s.who, err = workerIdentity(s.User); err != nil {
		return nil, err
	}
	abi, filter := sandbox.Probe()
	if s.guard, err = newGuard(settled, abi, filter); err != nil {
		return nil, err
	}
	if err = s.obtainAll(); err != nil {
		s.closeListeners()
		s.closeAdmin()
		s.helperPorts.closeAll()
		s.notifier.close()
		return nil, err
	}
	return s, nil
}

// obtainAll opens what takes the rights that this process was started with.
func (s *Supervisor) obtainAll() (err error) {
	s.notifier.fd = -1
	if err := s.openAdmin(); err != nil {
		return err
	}
	if s.helperPorts, err = openHelperPorts(s.Helpers, nil, s.Manager.predecessor.port); err != nil {
		return err
	}
	if err := s.bind(); err != nil { // and close what is of no use
		return err
	}
	if s.notifier, err = newNotifier(&s.Manager); err != nil {
		return fmt.Errorf("the service manager's socket: %w", err)
	}
	s.inbox, err = newInbox()
	return err
}

func (s *Supervisor) bind() error {
	var port uint16 // that the kernel chose for ":0", to be the same for both families
	for _, addr := range s.settings.listen {
		if addr.Port() == 0 && addr.Addr() == netip.IPv6Unspecified() && port != 0 {
			addr = netip.AddrPortFrom(addr.Addr(), port)
		}
		l, err := s.obtain(addr)
		if errors.Is(err, unix.EAFNOSUPPORT) && addr.Addr() == netip.IPv6Unspecified() && len(s.listeners) > 0 {
			s.Logger.Info("this kernel has no IPv6; serving IPv4 only")
			continue
		}
		if err != nil {
			return err
		}
		s.listeners = append(s.listeners, l)
		s.addrs = append(s.addrs, l.addr)
		port = l.addr.Port()
	}
	for _, k := range s.settings.sockets {
		l, err := adopt(k)
		if err != nil {
			return err
		}
		l.name = socketPrefix + k.Name
		s.listeners = append(s.listeners, l)
		s.addrs = append(s.addrs, l.addr)
	}
	if p := s.Manager.predecessor; p != nil {
		if s.SinglePort {
			if err := s.inheritOwn(p); err != nil {
				return err
			}
		}
		p.closePorts() // of addresses that are not served any more
	}
	for _, k := range s.Manager.Sockets {
		if !slices.Contains(s.settings.sockets, k) {
			s.Logger.Warn("a socket of the service manager is not used: --listen names others", "socket", k.Name)
			unix.Close(k.FD)
		}
	}
	// The limit is the same for all of them.
	if room := s.listeners[0].room; room < 2*receiveBuffer {
		s.Logger.Warn("the ports' receive buffers are smaller than asked for: of a burst of requests more may be lost; raise net.core.rmem_max",
			"sysctl", fmt.Sprintf("net.core.rmem_max=%d", receiveBuffer), "requests", room/datagramCost, "wanted", burst)
	}
	return nil
}

// Addrs returns the addresses that are served, with the ports that the kernel
// chose where Listen said 0. It may be called from any goroutine.
func (s *Supervisor) Addrs() []netip.AddrPort { return slices.Clone(s.addrs) }

// Run serves until ctx ends, drains, and returns nil when the last session and
// the last worker are gone: sessions have DrainTimeout to finish, then they are
// told to end, then their workers get SIGTERM and at last SIGKILL. Log lines and
// records that are still queued then are delivered, as long as somebody takes
// them: a callback or a log that has stopped, say for want of a reader, costs
// 3 s and what is left in the queue.
//
// A supervisor that was started as root leaves root here, for good: it takes an
// id of its own (the account brood if there is one) and keeps at most
// CAP_SETUID, CAP_SETGID, CAP_KILL and CAP_NET_BIND_SERVICE. The whole process
// changes, so whatever else it needs root for must be open by now. One that was
// started as an ordinary user gives up whatever it holds beyond these four.
//
// As the first process of a PID namespace, such as a container's, it also reaps
// what others leave behind: every child that is no worker of its own. A program
// that starts processes by other means should not be that.
//
// Run fails if the first worker does not come up, with the worker's own words:
// a handler's constructor reports its bad configuration that way. It can be
// called once.
func (s *Supervisor) Run(ctx context.Context) error {
	if s.ran.Swap(true) {
		return errors.New("supervisor: Run or Close was called before")
	}
	defer s.close()
	if err := s.prepare(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { s.inbox.post(func() { s.drain(time.Now()) }) })
	defer stop()
	s.loop()
	s.leaveOperators(cmp.Or(s.parting, admin.ReasonDrained))
	s.flush()
	return s.fatal
}

// Close frees the ports of a Supervisor that is never Run, which it can't be any
// more then. Once Run was called, Run frees everything, and Close does nothing: a
// server is ended by the end of Run's context.
func (s *Supervisor) Close() {
	if !s.ran.Swap(true) {
		s.close()
	}
}

// flush delivers what is left to tell, if anybody listens.
func (s *Supervisor) flush() {
	select {
	case <-s.hurried: // a word to the loop, which has heeded it
	default:
	}
	last := func() {}
	s.reportStats(func(f func()) { last = f })
	until := time.Now().Add(flushGrace)
	if s.phaseEnd.After(until) {
		until = s.phaseEnd // a slow reader gets what is left of DrainTimeout
	}
	if s.report.finish(last, until, s.hurried) {
		return
	}
	// It may be the log that has stopped.
	said := make(chan struct{})
	go func() {
		defer close(said)
		s.Logger.Warn("a callback or the log does not take the last records", "lost", s.report.lost.Load())
	}()
	select {
	case <-said:
	case <-time.After(flushGrace / 10):
	}
}

// Hurry ends a drain's patience: sessions that still run are told to end now, and
// records that are still queued when they have are not waited for. It may be
// called from any goroutine, also before ctx has ended.
func (s *Supervisor) Hurry() {
	select {
	case s.hurried <- struct{}{}:
	default:
	}
	s.inbox.post(func() { s.hurry(time.Now()) })
}

func (s *Supervisor) prepare() error {
	raiseDescriptorLimit()
	keepInherited()
	// Whoever is of the same user, as workers are where nobody could change ids,
	// is to reach neither our memory nor, through /proc, our descriptors.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("PR_SET_DUMPABLE: %w", err)
	}
	own, err := ownIdentity(s.who)
	if err != nil {
		return err
	}
	if err := s.openLeaf(own); err != nil {
		return err
	}
	// The paths that workers read are looked up with root's eyes, if there are any.
	if s.gen, err = s.newGeneration(&s.settings); err != nil {
		return err
	}
	if s.helperID, err = helperIdentity(s.who, own); err != nil {
		return err
	}
	if err := makeHelperDirs(s.Helpers, s.helperID); err != nil {
		return err
	}
	if own != nil {
		for _, l := range s.listeners {
			l.give(own)
		}
		if err := dropRoot(own); err != nil {
			return err
		}
	}
	surplus := dropExcess()
	s.started = time.Now()
	s.statsAt = s.started.Add(s.StatsInterval)
	s.sessions, s.quiet = newTable(), make(quiet)
	s.gate, s.crashes, s.pool = newGate(&s.settings), newCrashes(), newPool(maxStarting)
	s.queue, s.credit = newEntrance(), newCredit(s.MaxSessions, cpus())
	if s.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	if s.poller, err = newPoller(s.epoll); err != nil {
		return err
	}
	if err := errors.Join(s.watch(s.inbox.wake, tagWake, 0), s.watchLeaf()); err != nil {
		return err
	}
	s.report = newReporter(s.Logger)
	if s.macs, err = openNeighbours(); err != nil {
		s.report.logf(hclog.Warn, "clients' hardware addresses will not be known", "error", err)
	}
	s.expectShortage()
	s.countKills()
	s.gen.start(s)
	s.generation = 1
	s.setHelpers(s.started, s.firstHelpers())
	if surplus != nil {
		s.report.logf(hclog.Warn, "the supervisor keeps capabilities that it has no use for", "error", surplus.Error())
	}
	if own != nil {
		s.report.logf(hclog.Info, "left root", "supervisor", own.String(), "workers", s.who.String())
	}
	if s.who == nil {
		s.report.logf(hclog.Warn, "workers run under the supervisor's own user: a handler that is taken over could signal and trace every process of it; start as root, with CAP_SETUID, CAP_SETGID and CAP_KILL, to separate them",
			"uid", unix.Getuid())
	}
	s.guard.report(s.report)
	if unseen := s.gen.launch.Unseen(); len(unseen) > 0 {
		s.report.logf(hclog.Warn, "the supervisor can't look at paths that workers read: if they are replaced, the old ones are served until a restart", "paths", strings.Join(unseen, ", "))
	}
	s.refill(s.started) // the first worker proves the configuration; then the ports are read
	return nil
}

// open begins to read requests: the first worker is up.
func (s *Supervisor) open() {
	s.phase = serving
	if p := s.Manager.predecessor; p != nil {
		go s.takeOver(p) // who reads the ports until then
		return
	}
	s.listening()
}

// listening begins to read the ports.
func (s *Supervisor) listening() {
	if err := s.watchListeners(); err != nil {
		return
	}
	for _, l := range s.listeners {
		s.report.logf(hclog.Info, "listening", "address", l.addr.String())
	}
	s.serveOperators()
	s.notify("READY=1", s.status())
}

func (s *Supervisor) watchListeners() error {
	for i, l := range s.listeners {
		if err := s.watch(l.fd, tagListener, uint32(i)); err != nil {
			s.fatal = err
			s.hurry(time.Now())
			return err
		}
	}
	return nil
}

// obtain returns the listener of an address: the one that the process before us
// had, or a new one.
func (s *Supervisor) obtain(addr netip.AddrPort) (*listener, error) {
	name := addr.String()
	fd, ok := s.Manager.predecessor.port(name)
	if !ok {
		l, err := soon(func() (*listener, error) { return listen(addr, s.SinglePort) })
		if err == nil {
			l.name = name
		}
		return l, err
	}
	l, err := adopt(Socket{name, fd})
	if err != nil {
		return nil, err
	}
	l.name = name
	if s.SinglePort {
		err = l.addSpares()
	}
	return l, err
}

// notify tells the service manager. That it can't be told is said once a second at
// most, and hurts nobody else.
func (s *Supervisor) notify(assignments ...string) {
	if err := s.notifier.tell(assignments...); err != nil {
		s.unnotified(err)
	}
}

func (s *Supervisor) unnotified(err error) {
	s.grumble(time.Now(), "the service manager can't be told", "socket", s.Manager.NotifySocket, "error", err.Error())
}

// status is a line for whoever asks the service manager how we are.
func (s *Supervisor) status() string {
	does := "serving"
	if s.phase >= draining {
		does = "draining"
	}
	return fmt.Sprintf("STATUS=%s; %d sessions, %d waiting, %d begun so far", does, len(s.pool.busy), s.queue.len(), s.counters.Started)
}

func (s *Supervisor) close() {
	if s.gen != nil {
		s.gen.end()
	}
	if s.leaf != nil {
		s.leaf.group.Close()
	}
	if s.counted != nil {
		s.counted.Close()
	}
	s.closeListeners()
	s.closeAllLingering()
	s.closeAdmin()
	s.helperPorts.closeAll()
	s.inbox.close()
	s.notifier.close()
	ipc.CloseFD(s.epoll)
	if s.poller != nil {
		s.poller.close()
	}
	if s.macs != nil {
		ipc.CloseFD(s.macs.fd)
	}
}

func (s *Supervisor) closeListeners() {
	for _, l := range s.listeners {
		s.counters.KernelDrops += l.newDrops()
		l.close()
	}
	s.listeners = nil
}
