package supervisor

import (
	"net/netip"
	"time"

	"brood/ipc"
	"brood/protocol"
)

// conversation is what tells one client's requests from another's: the client's
// address and port, and the address of ours that it asked.
type conversation struct {
	peer  netip.AddrPort
	local netip.Addr
}

// session is one accepted request until its end. It waits first, without a
// worker or a socket, and then runs.
type session struct {
	id       uint64
	with     conversation
	datagram string // the request as it came, to know a repetition by
	request  protocol.Request
	mac      string
	ifindex  int
	listener *listener // that the request came to

	received time.Time
	seen     time.Time     // the last repetition of the request: the client still waits
	gap      time.Duration // the longest between two of them
	again    stamp         // of a repetition that may be a request for another session; see repeat
	handed   time.Time     // to a worker; zero while waiting
	answered time.Time     // when a stranger's worker told that it has sent something
	moved    time.Time     // when the client last acknowledged something new, or handed

	socket  int  // the supervisor's descriptor of the session's socket, -1 while waiting
	retired bool // the socket has left its client; see retire
	local   netip.AddrPort
	worker  *worker

	// older are the sessions of the same conversation that end when this one's
	// first valid ACK arrives; until then a forged request can't harm them.
	older *session

	stranger bool      // its source was not known when it asked, and has acknowledged nothing
	proved   bool      // the client has acknowledged something: its address is its own
	over     bool      // it has ended
	last     ipc.Frame // the worker's latest word
	speed    speed
	ending   Outcome // why the supervisor asked it to end; OutcomeNone if it did not
}

// table holds every session that waits or runs.
type table struct {
	newest  map[conversation]*session // chained through older
	running map[netip.Addr]int        // by source; those that have a worker
}

func newTable() table {
	return table{newest: make(map[conversation]*session), running: make(map[netip.Addr]int)}
}

// runs counts a session that has been given a worker.
func (t *table) runs(s *session) { t.running[s.source()]++ }

// maxTalks bounds the sessions of one conversation. A client has one, or two while
// it changes its mind; each request is compared with all of them.
const maxTalks = 16

// duplicate returns the live session that this very datagram has begun already,
// and how many sessions the conversation has. A session whose client has
// acknowledged a block was answered: who sends its request again has started anew,
// from a port that does not change (2070 in many boot ROMs).
func (t *table) duplicate(with conversation, datagram []byte) (dup *session, talks int) {
	for s := t.newest[with]; s != nil; s = s.older {
		talks++
		if dup == nil && s.datagram == string(datagram) && s.ending == ipc.OutcomeNone && !s.heard() {
			dup = s
		}
	}
	return dup, talks
}

func (t *table) add(s *session) {
	s.older = t.newest[s.with]
	t.newest[s.with] = s
}

func (t *table) remove(s *session) {
	s.over = true
	if source := s.source(); !s.handed.IsZero() {
		if t.running[source]--; t.running[source] <= 0 {
			delete(t.running, source)
		}
	}
	if t.newest[s.with] == s {
		if s.older == nil {
			delete(t.newest, s.with)
		} else {
			t.newest[s.with] = s.older
		}
		return
	}
	for at := t.newest[s.with]; at != nil; at = at.older {
		if at.older == s {
			at.older = s.older
			return
		}
	}
}

// repeated notes that the client has sent its request again.
func (s *session) repeated(now time.Time) {
	s.gap = max(s.gap, now.Sub(s.seen))
	s.seen = now
}

// stale says whether the client has given up, as far as one can know: it would have
// repeated its request by now.
func (s *session) stale(now time.Time) bool {
	return now.Sub(s.seen) > max(staleAfter, min(5*s.gap/2, maxStaleAfter))
}

// heard says whether the client has answered what the session sent: as far as is
// known yet.
func (s *session) heard() bool {
	switch s.last.Outcome {
	case Complete, Declined, PeerError:
		return true
	}
	return s.last.Bytes > 0
}

// source is the client's address, whatever its port.
func (s *session) source() netip.Addr { return s.with.peer.Addr() }

// closeSocket closes the supervisor's copy of the socket, if it has one.
func (s *session) closeSocket() {
	ipc.CloseFD(s.socket)
	s.socket = -1
}

// record is what the world gets to know of a session that ended. Its times are in
// their order although two processes took them: now is when the loop woke, and the
// worker may have sent its first packet since.
func (s *session) record(now time.Time, outcome Outcome) SessionStats {
	r := SessionStats{
		Peer:            s.with.peer,
		Local:           s.local,
		MAC:             s.mac,
		File:            s.request.File,
		Mode:            s.request.Mode,
		Options:         s.request.Options,
		Received:        s.received,
		Waited:          now.Sub(s.received),
		FirstSent:       min(s.last.FirstSent, now.Sub(s.received)),
		Duration:        now.Sub(s.received),
		Outcome:         outcome,
		ErrorCode:       s.last.ErrorCode,
		Detail:          s.last.Detail,
		Blksize:         int(s.last.Blksize),
		Windowsize:      int(s.last.Windowsize),
		Size:            s.last.Size,
		Bytes:           s.last.Bytes,
		Packets:         s.last.Packets,
		Retransmissions: s.last.Retransmissions,
	}
	if !s.handed.IsZero() {
		r.Waited = s.handed.Sub(s.received)
	}
	if s.worker != nil {
		r.WorkerPID = s.worker.PID
	}
	return r
}

// job is what the session's worker is told. It is the worker's last one, or not.
// With confirm it tells of the client's first valid ACK.
func (s *session) job(o *settings, last, confirm bool) ipc.Job {
	options := make([]ipc.Option, len(s.request.Options))
	for i, opt := range s.request.Options {
		options[i] = ipc.Option(opt)
	}
	return ipc.Job{
		Session:       s.id,
		Peer:          s.with.peer,
		Local:         s.local,
		MAC:           s.mac,
		File:          s.request.File,
		Mode:          uint8(s.request.Mode),
		Options:       options,
		Received:      ipc.InstantOf(s.received),
		Timeout:       o.Timeout,
		Retries:       o.Retries,
		MaxBlksize:    o.MaxBlksize,
		MaxWindowsize: o.MaxWindowsize,
		MaxBurst:      o.MaxBurst,
		Confirm:       confirm || s.older != nil,
		MTUClamp:      !o.NoMTUClamp,
		HandBack:      o.SinglePort,
		Last:          last,
	}
}
