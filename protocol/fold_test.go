package protocol

import "testing"

func TestFoldIsASCIIOnly(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{"blksize", "BLKsize", true},
		{"", "", true},
		{"tsize", "tsizes", false},
		{"bl\u212asize", "blksize", false}, // the Kelvin sign
		{"t\u017fize", "tsize", false},     // the long s
		{"@[`{", "@[`{", true},
		{"@", "`", false}, // 32 apart, as A and a are
		{"[", "{", false},
	}
	for _, tt := range tests {
		if got := EqualFold(tt.a, tt.b); got != tt.want {
			t.Errorf("EqualFold(%q, %q) = %v, want %v", tt.a, tt.b, got, tt.want)
		}
		if got := Lower(tt.a) == Lower(tt.b); got != tt.want {
			t.Errorf("Lower(%q) = %q and Lower(%q) = %q: equal %v, want %v", tt.a, Lower(tt.a), tt.b, Lower(tt.b), got, tt.want)
		}
	}
}
