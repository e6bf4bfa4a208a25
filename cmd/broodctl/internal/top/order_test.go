package top

import (
	"strings"
	"testing"

	"brood/ipc/admin"
)

func TestOrders(t *testing.T) {
	t.Parallel()
	m := newModel(t, Options{}, 80, 24)
	var all []admin.Session
	for i, peer := range []string{"192.0.2.10:69", "192.0.2.9:70", "192.0.2.9:69", "[2001:db8::1]:69", "nobody"} {
		all = append(all, admin.Session{ID: uint64(i + 1), Peer: peer, Rate: []float64{5, 7, 5, 0, 0}[i], File: string(rune('e' - i)), Size: 100, Bytes: uint64(10 * i)})
	}
	all[4].Size = -1
	m.Refresh(noon, snapshot(all...))
	for _, tt := range []struct{ by, want string }{
		{"id", "1 2 3 4 5"},
		{"-id", "5 4 3 2 1"},
		{"client", "5 3 2 1 4"}, // what is no address comes first
		{"rate", "2 1 3 4 5"},   // the older one of two that are the same
		{"-rate", "4 5 1 3 2"},
		{"file", "5 4 3 2 1"},
		{"done", "4 3 2 1 5"}, // what can't be known comes last
	} {
		var err error
		if m.order, err = parseOrder(tt.by); err != nil {
			t.Fatal(err)
		}
		m.arrange()
		if got := ids(m); got != tt.want {
			t.Errorf("by %s: %s, want %s", tt.by, got, tt.want)
		}
	}
}

func TestKeysGoThroughAllOrders(t *testing.T) {
	t.Parallel()
	m := newModel(t, Options{Sort: "-client"}, 80, 24)
	var seen []string
	for range columns {
		seen = append(seen, columns[m.order.by].name)
		press(m, ">")
	}
	if got, want := strings.Join(seen, " "), strings.Join(SortNames(), " "); got != want || m.order.String() != "by client, rising" {
		t.Errorf("they go through %s, to %v; want %s", got, m.order, want)
	}
	press(m, "<")
	if got := m.order.String(); got != "by file, rising" {
		t.Errorf("and back to %s", got)
	}
	for _, name := range SortNames() { // of each column both ways
		for _, turned := range []string{"", "-"} {
			if _, err := New(Options{Sort: turned + name}); err != nil {
				t.Error(err)
			}
		}
	}
}
