package supervisor

import (
	"brood/ipc/admin"
	"brood/protocol"
)

// maxHistory is how many sessions are remembered that have ended; each has at most
// about 4 KiB, and as a rule a tenth of that.
const maxHistory = 2048

// history has the latest sessions that have ended. It is written over and over; who
// was given a past may keep it.
type history struct {
	ring []*past
	next int // that is written over
}

// past is a session that has ended. It is never changed.
type past struct {
	id uint64
	SessionStats
}

func (h *history) add(p *past) {
	if len(h.ring) < maxHistory {
		h.ring = append(h.ring, p)
		return
	}
	h.ring[h.next] = p
	h.next = (h.next + 1) % maxHistory
}

// all returns what there is, latest first.
func (h *history) all() []*past {
	all := make([]*past, 0, len(h.ring))
	for i := range h.ring {
		all = append(all, h.ring[(h.next+len(h.ring)-1-i)%len(h.ring)])
	}
	return all
}

// ended is what operators are told of it.
func (p *past) ended() *admin.Ended {
	return &admin.Ended{
		ID:              p.id,
		Peer:            p.Peer.String(),
		Local:           p.Local.String(),
		MAC:             p.MAC,
		File:            protocol.Printable(p.File),
		Mode:            p.Mode.String(),
		Received:        p.Received,
		Waited:          p.Waited.Seconds(),
		FirstSent:       p.FirstSent.Seconds(),
		Duration:        p.Duration.Seconds(),
		Outcome:         p.Outcome.String(),
		ErrorCode:       int(p.ErrorCode),
		Detail:          protocol.Printable(p.Detail),
		Blksize:         p.Blksize,
		Windowsize:      p.Windowsize,
		Size:            p.Size,
		Bytes:           p.Bytes,
		Packets:         p.Packets,
		Retransmissions: p.Retransmissions,
		Worker:          p.WorkerPID,
	}
}
