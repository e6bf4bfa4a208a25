package integration

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"brood/protocol"
	"brood/test/harness"
)

// Whoever answers, a name that means harm gets an ERROR, and costs no worker its life.
func TestHostileNamesGetAnErrorFromEveryHandler(t *testing.T) {
	t.Parallel()
	empty := httptest.NewServer(http.NotFoundHandler()) // what does reach it is not there
	t.Cleanup(empty.Close)
	c := newConfigured(t, `
content:
  files: {files: {root: srv, ignore-case: true, per-client: ["{ip}"]}}
  render: {render: {templates: templates, documents: [{file: "**{name}.cfg", template: t}]}}
  virtual: {virtual: {text: {motd: hello}}}
  exec: {exec: {command: [/bin/sh, -c, 'exit 101']}}
  origin: {origin: {url: "`+empty.URL+`/tree/"}}
cache: {dir: cache}
default: files
rules:
  - {match: {regexp: ['^render:(?P<rest>(?s:.*))']}, rewrite: '${rest}', handler: render}
  - {match: {regexp: ['^virtual:(?P<rest>(?s:.*))']}, rewrite: '${rest}', handler: virtual}
  - {match: {regexp: ['^exec:(?P<rest>(?s:.*))']}, rewrite: '${rest}', handler: exec}
  - {match: {regexp: ['^origin:(?P<rest>(?s:.*))']}, rewrite: '${rest}', handler: origin}
`)
	c.cache()
	c.Write("srv/f", []byte("content"))
	c.Write("secret", []byte("secret"))
	c.Write("templates/t", []byte("{{.name}}"))
	in := func(name string) string { return filepath.Join(c.Dir, "srv", name) }
	if err := errors.Join(os.Symlink("../secret", in("link")), os.Symlink("/dev/zero", in("device")), syscall.Mkfifo(in("fifo"), 0o644), os.Mkdir(in("dir"), 0o755)); err != nil {
		t.Fatal(err)
	}
	s := harness.Serve(t, "--config", c.file)
	names := []string{
		"../secret", `..\secret`, "/../../secret", "f/../../secret", "link", "device", "fifo", "dir", "dir/", ".", "..", "/", "//", `\`,
		"%2e%2e/secret", "$(id)", "`id`", "; id", "f\n", "f\x01", "\xff\xfe", strings.Repeat("x", 400), strings.Repeat("x", 2000), strings.Repeat("../", 650) + "etc/passwd",
		"/proc/self/environ", "/dev/fd/5", "{{.}}", "${file}", "-rf",
	}
	handlers := []string{"", "render:", "virtual:", "exec:", "origin:"}
	for _, handler := range handlers {
		for _, name := range names {
			got, err := fetch(t, s, handler+name)
			var e *protocol.Error
			if !errors.As(err, &e) {
				t.Errorf("%s%q: got %.40q, %v; want an ERROR", handler, name, got, err)
			}
		}
	}
	if got, err := fetch(t, s, "f"); err != nil || string(got) != "content" {
		t.Errorf("afterwards: %q, %v", got, err)
	}
	last := s.Counters()
	if last.Int("crashed") != 0 || last.Int("worker-failures") != 0 || last.Int("failed")+last.Int("missing") != len(handlers)*len(names) {
		t.Errorf("counted %v; want %d refused and none crashed", last, len(handlers)*len(names))
	}
}
