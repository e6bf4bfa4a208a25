package supervisor

import (
	"net/netip"
	"testing"
	"time"
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

// In a flood all but a few refusals are not logged.
func TestARefusalThatIsNotLoggedAllocatesNothing(t *testing.T) {
	f := newFake(t, Options{})
	a := arrival{peer: netip.MustParseAddrPort("192.0.2.1:1024")}
	refuse := func() { f.grumbleOf(f.now, "refused", func() []any { return a.pairs("waiting", 1<<20) }) }
	refuse()
	if n := testing.AllocsPerRun(100, refuse); n != 0 {
		t.Errorf("it allocated %v times, want 0", n)
	}
}
