package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"brood/worker"
	"brood/worker/internal/name"
)

// world is a root beside a directory of secrets and one to follow. Each regular
// file outside holds the word secret.
var world = layout{
	{"root/pxelinux.0", "pxelinux"},
	{"root/empty", ""},
	{"root/pxelinux.cfg/default", "config"},
	{"root/Boot/BCD", "bcd"},
	{"root/.hidden", "hidden"},
	{"root/spa ce", "space"},
	{"root/\xff\xfe", "bytes"},
	{"root/a\nb", "newline"},
	{`root/real\backslash`, "never"},
	{"root/versions/v2/kernel", "kernel v2"},
	{"root/versions/initrd", "initrd"},
	{"root/etc/hosts", "the root's own hosts"},
	{"root/same/same", "a file named as its directory"},
	{"root/fifo", "fifo"},
	{"root/socket", "socket"},

	// Links that os.Root takes.
	{"root/link", "-> pxelinux.0"},
	{"root/dirlink", "-> versions/v2"},
	{"root/dot", "-> ."},
	{"root/10.0.0.7", "-> ."},
	{"root/versions/up", "-> ../Boot/BCD"},
	{"root/chain1", "-> chain2"},
	{"root/chain2", "-> ./chain3"},
	{"root/chain3", "-> versions/../pxelinux.0"},
	{"root/dangling", "-> gone"},
	{"root/filelink/slash", "-> ../pxelinux.0/"},
	{"root/dirslash", "-> versions/"},
	{"root/fifolink", "-> fifo"},
	{"root/loop", "-> loop"},
	{"root/loop1", "-> loop2"},
	{"root/loop2", "-> loop1"},
	{"root/deeploop/x", "-> ../deeploop/x/x"},

	// Links that it refuses.
	{"root/abs", "-> {}/root/pxelinux.0"},
	{"root/absdir", "-> {}/root/versions/v2"},
	{"root/absroot", "-> {}/root"},
	{"root/absslashes", "-> /{}//root/./versions/../pxelinux.0"},
	{"root/absfileslash", "-> {}/root/pxelinux.0/"},
	{"root/absdangling", "-> {}/root/gone"},
	{"root/absfifo", "-> {}/root/fifo"},
	{"root/absloop", "-> {}/root/absloop"},
	{"root/outandin", "-> ../root/pxelinux.0"},
	{"root/detour", "-> {}/outside/../root/pxelinux.0"},
	{"root/versions/v2/abs", "-> {}/root/link"},
	{"root/byname", "-> {}/alias/pxelinux.0"},
	{`root/back\slash`, `-> {}/root/real\backslash`},

	// Links written for a chroot.
	{"root/tftpboot", "-> /"},
	{"root/chrooted", "-> /versions/v2/kernel"},
	{"root/chrootdir", "-> /versions"},
	{"root/chrootgone", "-> /versions/gone"},
	{"root/hosts", "-> /etc/hosts"},
	{"root/chrootup", "-> /versions/../Boot/BCD"},

	// Links that lead outside.
	{"root/out", "-> {}/outside/secret"},
	{"root/outdir", "-> {}/outside"},
	{"root/outrel", "-> ../outside/secret"},
	{"root/outreldir", "-> ../outside"},
	{"root/outtop", "-> .."},
	{"root/outabove", "-> ../../../../../../../../../../etc/passwd"},
	{"root/outchain", "-> out"},
	{"root/versions/out", "-> {}/root/../outside/secret"},
	{"root/neighbour", "-> {}/root-not/secret"},
	{"root/shadow", "-> /shadowed/secret"},
	{"root/updir", "-> {}/root/versions/../.."},

	// Into the follow tree, around it, and out of that.
	{"root/images", "-> {}/follow"},
	{"root/image", "-> {}/follow/image"},
	{"root/relimage", "-> ../follow/image"},
	{"root/deepimage/x/y", "-> ../../../follow/deep/image"},
	{"follow/image", "image"},
	{"follow/deep/image", "deep image"},
	{"follow/own", "-> deep/image"},
	{"follow/back", "-> ../root/Boot/BCD"},
	{"follow/absback", "-> {}/root/Boot/BCD"},
	{"follow/pingpong", "-> {}/root/pingpong"},
	{"root/pingpong", "-> ../follow/image"},
	{"follow/out", "-> ../outside/secret"},
	{"follow/absout", "-> {}/outside/secret"},
	{"follow/chrooted", "-> /Boot/BCD"},
	{"follow/fifo", "fifo"},

	{"outside/secret", "secret"},
	{"root-not/secret", "secret"},
	{"secret", "secret"},
	{"alias", "-> root"},
	{"none", "dir"},
}

