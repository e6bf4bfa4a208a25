package get

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	lookUp := func(_ context.Context, network, host string) ([]netip.Addr, error) {
		switch host {
		case "both":
			if network == "ip4" {
				return []netip.Addr{netip.MustParseAddr("::ffff:192.0.2.1")}, nil
			}
			return []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.1")}, nil
		case "slow":
			return nil, &net.DNSError{Err: "i/o timeout", Name: host, IsTimeout: true}
		}
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	for _, tt := range []struct {
		name, url string
		family    Family
		want      string
		code      int
	}{
		{"all of a name, in order", "tftp://both:7/f", "ip", "[[2001:db8::1]:7 192.0.2.1:7]", 0},
		{"those of a family", "tftp://both/f", "ip4", "[192.0.2.1:69]", 0},
		{"a literal", "tftp://192.0.2.9/f", "ip", "[192.0.2.9:69]", 0},
		{"the zone of an interface", "tftp://[fe80::1%25lo]/f", "ip6", "[[fe80::1%lo]:69]", 0},
		{"a zone's number", "tftp://[fe80::1%251]/f", "ip", "[[fe80::1%1]:69]", 0},
		{"a literal of another family", "tftp://192.0.2.9/f", "ip6", "192.0.2.9 is not of the family asked for", ExitUsage},
		{"a link without its name", "tftp://[fe80::1]/f", "ip", "as in [fe80::1%25eth0]", ExitUsage},
		{"an interface that there is not", "tftp://[fe80::1%25none9]/f", "ip", "there is no interface none9 here", ExitUsage},
		{"an unknown name", "tftp://none/f", "ip", "host none is unknown", ExitNoAnswer},
		{"a name that can't be looked up", "tftp://slow/f", "ip", "host slow can't be looked up: i/o timeout", ExitNoAnswer},
	} {
		l, err := ParseLocation(tt.url)
		if err != nil {
			t.Fatal(err)
		}
		addrs, err := l.Addresses(t.Context(), tt.family, lookUp)
		var f *Failure
		if errors.As(err, &f) && f.Code != tt.code || f == nil && tt.code != 0 {
			t.Errorf("%s: %v; want exit code %d", tt.name, err, tt.code)
		}
		if got := fmt.Sprint(addrs, err); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s, want %q", tt.name, got, tt.want)
		}
	}
}
