package supervisor

import "time"

// chatter lets some lines of a kind through and counts the others.
type chatter struct {
	bucket
	suppressed uint64
}

// Lines about sessions of clients that never acknowledged anything, at once and a
// second: they may have been made up.
const (
	chatterBurst     = 100
	chatterPerSecond = 10
)

func (c *chatter) allow(now time.Time) (ok bool, suppressed uint64) {
	if !c.take(now, chatterPerSecond, chatterBurst) {
		c.suppressed++
		return false, 0
	}
	suppressed, c.suppressed = c.suppressed, 0
	return true, suppressed
}

// quiet lets one line a second through for each kind of event and counts the
// others, so that a flood of requests is not a flood of log lines.
type quiet map[string]*hush

type hush struct {
	until      time.Time
	suppressed uint64
}

// allow says whether to log now, and how many lines of that kind were not.
func (q quiet) allow(now time.Time, kind string) (bool, uint64) {
	h := q[kind]
	if h == nil {
		h = &hush{}
		q[kind] = h
	}
	if now.Before(h.until) {
		h.suppressed++
		return false, 0
	}
	n := h.suppressed
	h.until, h.suppressed = now.Add(time.Second), 0
	return true, n
}