// Where no follow tree is given, the same directory is outside.
const (
	plain = iota
	followed
)

func TestOpen(t *testing.T) {
	dir := build(t, world)
	// In each mode the rules are the same.
	root, follow := dir+"/root", []string{dir + "/follow", dir + "/alias"}
	handlers := []struct {
		*Handler
		name string
		want int
	}{
		{open(t, root), "the root", plain},
		{open(t, root, follow...), "with follow trees", followed},
		{openNew(t, Options{Roots: []string{dir + "/none", root}, Follow: follow}), "as the second root", followed},
		{openNew(t, Options{Roots: []string{root, dir + "/none"}}), "as the first root", plain},
		{openNew(t, Options{Root: root, Follow: follow, IgnoreCase: true}), "in any case", followed},
		{openNew(t, Options{Root: root, PerClient: []string{"{ip}"}}), "as the client's own directory", plain},
		{openNew(t, Options{Root: root, Follow: follow, PerClient: []string{"{mac}", "{ip-hex}/x"}}), "without the client's own directory", followed},
		{openNew(t, Options{Roots: []string{dir + "/none", root}, PerClient: []string{"{ip}"}, IgnoreCase: true}), "in all modes", plain},
	}
	opened := watch(t, dir, dir+"/outside", dir+"/root-not")

	const (
		no   = "no such file"
		must = "may not"
	)
	long := strings.Repeat("x", 2000)
	tests := []struct {
		name string
		file string
		want [2]string // content, no or must, without and with the follow tree
	}{
		{"a file", "pxelinux.0", [2]string{"pxelinux", "pxelinux"}},
		{"an empty file", "empty", [2]string{"", ""}},
		{"in a directory", "pxelinux.cfg/default", [2]string{"config", "config"}},
		{"with a leading slash", "/pxelinux.cfg/default", [2]string{"config", "config"}},
		{"with two", "//pxelinux.0", [2]string{"pxelinux", "pxelinux"}},
		{"with backslashes", `\Boot\BCD`, [2]string{"bcd", "bcd"}},
		{"with a mixture", `/\Boot/\BCD`, [2]string{"bcd", "bcd"}},
		{"with dots", "./pxelinux.cfg/./default", [2]string{"config", "config"}},
		{"hidden", ".hidden", [2]string{"hidden", "hidden"}},
		{"with a space", "spa ce", [2]string{"space", "space"}},
		{"with bytes that aren't UTF-8", "\xff\xfe", [2]string{"bytes", "bytes"}},
		{"with a newline", "a\nb", [2]string{"newline", "newline"}},
		{"named as its directory", "same/same", [2]string{"a file named as its directory", "a file named as its directory"}},
		{"a directory above that stays inside", "versions/../pxelinux.0", [2]string{"pxelinux", "pxelinux"}},
		{"and from the top", "/Boot/../versions/v2/../initrd", [2]string{"initrd", "initrd"}},
		{"the directory above is the one behind the link", "dirlink/../initrd", [2]string{"initrd", "initrd"}},
		{"also of an absolute link", "absdir/../initrd", [2]string{"initrd", "initrd"}},
		{"a directory above what doesn't exist", "gone/../pxelinux.0", [2]string{no, no}},
		{"a directory above a file", "pxelinux.0/../pxelinux.0", [2]string{no, no}},
		{"a directory above many times", strings.Repeat("Boot/../", 250) + "pxelinux.0", [2]string{"pxelinux", "pxelinux"}},
		{"deeper many times", strings.Repeat("dot/", 400) + "pxelinux.0", [2]string{must, must}},

		{"missing", "gone", [2]string{no, no}},
		{"missing below a directory that is", "gone/x", [2]string{no, no}},
		{"below a file", "pxelinux.0/x", [2]string{no, no}},
		{"in other case", "PXELINUX.0", [2]string{no, no}},
		{"a real backslash", `real\backslash`, [2]string{no, no}},
		{"2,000 bytes", long, [2]string{no, no}},
		{"2,000 bytes below a directory", "Boot/" + long, [2]string{no, no}},
		{"2,000 bytes below a link", "absdir/" + long, [2]string{no, no}},
		{"a thousand parts", strings.Repeat("x/", 1000) + "x", [2]string{no, no}},
		{"a NUL", "pxelinux.0\x00.txt", [2]string{no, no}},
		{"percent signs", "%2e%2e/secret", [2]string{no, no}},

		{"nothing", "", [2]string{must, must}},
		{"the root", "/", [2]string{must, must}},
		{"a directory", "pxelinux.cfg", [2]string{must, must}},
		{"a directory with a slash", "pxelinux.cfg/", [2]string{must, must}},
		{"a file with a slash", "pxelinux.0/", [2]string{must, must}},
		{"a link to a directory", "dirlink", [2]string{must, must}},
		{"an absolute link to a directory", "absdir", [2]string{must, must}},
		{"an absolute link to the root", "absroot", [2]string{must, must}},
		{"a FIFO", "fifo", [2]string{must, must}},
		{"a link to a FIFO", "fifolink", [2]string{must, must}},
		{"an absolute link to a FIFO", "absfifo", [2]string{must, must}},
		{"a socket", "socket", [2]string{must, must}},

		{"above the root", "../secret", [2]string{must, must}},
		{"above the root and in again", "../root/pxelinux.0", [2]string{must, must}},
		{"above the root after a slash", "/../secret", [2]string{must, must}},
		{"above the root with backslashes", `..\secret`, [2]string{must, must}},
		{"above the root, all mixed", `\..\/../.\secret`, [2]string{must, must}},
		{"above the root from below", "Boot/../../secret", [2]string{must, must}},
		{"above the root from a link", "dirlink/../../../secret", [2]string{must, must}},
		{"far above the root", strings.Repeat("../", 600) + "etc/passwd", [2]string{must, must}},
		{"the full path of a file in the root", dir + "/root/pxelinux.0", [2]string{no, no}},
		{"the full path of a file outside", dir + "/secret", [2]string{no, no}},
		{"the full path of a file in the follow tree", dir + "/follow/image", [2]string{no, no}},
		{"the follow tree by its path", "../follow/image", [2]string{must, must}},

		{"a link", "link", [2]string{"pxelinux", "pxelinux"}},
		{"below a link", "dirlink/kernel", [2]string{"kernel v2", "kernel v2"}},
		{"a link to where it stands", "dot/dot/pxelinux.0", [2]string{"pxelinux", "pxelinux"}},
		{"a link that climbs inside", "versions/up", [2]string{"bcd", "bcd"}},
		{"a chain of links", "chain1", [2]string{"pxelinux", "pxelinux"}},
		{"a link to nowhere", "dangling", [2]string{no, no}},
		{"a link to a file with a slash", "filelink/slash", [2]string{no, no}},
		{"a link to a directory with a slash", "dirslash/initrd", [2]string{"initrd", "initrd"}},
		{"a link to itself", "loop", [2]string{must, must}},
		{"two links to each other", "loop1", [2]string{must, must}},
		{"below a link to itself", "loop/x", [2]string{must, must}},
		{"a link that grows", "deeploop/x", [2]string{must, must}},

		{"an absolute link", "abs", [2]string{"pxelinux", "pxelinux"}},
		{"below an absolute link", "absdir/kernel", [2]string{"kernel v2", "kernel v2"}},
		{"below an absolute link to the root", "absroot/absroot/Boot/BCD", [2]string{"bcd", "bcd"}},
		{"an absolute link with slashes and dots", "absslashes", [2]string{"pxelinux", "pxelinux"}},
		{"an absolute link to a file with a slash", "absfileslash", [2]string{no, no}},
		{"an absolute link to nowhere inside", "absdangling", [2]string{no, no}},
		{"an absolute link to itself", "absloop", [2]string{must, must}},
		{"links of both kinds in a row", "dirlink/abs", [2]string{"pxelinux", "pxelinux"}},
		{"a relative link that leaves and comes back", "outandin", [2]string{"pxelinux", "pxelinux"}},
		{"an absolute link that passes outside", "detour", [2]string{"pxelinux", "pxelinux"}},
		{"by a link outside to the root", "byname", [2]string{must, "pxelinux"}},
		{"a backslash in a target is a byte", `back\slash`, [2]string{no, no}},

		{"a chroot's link to its root", "tftpboot/Boot/BCD", [2]string{"bcd", "bcd"}},
		{"a chroot's link", "chrooted", [2]string{"kernel v2", "kernel v2"}},
		{"below a chroot's link", "chrootdir/v2/kernel", [2]string{"kernel v2", "kernel v2"}},
		{"missing below a chroot's link", "chrootdir/gone", [2]string{no, no}},
		{"a chroot's link to nowhere", "chrootgone", [2]string{no, no}},
		{"a chroot's link that the system could take otherwise", "hosts", [2]string{"the root's own hosts", "the root's own hosts"}},
		{"a chroot's link with a directory above", "chrootup", [2]string{"bcd", "bcd"}},

		{"an absolute link outside", "out", [2]string{must, must}},
		{"below an absolute link outside", "outdir/secret", [2]string{must, must}},
		{"in again below an absolute link outside", "outdir/../root/pxelinux.0", [2]string{must, must}},
		{"a relative link outside", "outrel", [2]string{must, must}},
		{"below a relative link outside", "outreldir/secret", [2]string{must, must}},
		{"below a link to the directory above", "outtop/secret", [2]string{must, must}},
		{"in again below a link to the directory above", "outtop/root/pxelinux.0", [2]string{must, must}},
		{"the follow tree below a link to the directory above", "outtop/follow/image", [2]string{must, must}},
		{"a relative link above the top of all", "outabove", [2]string{must, must}},
		{"a link to a link outside", "outchain", [2]string{must, must}},
		{"a link outside past the root", "versions/out", [2]string{must, must}},
		{"a link to a directory whose name begins as the root's", "neighbour", [2]string{must, must}},
		{"a link to what exists nowhere", "shadow", [2]string{must, must}},
		{"a link inside that ends above", "updir", [2]string{must, must}},
		{"below it", "updir/secret", [2]string{must, must}},

		{"a link to the follow tree", "images", [2]string{must, must}},
		{"below it", "images/image", [2]string{must, "image"}},
		{"deep below it", "images/deep/image", [2]string{must, "deep image"}},
		{"missing below it", "images/gone", [2]string{must, no}},
		{"a directory above inside it", "images/deep/../image", [2]string{must, "image"}},
		{"a directory above the follow tree", "images/../secret", [2]string{must, must}},
		{"and in again", "images/../root/pxelinux.0", [2]string{must, must}},
		{"a link into the follow tree", "image", [2]string{must, "image"}},
		{"a relative link into the follow tree", "relimage", [2]string{must, "image"}},
		{"from deep to deep", "deepimage/x/y", [2]string{must, "deep image"}},
		{"a link of the follow tree's own", "images/own", [2]string{must, "deep image"}},
		{"a link back", "images/back", [2]string{must, "bcd"}},
		{"an absolute link back", "images/absback", [2]string{must, "bcd"}},
		{"a link back to a link back", "images/pingpong", [2]string{must, "image"}},
		{"a link out of the follow tree", "images/out", [2]string{must, must}},
		{"an absolute link out of the follow tree", "images/absout", [2]string{must, must}},
		{"a chroot's link in the follow tree", "images/chrooted", [2]string{must, "bcd"}},
		{"a FIFO in the follow tree", "images/fifo", [2]string{must, must}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, h := range handlers {
				var got string
				var err error
				want := tt.want[h.want]
				if h.ignoreCase && tt.file == "PXELINUX.0" {
					want = "pxelinux"
				}
				atOnce(t, "Open", func() { got, err = get(h.Handler, tt.file) })
				switch kind(err) {
				case fs.ErrNotExist:
					got = no
				case fs.ErrPermission:
					got = must
				case nil:
				default:
					t.Errorf("%q: %v is neither of the two kinds", tt.file, err)
				}
				if got != want {
					t.Errorf("%q, %s: %q (%v), want %q", tt.file, h.name, got, err, want)
				}
				if err != nil && !strings.HasPrefix(err.Error(), fmt.Sprintf("open %q: ", tt.file)) {
					t.Errorf("%q: %q doesn't quote the name", tt.file, err)
				}

				// The two ways to a file agree wherever both can decide.
				parts, ok := name.Split(tt.file)
				if !ok {
					continue
				}
				direct, derr := content(h.trees[0].open(strings.Join(parts, "/")))
				if rootGaveUp(derr) || h.ignoreCase && missing(derr) {
					continue
				}
				walked, werr := content(h.walk(h.trees[0], nil, parts))
				if direct != walked || kind(explainNil(derr)) != kind(explainNil(werr)) {
					t.Errorf("%q: os.Root alone gives %q, %v; the walk %q, %v", tt.file, direct, derr, walked, werr)
				}
			}
		})
	}
	names := slices.DeleteFunc(opened(), func(name string) bool {
		return slices.Contains([]string{"root", "none", "follow"}, name) // which are read, where case does not matter
	})
	if len(names) > 0 {
		t.Errorf("opened outside of the root: %q", names)
	}
}

