package protocol

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// checkCuts cuts wire at every byte: only the cuts in shorts may parse.
func checkCuts(t *testing.T, wire string, shorts []int, parse func([]byte) error) {
	t.Helper()
	for i := range len(wire) {
		if err := parse([]byte(wire[:i])); (err == nil) != slices.Contains(shorts, i) {
			t.Errorf("the first %d bytes of %q: %v", i, wire, err)
		}
	}
}

func TestARepeatedOptionCountsOnceWithItsFirstValue(t *testing.T) {
	for _, others := range []int{0, 1, manyOptions, 100} { // with and without the set
		t.Run(fmt.Sprintf("among %d others", others), func(t *testing.T) {
			var b strings.Builder
			b.WriteString("BLKSIZE\x001\x00")
			for i := range others {
				fmt.Fprintf(&b, "o%d\x00v\x00", i)
			}
			b.WriteString("blksize\x002\x00BlkSize\x003\x00tail\x00t\x00")
			got, err := parseOptions(OpRRQ, b.String(), 0)
			if err != nil || len(got) != others+2 {
				t.Fatalf("%d options, %v; want %d", len(got), err, others+2)
			}
			if want := (Option{"BLKSIZE", "1"}); got[0] != want {
				t.Errorf("first is %+v, want %+v", got[0], want)
			}
			if want := (Option{"tail", "t"}); got[len(got)-1] != want {
				t.Errorf("last is %+v, want %+v", got[len(got)-1], want)
			}
		})
	}
}

func TestBrokenOptionsCostNoRoom(t *testing.T) {
	hostile := strings.Repeat("a\x00\x00", 600) + "no value\x00"
	n := testing.AllocsPerRun(100, func() {
		if _, err := parseOptions(OpRRQ, hostile, 0); err == nil {
			t.Error("accepted")
		}
	})
	if n > 1 {
		t.Errorf("%v allocations, want the error only", n)
	}
}
