package render

import (
	"errors"
	"io/fs"
	"testing"

	"brood/worker"
	"brood/worker/render/inventory"
)

var hosts = &inventory.File{
	Defaults: vars{"console": "ttyS0", "boot": vars{"kernel": "vmlinuz"}},
	Machines: []inventory.Machine{
		{
			Name: "web1", MACs: []string{"52:54:00:12:34:56", "52:54:00:12:34:57"}, IPs: []string{"10.0.0.6", "10.0.0.7"},
			UUID: "b8945908-d6a6-41a9-611d-74a6ab80b83d", Serial: "7XQ3B2", Vars: vars{"console": "ttyS1"},
		},
		{Name: "bare", IPs: []string{"10.0.0.8", "2001:db8::8"}},
		{MACs: []string{"52:54:00:00:00:09"}, Vars: vars{"console": nil}},
	},
}

func TestADocumentIsForTheMachineOfItsName(t *testing.T) {
	t.Parallel()
	dir := templates(t, map[string]string{
		"who":     `{{default "-" .name}} {{default "-" .mac}} {{default "-" .ip}} {{default "-" .console}} {{.boot.kernel}} {{.site}}`,
		"release": `{{.name}} {{.match.release}}`,
		"unknown": `no {{default "-" .mac}} {{default "-" .ip}} {{default "-" .name}} {{.site}} {{.known}}`,
	})
	h := open(t, Options{
		Templates: dir, Unknown: "", Vars: vars{"site": "west", "boot": vars{"kernel": "never"}},
		Documents: []Document{
			{File: "pxelinux.cfg/01-{mac}", Template: "who"},
			{File: "pxelinux.cfg/{uuid}", Template: "who"},
			{File: "pxelinux.cfg/{ip}", Template: "who"},
			{File: "{serial}/config.txt", Template: "who"},
			{File: "ks/{release}/{name}.ks", Template: "release"},
			{Regexp: `(?i)boot/(?:(?P<mac>[^/]+)/)?bcd`, Template: "who", Unknown: "unknown"},
			{File: "both/{mac}/{name}", Template: "who", By: "name"},
			{File: "asks/{mac}", Template: "who", By: "client"},
			{File: "discover/{name}", Template: "who", Unknown: "unknown"},
			{File: "boot.ipxe", Template: "who", Unknown: "unknown"},
			{File: "no template", Template: "gone"},
		},
	}, machines(t, hosts))
	for _, tt := range []struct{ file, mac, want string }{
		{"pxelinux.cfg/01-52-54-00-12-34-56", "", "web1 52:54:00:12:34:56 10.0.0.7 ttyS1 vmlinuz west"},
		{"/pxelinux.cfg/01-52-54-00-12-34-56", "", "web1 52:54:00:12:34:56 10.0.0.7 ttyS1 vmlinuz west"},
		{`\pxelinux.cfg\.\\01-52-54-00-12-34-57`, "", "web1 52:54:00:12:34:57 10.0.0.7 ttyS1 vmlinuz west"},
		{"pxelinux.cfg/01-52-54-00-00-00-09", "", "- 52:54:00:00:00:09 - - vmlinuz west"},
		{"pxelinux.cfg/01-52-54-00-00-00-10", "", "ERROR 1"},
		{"pxelinux.cfg/b8945908-d6a6-41a9-611d-74a6ab80b83d", "", "web1 52:54:00:12:34:56 10.0.0.7 ttyS1 vmlinuz west"},
		{"pxelinux.cfg/0A000008", "", "bare - 10.0.0.8 ttyS0 vmlinuz west"},
		{"pxelinux.cfg/0A00000", "", "ERROR 1"},
		{"pxelinux.cfg/default", "", "ERROR 1"},
		{"7xq3b2/config.txt", "", "web1 52:54:00:12:34:56 10.0.0.7 ttyS1 vmlinuz west"},
		{"ks/13/WEB1.ks", "", "web1 13"},
		{"ks/13/web1.ks/", "", "ERROR 1"},
		{"boot/BCD", "", "web1 52:54:00:12:34:56 10.0.0.7 ttyS1 vmlinuz west"},
		{"Boot/525400000009/bcd", "", "- 52:54:00:00:00:09 - - vmlinuz west"},
		{"Boot/525400000010/bcd", "", "no 52:54:00:00:00:10 - - west false"},
		{"Boot/5254/bcd", "", "ERROR 1"},
		{"both/52-54-00-12-34-56/bare", "", "bare - 10.0.0.8 ttyS0 vmlinuz west"},
		{"asks/52-54-00-00-00-09", "", "web1 52:54:00:12:34:56 10.0.0.7 ttyS1 vmlinuz west"},
		{"discover/New", "", "no - - New west false"},
		{"boot.ipxe", "", "web1 52:54:00:12:34:56 10.0.0.7 ttyS1 vmlinuz west"},
		{"boot.ipxe", "52:54:00:12:34:57", "web1 52:54:00:12:34:57 10.0.0.7 ttyS1 vmlinuz west"},
		{"boot.ipxe", "52:54:00:00:00:09", "- 52:54:00:00:00:09 - - vmlinuz west"},
		{"boot.ipxe", "52:54:00:00:00:10", "no 52:54:00:00:00:10 - - west false"},
		{"no template", "", "ERROR 0"},
		{"who", "", "ERROR 1"},
		{"/", "", "ERROR 1"},
	} {
		req := asks(tt.file)
		req.MAC = tt.mac
		got, err := get(h, req)
		if err != nil {
			got = "ERROR " + string('0'+rune(worker.ErrorFor(err).Code))
		}
		if got != tt.want {
			t.Errorf("%s, asked by %q: %q, %v, want %q", tt.file, tt.mac, got, err, tt.want)
		}
	}
}

