package top

import "testing"

func TestAWindowOnRows(t *testing.T) {
	t.Parallel()
	l := list{rows: 10, height: 4, cursor: -1}
	for _, tt := range []struct {
		key         string
		cursor, top int
	}{
		{"pgdown", -1, 3},
		{"home", -1, 0},
		{"up", 0, 0},
		{"up", 0, 0},
		{"down", 1, 0},
		{"pgdown", 4, 3},
		{"pgdown", 7, 6},
		{"pgdown", 9, 6},
		{"down", 9, 6},
		{"pgup", 6, 3},
		{"up", 5, 3},
		{"home", 0, 0},
		{"end", 9, 6},
	} {
		if !l.key(tt.key) || l.cursor != tt.cursor || l.top != tt.top {
			t.Errorf("%s: cursor %d, top %d; want %d, %d", tt.key, l.cursor, l.top, tt.cursor, tt.top)
		}
	}
	if l.key("x") {
		t.Error("x moves")
	}
}

// Wherever a cursor goes it is on a row and in the window, and the window has no gap.
func FuzzAWindow(f *testing.F) {
	f.Add(10, 4, []byte{0, 1, 2, 3, 4, 5})
	f.Add(0, 1, []byte{1, 0})
	f.Add(3, 20, []byte{5, 3})
	f.Fuzz(func(t *testing.T, rows, height int, keys []byte) {
		l := list{rows: max(0, rows%5000), height: max(1, height%100), cursor: -1}
		names := []string{"up", "down", "pgup", "pgdown", "home", "end"}
		for _, key := range keys {
			l.key(names[int(key)%len(names)])
			within := l.cursor == -1 || l.cursor >= l.top && l.cursor < min(l.rows, l.top+l.height)
			if !within || l.top < 0 || l.top > max(0, l.rows-l.height) {
				t.Fatalf("after %s: %+v", names[int(key)%len(names)], l)
			}
		}
	})
}
