package inventory

import (
	"strings"
	"testing"
)

// The one spelling of a key is the spelling of itself, and of the key in capitals.
func FuzzCanonical(f *testing.F) {
	for _, value := range []string{
		"52:54:00:12:34:56", "2:4:0:12:4:6", "01-52-54-00-12-34-56", "5254.0012.3456", "525400-123456", "0A000007", "10.0.0.7", "::ffff:10.0.0.7", "fe80::1%eth0",
		"00112233-4455-6677-8899-aabbccddeeff", "-", " Web1 ", "", "\u0130", "\xff", "ABCDEF", "10.0.0.0/8",
	} {
		f.Add(value)
	}
	var ascii string
	for c := range 128 {
		ascii += string(rune(c))
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, by := range Keys {
			one, err := by.Canonical(value)
			if err != nil {
				continue
			}
			if again, err := by.Canonical(one); err != nil || again != one {
				t.Fatalf("%s %q is %q, and that is %q, %v", by, value, one, again, err)
			}
			if strings.Trim(value, ascii) != "" {
				continue // not every letter has one of each
			}
			if loud, err := by.Canonical(strings.ToUpper(value)); err != nil || loud != one {
				t.Fatalf("%s %q is %q, and in capitals %q, %v", by, value, one, loud, err)
			}
		}
	})
}
