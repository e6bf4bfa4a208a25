package protocol

import "time"

// accept reads an OACK as the one who asked: it is Negotiate's counterpart. An
// option that was not asked, or more of it than was asked, is an error and ends
// the transfer (RFC 2347; ERROR 8 is for this). base is the timeout in force;
// size is -1 unless the OACK tells it.
func accept(asked, acked []Option, base time.Duration) (terms Terms, size int64, err *Error) {
	terms, size = defaultTerms(base), -1
	blksize := false
	for _, o := range acked {
		name := Lower(o.Name)
		ask, ok := find(asked, name)
		if !ok {
			return terms, -1, &Error{Code: CodeOptionRefused, Message: "option was not asked"}
		}
		// What we asked ourselves in a way that is no number bounds nothing.
		bound, _ := parseNumber(ask)
		var n uint64
		switch name {
		case optBlksize, optBlksize2:
			n, ok = parseBetween(o.Value, MinBlksize, min(bound, MaxBlksize))
			ok = ok && !blksize // which of the two rules would be a guess
			blksize = true
			terms.Blksize = int(n)
		case optWindowsize:
			n, ok = parseBetween(o.Value, 1, min(bound, MaxWindowsize))
			terms.Windowsize = int(n)
		case optTimeout:
			n, ok = parseBetween(o.Value, max(bound, 1), min(bound, maxTimeout))
			terms.Timeout, terms.TimeoutAsked = time.Duration(n)*time.Second, true
		case optUtimeout:
			n, ok = parseBetween(o.Value, max(bound, minUtimeout), min(bound, maxUtimeout))
			terms.Timeout, terms.TimeoutAsked = time.Duration(n)*time.Microsecond, true
		case optTsize:
			n, ok = parseBetween(o.Value, 0, 1<<63-1)
			size = int64(n)
		case optRollover:
			n, ok = parseBetween(o.Value, bound, min(bound, 1))
			terms.Rollover = uint16(n)
		}
		if !ok {
			return terms, -1, &Error{Code: CodeOptionRefused, Message: name + " has a value that was not asked"}
		}
	}
	if terms.Windowsize > sequence(terms.Rollover).maxWindow() {
		return terms, -1, &Error{Code: CodeOptionRefused, Message: "windowsize is a whole cycle of block numbers"}
	}
	return terms, size, nil
}
