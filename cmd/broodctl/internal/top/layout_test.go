package top

import (
	"slices"
	"testing"
)

func names(l layout) (all []string) {
	for _, c := range l.columns {
		all = append(all, c.name)
	}
	if l.bar > 0 {
		all = append(all, barred)
	}
	return all
}

// A wider screen never has less, and a screen is used as far as it goes.
func TestMoreRoomIsForMore(t *testing.T) {
	t.Parallel()
	for _, client := range []int{0, 13, 21, 47} {
		var before []string
		for width := 1; width < 300; width++ {
			l := newLayout(width, client)
			shown, used := names(l), signsWidth-1
			for _, c := range l.columns {
				used += 1 + c.width + l.extra(c)
			}
			for _, name := range before {
				if !slices.Contains(shown, name) {
					t.Errorf("%d columns with clients of %d have %q, and no %s any more", width, client, shown, name)
				}
			}
			if used != width && len(shown) > 2 {
				t.Errorf("%q takes %d of %d columns", shown, used, width)
			}
			before = shown
		}
		if len(before) != len(columns)+1 {
			t.Errorf("a screen of 300 has %q", before)
		}
	}
}

func TestWhatAScreenOf80Has(t *testing.T) {
	t.Parallel()
	want := []string{"client", "done", "rate", "rtt", "again", "age", "file", barred}
	if got := names(newLayout(80, len("192.168.1.100:2070"))); !slices.Equal(got, want) {
		t.Errorf("it has %q, want %q", got, want)
	}
}
