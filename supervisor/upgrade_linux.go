package supervisor

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/vmihailenco/msgpack/v5"
	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/ipc/admin"
	"brood/protocol"
)

// An upgrade is between two processes, over a socket pair. The old one starts the
// new one with the ports and serves on. When the new one's first worker has accepted
// the configuration it says ready; the old one stops reading, and hands over what
// waits and who is being served. The new one says taken, reads the ports, and the
// old one drains. Until then the old one can always go on: it kills the new one first.
const (
	sayReady = 'R'
	sayTaken = 'T'
)

// How long a new process may take to be ready, and then to take over: nobody reads
// the ports meanwhile.
const (
	upgradeReady = readyWithin + 10*time.Second
	upgradeTaken = 5 * time.Second
)

// upgradeDrain is what transfers have to finish in the old process: nobody waits for
// it, as for one that is to stop.
const upgradeDrain = 10 * time.Minute

// handoverEnv has the names of the descriptors from firstInherited on, a line each:
// the first is the socket pair's end.
const handoverEnv = "BROOD_HANDOVER"

// handover is what a new process is told.
type handover struct {
	Waiting []passed
	Served  []passed // whose clients may not have heard anything yet
	Known   []string // addresses
	Rules   []passedRule
}

// passed is a request and where it came from and to.
type passed struct {
	Peer, Local string
	Ifindex     int
	Listener    int // its index
	Datagram    string
	Received    ipc.Instant
	Seen        ipc.Instant
	Gap         time.Duration
}

// successor is the new process of an upgrade, as the old one sees it.
type successor struct {
	pid   int
	talk  *os.File
	state chan handover
	gone  chan struct{} // it has been reaped
}

// Upgrade replaces this process by a new one of the executable that it was started
// from, which may be another file by now, with the same arguments. The new one gets
// the ports, the waiting requests, the admin socket and the service manager; sessions that run go on
// here, and Run returns when they have ended, or after 10 min. Until the new one is
// ready, and if it never is, this one serves on, and the log says why. Options of the
// new process that name other addresses are heeded; Options.Manager must be what
// FromManager says. It does not work as the first process of a PID namespace, which
// can't be replaced. It may be called from any goroutine.
func (s *Supervisor) Upgrade() { s.inbox.post(s.upgrade) }

func (s *Supervisor) upgrade() {
	refuse := func(why string) {
		s.report.logf(hclog.Error, "no upgrade", "why", why)
	}
	switch {
	case s.phase != serving:
		refuse("the server is not serving")
		return
	case s.successor != nil:
		refuse("one is under way")
		return
	case s.executable == "":
		refuse("it is not known what to execute: /proc was not mounted when this process started")
		return
	case first:
		refuse("this is the first process of its PID namespace, and with it everything there would end: start a new container")
		return
	}
	next, err := s.startSuccessor()
	if err != nil {
		refuse(err.Error())
		return
	}
	s.successor = next
	s.report.logf(hclog.Info, "upgrading", "executable", s.executable, "pid", next.pid)
	go s.converse(next)
}

func (s *Supervisor) startSuccessor() (*successor, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket pair: %w", err)
	}
	defer unix.Close(fds[1])
	files := []uintptr{0, 1, 2, uintptr(fds[1])}
	names := []string{""}
	for _, l := range s.listeners {
		files = append(files, uintptr(l.fd))
		names = append(names, l.name)
	}
	if s.admin != nil {
		files = append(files, uintptr(s.admin.FD))
		names = append(names, adminPrefix+s.admin.Path())
	}
	for addr, fd := range s.helperPorts {
		files = append(files, uintptr(fd))
		names = append(names, tcpPrefix+addr)
	}
	env := []string{handoverEnv + "=" + strings.Join(names, "\n")}
	if s.Manager.NotifySocket != "" {
		env = append(env, "NOTIFY_SOCKET="+s.Manager.NotifySocket)
	}
	if s.Manager.Watchdog > 0 {
		env = append(env, fmt.Sprintf("WATCHDOG_USEC=%d", s.Manager.Watchdog.Microseconds()))
	}
	if _, set := os.LookupEnv(gomaxprocs); s.leaf != nil && !set {
		// It is born in the supervisor's own group, which has no quota.
		env = append(env, fmt.Sprintf("%s=%d", gomaxprocs, cpus()))
	}
	// Our capabilities are this process's own: a program that it executes has none
	// but those which are ambient.
	var caps []uintptr
	for _, c := range kept {
		if has, err := holds(c); err == nil && has {
			caps = append(caps, uintptr(c))
		}
	}
	pid, err := syscall.ForkExec(s.executable, os.Args, &syscall.ProcAttr{
		Env: append(os.Environ(), env...), Files: files, Sys: &syscall.SysProcAttr{AmbientCaps: caps},
	})
	if err != nil {
		unix.Close(fds[0])
		return nil, fmt.Errorf("starting %s: %w", s.executable, err)
	}
	unix.SetNonblock(fds[0], true) // or no deadline would end a read
	next := &successor{
		pid: pid, talk: os.NewFile(uintptr(fds[0]), "upgrade"),
		state: make(chan handover, 1), gone: make(chan struct{}),
	}
	go func() {
		defer close(next.gone)
		for {
			if _, err := unix.Wait4(pid, nil, 0, nil); !errors.Is(err, unix.EINTR) {
				return
			}
		}
	}()
	return next, nil
}

