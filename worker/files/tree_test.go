package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestOpenNamesTheTreeAndTheRemedy(t *testing.T) {
	dir := build(t, layout{{"root/x", "x"}, {"file", "f"}, {"fifo", "fifo"}, {"dangling", "-> gone"}})
	root := dir + "/root"
	tests := []struct {
		name  string
		trees []string
		want  []string
		is    error
	}{
		{"no root", []string{""}, []string{`root ""`, "no directory given"}, nil},
		{"a missing root", []string{dir + "/nope"}, []string{"root", dir + "/nope", "no such file", "create it"}, fs.ErrNotExist},
		{"a link to nowhere", []string{dir + "/dangling"}, []string{"root", dir + "/dangling", "create it"}, fs.ErrNotExist},
		{"a file", []string{dir + "/file"}, []string{"root", dir + "/file", "not a directory", "name the directory"}, syscall.ENOTDIR},
		{"a FIFO", []string{dir + "/fifo"}, []string{"root", dir + "/fifo", "not a directory"}, syscall.ENOTDIR},
		{"below a file", []string{dir + "/file/x"}, []string{"root", dir + "/file/x", "not a directory"}, syscall.ENOTDIR},
		{"a missing follow tree", []string{root, root, dir + "/nope"}, []string{"follow tree", dir + "/nope", "create it"}, fs.ErrNotExist},
		{"a follow tree without a name", []string{root, ""}, []string{`follow tree ""`, "no directory given"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			atOnce(t, "Open", func() {
				h, err := Open(tt.trees[0], tt.trees[1:]...)
				if err == nil {
					h.Close()
					t.Errorf("Open(%q) succeeded", tt.trees)
					return
				}
				for _, want := range tt.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("Open(%q): %q says nothing of %q", tt.trees, err, want)
					}
				}
				if tt.is != nil && !errors.Is(err, tt.is) {
					t.Errorf("Open(%q): %q is not %v", tt.trees, err, tt.is)
				}
			})
		})
	}
}

func TestOpenOfAClosedTreeSaysWhoCantEnter(t *testing.T) {
	if !asNobody(t) {
		return
	}
	for _, tt := range []struct {
		name   string
		mode   os.FileMode
		closed string // the directory that gets the mode
	}{
		{"without any right", 0, "up/root"},
		{"readable, but not to be entered", 0o644, "up/root"},
		{"to be entered, but not readable", 0o311, "up/root"},
		{"below a closed directory", 0, "up"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := build(t, layout{{"up/root/x", "x"}})
			if err := os.Chmod(filepath.Join(dir, tt.closed), tt.mode); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.Chmod(filepath.Join(dir, tt.closed), 0o755) })
			root := dir + "/up/root"
			_, err := Open(root)
			if !errors.Is(err, fs.ErrPermission) {
				t.Fatalf("Open: %v, want a permission error", err)
			}
			for _, want := range []string{root, fmt.Sprintf("uid %d can't enter", os.Geteuid()), "chmod"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q says nothing of %q", err, want)
				}
			}
		})
	}
}

func TestOpenLeavesNoDescriptorBehind(t *testing.T) {
	dir := build(t, layout{{"root/x", "x"}, {"root/out", "-> /etc/passwd"}, {"root/fifo", "fifo"}, {"follow/y", "y"}, {"root/y", "-> {}/follow/y"}})
	round := func() {
		if h, err := Open(dir+"/root", dir+"/follow", dir+"/nope"); err == nil {
			t.Error("opened with a follow tree that doesn't exist")
			h.Close()
		}
		h, err := Open(dir+"/root", dir+"/follow")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"x", "y", "out", "fifo", "gone", "x/x", ".."} {
			get(h, name)
		}
		h.Close()
	}
	round() // the first open makes the runtime's poller, which stays
	before := descriptors(t)
	for range 20 {
		round()
	}
	if after := descriptors(t); !slices.Equal(before, after) {
		t.Errorf("descriptors before: %v, after: %v", before, after)
	}
}

func TestAnOpenTreeIsServedWhereverItMoves(t *testing.T) {
	dir := build(t, layout{{"root/x", "first"}, {"root/abs", "-> {}/root/x"}})
	h := open(t, dir+"/root")
	if err := os.Rename(dir+"/root", dir+"/old"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir+"/root", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/root/x", []byte("second"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"x", "abs"} {
		if got, err := get(h, name); got != "first" || err != nil {
			t.Errorf("%s: %q, %v; want first", name, got, err)
		}
	}
}
