package ipc

import (
	"fmt"
	"net/netip"
	"time"
)

// MaxJob bounds an encoded Job, in bytes. A request of 2,048 bytes encodes to
// less than twice its length.
const MaxJob = 8192

// Option is one option of a request (RFC 2347), as asked.
type Option struct{ Name, Value string }

// Job is one accepted request and the server's terms for it.
type Job struct {
	Session  uint64         // echoed in every frame about this session
	Peer     netip.AddrPort // whom the socket is connected to
	Local    netip.AddrPort // what the socket is bound to
	MAC      string         // the peer's, from the neighbour table; empty when not on link
	File     string         // bytes as sent
	Mode     uint8          // protocol.Mode
	Options  []Option       // in the order asked
	Received Instant        // when the request was read from the port

	Timeout       time.Duration // first retransmission timeout
	Retries       int           // retransmissions before the peer counts as silent
	MaxBlksize    int
	MaxWindowsize int
	MaxBurst      int // blocks that go to the kernel at once; 0: no bound

	// MTUClamp bounds blksize by the MTU of the route to the peer.
	MTUClamp bool

	// Confirm asks for a KindProgress frame at the first packet of the answer, and
	// a KindConfirmed one at the peer's first valid ACK: it is not known whether the
	// peer exists, or another session of it ends then.
	Confirm bool

	// HandBack asks for a KindRequest frame for each request that the peer sends to
	// the session's socket, at most MaxHandBacks a second: the socket has the
	// listener's own port and keeps them from it.
	HandBack bool

	// Last says that no other job will come: the worker exits when the session
	// has ended and does not ask for more.
	Last bool
}

// MaxHandBacks is how many requests a session hands back within a second.
const MaxHandBacks = 4

const jobFields = 14

// The yes-or-no fields share one number: a message of more than 15 fields would
// begin in another way.
const (
	jobConfirm = 1 << iota
	jobLast
	jobMTUClamp
	jobHandBack
	jobFlags // the sum of all is one less
)

// Encode returns the message for j, or an error when it is over MaxJob.
func (j *Job) Encode() ([]byte, error) {
	e := NewEncoder(jobFields)
	e.Uint(j.Session)
	e.Addr(j.Peer)
	e.Addr(j.Local)
	e.Text(j.MAC)
	e.Text(j.File)
	e.Uint(uint64(j.Mode))
	e.Array(2 * len(j.Options))
	for _, o := range j.Options {
		e.Text(o.Name)
		e.Text(o.Value)
	}
	e.Int(int64(j.Received))
	e.Duration(j.Timeout)
	e.Int(int64(j.Retries))
	e.Int(int64(j.MaxBlksize))
	e.Int(int64(j.MaxWindowsize))
	e.Int(int64(j.MaxBurst))
	e.Uint(bit(jobConfirm, j.Confirm) | bit(jobLast, j.Last) | bit(jobMTUClamp, j.MTUClamp) | bit(jobHandBack, j.HandBack))
	b, err := e.Bytes()
	if err == nil && len(b) > MaxJob {
		err = fmt.Errorf("ipc: job of %d bytes, at most %d fit", len(b), MaxJob)
	}
	return b, err
}

func bit(flag uint64, set bool) uint64 {
	if set {
		return flag
	}
	return 0
}

// DecodeJob is the inverse of Encode.
func DecodeJob(b []byte) (Job, error) {
	d := NewDecoder(b, jobFields)
	j := Job{
		Session: d.Uint(1<<64 - 1),
		Peer:    d.Addr(),
		Local:   d.Addr(),
		MAC:     d.Text(),
		File:    d.Text(),
		Mode:    uint8(d.Uint(255)),
	}
	n := d.Array()
	if n%2 != 0 {
		d.Keep(fmt.Errorf("an option without its value"))
	}
	if n > 0 && d.err == nil {
		j.Options = make([]Option, n/2)
	}
	for i := range j.Options {
		j.Options[i] = Option{Name: d.Text(), Value: d.Text()}
	}
	j.Received = Instant(d.Int())
	j.Timeout = d.Duration()
	j.Retries = int(d.Int())
	j.MaxBlksize = int(d.Int())
	j.MaxWindowsize = int(d.Int())
	j.MaxBurst = int(d.Int())
	flags := d.Uint(jobFlags - 1)
	j.Confirm = flags&jobConfirm != 0
	j.Last = flags&jobLast != 0
	j.MTUClamp = flags&jobMTUClamp != 0
	j.HandBack = flags&jobHandBack != 0
	if err := d.End(); err != nil {
		return Job{}, err
	}
	return j, nil
}
