package supervisor

import (
	"net/netip"
	"time"

	"github.com/hashicorp/go-hclog"

	"brood/protocol"
)

// crashes remembers which requests and which clients crash handlers, so that
// neither costs a process each time.
type crashes struct {
	requests bounded[string, loop]        // by datagram: clients of one kind send the same
	clients  bounded[netip.Addr, penalty] // by address
}

// A request that crashes its handler loopCrashes times within loopWithin is
// answered with ERROR for minPause. Then one session is tried: if it crashes, too,
// the pause doubles, up to maxPause.
const (
	loopCrashes = 5
	loopWithin  = time.Minute
	minPause    = 10 * time.Second
	maxPause    = 5 * time.Minute
)

// tryFor is how long others are kept from a request that is being tried, if its
// session says neither that it works nor that it does not.
const tryFor = 10 * time.Second

// loop is what is known of one request that has crashed a handler.
type loop struct {
	since   time.Time // of the crashes that count
	crashes int
	pause   time.Duration // the last one; zero while there was none
	until   time.Time     // no session before
	trying  bool          // one session, after a pause
}

// A client whose address is proved is dropped from its second crash on, for
// minPenalty, and twice as long for each further one, up to maxPenalty. When it has
// behaved for maxPenalty, all is forgotten.
const (
	minPenalty = 10 * time.Second
	maxPenalty = 10 * time.Minute
)

// penalty is what is known of one client whose sessions have crashed.
type penalty struct {
	crashes int // after its address was proved
	until   time.Time
}

const (
	maxLoops     = 1 << 10 // each holds a datagram
	maxPenalties = 1 << 14
)

func newCrashes() crashes {
	return crashes{
		requests: bounded[string, loop]{most: maxLoops},
		clients:  bounded[netip.Addr, penalty]{most: maxPenalties},
	}
}

// request counts a crash of a request, and returns the pause that begins with it;
// zero: none.
func (c *crashes) request(now time.Time, datagram string) time.Duration {
	l := c.requests.get(datagram)
	if now.Sub(l.since) > loopWithin {
		l.since, l.crashes = now, 0
	}
	l.crashes++
	if l.pause == 0 && l.crashes < loopCrashes {
		return 0
	}
	if now.Before(l.until) && !l.trying {
		return 0 // it ran when the pause began
	}
	l.trying = false
	l.pause = min(max(2*l.pause, minPause), maxPause)
	l.until = now.Add(l.pause)
	return l.pause
}

// paused is how long a request is not to be tried; zero: it may be.
func (c *crashes) paused(now time.Time, datagram string) time.Duration {
	if c.requests.len() == 0 {
		return 0
	}
	if l := c.requests.find(datagram); l != nil && now.Before(l.until) {
		return l.until.Sub(now)
	}
	return 0
}

// try notes that a request gets a session. After a pause it is the only one.
func (c *crashes) try(now time.Time, datagram string) {
	if c.requests.len() == 0 {
		return
	}
	if l := c.requests.find(datagram); l != nil && l.pause > 0 {
		l.until, l.trying = now.Add(tryFor), true
	}
}

// works takes back what was held against a request.
func (c *crashes) works(datagram string) {
	if c.requests.len() > 0 {
		c.requests.forget(datagram)
	}
}

// client counts a crash against a client's address, and returns the penalty; zero:
// none. An address that is not proved is remembered only, see suspect: anybody
// can ask in its name.
func (c *crashes) client(now time.Time, source netip.Addr, proved bool) time.Duration {
	p := c.clients.get(source)
	if now.Sub(p.until) > maxPenalty {
		p.crashes, p.until = 0, now
	}
	if !proved {
		return 0
	}
	if p.crashes++; p.crashes == 1 {
		return 0
	}
	d := minPenalty
	for range p.crashes - 2 {
		d = min(2*d, maxPenalty)
	}
	p.until = now.Add(d)
	return d
}

// suspect says whether sessions of this client have crashed: the next ones are to
// tell when they have its first ACK, which proves its address.
func (c *crashes) suspect(source netip.Addr) bool {
	return c.clients.len() > 0 && c.clients.find(source) != nil
}

func (c *crashes) penalised(now time.Time, source netip.Addr) bool {
	if c.clients.len() == 0 {
		return false
	}
	p := c.clients.find(source)
	return p != nil && now.Before(p.until)
}

// expire forgets what is long ago.
func (c *crashes) expire(now time.Time) {
	c.requests.expire(maxLoops/10, func(l *loop) bool {
		return now.Sub(l.since) > loopWithin && now.Sub(l.until) > maxPause
	})
	c.clients.expire(maxPenalties/10, func(p *penalty) bool { return now.Sub(p.until) > maxPenalty })
}

// blame draws the consequences of a session whose worker died of it.
func (s *Supervisor) blame(now time.Time, sess *session) {
	file := protocol.Printable(sess.request.File)
	if pause := s.crashes.request(now, sess.datagram); pause > 0 {
		s.report.logf(hclog.Error, "a request keeps crashing its handler and is answered with ERROR", "file", file, "for", pause.String())
	}
	if s.NoPenalties {
		return
	}
	if d := s.crashes.client(now, sess.source(), sess.proved); d > 0 {
		s.report.logf(hclog.Error, "a client keeps crashing handlers and is not heard", "peer", sess.with.peer.String(), "file", file, "for", d.String())
	}
}

// failing is the answer to a request that is not tried now.
func failing(pause time.Duration) *protocol.Error {
	return &protocol.Error{Code: protocol.CodeUndefined, Message: "Serving this request fails; try again in " + (pause + time.Second - 1).Truncate(time.Second).String()}
}