func TestRefusalsSayWhomNobodyKnows(t *testing.T) {
	t.Parallel()
	h := open(t, Options{Templates: templates(t, nil), Documents: []Document{{File: "x", Template: "t"}, {File: "{mac}", Template: "t"}}}, machines(t, hosts))
	for _, tt := range []struct{ file, ip, mac, want string }{
		{"x", "10.0.0.9:1", "", `render "x": no machine has the ip 10.0.0.9`},
		{"x", "[::ffff:10.0.0.9]:1", "", `render "x": no machine has the ip 10.0.0.9`},
		{"x", "10.0.0.9:1", "52:54:00:00:00:10", `render "x": no machine has the mac 52:54:00:00:00:10, and no machine has the ip 10.0.0.9`},
		{"x", "10.0.0.6:1", "52:54:00:00:00:10", `render "x": no machine has the mac 52:54:00:00:00:10, and machine "web1", which has 10.0.0.6, lists other MACs`},
		{"52-54-00-00-00-10", "10.0.0.6:1", "52:54:00:12:34:56", `render "52-54-00-00-00-10": no machine has the mac 52:54:00:00:00:10`},
		{"y", "10.0.0.6:1", "", `render "y": no document has such a name`},
	} {
		req := asks(tt.file)
		req.MAC, req.Peer = tt.mac, addrPort(tt.ip)
		if _, err := get(h, req); !errors.Is(err, fs.ErrNotExist) || err.Error() != tt.want {
			t.Errorf("%s: %v\nwant %s", tt.file, err, tt.want)
		}
	}
	req := asks("x")
	req.MAC, req.Peer = "52:54:00:00:00:10", addrPort("[2001:db8::8]:1") // which lists no MAC
	if _, err := get(h, req); errors.Is(err, fs.ErrNotExist) || err.Error() != `render "x": for machine "bare": open "t": no such file or directory` {
		t.Errorf("known by its address: %v", err)
	}
}

func TestARouteNamesTheTemplate(t *testing.T) {
	t.Parallel()
	dir := templates(t, map[string]string{
		"grub/t":   `{{.name}} {{.mac}} {{default "-" .match.release}}`,
		"_partial": "x", "a/.hidden": "x", "new": "new {{.mac}}",
	})
	h := open(t, Options{Templates: dir}, machines(t, hosts))
	discovers := open(t, Options{Templates: dir, Unknown: "new"}, machines(t, hosts))
	for _, tt := range []struct {
		h          *Handler
		file, want string
	}{
		{h, "grub/t", "web1 52:54:00:12:34:56 -"},
		{h, "/grub//t", "web1 52:54:00:12:34:56 -"},
		{h, "grub/t?", "web1 52:54:00:12:34:56 -"},
		{h, "grub/t?mac=52-54-00-12-34-57", "web1 52:54:00:12:34:57 -"},
		{h, "grub/t?name=web1&release=13", "web1 52:54:00:12:34:56 13"},
		{h, "grub/t?release=a=b", "web1 52:54:00:12:34:56 a=b"},
		{h, `\grub\t?release=a\b//c/`, `web1 52:54:00:12:34:56 a\b//c/`},
		{h, "grub/t?mac=&release=13", "web1 52:54:00:12:34:56 13"},
		{h, "grub/t?name=web2", "ERROR 1"},
		{h, "new?anyone&mac=52-54-00-00-00-10", "new 52:54:00:00:00:10"},
		{h, "new?anyone", "new 52:54:00:12:34:56"},
		{h, "gone?anyone&name=web2", "ERROR 1"},
		{h, "grub/t?mac=x", "ERROR 1"},
		{h, "grub/t?mac=52-54-00-12-34-57&name=web1", "ERROR 1"},
		{h, "grub/t?release=1&release=2", "ERROR 1"},
		{h, "grub/t?release", "ERROR 1"},
		{h, "grub/t?re-lease=1", "ERROR 1"},
		{h, "gone", "ERROR 1"},
		{h, "grub", "ERROR 2"},
		{h, "_partial", "ERROR 1"},
		{h, "grub/../_partial", "ERROR 1"},
		{h, "a/.hidden", "ERROR 1"},
		{discovers, "grub/t?mac=52-54-00-00-00-10", "new 52:54:00:00:00:10"},
		{discovers, "grub/t", "web1 52:54:00:12:34:56 -"},
	} {
		got, err := get(tt.h, asks(tt.file))
		if err != nil {
			got = "ERROR " + string('0'+rune(worker.ErrorFor(err).Code))
		}
		if got != tt.want {
			t.Errorf("%s: %q, %v, want %q", tt.file, got, err, tt.want)
		}
	}
}
