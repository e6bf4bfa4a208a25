package render

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"brood/protocol"
	"brood/worker"
)

// hostile is a directory in which not everything is a template, beside a secret.
func hostile(t testing.TB) (dir string) {
	t.Helper()
	top := t.TempDir()
	dir = filepath.Join(top, "templates")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "sub"), 0o755),
		os.WriteFile(filepath.Join(top, "secret"), []byte("secret"), 0o644),
		os.WriteFile(filepath.Join(dir, "t"), []byte("inside"), 0o644),
		os.WriteFile(filepath.Join(dir, "sub", "t"), []byte("inside"), 0o644),
		os.WriteFile(filepath.Join(dir, "named"), []byte(`inside{{include .match.x .}}`), 0o644),
		os.Symlink("sub/t", filepath.Join(dir, "link")),
		os.Symlink("../secret", filepath.Join(dir, "out")),
		os.Symlink(filepath.Join(top, "secret"), filepath.Join(dir, "abs")),
		os.Symlink("..", filepath.Join(dir, "up")),
		os.Symlink("/dev/zero", filepath.Join(dir, "zero")),
		os.Symlink("/proc/self/environ", filepath.Join(dir, "environ")),
		os.Symlink("loop", filepath.Join(dir, "loop")),
		syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var hostileNames = []string{
	"../secret", "/../secret", `..\secret`, `\..\..\secret`, "sub/../../secret", "up/secret", "out", "abs", "zero", "environ", "loop", "fifo", "sub", "socket",
	"", ".", "..", "/", "t/", "t/x", "t\x00", "\x00", "t\x00.txt", "a\nb", "\xff\xfe", "t?x=../secret", "named?x=../secret", "named?x=out", "named?x=fifo",
	"named?x=zero", "named?x=sub", "named?x=/etc/passwd", "named?x=t\x00", "named?x=named", "named?x=", "named", "n/../secret", "n/out", "n/fifo", "n/zero", `n/..\secret`,
	"{{.}}", "n/{{.}}", "n/%s%n", "01-{mac}", "01-52-54-00-12-34-56", strings.Repeat("x", 2000), strings.Repeat("../", 600) + "secret", strings.Repeat("a/", 1000),
	"n/" + strings.Repeat("x", 1998), "named?x=" + strings.Repeat("x", 1990), strings.Repeat("?", 2000), "t?" + strings.Repeat("&", 2000), "t?" + strings.Repeat("a=b&", 500),
	"01-" + strings.Repeat("52:", 600), "t?mac=" + strings.Repeat("0", 1990), "t?ip=" + strings.Repeat(":", 1990), "t?uuid=" + strings.Repeat("-", 1990),
}

// hostileHandlers are one for a route and one with documents.
func hostileHandlers(t testing.TB, dir string) []*Handler {
	return []*Handler{
		open(t, Options{Templates: dir, MaxSize: 1 << 16}, nil),
		open(t, Options{Templates: dir, MaxSize: 1 << 16, Documents: []Document{
			{File: "01-{mac}", Template: "t"},
			{File: "n/{x}", Template: "named"},
			{File: "z", Template: "zero"},
			{File: "f", Template: "fifo"},
			{File: "**", Template: "out"},
		}}, machines(t, hosts)),
	}
}

// A request comes to a document from inside or to an error that a client can be
// told; which it is the other tests say.
func tryHostile(t *testing.T, h *Handler, name string) {
	t.Helper()
	got, err := get(h, asks(name))
	var p *protocol.Error
	switch {
	case err == nil && !strings.HasPrefix(got, "inside"), strings.Contains(got, "secret"):
		t.Errorf("%.100q gave %.100q", name, got)
	case err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) && !errors.As(err, &p):
		t.Errorf("%.100q: %.200v is no error for a client", name, err)
	}
}

