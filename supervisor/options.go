package supervisor

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"brood/protocol"
)

// Options of a Supervisor. The zero value serves on port 69 of every address.
// Nothing that a client sends changes any of it.
type Options struct {
	// Listen are the addresses to serve on: "192.0.2.1:69", "[2001:db8::1]:69",
	// ":69" for every address of both families. Port 0 lets the kernel choose; see
	// Supervisor.Addrs. "fd:NAME" are the sockets of this name in Manager. None
	// means all of Manager's, or ":69" where it has none.
	Listen []string

	// Manager is the service manager's part; see FromManager. Zero means none.
	Manager Manager

	// Config is handed, as it stands, to the handler constructor of every worker.
	Config []byte

	// ReadPaths are all of the file system that workers may open, for reading:
	// files, and directories with what lies below them, by absolute names. One that
	// is replaced, or comes to be, is noticed within a second or two, and idle
	// workers are replaced; the supervisor's own user must be able to look at it.
	ReadPaths []string
	// Sandbox is how much workers may do: the loosest level that a handler of this
	// configuration needs; see worker.Narrow. What the kernel can't give of it is
	// logged once and shown in ServerStats.
	Sandbox SandboxLevel
	// RequireSandbox has New fail if the kernel can't give all of Sandbox.
	RequireSandbox bool
	// MaxAddressSpace bounds the address space of each worker in bytes, of which
	// the Go runtime reserves about 1.2 GiB for itself. Zero means 4 GiB, negative
	// no bound.
	MaxAddressSpace int64

	// WorkersMemory bounds the memory of all workers and of what they run together, in
	// bytes, and WorkersTasks how many processes and threads they are; a worker has
	// about ten. Zero means no bound. If either is set, workers are born into a control
	// group of their own, which takes Linux 5.7, control groups of version 2, and one
	// that was delegated to this process with the controllers memory and pids: under it
	// New's process and those beside it go to the group "supervisor", and workers to
	// "workers". If that can't be had Run fails and says why. What the cache holds of
	// files that workers have read counts as theirs, and goes before anybody is ended.
	WorkersMemory int64
	WorkersTasks  int

	// Helpers are programs that run beside the server; see Helper. At most one is
	// for workers.
	Helpers []Helper

	// User is the account, by name or number, under which workers run. Empty means
	// nobody if the supervisor may change ids, and otherwise no change.
	User string

	// PortRange bounds the ports that sessions answer from, for firewalls that
	// must be told. Zero values mean the kernel's ephemeral range. The range
	// also bounds the number of sessions per address.
	PortRange PortRange

	// SinglePort has every session answer from the port that its client asked, for
	// firewalls and NATs that let nothing else through. The price: whoever can send
	// in a client's name needs to guess no port, and can end its sessions, start
	// others in their place, and keep one going that nobody receives. There are no
	// penalties then, see NoPenalties, and PortRange must be empty. A client's
	// request while it has a session ends that session. Before Linux 6.13 each
	// packet is looked for among all sessions of its address, one after the other.
	SinglePort bool

	// MinIdle workers wait ahead of demand. Zero means 2 for each CPU that this server may
	// use (GOMAXPROCS, which heeds the quota of its control group), and negative none:
	// without a MaxIdle every request then waits for an exec.
	MinIdle int
	// MaxIdle is how many idle workers wait at most. Between MinIdle and MaxIdle
	// their number follows demand: as many as were taken within a second, which is
	// forgotten by half each second. Workers that come back for another session
	// may be more for a moment. Zero means 4 times MinIdle, and less than MinIdle
	// is a fault; where MinIdle has no value of its own, it is not above MaxIdle.
	MaxIdle int
	// MaxSessions is how many sessions run at once; further requests wait. Zero
	// means 1024. From 16 on a quarter is kept for sessions that have been
	// acknowledged and for addresses that acknowledged one within the last day; a
	// session whose answer nobody has acknowledged for 5 s makes room for others that
	// wait. Of unknown addresses 4 for each CPU that this server may use (see MinIdle)
	// may leave an answer unacknowledged at once, and in 2.5 s as many more; each that
	// acknowledges makes room for two, so that only floods meet this bound.
	MaxSessions int
	// MaxSessionsPerSource is how many of them one client address may have; its
	// further requests wait, and others pass them. Zero means half of MaxSessions,
	// or 64 if that is more.
	// Where many machines ask from one address, behind a NAT, it may be MaxSessions.
	MaxSessionsPerSource int
	// MaxRequestsPerSource and MaxRequestsPerPrefix are how many requests a second
	// one client address may make, and one network: the /24 of an IPv4 address, the
	// /64 of an IPv6 one. They are means over ten seconds, so that ten times as many
	// may come at once. Further ones are dropped. A request that is sent again while
	// it waits or is being answered does not count. Zero means no bound: sources
	// take turns anyway.
	MaxRequestsPerSource int
	MaxRequestsPerPrefix int
	// Allow and Deny say who is served: of all prefixes in both that a client's
	// address is in, the longest decides. A client that is in none is served if
	// Allow is empty, and otherwise not. Who is not served is answered with ERROR 2.
	Allow, Deny []netip.Prefix
	// NoPenalties keeps hearing a client whose sessions crash. Without it one that
	// has crashed a second session after its first valid ACK is not heard for 10 s,
	// and for twice as long after each further crash, up to 10 min; who behaves for
	// 10 min starts anew. A session whose worker the kernel ended because others
	// had the memory does not count. Where many machines ask from one address, they are one.
	NoPenalties bool
	// MaxWaiting is how many requests wait for a worker; further ones are dropped
	// and counted, and the client asks again. The addresses that wait take turns,
	// and one that has none waiting displaces the latest of who has most. Zero
	// means 16384, negative none.
	MaxWaiting int

	// SessionsPerWorker is how many sessions a worker may serve in its life, one
	// after the other; 1 to 10000, zero means 1. More of them save an exec each,
	// and give up that every session has a process of its own: what a session
	// did to its process's memory, and a handler that is taken over, are there
	// for the next. A worker checks itself between two sessions and is replaced if
	// one left a goroutine, a descriptor, an ignored signal, a changed environment
	// or working directory behind; memory is not wiped, and variables of the
	// program's own keep their values. A worker is also replaced an hour after its
	// first session began, and after any session that did not end by itself:
	// that crashed, broke the contract, was told to end or had its Open time out.
	SessionsPerWorker int

	// Timeout is how long a session waits for an ACK before it sends again; it
	// doubles with each try, unless the client negotiated a timeout of its own
	// (RFC 2349). Zero means 1s.
	Timeout time.Duration
	// Retries is how often a packet is sent again before its client counts as
	// gone: with the defaults after 63s. Once a round trip was measured packets are
	// sent again sooner and more often, for the same time. Zero means 5, negative
	// none, the most is 100.
	Retries int
	// MaxBlksize bounds the block size that a client can negotiate (RFC 2348), in
	// bytes. Zero means 65464, the protocol's limit; the least is 8.
	MaxBlksize int
	// MaxWindowsize bounds the window that a client can negotiate (RFC 7440), in
	// blocks. Zero means 64, 1 is lock-step, 65535 the protocol's limit.
	MaxWindowsize int
	// MaxBurst is how many blocks of a window are given to the kernel at once, for
	// it to cut into packets. Fewer let other sessions' packets in between, on
	// links and NICs that lose long trains. Zero means as many as the window has
	// and one write takes: 64 blocks, and 65,507 bytes.
	MaxBurst int

	// NoMTUClamp lets a client negotiate blocks that the route to it can only carry
	// in fragments. Without it they are bounded by the route's MTU, because many
	// boot ROMs and firewalls lose fragments.
	NoMTUClamp bool

	// StallTimeout is how long a session may go without an ACK for something new,
	// its Open included: a source that has stopped, or a client that repeats itself
	// for ever. Zero means 10 min, negative any time. A client that falls silent
	// is given up much sooner; see Retries.
	StallTimeout time.Duration
	// MaxSessionTime is how long a session may take as a whole. Zero means 24 h,
	// negative any time.
	MaxSessionTime time.Duration

	// DrainTimeout is how long Run waits for sessions after ctx ends. Zero means
	// 30s, negative not at all.
	DrainTimeout time.Duration

	// OnSessionStats is called once for every session that ended. OnServerStats is
	// called every StatsInterval (zero means 60s) and once at the end. Both are
	// called from one goroutine, one call at a time; while they are slow, records
	// queue up to a bound, and what is lost beyond it is counted.
	OnSessionStats func(SessionStats)
	OnServerStats  func(ServerStats)
	StatsInterval  time.Duration

	// Admin is a socket for operators. The zero value is none.
	Admin Admin

	// Logger gets one line for each session and each event worth one; of sessions
	// that were never acknowledged and did not crash, 100 at once and 10 a second. Nil
	// means none.
	Logger hclog.Logger
}

