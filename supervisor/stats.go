package supervisor

import (
	"net/netip"
	"time"

	"brood/ipc"
	"brood/protocol"
)

// Outcome is how a session ended; its String is the word used in logs.
type Outcome = ipc.Outcome

// The outcomes of sessions.
const (
	Complete    = ipc.OutcomeComplete    // the last block was acknowledged
	Declined    = ipc.OutcomeDeclined    // the client answered the OACK with ERROR, as UEFI does to learn a size
	Refused     = ipc.OutcomeRefused     // the handler gave an error, which was sent in place of content
	PeerError   = ipc.OutcomePeerError   // the client sent ERROR
	PeerGone    = ipc.OutcomePeerGone    // nobody listens on the client's port any more (ICMP)
	TimedOut    = ipc.OutcomeTimedOut    // the client fell silent
	OpenTimeout = ipc.OutcomeOpenTimeout // the handler did not open in time
	Aborted     = ipc.OutcomeAborted     // the content failed after the first block
	Superseded  = ipc.OutcomeSuperseded  // a later session of the same client took over
	Drained     = ipc.OutcomeDrained     // shutdown ended it
	Stalled     = ipc.OutcomeStalled     // nothing was acknowledged for StallTimeout
	Overdue     = ipc.OutcomeOverdue     // it outlived MaxSessionTime
	Crashed     = ipc.OutcomeCrashed     // the worker died: panic, exit, signal
	Violated    = ipc.OutcomeViolated    // the worker broke its contract and was killed
	Unserved    = ipc.OutcomeUnserved    // it waited and was never given to a worker
	Killed      = ipc.OutcomeKilled      // an operator ended it
)

// SessionStats is the record of one session that ended.
type SessionStats struct {
	Peer, Local netip.AddrPort // Local's port is the session's own; 0 when it never had one
	MAC         string         // the client's, when the neighbour table knew it
	File        string         // bytes as sent; see protocol.Printable
	Mode        protocol.Mode
	Options     []protocol.Option // as asked

	Received  time.Time     // when the request was read
	Waited    time.Duration // until a worker had it
	FirstSent time.Duration // from Received to the first packet of the answer; 0: none
	Duration  time.Duration // from Received to the end

	Outcome   Outcome
	ErrorCode uint16 // of the ERROR packet that ended the session, sent or received
	Detail    string // the client's message, the handler's error, or how the worker died
	Stack     string // what a crashing worker wrote last, at most 16 KiB

	Blksize, Windowsize int    // as negotiated; 0 when it did not come to that
	Size                int64  // of the content in bytes, -1 when unknown
	Bytes               uint64 // of content, acknowledged
	Packets             uint64 // DATA and OACK sent
	Retransmissions     uint64 // of those, sent before

	WorkerPID int // 0 when no worker had it
}

// ServerStats are counters since the start and gauges of this moment.
type ServerStats struct {
	Since time.Time // when Run began

	// Sandbox is the level of the workers, and what of it the kernel can't give.
	Sandbox string

	Requests  uint64 // datagrams read from the ports
	Started   uint64 // sessions given to a worker
	Completed uint64 // sessions that ended Complete
	Declined  uint64
	Missing   uint64 // Refused with ERROR 1: there is no such file; loaders look for many
	TimedOut  uint64 // TimedOut and PeerGone
	Failed    uint64 // PeerError, OpenTimeout, Aborted, and Refused for another reason
	Crashed   uint64 // Crashed and Violated
	Ended     uint64 // Superseded, Drained and Killed
	Expired   uint64 // Stalled and Overdue

	Refused struct { // requests that no session was made of, by reason
		Malformed   uint64 // ERROR 4
		Write       uint64 // ERROR 2: brood only reads
		Denied      uint64 // ERROR 2: the source's prefix is not served
		TooOften    uint64 // more than MaxRequestsPerSource or MaxRequestsPerPrefix
		Penalised   uint64 // the client's sessions have crashed; see Options.NoPenalties
		Failing     uint64 // ERROR 0: the same request has crashed its handler again and again
		QueueFull   uint64 // more than MaxWaiting
		Crowded     uint64 // more than 16 sessions of one client's port
		Stale       uint64 // waited until the client had given up
		Unreachable uint64 // no socket could be connected to the client, or it could not be handed over
		Draining    uint64 // waiting when shutdown began, or found in a session's socket since
	}
	Ignored    uint64 // datagrams that are no request
	Duplicates uint64 // repeated requests of sessions that live or wait; of a session that runs the last counts when its client is heard or it ends

	Bytes           uint64 // of content, acknowledged
	Packets         uint64
	Retransmissions uint64

	WorkersStarted uint64
	WorkerFailures uint64 // starts that failed, and workers that ended badly outside a session
	KernelDrops    uint64 // datagrams that the ports' receive buffers had no room for
	ReportsLost    uint64 // records and log lines lost because their reader was too slow

	Active   int // sessions running
	Waiting  int // requests waiting for a worker
	Idle     int // workers waiting for a request
	Starting int // workers on their way
}
