package protocol

import (
	"math"
	"math/bits"
	"strconv"
	"time"
)

// tftp-hpa takes a utimeout from 10 ms to 255 s, in microseconds.
const (
	minUtimeout = 10_000
	maxUtimeout = 255_000_000
	maxTimeout  = 255 // seconds, RFC 2349
)

// Negotiate settles the options of a read request, as ParseRequest returned
// them, for a content of size bytes (-1 when unknown). It returns the terms and
// the options to acknowledge, in the order asked and with names as the client
// spelled them. When there is none, no OACK is sent and DATA 1 goes at once
// (RFC 2347).
//
// Nothing is acknowledged that was not asked, and no blksize or windowsize
// above what was asked. What is not understood is left out, as RFC 2347 wants:
// unknown names, and values that are not decimal or out of their range. A
// blksize above 65464 is the exception: it is clamped, since a client that
// takes more takes less. Of blksize and blksize2, as of timeout and utimeout,
// the first valid one counts.
func Negotiate(opts []Option, mode Mode, size int64, limits Limits) (Terms, []Option) {
	n := negotiation{terms: defaultTerms(limits.timeout()), limits: limits, size: size, mode: mode}
	n.terms.Rollover = min(limits.Rollover, 1)
	var acks []Option
	window := -1 // where in acks the windowsize is
	for _, o := range opts {
		name := Lower(o.Name)
		if value, ok := n.option(name, o.Value); ok {
			if name == optWindowsize {
				window = len(acks)
			}
			acks = append(acks, Option{Name: o.Name, Value: value})
		}
	}
	if window >= 0 {
		// Only now: the bound depends on blksize and rollover, which may have
		// been asked after windowsize.
		n.terms.Windowsize = min(n.terms.Windowsize, limits.windowsize(n.terms.Blksize), sequence(n.terms.Rollover).maxWindow())
		acks[window].Value = strconv.Itoa(n.terms.Windowsize)
	}
	return n.terms, acks
}

// negotiation is the state between two options of one request.
type negotiation struct {
	terms  Terms
	limits Limits
	size   int64
	mode   Mode

	blksize, timeout, tsize, windowsize, rollover bool // settled
}

// option settles one option; name is in lower case. It returns the value to
// acknowledge it with.
func (n *negotiation) option(name, value string) (ack string, ok bool) {
	switch name {
	case optBlksize, optBlksize2:
		return n.setBlksize(value, name == optBlksize2)
	case optTimeout:
		return n.setTimeout(value, 1, maxTimeout, time.Second)
	case optUtimeout:
		return n.setTimeout(value, minUtimeout, maxUtimeout, time.Microsecond)
	case optTsize:
		return n.setTsize(value)
	case optWindowsize:
		return n.setWindowsize(value)
	case optRollover:
		return n.setRollover(value)
	}
	return "", false
}

func (n *negotiation) setBlksize(value string, powerOfTwo bool) (string, bool) {
	asked, ok := parseBetween(value, MinBlksize, math.MaxUint64)
	if !ok || n.blksize {
		return "", false
	}
	n.blksize = true
	size := int(min(asked, uint64(n.limits.blksize())))
	if powerOfTwo {
		size = 1 << (bits.Len(uint(size)) - 1)
	}
	n.terms.Blksize = size
	return strconv.Itoa(size), true
}

func (n *negotiation) setTimeout(value string, low, high uint64, unit time.Duration) (string, bool) {
	asked, ok := parseBetween(value, low, high)
	if !ok || n.timeout {
		return "", false
	}
	n.timeout = true
	n.terms.Timeout, n.terms.TimeoutAsked = time.Duration(asked)*unit, true
	return strconv.FormatUint(asked, 10), true // RFC 2349: the same number or none
}

func (n *negotiation) setTsize(value string) (string, bool) {
	// In netascii the size on the wire is known only after translating it all.
	// An empty file's size is not told: curl takes "tsize 0" in an OACK for an
	// error and ends the transfer, and to every client the empty DATA 1 says it.
	if _, ok := parseNumber(value); !ok || n.tsize || n.size <= 0 || n.mode != Octet {
		return "", false
	}
	n.tsize = true
	return strconv.FormatInt(n.size, 10), true
}

func (n *negotiation) setWindowsize(value string) (string, bool) {
	asked, ok := parseBetween(value, 1, MaxWindowsize)
	if !ok || n.windowsize {
		return "", false
	}
	n.windowsize = true
	n.terms.Windowsize = int(asked)
	return value, true // Negotiate puts the final value here
}

func (n *negotiation) setRollover(value string) (string, bool) {
	asked, ok := parseBetween(value, 0, 1)
	if !ok || n.rollover {
		return "", false
	}
	n.rollover = true
	n.terms.Rollover = uint16(asked)
	return strconv.FormatUint(asked, 10), true
}
