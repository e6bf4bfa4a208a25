package protocol

import "time"

// Bounds of RFC 2348 and RFC 7440, and the block size without negotiation.
const (
	MinBlksize     = 8
	MaxBlksize     = 65464
	DefaultBlksize = 512
	MaxWindowsize  = 65535
)

// DefaultTimeout is the first retransmission timeout where zero is given.
const DefaultTimeout = time.Second

// Limits is how far a server lets its clients go. The zero value allows what
// the RFCs allow. What a client asks for never changes it.
type Limits struct {
	// MaxBlksize is 8 to 65464 bytes; larger asks are clamped to it. Zero means
	// 65464; other values are taken as the nearest valid one.
	MaxBlksize int
	// MaxWindowsize is 1 to 65535 blocks; larger asks are clamped to it. Zero
	// means 65535; other values are taken as the nearest valid one.
	MaxWindowsize int
	// MaxWindowBytes bounds windowsize × (blksize + 4), the bytes of DATA in
	// flight: the window is clamped to it, never below one block. Zero means no
	// bound.
	MaxWindowBytes int
	// Rollover is the block number after 65535, 0 or 1, when the client does not
	// ask for one (tftp-hpa's option); larger values are taken as 1.
	Rollover uint16
	// Timeout is the first retransmission timeout when the client negotiates
	// none. Zero means DefaultTimeout.
	Timeout time.Duration
}

func (l Limits) blksize() int {
	if l.MaxBlksize == 0 {
		return MaxBlksize
	}
	return min(max(l.MaxBlksize, MinBlksize), MaxBlksize)
}

func (l Limits) timeout() time.Duration {
	if l.Timeout <= 0 {
		return DefaultTimeout
	}
	return l.Timeout
}

// windowsize returns the largest window for blocks of blksize bytes.
func (l Limits) windowsize(blksize int) int {
	limit := MaxWindowsize
	if l.MaxWindowsize != 0 {
		limit = min(max(l.MaxWindowsize, 1), MaxWindowsize)
	}
	if l.MaxWindowBytes > 0 {
		limit = min(limit, max(l.MaxWindowBytes/(blksize+DataHeaderLen), 1))
	}
	return limit
}
