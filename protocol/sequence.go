package protocol

import "math"

// sequence maps absolute block numbers, which count from 1 without end, to the
// 16 bits on the wire and back. Its value is the number that follows 65535. RFC
// 1350 does not say which; 0 is the custom, and rollover=1 (tftp-hpa) makes a
// cycle of 65535 numbers in which 0 comes once only, before the first block.
type sequence uint16

// cycle is how many numbers there are before one comes again.
func (q sequence) cycle() uint64 {
	if q == 0 {
		return math.MaxUint16 + 1
	}
	return math.MaxUint16
}

// maxWindow is the largest window in which every ACK means one block: a window
// of w blocks has w+1 possible ACKs.
func (q sequence) maxWindow() int { return int(q.cycle()) - 1 }

// wire returns the number of the block on the wire; block 0 is the OACK.
func (q sequence) wire(block uint64) uint16 {
	if q == 0 || block == 0 {
		return uint16(block)
	}
	return uint16((block-1)%math.MaxUint16) + 1
}

// ahead returns how many blocks after block the next one with this number on
// the wire comes, less than a cycle; ok is false when none ever does.
func (q sequence) ahead(block uint64, wire uint16) (n uint64, ok bool) {
	if q == 0 {
		return uint64(wire - uint16(block)), true
	}
	if block == 0 || wire == 0 {
		return uint64(wire), block == 0
	}
	return (uint64(wire) + q.cycle() - uint64(q.wire(block))) % q.cycle(), true
}
