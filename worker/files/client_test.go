package files

import (
	"io/fs"
	"net/netip"
	"strings"
	"testing"

	"brood/worker"
	"brood/worker/workertest"
)

func TestAClientsOwnDirectoryComesFirst(t *testing.T) {
	dir := build(t, layout{
		{"root/grub.cfg", "everybody's"},
		{"root/shared/initrd", "initrd"},
		{"root/clients/52-54-00-00-00-01/grub.cfg", "the first's"},
		{"root/clients/52-54-00-00-00-01/sub/x", "x"},
		{"root/clients/52-54-00-00-00-01/initrd", "-> ../../shared/initrd"},
		{"root/clients/52-54-00-00-00-01/abs", "-> {}/root/shared/initrd"},
		{"root/clients/52-54-00-00-00-01/chrooted", "-> /shared/initrd"},
		{"root/clients/52-54-00-00-00-01/image", "-> {}/follow/image"},
		{"root/clients/52-54-00-00-00-01/out", "-> {}/outside/secret"},
		{"root/clients/52-54-00-00-00-01/outrel", "-> ../../../outside/secret"},
		{"root/clients/52-54-00-00-00-01/upup", "-> ../.."},
		{"root/out", "everybody's"},
		{"root/clients/52-54-00-00-00-02", "-> ../profiles/web"},
		{"root/profiles/web/grub.cfg", "the web profile's"},
		{"root/clients/52-54-00-00-00-03", "-> {}/follow/machine"},
		{"follow/machine/grub.cfg", "the followed one's"},
		{"follow/image", "image"},
		{"root/clients/52-54-00-00-00-04", "-> {}/outside"},
		{"root/clients/52-54-00-00-00-05", "a file"},
		{"root/clients/52-54-00-00-00-06", "fifo"},
		{"root/clients/52-54-00-00-00-07", "-> gone"},
		{"root/clients/10.0.0.8/grub.cfg", "the address's"},
		{"root/clients/10.0.0.8/by-ip", "the address's"},
		{"root/clients/52-54-00-00-00-08/grub.cfg", "the eighth's"},
		{"second/clients/52-54-00-00-00-01/grub.cfg", "the first's in the second root"},
		{"second/clients/52-54-00-00-00-01/only", "the first's in the second root"},
		{"second/second", "the second root's"},
		{"outside/grub.cfg", "secret"},
		{"outside/secret", "secret"},
		{"secret", "secret"},
	})
	for _, fold := range []bool{false, true} {
		h := openNew(t, Options{
			Roots:      []string{dir + "/root", dir + "/second"},
			Follow:     []string{dir + "/follow"},
			PerClient:  []string{"clients/{mac}", "clients/{ip}"},
			IgnoreCase: fold,
		})
		for _, tt := range []struct {
			name, ip, mac, file, want string
			err                       error
		}{
			{"its own", "10.0.0.1", "1", "grub.cfg", "the first's", nil},
			{"with a slash", "10.0.0.1", "1", "/grub.cfg", "the first's", nil},
			{"deeper", "10.0.0.1", "1", `sub\x`, "x", nil},
			{"in the second root", "10.0.0.1", "1", "only", "the first's in the second root", nil},
			{"everybody's, where it has none", "10.0.0.1", "1", "shared/initrd", "initrd", nil},
			{"and from the second root", "10.0.0.1", "1", "second", "the second root's", nil},
			{"everybody's, for who has nothing", "10.0.0.9", "9", "grub.cfg", "everybody's", nil},
			{"everybody's, for who isn't known", "10.0.0.9", "", "grub.cfg", "everybody's", nil},
			{"by its address", "10.0.0.8", "", "grub.cfg", "the address's", nil},
			{"the earlier pattern first", "10.0.0.8", "8", "grub.cfg", "the eighth's", nil},
			{"and then the later one", "10.0.0.8", "8", "by-ip", "the address's", nil},
			{"missing everywhere", "10.0.0.8", "8", "gone", "", fs.ErrNotExist},

			{"a link to what is shared", "10.0.0.1", "1", "initrd", "initrd", nil},
			{"an absolute one", "10.0.0.1", "1", "abs", "initrd", nil},
			{"a chroot's, which means the root", "10.0.0.1", "1", "chrooted", "initrd", nil},
			{"a link into a follow tree", "10.0.0.1", "1", "image", "image", nil},
			{"a link outside is an answer", "10.0.0.1", "1", "out", "", fs.ErrPermission},
			{"a relative one, too", "10.0.0.1", "1", "outrel", "", fs.ErrPermission},
			{"its directory above is no more than the root's", "10.0.0.1", "1", "../grub.cfg", "", fs.ErrPermission},
			{"from deeper", "10.0.0.1", "1", "sub/../../grub.cfg", "", fs.ErrPermission},
			{"a directory above within it", "10.0.0.1", "1", "sub/../grub.cfg", "the first's", nil},
			{"through a link that climbs", "10.0.0.1", "1", "upup/grub.cfg", "everybody's", nil},
			{"and above the root from there", "10.0.0.1", "1", "upup/../secret", "", fs.ErrPermission},
			{"and back", "10.0.0.1", "1", "upup/clients/52-54-00-00-00-02/grub.cfg", "the web profile's", nil},
			{"a directory above, for who has nothing", "10.0.0.9", "9", "../secret", "", fs.ErrPermission},

			{"by a link to a profile", "10.0.0.2", "2", "grub.cfg", "the web profile's", nil},
			{"a directory above a profile", "10.0.0.2", "2", "../web/grub.cfg", "", fs.ErrPermission},
			{"by a link into a follow tree", "10.0.0.3", "3", "grub.cfg", "the followed one's", nil},
			{"and above that", "10.0.0.3", "3", "../image", "", fs.ErrPermission},
			{"by a link outside", "10.0.0.4", "4", "grub.cfg", "", fs.ErrPermission},
			{"a file in the directory's place", "10.0.0.5", "5", "grub.cfg", "everybody's", nil},
			{"a FIFO in the directory's place", "10.0.0.6", "6", "grub.cfg", "everybody's", nil},
			{"and with a directory above", "10.0.0.6", "6", "shared/../grub.cfg", "everybody's", nil},
			{"a link to nowhere", "10.0.0.7", "7", "grub.cfg", "everybody's", nil},
		} {
			t.Run(tt.name, func(t *testing.T) {
				req := &worker.Request{File: tt.file, Peer: netip.AddrPortFrom(netip.MustParseAddr(tt.ip), 2070)}
				if tt.mac != "" {
					req.MAC = "52:54:00:00:00:0" + tt.mac
				}
				atOnce(t, "Open", func() {
					if got, err := getFor(h, req); got != tt.want || kind(err) != tt.err {
						t.Errorf("%q in any case: %v: %q, %v; want %q, %v", tt.file, fold, got, err, tt.want, tt.err)
					}
				})
			})
		}
	}
}

func TestASessionIsServedFromItsClientsDirectory(t *testing.T) {
	dir := build(t, layout{{"root/7F000001/boot", "for you"}, {"root/boot", "for all"}})
	h := openNew(t, Options{Root: dir + "/root", PerClient: []string{"{ip-hex}"}, IgnoreCase: true})
	for file, want := range map[string]string{"boot": "for you", `\BOOT`: "for you", "7f000001/../boot": "for all"} {
		if r := workertest.Get(t, h, file); r.Err != nil || string(r.Content) != want {
			t.Errorf("%s: %q, ERROR %v (%s); want %q", file, r.Content, r.Err, r.Detail, want)
		}
	}
	for _, file := range []string{"../boot", strings.Repeat("x", 2000), "/etc/passwd"} {
		if r := workertest.Get(t, h, file); r.Err == nil {
			t.Errorf("%.20q: %q", file, r.Content)
		}
	}
}
