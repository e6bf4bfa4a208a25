package top

import (
	"net/netip"
	"strings"
	"time"

	"brood/ipc/admin"
)

// StuckAfter is how long a client may acknowledge nothing new before its session is
// called stuck: after so long a server takes the place of one that never has.
const StuckAfter = 5 * time.Second

// Of the packets of a session that is called lossy one in so many or more was sent
// again, and so many at least: a few say nothing.
const (
	lossyShare = 20
	lossyLeast = 5
)

// States of a session.
const (
	waiting = "waiting"
	ending  = "ending"
)

// row is a session as it is shown, sorted and looked for.
type row struct {
	*admin.Session
	peer         netip.AddrPort // the zero one where what the server said is no address
	stuck, lossy bool
	words        string // that a filter looks at
}

func newRow(s *admin.Session) *row {
	r := &row{Session: s}
	r.peer, _ = netip.ParseAddrPort(s.Peer)
	r.stuck = s.State != waiting && s.Silence >= StuckAfter.Seconds()
	r.lossy = s.Retransmissions >= lossyLeast && s.Retransmissions*lossyShare >= s.Packets
	words := []string{s.Peer, s.MAC, s.File, s.State}
	if r.stuck {
		words = append(words, "stuck")
	}
	if r.lossy {
		words = append(words, "lossy")
	}
	r.words = strings.ToLower(strings.Join(words, "\n"))
	return r
}

// signs are in words of one character what colours say, too.
func (r *row) signs() string {
	signs := []byte("  ")
	switch {
	case r.State == ending:
		signs[0] = 'x'
	case r.State == waiting:
		signs[0] = 'w'
	case r.stuck:
		signs[0] = '!'
	}
	if r.lossy {
		signs[1] = 'r'
	}
	return string(signs)
}

// done is how much of the content is acknowledged, 0 to 1, or -1 where its size is not
// known.
func (r *row) done() float64 {
	switch {
	case r.State == waiting || r.Size < 0:
		return -1
	case r.Size == 0:
		return 0
	}
	return min(1, float64(r.Bytes)/float64(r.Size))
}
