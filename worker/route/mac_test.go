package route

import (
	"fmt"
	"testing"
)

func TestMACsInAnyNotation(t *testing.T) {
	t.Parallel()
	const want = "52:54:00:ab:cd:ef"
	for _, text := range []string{
		want, "52:54:00:AB:CD:EF", "52-54-00-ab-cd-ef", "52.54.00.ab.cd.ef", "525400abcdef", "5254.00ab.cdef", "5254:00ab:cdef",
		"525400-abcdef", "525400.ABCDEF", "01-52-54-00-ab-cd-ef", "01:52:54:00:ab:cd:ef", "01525400abcdef", "01-525400abcdef",
	} {
		if m, ok := parseMAC(text); !ok || m.String() != want {
			t.Errorf("%q: %v, %v; want %s", text, m, ok, want)
		}
		if m, ok := checkMAC(text); !ok || m.String() != want {
			t.Errorf("in a rule %q: %v, %v; want %s", text, m, ok, want)
		}
	}
	for _, text := range []string{
		"", ":", "52", "52:54:00:ab:cd", "52:54:00:ab:cd:ef:", ":52:54:00:ab:cd:ef", "52:54-00:ab:cd:ef", "5:2:5:4:0:0:a:b:c:d:e:f", "525:400:abc:def",
		"52:54:00:ab:cd:eg", "52:54:00:ab:cd:ef:01", "02-52-54-00-ab-cd-ef", "01-01-52-54-00-ab-cd-ef", "52:5400:abcd:ef", "01", "01-", "52 54 00 ab cd ef", "52::54:00:ab:cd:ef",
	} {
		if m, ok := parseMAC(text); ok {
			t.Errorf("%q is the MAC %v", text, m)
		}
	}
}

func TestTheFirstOctetsOfAMAC(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"52": "52", "52:54": "52:54", "52-54-00": "52:54:00", "525400": "52:54:00", "5254.00": "52:54:00", "5254.00ab": "52:54:00:ab", "52:54:00:ab:cd": "52:54:00:ab:cd", " 52:54 ": "52:54",
	} {
		if m, ok := checkMAC(text); !ok || m.String() != want {
			t.Errorf("%q: %v, %v; want %s", text, m, ok, want)
		}
	}
	for _, text := range []string{"", "5", "525", "52:5", "52:", "52:54:", "5254.0", "525400ab-cd", "52:54-00"} {
		if m, ok := checkMAC(text); ok {
			t.Errorf("%q are the octets %v", text, m)
		}
	}
}

// What a group can take out of a name as a MAC is found in it.
func FuzzMACsInANameAreFound(f *testing.F) {
	f.Add("pxelinux.cfg/", "01-52-54-00-12-34-56", "x")
	f.Add("0101", "525400123456", "78")
	f.Add("a:", "5254.0012.3456", ".7")
	f.Add("", "525400-123456", "")
	f.Fuzz(func(t *testing.T, before, text, after string) {
		m, ok := parseMAC(text)
		if !ok {
			return
		}
		found := false
		macsIn(before+text+after, func(n mac) { found = found || n == m })
		if !found {
			t.Fatalf("%v is not found in %q", m, before+text+after)
		}
		if n, ok := parseMAC(m.String()); !ok || n != m || fmt.Sprint(n) != m.String() {
			t.Fatalf("%v reads as %v, %v", m, n, ok)
		}
	})
}