func explainNil(err error) error {
	if err == nil {
		return nil
	}
	return explain(err)
}

// content reads and closes what opening a file gave.
func content(f *os.File, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer f.Close()
	b := make([]byte, 64)
	n, _ := f.Read(b)
	return string(b[:n]), nil
}

func TestLinksAreFollowedAsDeepAsTheKernelDoes(t *testing.T) {
	for _, form := range []string{"-> %d", "-> {}/root/%d"} {
		l := layout{{"root/0", "content"}}
		for i := range 41 {
			l = append(l, [2]string{fmt.Sprintf("root/%d", i+1), fmt.Sprintf(form, i)})
		}
		dir := build(t, l)
		h := open(t, dir+"/root")
		for n := range 42 {
			kernels, wantErr := os.ReadFile(fmt.Sprintf("%s/root/%d", dir, n))
			got, err := get(h, fmt.Sprint(n))
			if got != string(kernels) || (err == nil) != (wantErr == nil) {
				t.Errorf("%q, %d links: %q, %v; the kernel: %q, %v", form, n, got, err, kernels, wantErr)
			}
			if err != nil && (!errors.Is(err, fs.ErrPermission) || !errors.Is(err, syscall.ELOOP)) {
				t.Errorf("%q, %d links: %v, want a permission error with ELOOP as its cause", form, n, err)
			}
		}
	}
}

