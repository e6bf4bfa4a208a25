package files

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
)

func TestTheFirstRootThatHasTheFileAnswers(t *testing.T) {
	dir := build(t, layout{
		{"a/both", "a's"},
		{"b/both", "b's"},
		{"a/only-a", "a's"},
		{"b/only-b", "b's"},
		{"a/dir/in-a", "a's"},
		{"b/dir/in-b", "b's"},
		{"b/deep/in/b", "b's"},
		{"a/deep", "a file in the directory's place"},

		{"a/fifo", "fifo"},
		{"b/fifo", "b's"},
		{"a/directory/x", "x"},
		{"b/directory", "b's"},
		{"a/out", "-> {}/outside/secret"},
		{"b/out", "b's"},
		{"a/loop", "-> loop"},
		{"b/loop", "b's"},
		{"a/dangling", "-> gone"},
		{"b/dangling", "b's"},

		{"a/to-b", "-> {}/b/both"},
		{"a/to-b-relative", "-> ../b/both"},
		{"b/to-a", "-> {}/a/both"},
		{"a/chrooted", "-> /dir/in-a"},
		{"b/chrooted-b", "-> /dir/in-b"},
		{"b/chrooted-a", "-> /dir/in-a"},
		{"outside/secret", "secret"},
	})
	h := openNew(t, Options{Roots: []string{dir + "/a", dir + "/b"}})
	for _, tt := range []struct {
		name, file, want string
		err              error
	}{
		{"the first of two", "both", "a's", nil},
		{"the only one", "only-a", "a's", nil},
		{"the only one, in the second root", "only-b", "b's", nil},
		{"in a directory that both have", "dir/in-b", "b's", nil},
		{"in a directory that is a file in the first", "deep/in/b", "b's", nil},
		{"in none", "gone", "", fs.ErrNotExist},
		{"in no directory", "gone/x", "", fs.ErrNotExist},
		{"a FIFO in the first is an answer", "fifo", "", fs.ErrPermission},
		{"a directory in the first is an answer", "directory", "", fs.ErrPermission},
		{"a link outside in the first is an answer", "out", "", fs.ErrPermission},
		{"a loop in the first is an answer", "loop", "", fs.ErrPermission},
		{"climbing out is an answer", "../b/both", "", fs.ErrPermission},
		{"a link to nowhere in the first is none", "dangling", "b's", nil},
		{"a link from root to root", "to-b", "b's", nil},
		{"a relative one", "to-b-relative", "b's", nil},
		{"a link back", "to-a", "a's", nil},
		{"a chroot's link", "chrooted", "a's", nil},
		{"a chroot's link means the root that it was found from", "chrooted-b", "b's", nil},
		{"and no other", "chrooted-a", "", fs.ErrNotExist},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := get(h, tt.file); got != tt.want || kind(err) != tt.err {
				t.Errorf("%q: %q, %v; want %q, %v", tt.file, got, err, tt.want, tt.err)
			}
		})
	}

	h.roots[0].root.Close()
	if _, err := get(h, "only-b"); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("the system's trouble with the first root: %v, want it to be the answer", err)
	}
}

func TestAClosedFileInTheFirstRootIsAnAnswer(t *testing.T) {
	if !asNobody(t) {
		return
	}
	dir := build(t, layout{{"a/file", "a's"}, {"b/file", "b's"}, {"a/closed/x", "a's"}, {"b/closed/x", "b's"}, {"b/other", "b's"}})
	for _, name := range []string{"/a/file", "/a/closed"} {
		if err := os.Chmod(dir+name, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(dir+name, 0o755) })
	}
	for _, fold := range []bool{false, true} {
		h := openNew(t, Options{Roots: []string{dir + "/a", dir + "/b"}, IgnoreCase: fold})
		for _, file := range []string{"file", "closed/x", "closed/gone"} {
			if got, err := get(h, file); !errors.Is(err, fs.ErrPermission) {
				t.Errorf("%s: %q, %v; want a permission error", file, got, err)
			}
		}
		if got, err := get(h, "other"); got != "b's" || err != nil {
			t.Errorf("other: %q, %v", got, err)
		}
	}
}

func TestOptionsThatCantBe(t *testing.T) {
	dir := build(t, layout{{"root/x", "x"}})
	root := dir + "/root"
	for _, tt := range []struct {
		name  string
		o     Options
		check bool // Check finds it, too, without a look at the directories
		want  []string
	}{
		{"nothing", Options{}, true, []string{`root "": no directory given`}},
		{"one and several", Options{Root: root, Roots: []string{root}}, true, []string{"one or the other"}},
		{"an empty one of several", Options{Roots: []string{root, ""}}, true, []string{`root "": no directory given`}},
		{"an empty follow tree", Options{Root: root, Follow: []string{""}}, true, []string{`follow tree "": no directory given`}},
		{"a pattern for nobody", Options{Root: root, PerClient: []string{"clients"}}, true, []string{`per-client "clients"`, "{mac}"}},
		{
			"several missing ones",
			Options{Roots: []string{dir + "/1", root, dir + "/2"}, Follow: []string{dir + "/3"}},
			false,
			[]string{`root "` + dir + `/1": no such file`, `root "` + dir + `/2": no such file`, `follow tree "` + dir + `/3": no such file`},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, err := New(tt.o)
			if err == nil {
				h.Close()
				t.Fatalf("New(%+v) succeeded", tt.o)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q says nothing of %q", err, part)
				}
			}
			if checked := tt.o.Check(); (checked != nil) != tt.check {
				t.Errorf("Check: %v, want an error: %v", checked, tt.check)
			}
		})
	}
	o := Options{Roots: []string{"a", "b"}, Follow: []string{"c"}}
	if got := strings.Join(o.ReadPaths(), " "); got != "a b c" {
		t.Errorf("workers must read %s, want a b c", got)
	}
}
