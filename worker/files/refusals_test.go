package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"brood/worker"
)

func TestErrorsSayWhy(t *testing.T) {
	dir := build(t, world)
	h := open(t, dir+"/root")
	for file, want := range map[string]string{
		"gone":            `open "gone": no such file or directory`,
		"pxelinux.cfg":    `open "pxelinux.cfg": is a directory`,
		"fifo":            `open "fifo": is a FIFO`,
		"socket":          `open "socket": is a socket`,
		"pxelinux.0/x":    `open "pxelinux.0/x": not a directory`,
		"../a\nb":         `open "../a\nb": climbs above "` + dir + `/root"`,
		"loop":            `open "loop": too many levels of symbolic links`,
		"versions/out":    `open "versions/out": a link climbs from "` + dir + `/root" to "` + dir + `/outside/secret", outside the roots and the follow trees`,
		"outchain":        `open "outchain": link "out" leads to "` + dir + `/outside/secret", outside the roots and the follow trees`,
		"outreldir/x":     `open "outreldir/x": a link climbs from "` + dir + `/root" to "` + dir + `/outside", outside the roots and the follow trees`,
		"outdir/../../\a": `open "outdir/../../\a": link "outdir" leads to "` + dir + `/outside", outside the roots and the follow trees`,
	} {
		if _, err := get(h, file); err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", file, err, want)
		}
	}
}

func TestDevicesAreRefused(t *testing.T) {
	// /dev serves: a test directory may lie where devices can't be made.
	dir := build(t, layout{{"root/null", "-> /dev/null"}})
	for _, tt := range []struct {
		name, root, file, why string
		follow                []string
	}{
		{"by name", "/dev", "null", "is a device", nil},
		{"one that never ends", "/dev", "zero", "is a device", nil},
		{"by a link to a follow tree", dir + "/root", "null", "is a device", []string{"/dev"}},
		{"by a link outside", dir + "/root", "null", "outside", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			atOnce(t, "Open", func() {
				got, err := get(open(t, tt.root, tt.follow...), tt.file)
				if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), tt.why) {
					t.Errorf("%s: %q, %v; want a permission error that says %q", tt.file, got, err, tt.why)
				}
			})
		})
	}
}

func TestWhatIsNotServedIsNotOpened(t *testing.T) {
	dir := build(t, layout{{"fifo", "fifo"}, {"dir/x", "dir"}, {"socket", "socket"}, {"link", "-> {}/fifo"}, {"file", "content"}})
	h := open(t, dir)
	opened := watch(t, dir)
	for _, file := range []string{"fifo", "dir", "socket", "link"} {
		if _, err := get(h, file); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v, want a permission error", file, err)
		}
		if names := opened(); names != nil {
			t.Errorf("%s: opened %q", file, names)
		}
	}
	if _, err := get(h, "file"); err != nil {
		t.Fatal(err)
	}
	if names := opened(); names == nil {
		t.Error("the watch doesn't see an open: this test shows nothing")
	}
}

// The look before an open can be out of date: something else has taken the
// file's place in between.
func TestAnOpenWithoutALookNeverBlocks(t *testing.T) {
	dir := build(t, layout{{"fifo", "fifo"}, {"dir/x", "x"}, {"socket", "socket"}})
	h := open(t, dir)
	for _, file := range []string{"fifo", "dir", "socket"} {
		atOnce(t, "the open of a "+file, func() {
			f, err := h.trees[0].openUnseen(file)
			if err == nil {
				_, err = worker.File(f)
			}
			if err = explain(err); !errors.Is(err, fs.ErrPermission) {
				t.Errorf("%s: %v, want a permission error", file, err)
			}
		})
	}
}

func TestWhatMayNotBeReadIsRefused(t *testing.T) {
	if !asNobody(t) {
		return
	}
	dir := build(t, layout{
		{"file", "secret"},
		{"abs", "-> {}/file"},
		{"closed/x", "secret"},
		{"noread/x", "secret"},
		{"noenter/x", "secret"},
		{"fine", "fine"},
	})
	for name, mode := range map[string]os.FileMode{"file": 0o200, "closed": 0, "noread": 0o311, "noenter": 0o644} {
		name = filepath.Join(dir, name)
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(name, 0o755) })
	}
	h := open(t, dir)
	for _, file := range []string{"file", "abs", "closed/x", "closed/gone", "noread/x", "noenter/x"} {
		got, err := get(h, file)
		if !errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %q, %v; want a permission error", file, got, err)
		} else if want := fmt.Sprintf("uid %d needs", os.Geteuid()); !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q says nothing of %q", file, err, want)
		}
	}
	if got, err := get(h, "fine"); got != "fine" || err != nil {
		t.Errorf("fine: %q, %v", got, err)
	}
}

func TestOtherTroubleIsNeitherMissingNorForbidden(t *testing.T) {
	dir := build(t, layout{{"x", "x"}})
	h := open(t, dir)
	h.Close()
	if _, err := get(h, "x"); !errors.Is(err, fs.ErrClosed) || kind(err) != err {
		t.Errorf("a closed handler: %v, want fs.ErrClosed and neither of the two kinds", err)
	}
	if err := explain(&fs.PathError{Op: "openat", Path: "x", Err: syscall.EMFILE}); kind(err) != err || !errors.Is(err, syscall.EMFILE) {
		t.Errorf("EMFILE: %v, want it as it stands", err)
	}
}
