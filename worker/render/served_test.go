package render

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"brood/protocol"
	"brood/worker"
	"brood/worker/render/inventory"
	"brood/worker/workertest"
)

var tsize = protocol.Option{Name: "tsize", Value: "0"}

func TestTheSizeIsThatOfTheDocument(t *testing.T) {
	t.Parallel()
	h := open(t, Options{Templates: templates(t, map[string]string{"t": "{{range .n}}{{.}}\n{{end}}"}), Vars: vars{"n": 2000}}, nil)
	var want strings.Builder
	for i := range 2000 {
		fmt.Fprintln(&want, i)
	}
	r := workertest.Get(t, h, "t", tsize)
	if r.Err != nil || string(r.Content) != want.String() {
		t.Fatalf("%d bytes, %v", len(r.Content), r.Err)
	}
	if len(r.OACK) != 1 || r.OACK[0].Value != strconv.Itoa(want.Len()) {
		t.Errorf("OACK %v, want tsize %d", r.OACK, want.Len())
	}
	if r = workertest.GetNetascii(t, h, "t"); r.Err != nil || string(r.Content) != want.String() {
		t.Errorf("netascii: %d bytes, %v", len(r.Content), r.Err)
	}
}

func TestADocumentThatFailsHasNoFirstBlock(t *testing.T) {
	t.Parallel()
	h := open(t, Options{Templates: templates(t, map[string]string{"t": strings.Repeat("line\n", 1000) + "{{.gone}}"})}, nil)
	r := workertest.Get(t, h, "t")
	if r.Err == nil || r.Err.Code != protocol.CodeUndefined || len(r.Content) != 0 || r.Err.Message != errTemplate.Message {
		t.Errorf("%d bytes, %v", len(r.Content), r.Err)
	}
	if want := `template: t:1001:2: executing "t" at <.gone>: map has no entry for key "gone"`; !strings.Contains(r.Detail, want) {
		t.Errorf("the log has %q", r.Detail)
	}
}

func TestTheSandboxLetsItWork(t *testing.T) {
	t.Parallel()
	dir := templates(t, map[string]string{"t": `{{.name}} {{include "p/q" .}}`, "p/q": `{{.request.server}}`})
	raw, err := inventory.Compile(hosts)
	if err != nil {
		t.Fatal(err)
	}
	in := workertest.Sandbox{Level: worker.SandboxStrict, ReadPaths: []string{dir}, Config: append([]byte(dir+"\x00"), raw...)}
	r := workertest.GetSandboxed(t, in, "01-52-54-00-12-34-56", tsize)
	if r.Err != nil || string(r.Content) != "web1 127.0.0.1" {
		t.Errorf("%q, %v, %s", r.Content, r.Err, r.Detail)
	}
}

// Sessions run while somebody replaces the template: each gets one or the other,
// whole.
func TestATemplateThatIsReplacedIsUsedWhole(t *testing.T) {
	t.Parallel()
	texts := [2]string{strings.Repeat("a", 200_000) + "{{.a}}", strings.Repeat("b", 300_000) + "{{.b}}"}
	dir := templates(t, map[string]string{"t": texts[0]})
	h := open(t, Options{Templates: dir, Vars: vars{"a": "a", "b": "b"}}, nil)
	stop, stopped := make(chan struct{}), make(chan error)
	go func() {
		defer close(stopped)
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			name := filepath.Join(dir, ".new")
			err := os.WriteFile(name, []byte(texts[i%2]), 0o644)
			if err == nil {
				err = os.Rename(name, filepath.Join(dir, "t"))
			}
			if err != nil {
				stopped <- err
				return
			}
		}
	}()
	seen := map[string]int{}
	for range 50 {
		got, err := get(h, asks("t"))
		if err != nil {
			t.Fatal(err)
		}
		seen[got]++
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if seen[strings.Repeat("a", 200_001)]+seen[strings.Repeat("b", 300_001)] != 50 {
		for text, n := range seen {
			t.Errorf("%d times %d bytes, %.10q...", n, len(text), text)
		}
	}
}
