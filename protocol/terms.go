package protocol

import "time"

// Terms is what a session runs under once options are settled.
type Terms struct {
	Blksize    int // bytes, 8 to 65464
	Windowsize int // blocks, 1 to 65535
	// Timeout is the first retransmission timeout; TimeoutAsked says that the
	// client negotiated it (timeout or utimeout): it then rules as it stands,
	// without back-off.
	Timeout      time.Duration
	TimeoutAsked bool
	// Rollover is the block number that follows 65535 on the wire, 0 or 1.
	Rollover uint16
}

// defaultTerms is RFC 1350 without options.
func defaultTerms(timeout time.Duration) Terms {
	return Terms{Blksize: DefaultBlksize, Windowsize: 1, Timeout: timeout}
}