// converse is the old process's part, beside the loop.
func (s *Supervisor) converse(next *successor) {
	defer next.talk.Close()
	hear := func(what byte, within time.Duration) error {
		next.talk.SetReadDeadline(time.Now().Add(within))
		var b [1]byte
		switch n, err := next.talk.Read(b[:]); {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return fmt.Errorf("the new process took longer than %v", within)
		case errors.Is(err, io.EOF), n == 1 && b[0] != what:
			return errors.New("the new process ended before it was ready; its own words are above")
		default:
			return err
		}
	}
	err := hear(sayReady, upgradeReady)
	if err == nil {
		s.inbox.post(func() { s.yield(next) })
		next.talk.SetWriteDeadline(time.Now().Add(upgradeTaken))
		if err = msgpack.NewEncoder(next.talk).Encode(<-next.state); err == nil {
			err = hear(sayTaken, upgradeTaken)
		}
	}
	if err == nil {
		s.inbox.post(func() { s.abdicate(next) })
		return
	}
	unix.Kill(next.pid, unix.SIGKILL) // it is reaped below, and so it is that one still
	<-next.gone
	s.inbox.post(func() { s.resume(err) })
}

// yield stops reading requests and says what there is to take over.
func (s *Supervisor) yield(next *successor) {
	var h handover
	if s.phase == serving { // or else the new one takes over from nobody
		s.yielding = true
		for _, l := range s.listeners {
			s.unwatch(l.fd)
		}
		s.closeAllLingering()
		s.hearStrays(time.Now()) // what they hold is the new one's, too
		h = s.handover()
	}
	next.state <- h
}

func (s *Supervisor) handover() (h handover) {
	for _, sess := range s.sessions.newest {
		var chain []*session
		for ; sess != nil; sess = sess.older {
			chain = append(chain, sess)
		}
		for i := len(chain) - 1; i >= 0; i-- { // oldest first
			if sess := chain[i]; !sess.handed.IsZero() && !sess.heard() {
				h.Served = append(h.Served, s.pass(sess))
			}
		}
	}
	for i := range s.queue.lines {
		s.queue.lines[i].each(func(sess *session) { h.Waiting = append(h.Waiting, s.pass(sess)) })
	}
	for i := range s.queue.known.entries {
		h.Known = append(h.Known, s.queue.known.entries[i].key.String())
	}
	h.Rules = s.gate.rules.pass()
	return h
}

func (s *Supervisor) pass(sess *session) passed {
	h := passed{
		Peer: sess.with.peer.String(), Local: sess.with.local.String(), Ifindex: sess.ifindex, Datagram: sess.datagram,
		Received: ipc.InstantOf(sess.received), Seen: ipc.InstantOf(sess.seen), Gap: sess.gap,
	}
	for i, l := range s.listeners {
		if l == sess.listener {
			h.Listener = i
		}
	}
	return h
}

// abdicate is for when the new process has the ports: this one drains.
func (s *Supervisor) abdicate(next *successor) {
	s.report.logf(hclog.Info, "upgraded: the new process serves", "pid", next.pid, "sessions-left", len(s.pool.busy))
	s.notify(fmt.Sprintf("MAINPID=%d", next.pid))
	s.successor = nil
	s.retireHelpers(time.Now())
	if s.admin != nil {
		s.admin.Leave()
	}
	s.parting = admin.ReasonUpgraded // also where nothing is left to drain, and Run says it first
	if s.desk != nil {
		go s.leaveOperators(s.parting)
	}
	s.DrainTimeout = max(s.DrainTimeout, upgradeDrain)
	s.notifier.close()               // what it hears from now on is the new one's
	s.queue.empty(s.sessions.remove) // the new one has them
	s.drain(time.Now())
}

