package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
)

func TestInAnyCase(t *testing.T) {
	dir := build(t, layout{
		{"root/boot/bcd", "bcd"},
		{"root/Boot2/Fonts/WGL4_Boot.TTF", "font"},
		{"root/exact", "small"},
		{"root/EXACT", "large"},
		{"root/eXact", "mixed"},
		{"root/SOME", "S"},
		{"root/SOMe", "Se"},
		{"root/some2/x", "small"},
		{"root/SOME2/X", "large"},
		{"root/only-large/some3", "-> ../SOME2"},
		{"root/É", "large e acute"},
		{"root/\xc9", "Latin-1"},
		{"root/a[", "bracket"},
		{"root/abc", "abc"},

		{"root/Out", "-> {}/outside/secret"},
		{"root/OutDir", "-> ../outside"},
		{"root/Abs", "-> {}/root/boot"},
		{"root/Link", "-> BOOT/bcd"}, // whose target is not there
		{"root/Images", "-> {}/follow"},
		{"root/Fifo", "fifo"},
		{"root/Dir/x", "x"},
		{"root/Loop", "-> Loop"},
		{"follow/Image", "image"},
		{"outside/secret", "secret"},
		{"OUTSIDE/secret", "secret"},
		{"secret", "secret"},
	})
	h := openNew(t, Options{Root: dir + "/root", Follow: []string{dir + "/follow"}, IgnoreCase: true})
	opened := watch(t, dir+"/outside", dir+"/OUTSIDE")
	for _, tt := range []struct {
		name, file, want string
		err              error
	}{
		{"as Windows asks", `\Boot\BCD`, "bcd", nil},
		{"in large letters", `\BOOT2\FONTS\WGL4_BOOT.TTF`, "font", nil},
		{"in small letters", "boot2/fonts/wgl4_boot.ttf", "font", nil},
		{"the exact name", "exact", "small", nil},
		{"the exact name", "EXACT", "large", nil},
		{"the exact name", "eXact", "mixed", nil},
		{"else the one in small letters", "ExacT", "small", nil},
		{"else the first in byte order", "some", "S", nil},
		{"each part by itself", "Some2/x", "small", nil},
		{"and no other way is tried", "some2/y", "", fs.ErrNotExist},
		{"no more than letters", "a{", "", fs.ErrNotExist},
		{"no letters but those of ASCII", "é", "", fs.ErrNotExist},
		{"bytes as they are", "\xe9", "", fs.ErrNotExist},
		{"and exact", "\xc9", "Latin-1", nil},
		{"no part of a name", "ab", "", fs.ErrNotExist},
		{"missing", "gone", "", fs.ErrNotExist},
		{"below a file", "BOOT/BCD/x", "", fs.ErrNotExist},

		{"a link outside", "out", "", fs.ErrPermission},
		{"below a link outside", "OUTDIR/SECRET", "", fs.ErrPermission},
		{"a directory above the root", "../SECRET", "", fs.ErrPermission},
		{"a directory above the root, in other case", "BOOT/../../secret", "", fs.ErrPermission},
		{"a directory above", "BOOT/../BOOT/BCD", "bcd", nil},
		{"a directory above what isn't there", "GONE/../boot/bcd", "", fs.ErrNotExist},
		{"an absolute link", "ABS/BCD", "bcd", nil},
		{"a link's target is meant as it stands", "LINK", "", fs.ErrNotExist},
		{"below a link, in other case", "ONLY-LARGE/SOME3/x", "large", nil},
		{"a follow tree", "IMAGES/IMAGE", "image", nil},
		{"the follow tree by its path", "../FOLLOW/IMAGE", "", fs.ErrPermission},
		{"a FIFO", "FIFO", "", fs.ErrPermission},
		{"a directory", "DIR", "", fs.ErrPermission},
		{"a loop", "LOOP", "", fs.ErrPermission},
		{"a NUL", "BOOT\x00", "", fs.ErrNotExist},
		{"2,000 bytes", strings.Repeat("X", 2000), "", fs.ErrNotExist},
		{"2,000 bytes below a directory", "BOOT/" + strings.Repeat("X", 2000), "", fs.ErrNotExist},
		{"many parts", strings.Repeat("DIR/../", 15) + "BOOT", "", fs.ErrPermission},
		{"too many parts", strings.Repeat("DIR/../", 16) + "BOOT", "", fs.ErrNotExist},
		{"as many as there is room for, exactly", strings.Repeat("Dir/../", 280) + "boot/bcd", "bcd", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			atOnce(t, "Open", func() {
				if got, err := get(h, tt.file); got != tt.want || kind(err) != tt.err {
					t.Errorf("%.40q: %q, %v; want %q, %v", tt.file, got, err, tt.want, tt.err)
				}
			})
		})
	}
	if names := opened(); names != nil {
		t.Errorf("opened outside of the root: %q", names)
	}
}

// The first in byte order is found wherever it stands in the directory.
func TestTheChoiceDoesNotDependOnTheDirectorysOrder(t *testing.T) {
	dir := build(t, layout{{"root/x", "x"}})
	h := openNew(t, Options{Root: dir + "/root", IgnoreCase: true})
	names := []string{"AbcdeF", "AbcDef", "ABcdef", "AbCdef", "AbcdEf"}
	for i := range 1500 { // more than are read at once
		name := fmt.Sprint("Other-", i)
		if i%300 == 150 {
			name = names[i/300]
		}
		if err := os.WriteFile(dir+"/root/"+name, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := get(h, "ABCDEF"); got != "ABcdef" || err != nil {
		t.Errorf("%q, %v; want ABcdef", got, err)
	}
}

func TestADirectoryThatMayNotBeReadIsRefusedInAnyCase(t *testing.T) {
	if !asNobody(t) {
		return
	}
	dir := build(t, layout{{"root/closed/File", "x"}, {"root/enter/File", "x"}, {"root/fine/File", "fine"}})
	for name, mode := range map[string]os.FileMode{"closed": 0, "enter": 0o311} {
		if err := os.Chmod(dir+"/root/"+name, mode); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(dir+"/root/"+name, 0o755) })
	}
	h := openNew(t, Options{Root: dir + "/root", IgnoreCase: true})
	for _, file := range []string{"closed/file", "CLOSED/FILE", "enter/file", "ENTER/gone"} {
		if got, err := get(h, file); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %q, %v; want a permission error", file, got, err)
		}
	}
	if got, err := get(h, "FINE/FILE"); got != "fine" || err != nil {
		t.Errorf("FINE/FILE: %q, %v", got, err)
	}
}
