package files

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"
)

// Somebody who may write inside the root swaps what a name stands for, over and
// over, between something inside and a link outside. Clients may get the inside
// or an error, and nothing outside is as much as opened.
func TestSwapsNeverShowTheOutside(t *testing.T) {
	tests := []struct {
		name    string
		victim  string // what is swapped
		link    string // for what
		request string
		mode    Options
	}{
		{"a directory for an absolute link", "a/b", "-> {}/outside", "a/b/file", Options{}},
		{"a directory for a relative link", "a/b", "-> ../../outside", "a/b/file", Options{}},
		{"a directory high up", "a", "-> {}/outside", "a/b/file", Options{}},
		{"a directory before one above", "a/b", "-> {}/outside/b", "a/b/../b/file", Options{}},
		{"the file for an absolute link", "a/b/file", "-> {}/outside/file", "a/b/file", Options{}},
		{"the file for a relative link", "a/b/file", "-> ../../../outside/file", "a/b/file", Options{}},
		{"the file for a link through a link that leads outside", "a/b/file", "-> ../../out/file", "a/b/file", Options{}},
		{"a directory behind an absolute link", "a/b", "-> {}/outside", "abs/a/b/file", Options{}},
		{"a directory behind a link that leaves and comes back", "a/b", "-> ../../outside", "around/b/file", Options{}},
		{"the file behind an absolute link", "a/b/file", "-> {}/outside/file", "abs/a/b/file", Options{}},
		{"the target of an absolute link", "a/b", "-> {}/outside", "absfile", Options{}},
		{"the link itself", "absfile", "-> {}/outside/file", "absfile", Options{}},
		{"a directory in a follow tree", "../follow/d", "-> {}/outside", "images/d/file", Options{}},
		{"a directory that is looked for in any case", "a/b", "-> {}/outside", "A/B/FILE", Options{IgnoreCase: true}},
		{"the file that is looked for in any case", "a/b/file", "-> {}/outside/file", "a/B/File", Options{IgnoreCase: true}},
		{"the client's own directory", "a/b", "-> {}/outside", "own", Options{PerClient: []string{"clients/{ip}"}}},
		{"the directory above the client's", "a", "-> {}/outside", "own", Options{PerClient: []string{"clients/{ip}"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := build(t, layout{
				{"root/a/b/file", "inside"},
				{"root/abs", "-> {}/root"},
				{"root/absfile", "-> {}/root/a/b/file"},
				{"root/around", "-> ../root/a"},
				{"root/out", "-> {}/outside"},
				{"root/images", "-> {}/follow"},
				{"root/a/b/own", "inside"},
				{"root/clients/10.0.0.7", "-> ../a/b"},
				{"outside/own", "secret"},
				{"outside/b/own", "secret"},
				{"follow/d/file", "inside"},
				{"outside/file", "secret"},
				{"outside/b/file", "secret"},
			})
			root := dir + "/root/"
			if err := os.Symlink(strings.ReplaceAll(tt.link[len("-> "):], "{}", dir), dir+"/swap"); err != nil {
				t.Fatal(err)
			}
			o := tt.mode
			o.Root, o.Follow = dir+"/root", []string{dir + "/follow"}
			h := openNew(t, o)
			opened := watch(t, dir+"/outside", dir+"/outside/b")

			stop, swapped := make(chan struct{}), make(chan error, 1)
			go func() {
				for {
					select {
					case <-stop:
						swapped <- nil
						return
					default:
					}
					// There and back: no rename replaces a directory by a link.
					if err := errors.Join(
						os.Rename(root+tt.victim, dir+"/away"),
						os.Rename(dir+"/swap", root+tt.victim),
						os.Rename(root+tt.victim, dir+"/swap"),
						os.Rename(dir+"/away", root+tt.victim),
					); err != nil {
						swapped <- err
						return
					}
				}
			}()

			// Both answers must have come up often, else nothing was swapped
			// while anything was opened.
			limit := time.Now().Add(60 * time.Second)
			var served, refused int
			for n := 0; n < 3000 || served < 20 || refused < 20; n++ {
				if time.Now().After(limit) {
					t.Errorf("only %d served and %d refused in %d rounds", served, refused, n)
					break
				}
				got, err := get(h, tt.request)
				switch {
				case err == nil && got == "inside":
					served++
				case err == nil:
					t.Errorf("%q gave %q", tt.request, got)
				case errors.Is(err, fs.ErrPermission):
					refused++
				case errors.Is(err, fs.ErrNotExist): // between two renames
				default:
					t.Errorf("%q: %v is neither of the two kinds", tt.request, err)
				}
				if t.Failed() {
					break
				}
			}
			close(stop)
			if err := <-swapped; err != nil {
				t.Error(err)
			}
			if names := opened(); names != nil {
				t.Errorf("opened outside: %q", names)
			}
		})
	}
}
