package client

import (
	"net/netip"
	"testing"
)

func TestALinkHasANameAndANumber(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"[fe80::1%lo]:69", "[fe80::1%lo]:69", true},
		{"[fe80::1%1]:69", "[fe80::1%lo]:69", true}, // lo is the first in every namespace
		{"[fe80::1%lo]:69", "[fe80::1%1]:69", true},
		{"[fe80::1%2]:69", "[fe80::1%lo]:69", false},
		{"[fe80::1%none]:69", "[fe80::1%lo]:69", false},
		{"[fe80::1]:69", "[fe80::1%lo]:69", false},
		{"[fe80::2%1]:69", "[fe80::1%lo]:69", false},
		{"[fe80::1%1]:70", "[fe80::1%lo]:69", false},
		{"192.0.2.1:69", "192.0.2.2:69", false},
	} {
		if got := same(netip.MustParseAddrPort(tt.a), netip.MustParseAddrPort(tt.b)); got != tt.want {
			t.Errorf("%s and %s are one: %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}