// maxRetries is far beyond what a client waits for.
const maxRetries = 100

// PortRange is an inclusive range of UDP ports.
type PortRange struct{ Low, High uint16 }

// ParsePortRange reads "LOW-HIGH".
func ParsePortRange(s string) (PortRange, error) {
	low, high, ok := strings.Cut(s, "-")
	l, err1 := strconv.ParseUint(low, 10, 16)
	h, err2 := strconv.ParseUint(high, 10, 16)
	if !ok || err1 != nil || err2 != nil || l == 0 || l > h {
		return PortRange{}, fmt.Errorf("port range %q: want LOW-HIGH with 1 <= LOW <= HIGH <= 65535", s)
	}
	return PortRange{uint16(l), uint16(h)}, nil
}

const maxSessionsPerWorker = 10_000

// minAddressSpace is what a worker can start in.
const minAddressSpace = 2 << 30

// settings are Options with every default filled in and every fault found.
type settings struct {
	Options
	listen  []netip.AddrPort
	sockets []Socket // that were passed, and are to be served
}

// Check returns every fault of o that can be told without looking at this machine,
// as an OptionsError: those that New refuses it for. Sockets of a service manager
// are not missed.
func (o Options) Check() error {
	o.Listen = slices.DeleteFunc(slices.Clone(o.Listen), func(text string) bool { return strings.HasPrefix(text, socketPrefix) })
	_, err := o.settle()
	return err
}

