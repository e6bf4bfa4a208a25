package files

import (
	"net/netip"
	"strings"
	"testing"

	"brood/worker"
)

func TestAClientsDirectory(t *testing.T) {
	t.Parallel()
	const v4, v6, mac = "10.0.0.7", "2001:db8::7", "52:54:00:ab:CD:ef"
	for _, tt := range []struct {
		name, pattern, ip, mac string
		want                   string // "": not known
	}{
		{"by address", "{ip}", v4, mac, "10.0.0.7"},
		{"by address in hex, as PXELINUX has it", "{ip-hex}", v4, mac, "0A000007"},
		{"by an address of IPv6", "{ip}", v6, "", "2001:db8::7"},
		{"by its hex", "{ip-hex}", v6, "", "20010DB8000000000000000000000007"},
		{"by a link-local address, whatever the interface", "{ip}", "fe80::1%eth0", "", "fe80::1"},
		{"by its hex", "{ip-hex}", "fe80::1%eth0", "", "FE800000000000000000000000000001"},
		{"by an IPv4 address in IPv6's clothes", "{ip}/{ip-hex}", "::ffff:10.0.0.7", "", "10.0.0.7/0A000007"},
		{"by MAC", "{mac}", v4, mac, "52-54-00-ab-cd-ef"},
		{"by MAC as PXELINUX has it", "01-{mac}", v4, mac, "01-52-54-00-ab-cd-ef"},
		{"by MAC without separators", "{mac-hex}", v4, mac, "525400abcdef"},
		{"deeper", "clients/{mac}/{ip}.d", v4, mac, "clients/52-54-00-ab-cd-ef/10.0.0.7.d"},
		{"twice", "{ip}{ip}", v4, mac, "10.0.0.710.0.0.7"},
		{"with a brace of its own", "}{ip}}", v4, mac, "}10.0.0.7}"},

		{"without a MAC", "{mac}", v4, "", ""},
		{"without a MAC, in part", "{ip}/{mac-hex}", v4, "", ""},
		{"with a MAC that is none", "{mac}", v4, "../../etc", ""},
		{"with another", "{mac-hex}", v4, "52:54:0:12:34:56", ""},
		{"with another", "{mac}", v4, "52:54:00:12:34:/.", ""},
		{"without an address", "{ip}", "", mac, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := parsePattern(tt.pattern)
			if err != nil {
				t.Fatal(err)
			}
			req := &worker.Request{MAC: tt.mac}
			if tt.ip != "" {
				req.Peer = netip.AddrPortFrom(netip.MustParseAddr(tt.ip), 2070)
			}
			parts, known := p.dir(req)
			if got := strings.Join(parts, "/"); got != tt.want || known != (tt.want != "") {
				t.Errorf("%s: %q, %v; want %q", tt.pattern, got, known, tt.want)
			}
		})
	}
}

func TestPatternsThatCantBe(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ pattern, want string }{
		{"", "relative path"},
		{"/", "relative path"},
		{"/srv/{ip}", "relative path"},
		{"{ip}/", "relative path"},
		{"../{ip}", "relative path"},
		{"a/./{ip}", "relative path"},
		{"a//{ip}", "relative path"},
		{"{ip}\x00", "relative path"},
		{"clients", "same for every client"},
		{"{", "{: want {ip}"},
		{"{ip", "{ip: want {ip}"},
		{"{}", "{: want {ip}"},
		{"{IP}", "{IP: want {ip}"},
		{"{ip}{serial}", "{serial: want {ip}"},
		{"{a/b}", "{a/b: want {ip}"},
	} {
		if _, err := parsePattern(tt.pattern); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q in it", tt.pattern, err, tt.want)
		}
	}
}
