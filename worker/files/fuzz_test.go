package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"brood/worker/internal/name"
)

// Whatever is asked, and whatever a link says: content is from inside, it is the
// content that the kernel finds if that is inside too, and an error is one that a
// client can be told. {} in a target stands for the directory of the fuzz target.
func FuzzOpen(f *testing.F) {
	dir := build(f, layout{
		{"root/file", "inside: file"},
		{"root/a/b/file", "inside: a/b/file"},
		{"root/a/up", "-> ../file"},
		{"root/abs", "-> {}/root/a"},
		{"root/images", "-> ../follow"},
		{"root/images2", "-> {}/follow/d"},
		{"root/loop", "-> {}/root/loop"},
		{"root/fifo", "fifo"},
		{"follow/d/file", "inside: follow/d/file"},
		{"follow/back", "-> ../root/a"},
		{"outside/file", "secret"},
		{"file", "secret"},
		{"none", "dir"},
		{"root/10.0.0.7", "-> ."},
		{"root/525400123456", "-> {}/root"},
	})
	h := open(f, dir+"/root", dir+"/follow")
	// In each mode the same holds, and what is found in one is found in all.
	modes := []*Handler{
		openNew(f, Options{Root: dir + "/root", Follow: []string{dir + "/follow"}, IgnoreCase: true}),
		openNew(f, Options{Roots: []string{dir + "/none", dir + "/root"}, Follow: []string{dir + "/follow"}, PerClient: []string{"{ip}", "{mac}"}}),
		openNew(f, Options{Root: dir + "/root", Follow: []string{dir + "/follow"}, PerClient: []string{"{mac-hex}", "{mac}"}, IgnoreCase: true}),
	}

	for _, file := range []string{
		"file", "/file", `\a\b\file`, "a/../file", "../file", `..\file`, "/../file", "a/../../file", "./a//b/./file",
		"link", "link/file", "link/../file", "link/b/file", "a/link", "abs/b/file", "abs/../file", "images/d/file",
		"images/../file", "images2/../d/file", "images/back/b/file", "loop", "fifo", "", "/", ".", "..", "a/", "file/", "file/x",
		"\xff", "a\nb", "file\x00", strings.Repeat("x", 2000), strings.Repeat("a/../", 300) + "file", strings.Repeat("../", 300) + "file",
	} {
		for _, target := range []string{
			"file", ".", "..", "../outside", "../outside/file", "../follow/d", "../../../../../etc", "a/b", "link",
			"/", "/file", "/a", "/etc/passwd", "/../file", "{}", "{}/root", "{}/root/../outside", "{}/outside/../root", "{}/follow/", "{}/root/file/",
			`\file`, "//{}//root//a/./",
		} {
			f.Add(file, target)
		}
	}
	f.Fuzz(func(t *testing.T, file, target string) {
		link := dir + "/root/link"
		if err := os.Symlink(strings.ReplaceAll(target, "{}", dir), link); err != nil {
			return // empty, too long or with a NUL
		}
		defer os.Remove(link)

		got, err := get(h, file)
		switch {
		case err == nil && !strings.HasPrefix(got, "inside: "):
			t.Fatalf("%q with a link to %q gave %q", file, target, got)
		case err != nil && kind(err) == err:
			t.Fatalf("%q with a link to %q: %v is neither missing nor forbidden", file, target, err)
		}

		for i, m := range modes {
			other, merr := get(m, file)
			if merr != nil && kind(merr) == merr || merr == nil && !strings.HasPrefix(other, "inside: ") || err == nil && other != got {
				t.Fatalf("%q with a link to %q: %q, %v; in mode %d %q, %v", file, target, got, err, i, other, merr)
			}
		}
		if other, oerr := get(modes[0], swapped(file)); err == nil && (other != got || oerr != nil) && strings.Count(file, "/")+strings.Count(file, `\`) < maxFolded {
			t.Fatalf("%q with a link to %q: %q, and in other case %q, %v", file, target, got, other, oerr)
		}

		slashed := strings.ReplaceAll(file, `\`, "/")
		if path, kerr := realPath(dir + "/root/" + slashed); kerr == nil && err == nil && inside(dir, path) {
			if want, _ := os.ReadFile(path); got != string(want) {
				t.Fatalf("%q with a link to %q gave %q, and the kernel %q", file, target, got, want)
			}
		}

		parts, ok := name.Split(file)
		if !ok {
			return
		}
		direct, derr := content(h.trees[0].open(strings.Join(parts, "/")))
		if rootGaveUp(derr) {
			return
		}
		walked, werr := content(h.walk(h.trees[0], nil, parts))
		if direct != walked || (derr == nil) != (werr == nil) || derr != nil && kind(explain(derr)) != kind(explain(werr)) {
			t.Fatalf("%q with a link to %q: os.Root alone gives %q, %v; the walk %q, %v", file, target, direct, derr, walked, werr)
		}
	})
}

// swapped returns a name in other case, of the letters A to Z.
func swapped(name string) string {
	b := []byte(name)
	for i, c := range b {
		if l := c | ' '; 'a' <= l && l <= 'z' {
			b[i] = c ^ ' '
		}
	}
	return string(b)
}

func inside(dir, path string) bool {
	return strings.HasPrefix(path, dir+"/root/") || strings.HasPrefix(path, dir+"/follow/")
}

// realPath returns where the kernel gets to. O_PATH opens nothing on the way.
func realPath(name string) (string, error) {
	const oPath = 0x200000 // package syscall has no O_PATH
	f, err := os.OpenFile(name, oPath, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", errors.Join(err, fs.ErrInvalid)
	}
	return filepath.EvalSymlinks(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
}