// Serves says whether a client's address is one that is served; see Allow.
func (o Options) Serves(client netip.Addr) bool {
	a := newAccess(o.Allow, o.Deny)
	return a.allows(client)
}

func (o Options) settle() (*settings, error) {
	s := &settings{Options: o}
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }

	var err error
	if s.sockets, err = s.Manager.chosen(s.Listen); err != nil {
		faults = append(faults, err)
	}
	if len(s.sockets) > 0 && s.SinglePort {
		fault("SinglePort and sockets of a service manager: sessions share the port, and only what binds it itself can do that; stop the socket unit")
	}
	if len(s.Listen) == 0 && len(s.sockets) == 0 {
		s.Listen = []string{":69"}
	}
	for _, text := range s.Listen {
		if strings.HasPrefix(text, socketPrefix) {
			continue
		}
		addrs, err := parseListen(text)
		if err != nil {
			faults = append(faults, err)
		}
		s.listen = append(s.listen, addrs...)
	}
	if r := s.PortRange; r != (PortRange{}) && (r.Low == 0 || r.Low > r.High) {
		fault("PortRange %d-%d: want 1 <= Low <= High", r.Low, r.High)
	}
	if s.SinglePort && s.PortRange != (PortRange{}) {
		fault("PortRange %d-%d and SinglePort: sessions answer from the listeners' ports, or from others", s.PortRange.Low, s.PortRange.High)
	}
	s.NoPenalties = s.NoPenalties || s.SinglePort // an ACK proves no address
	s.MinIdle = orDefault(s.MinIdle, 2*cpus())
	s.MaxIdle = orDefault(s.MaxIdle, 4*s.MinIdle)
	if s.MaxIdle < s.MinIdle {
		if o.MinIdle > 0 {
			fault("MaxIdle %d: want at least MinIdle, %d", o.MaxIdle, o.MinIdle)
		}
		s.MinIdle = s.MaxIdle
	}
	s.MaxSessions = orDefault(s.MaxSessions, 1024)
	if s.MaxSessions < 1 {
		fault("MaxSessions %d: want at least 1", o.MaxSessions)
	}
	s.MaxSessionsPerSource = cmp.Or(s.MaxSessionsPerSource, max(s.MaxSessions/2, min(s.MaxSessions, 64)))
	if s.MaxSessionsPerSource < 1 {
		fault("MaxSessionsPerSource %d: want at least 1", o.MaxSessionsPerSource)
	}
	if s.MaxRequestsPerSource < 0 {
		fault("MaxRequestsPerSource %d: want at least 1, or 0 for no bound", o.MaxRequestsPerSource)
	}
	if s.MaxRequestsPerPrefix < 0 {
		fault("MaxRequestsPerPrefix %d: want at least 1, or 0 for no bound", o.MaxRequestsPerPrefix)
	}
	checkPrefixes(s.Allow, s.Deny, fault)
	s.MaxWaiting = orDefault(s.MaxWaiting, 16384)
	if s.MinIdle == 0 && s.MaxWaiting == 0 {
		fault("MinIdle %d and MaxWaiting %d: with neither idle workers nor waiting requests nobody is served", o.MinIdle, o.MaxWaiting)
	}
	s.SessionsPerWorker = cmp.Or(s.SessionsPerWorker, 1)
	if s.SessionsPerWorker < 1 || s.SessionsPerWorker > maxSessionsPerWorker {
		fault("SessionsPerWorker %d: want 1 to %d", o.SessionsPerWorker, maxSessionsPerWorker)
	}
	if err := checkReadPaths(s.ReadPaths); err != nil {
		faults = append(faults, err)
	}
	if err := checkHelpers(s.Helpers); err != nil {
		faults = append(faults, err)
	}
	if s.Sandbox > SandboxOff {
		fault("Sandbox %v: want SandboxStrict, SandboxNetwork, SandboxExec or SandboxOff", o.Sandbox)
	}
	if s.Sandbox == SandboxOff && s.RequireSandbox {
		fault("Sandbox %v and RequireSandbox: there is nothing to require", o.Sandbox)
	}
	s.MaxAddressSpace = orDefault(s.MaxAddressSpace, 4<<30)
	if s.MaxAddressSpace > 0 && s.MaxAddressSpace < minAddressSpace {
		fault("MaxAddressSpace %d: want at least %d, of which the Go runtime takes most", o.MaxAddressSpace, minAddressSpace)
	}
	checkWorkersLimits(s.workersLimits(), fault)
	s.Timeout = orDefault(s.Timeout, time.Second)
	if s.Timeout < 10*time.Millisecond || s.Timeout > 255*time.Second {
		fault("Timeout %v: want 10ms to 255s", o.Timeout)
	}
	s.Retries = orDefault(s.Retries, 5)
	if s.Retries > maxRetries {
		fault("Retries %d: want at most %d", o.Retries, maxRetries)
	}
	s.MaxBlksize = orDefault(s.MaxBlksize, protocol.MaxBlksize)
	if s.MaxBlksize < protocol.MinBlksize || s.MaxBlksize > protocol.MaxBlksize {
		fault("MaxBlksize %d: want %d to %d (RFC 2348)", o.MaxBlksize, protocol.MinBlksize, protocol.MaxBlksize)
	}
	if s.MaxBurst < 0 {
		fault("MaxBurst %d: want 1 or more blocks, or 0 for no bound", o.MaxBurst)
	}
	s.MaxWindowsize = orDefault(s.MaxWindowsize, 64)
	if s.MaxWindowsize < 1 || s.MaxWindowsize > protocol.MaxWindowsize {
		fault("MaxWindowsize %d: want 1 to %d (RFC 7440)", o.MaxWindowsize, protocol.MaxWindowsize)
	}
	s.StallTimeout = orDefault(s.StallTimeout, 10*time.Minute)
	if s.StallTimeout > 0 && s.StallTimeout < 2*time.Second {
		fault("StallTimeout %v: want at least 2s, since workers report each second", o.StallTimeout)
	}
	s.MaxSessionTime = orDefault(s.MaxSessionTime, 24*time.Hour)
	s.DrainTimeout = orDefault(s.DrainTimeout, 30*time.Second)
	s.Admin.check(fault)
	s.StatsInterval = orDefault(s.StatsInterval, time.Minute)
	if s.StatsInterval < time.Millisecond { // negative is 0 by now
		fault("StatsInterval %v: want at least 1ms", o.StatsInterval)
	}
	if s.Logger == nil {
		s.Logger = hclog.NewNullLogger()
	}
	if len(faults) > 0 {
		return nil, &OptionsError{errors.Join(faults...)}
	}
	return s, nil
}

func checkReadPaths(paths []string) error {
	var faults []error
	for _, path := range paths {
		if !filepath.IsAbs(path) {
			faults = append(faults, fmt.Errorf("ReadPaths %q: want an absolute path", path))
		}
	}
	return errors.Join(faults...)
}

// OptionsError is what New returns for Options that can't be: every fault of
// them, a line each.
type OptionsError struct{ Faults error }

func (e *OptionsError) Error() string { return e.Faults.Error() }
func (e *OptionsError) Unwrap() error { return e.Faults }

// orDefault reads the convention of Options: zero means the default, negative none.
func orDefault[T int | int64 | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return max(v, 0)
}

// parseListen returns one address, or one of each family for an empty host.
func parseListen(text string) ([]netip.AddrPort, error) {
	if port, ok := strings.CutPrefix(text, ":"); ok {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("listen address %q: %q is not a port", text, port)
		}
		return []netip.AddrPort{
			netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(n)),
			netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(n)),
		}, nil
	}
	addr, err := netip.ParseAddrPort(text)
	if err != nil {
		return nil, fmt.Errorf("listen address %q: want ADDRESS:PORT, [ADDRESS]:PORT or :PORT", text)
	}
	return []netip.AddrPort{netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())}, nil
}
