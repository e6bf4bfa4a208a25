package top

import "testing"

func TestFilters(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{"", "1 2 3 4"},
		{"  ", "1 2 3 4"},
		{"192.0.2.3", "3 4"},
		{"192.0.2.3 pxe", "4"},
		{"pxe 192.0.2.3", "4"},
		{"VMLINUZ", "1"},
		{"52:54:00", "1"},
		{"waiting", "4"},
		{"serving", "1 2 3"},
		{"stuck", "2"},
		{"lossy", "3"},
		{"stuck lossy", ""},
		{"2070 52:54", "1"},
		{"2070images", ""}, // not across what is beside each other by chance
	} {
		if got := ids(newModel(t, Options{Filter: tt.text}, 80, 24)); got != tt.want {
			t.Errorf("%q leaves %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestAFilterIsTyped(t *testing.T) {
	t.Parallel()
	m := newModel(t, Options{}, 80, 24)
	for _, tt := range []struct {
		key, text, left string
		typing          bool
	}{
		{"/", "", "1 2 3 4", true},
		{"q", "q", "", true},
		{"backspace", "", "1 2 3 4", true},
		{"backspace", "", "1 2 3 4", true},
		{"i", "i", "1 2 3 4", true},
		{"space", "i ", "1 2 3 4", true},
		{"up", "i ", "1 2 3 4", true},
		{"固", "i 固", "", true},
		{"backspace", "i ", "1 2 3 4", true},
		{"v", "i v", "1 2 3", true},
		{"enter", "i v", "1 2 3", false},
		{"/", "i v", "1 2 3", true},
		{"ctrl+u", "", "1 2 3 4", true},
		{"m", "m", "1 2", true},
		{"esc", "", "1 2 3 4", false},
	} {
		if do := press(m, tt.key); do != (Action{}) || m.filter.text != tt.text || m.filter.typing != tt.typing || ids(m) != tt.left {
			t.Errorf("after %s: %+v, filter %q (typing: %v), %s; want %q (%v), %s", tt.key, do, m.filter.text, m.filter.typing, ids(m), tt.text, tt.typing, tt.left)
		}
	}
	press(m, "/")
	m.Paste("images/\n\x1bvm")
	if m.filter.text != "images/vm" || ids(m) != "1" {
		t.Errorf("pasted: %q, %s", m.filter.text, ids(m))
	}
	press(m, "enter")
	m.Paste("q")
	if m.filter.text != "images/vm" {
		t.Errorf("pasted where nobody types: %q", m.filter.text)
	}
}
