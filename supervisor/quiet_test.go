package supervisor

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"brood/protocol"
)

func TestQuietLetsOneOfAKindThroughEachSecond(t *testing.T) {
	t.Parallel()
	q, start := make(quiet), time.Now()
	for _, tt := range []struct {
		at         time.Duration
		kind       string
		ok         bool
		suppressed uint64
	}{
		{0, "a", true, 0},
		{1, "a", false, 0},
		{2, "b", true, 0}, // each kind for itself
		{time.Second - 1, "a", false, 0},
		{time.Second, "a", true, 2},
		{time.Second + 1, "a", false, 0},
		{time.Hour, "a", true, 1},
		{2 * time.Hour, "a", true, 0},
		{2 * time.Hour, "b", true, 0},
	} {
		ok, suppressed := q.allow(start.Add(tt.at), tt.kind)
		if ok != tt.ok || suppressed != tt.suppressed {
			t.Errorf("%q after %v: %v with %d suppressed, want %v with %d", tt.kind, tt.at, ok, suppressed, tt.ok, tt.suppressed)
		}
	}
}

// In a flood all but a few refusals are not logged: those cost what reading them costs.
func TestARefusalThatIsNotLoggedAllocatesNothing(t *testing.T) {
	f := newFake(t, Options{MaxRequestsPerSource: 1})
	a := arrival{peer: netip.MustParseAddrPort("192.0.2.1:1024"), local: testLocal}
	for i := range 2 * burstSeconds { // until it asks too often, and that has been said
		a.data = protocol.Request{Op: protocol.OpRRQ, File: fmt.Sprint("f", i), Mode: protocol.Octet}.Append(nil)
		f.arrive(f.now, nil, a)
	}
	before := f.counters.Refused.TooOften
	read := testing.AllocsPerRun(100, func() { protocol.ParseRequest(a.data) })
	refused := testing.AllocsPerRun(100, func() { f.arrive(f.now, nil, a) })
	if refused != read || f.counters.Refused.TooOften == before {
		t.Errorf("%d refusals allocated %v times each, reading them %v times", f.counters.Refused.TooOften-before, refused, read)
	}
}
