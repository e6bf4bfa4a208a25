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
		if got := equalFold(tt.a, tt.b); got != tt.want {
			t.Errorf("equalFold(%q, %q) = %v, want %v", tt.a, tt.b, got, tt.want)
		}
		if got := lower(tt.a) == lower(tt.b); got != tt.want {
			t.Errorf("lower(%q) = %q and lower(%q) = %q: equal %v, want %v", tt.a, lower(tt.a), tt.b, lower(tt.b), got, tt.want)
		}
	}
}
