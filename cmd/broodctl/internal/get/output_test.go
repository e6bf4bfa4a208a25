package get

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

func TestAFileIsThereWhenItIsComplete(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"", "what was there"} {
		dir := t.TempDir()
		name := filepath.Join(dir, "f")
		if before != "" {
			if err := os.WriteFile(name, []byte(before), 0o640); err != nil {
				t.Fatal(err)
			}
		}
		for _, keep := range []bool{false, true} {
			o, err := Create(name)
			if err != nil {
				t.Fatal(err)
			}
			o.Write([]byte("new"))
			if got, _ := os.ReadFile(name); string(got) != before {
				t.Errorf("%q while it comes, want %q", got, before)
			}
			want := before
			if keep {
				want = "new"
				err = o.Commit()
			} else {
				o.Discard()
			}
			got, missing := os.ReadFile(name)
			if err != nil || string(got) != want || errors.Is(missing, fs.ErrNotExist) != (want == "") {
				t.Errorf("%v; kept %v: %q, %v; want %q", err, keep, got, missing, want)
			}
			if all := entries(t, dir); len(all) > 1 || len(all) == 1 && all[0] != "f" {
				t.Errorf("left behind: %q", all)
			}
		}
		if info, err := os.Stat(name); err != nil || before != "" && info.Mode() != 0o640 {
			t.Errorf("%v, %v; want the mode that the old one had", info, err)
		}
	}
}

func TestALinkStaysOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	os.WriteFile(target, []byte("old"), 0o600)
	if err := os.Symlink("target", link); err != nil {
		t.Fatal(err)
	}
	o, err := Create(link)
	if err != nil {
		t.Fatal(err)
	}
	o.Write([]byte("new"))
	if err := o.Commit(); err != nil {
		t.Fatal(err)
	}
	to, err := os.Readlink(link)
	if got, _ := os.ReadFile(target); err != nil || to != "target" || string(got) != "new" {
		t.Errorf("the link leads to %q, %v, where there is %q", to, err, got)
	}
}

func TestWhatIsNoFileIsWrittenAsItIs(t *testing.T) {
	t.Parallel()
	o, err := Create(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	o.Write([]byte("x"))
	o.Discard()
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Fatalf("%s is %v, %v", os.DevNull, info.Mode(), err)
	}
	o, err = Create("/dev/full")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Discard()
	_, err = o.Write([]byte("x"))
	var f *Failure
	if !errors.As(err, &f) || f.Code != ExitLocal || err.Error() != "writing /dev/full: no space left on device" {
		t.Errorf("%v", err)
	}
}

func TestAPlaceWhereNothingCanBeIsToldBeforeAnybodyIsAsked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, tt := range []struct{ name, want string }{
		{dir, "is a directory: say --output " + filepath.Join(dir, "FILE")},
		{filepath.Join(dir, "none", "f"), "no such file or directory"},
		{filepath.Join(dir, strings.Repeat("x", 300)), "file name too long"},
	} {
		_, err := Create(tt.name)
		var f *Failure
		if !errors.As(err, &f) || f.Code != ExitLocal || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if all := entries(t, dir); len(all) > 0 {
		t.Errorf("left behind: %q", all)
	}
}

func TestWhatIsGivenIsWrittenToAndNotClosed(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	o := To(&b, "standard output")
	o.Write([]byte("x"))
	if err := o.Commit(); err != nil || b.String() != "x" {
		t.Errorf("%q, %v", &b, err)
	}
	o.Discard()
}