func TestHostileNames(t *testing.T) {
	dir := hostile(t)
	t.Chdir(dir) // a socket's path may have 108 bytes only
	l, err := net.Listen("unix", "socket")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, h := range hostileHandlers(t, dir) {
		for _, name := range append(hostileNames, "z", "f", "link", "t") {
			tryHostile(t, h, name)
		}
	}
}

func TestPartialsComeFromInsideAlone(t *testing.T) {
	t.Parallel()
	h := open(t, Options{Templates: hostile(t)}, nil)
	for name, want := range map[string]string{
		"../secret": "climbs above", "out": "outside the root", "abs": "outside the root", "zero": "outside the root", "fifo": "is a FIFO", "sub": "is a directory",
		"loop": "too many levels", "t\x00": "invalid argument", "/etc/passwd": "no such file",
	} {
		s := newSet(context.Background(), h)
		_, err := s.execute("named", vars{"match": vars{"x": name}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", name, err, want)
		}
	}
	if got, err := h.Open(context.Background(), asks("link")); err != nil {
		t.Errorf("a link inside: %v, %v", got, err)
	}
}

func FuzzName(f *testing.F) {
	for _, name := range hostileNames {
		f.Add(name)
	}
	handlers := hostileHandlers(f, hostile(f))
	f.Fuzz(func(t *testing.T, name string) {
		for _, h := range handlers {
			tryHostile(t, h, name)
		}
	})
}

// ticks is a context that ends when it has been asked so often.
type ticks struct {
	context.Context
	left int
}

func (c *ticks) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// Whatever a template says, it ends, and what it makes is within the bound and
// holds no sign of a value that was missing.
func FuzzTemplate(f *testing.F) {
	for _, text := range []string{
		"{{.a.b}}", "{{.gone}}", "{{.a.gone | default 1}}", "{{exists .a.gone}}", `{{index .a "gone"}}`, `{{range $i, $v := .list}}{{$i}}{{$v}}{{else}}x{{end}}`,
		`{{template "t" .}}`, `{{include "t" .}}`, `{{define "x"}}{{.}}{{end}}{{template "x"}}`, "{{range 1000000000}}{{end}}", `{{block "x" .a}}{{.b}}{{end}}`,
		`{{print nil}}`, `{{printf "%d" "x"}}`, `{{html nil}}`, `{{js nil}}`, `{{urlquery nil}}`, `{{or nil .gone}}`, `{{with $x := .a}}{{$x.b}}{{end}}`, `{{.text.x}}`,
		`{{$s := "xx"}}{{range 100}}{{$s = print $s $s}}{{end}}`, `{{join "," .list}}`, `{{toJson .}}`, `{{host "10.0.0.0/8" -5}}`, `{{(.a).b}}`, `{{call .a}}`, `{{.a.b.c | exists}}`,
		`{{default (index .list 5) .gone}}`, `{{slice .text 1}}`, `{{len .list}}`, `{{if and .a (not .gone)}}{{end}}`, "{{- /* c */ -}}", "{{break}}", `{{range .list}}{{break}}{{end}}`,
	} {
		f.Add(text)
	}
	dir := f.TempDir()
	h := open(f, Options{Templates: dir, MaxSize: 10_000, Vars: vars{"a": vars{"b": "B"}, "list": []any{1, "x"}, "text": "T"}}, nil)
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(filepath.Join(dir, "t"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		resp, err := h.Open(&ticks{context.Background(), 1000}, asks("t"))
		if err != nil {
			if worker.ErrorFor(err).Code != protocol.CodeUndefined {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		got := make([]byte, 20_000)
		n, _ := resp.Read(got)
		made := string(got[:n])
		for _, sign := range []string{"<no value>", "<nil>", "%!", "map["} {
			if strings.Contains(made, sign) && !strings.Contains(text, sign) {
				t.Fatalf("%q made %q", text, made)
			}
		}
		if len(made) > 10_000 {
			t.Fatalf("%q made %d bytes", text, len(made))
		}
	})
}