func TestATreeIsKnownByBothOfItsNames(t *testing.T) {
	dir := build(t, layout{
		{"disk/tftp/x", "x"},
		{"srv", "-> disk"},
		{"disk/tftp/real", "-> {}/disk/tftp/x"},
		{"disk/tftp/given", "-> {}/srv/tftp/x"},
		{"disk/tftp/up", "-> {}/srv/tftp/../tftp/x"},
		{"disk/other/y", "y"},
		{"disk/tftp/other", "-> ../other/y"},
		{"disk/tftp/dir", "dir"},
	})
	t.Chdir(dir + "/disk/tftp/dir")
	for _, root := range []string{dir + "/srv/tftp", dir + "/srv//./tftp/", "..", "../../tftp", "../dir/.."} {
		h := open(t, root, dir+"/disk/other")
		for file, want := range map[string]string{"x": "x", "real": "x", "given": "x", "up": "x", "other": "y"} {
			if file == "given" || file == "up" {
				if !strings.Contains(root, "srv") {
					continue // nobody has told of that name
				}
			}
			if got, err := get(h, file); got != want || err != nil {
				t.Errorf("root %s: %s: %q, %v; want %q", root, file, got, err, want)
			}
		}
	}
}

func TestTheRootMayBeTheRootOfAll(t *testing.T) {
	dir := build(t, layout{{"x", "x"}, {"sub/up", "-> ../x"}, {"abs", "-> {}/x"}, {"up", "-> " + strings.Repeat("../", 50) + "{}/x"}})
	h := open(t, "/")
	for _, file := range []string{"x", "abs", "up"} {
		if got, err := get(h, filepath.Join(dir, file)); got != "x" || err != nil {
			t.Errorf("%s: %q, %v; want x", file, got, err)
		}
	}
	// A follow tree may be it, too.
	if got, err := get(open(t, dir+"/sub", "/"), "up"); got != "x" || err != nil {
		t.Errorf("followed to the root of all: %q, %v; want x", got, err)
	}
	// Magic links have targets that lead elsewhere than they say.
	f, err := os.Open(dir + "/x")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Remove(dir + "/x"); err != nil {
		t.Fatal(err)
	}
	if got, err := get(h, fmt.Sprintf("/proc/self/fd/%d", f.Fd())); err == nil {
		t.Errorf("a magic link gave %q", got)
	}
}

func TestTreesMayLieInEachOther(t *testing.T) {
	dir := build(t, layout{
		{"srv/tftp/x", "x"},
		{"srv/tftp/abs", "-> {}/srv/tftp/x"},
		{"srv/tftp/up", "-> ../images/y"},
		{"srv/tftp/upup", "-> ../../srv/images/y"},
		{"srv/tftp/out", "-> ../../secret"},
		{"srv/images/y", "y"},
		{"secret", "secret"},
	})
	h := open(t, dir+"/srv/tftp", dir+"/srv")
	for file, want := range map[string]string{"x": "x", "abs": "x", "up": "y", "upup": "y", "out": ""} {
		if got, err := get(h, file); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", file, got, err, want)
		}
	}
}

func TestAResponseOutlivesItsHandler(t *testing.T) {
	dir := build(t, layout{{"x", "content"}})
	h := open(t, dir)
	resp, err := h.Open(context.Background(), &worker.Request{File: "x"})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Close()
	h.Close()
	b := make([]byte, 16)
	if n, err := resp.Read(b); string(b[:n]) != "content" {
		t.Errorf("read %q, %v after the handler was closed", b[:n], err)
	}
}