// resume is for when the new process did not make it.
func (s *Supervisor) resume(err error) {
	s.report.logf(hclog.Error, "no upgrade", "why", err.Error(), "so", "this process serves on")
	s.successor = nil
	if !s.yielding {
		return
	}
	s.yielding = false
	if s.phase == serving {
		s.watchListeners()
	}
}

// predecessor is the old process of an upgrade, as the new one sees it.
type predecessor struct {
	talk  *os.File
	ports map[string][]int // by the listener's name
}

// inherit reads what an old process has left in the environment.
func inherit(names string) *predecessor {
	if names == "" {
		return nil
	}
	p := &predecessor{ports: make(map[string][]int)}
	for i, name := range strings.Split(names, "\n") {
		fd := firstInherited + i
		if i == 0 {
			unix.SetNonblock(fd, true)
			p.talk = os.NewFile(uintptr(fd), "upgrade")
			continue
		}
		unix.CloseOnExec(fd)
		p.ports[name] = append(p.ports[name], fd)
	}
	return p
}

// port takes the descriptor of a listener, if the old process had it.
func (p *predecessor) port(name string) (fd int, ok bool) {
	if p == nil || len(p.ports[name]) == 0 {
		return -1, false
	}
	fd = p.ports[name][0]
	p.ports[name] = p.ports[name][1:]
	return fd, true
}

// closePorts closes what nobody has taken. The service manager's sockets are not
// its own.
func (p *predecessor) closePorts() {
	for name, fds := range p.ports {
		if path, ok := strings.CutPrefix(name, adminPrefix); ok && len(fds) > 0 {
			os.Remove(path) // if it may
		}
		for _, fd := range fds {
			if !strings.HasPrefix(name, socketPrefix) {
				unix.Close(fd)
			}
		}
	}
	p.ports = nil
}

// takeOver is the new process's part, beside the loop. An old one that has gone
// has nothing more to say, and serves nobody.
func (s *Supervisor) takeOver(p *predecessor) {
	defer p.talk.Close()
	var h handover
	p.talk.SetDeadline(time.Now().Add(upgradeTaken + time.Second)) // then the old one has given us up
	_, err := p.talk.Write([]byte{sayReady})
	if err == nil {
		err = msgpack.NewDecoder(p.talk).Decode(&h)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return // it kills us
	}
	taken := make(chan struct{})
	s.inbox.post(func() {
		s.takeUp(time.Now(), h)
		close(taken)
	})
	<-taken
	p.talk.Write([]byte{sayTaken})
}

// takeUp goes on where the old process has stopped, and reads the ports.
func (s *Supervisor) takeUp(now time.Time, h handover) {
	if s.phase != serving {
		return
	}
	for _, text := range h.Known {
		if addr, err := netip.ParseAddr(text); err == nil {
			s.queue.meet(now, addr)
		}
	}
	s.gate.rules.takeOver(h.Rules)
	s.elsewhere, s.elsewhereUntil = make(map[conversation]string), now.Add(elsewhereFor)
	for _, r := range h.Served {
		if with, ok := r.with(); ok {
			s.elsewhere[with] = r.Datagram
		}
	}
	for _, r := range h.Waiting {
		with, ok := r.with()
		req, err := protocol.ParseRequest([]byte(r.Datagram))
		if !ok || err != nil || r.Listener < 0 || r.Listener >= len(s.listeners) {
			continue
		}
		s.enqueue(&session{
			with: with, datagram: r.Datagram, request: req, ifindex: r.Ifindex, listener: s.listeners[r.Listener],
			received: r.Received.Time(), seen: r.Seen.Time(), gap: r.Gap,
		})
	}
	s.setHelpers(now, s.Helpers) // all of them
	s.report.logf(hclog.Info, "taken over", "waiting", len(h.Waiting), "served-there", len(h.Served))
	s.listening()
}

func (r *passed) with() (with conversation, ok bool) {
	peer, err1 := netip.ParseAddrPort(r.Peer)
	local, err2 := netip.ParseAddr(r.Local)
	return conversation{peer: peer, local: local}, err1 == nil && err2 == nil
}

// elsewhereFor is how long a request that the old process answers is known by: its
// client hears the answer, or it again when it was lost.
const elsewhereFor = 5 * time.Second

// answeredElsewhere says whether the old process is at a request already.
func (s *Supervisor) answeredElsewhere(now time.Time, with conversation, datagram []byte) bool {
	if s.elsewhere == nil {
		return false
	}
	if now.After(s.elsewhereUntil) {
		s.elsewhere = nil
		return false
	}
	known, ok := s.elsewhere[with]
	return ok && known == string(datagram)
}
