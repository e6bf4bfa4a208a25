package config

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"brood/worker/files"
	"brood/worker/origin"
	"brood/worker/render"
	"brood/worker/render/inventory"
	"brood/worker/route"
	"brood/worker/virtual"
	"brood/worker/workertest"
)

// oneMachine stands for broodctl.
type oneMachine struct{}

func (oneMachine) Inventory(path string) ([]*inventory.File, error) {
	return []*inventory.File{{Path: path, Machines: []inventory.Machine{{Name: "web1", Vars: map[string]any{"console": "ttyS0"}}}}}, nil
}

func (oneMachine) Fetcher(c Cache, origins []origin.Options) ([]byte, error) {
	return fmt.Appendf(nil, "%s %d", c.Dir, len(origins)), nil
}

// example has a handler of each kind that needs nothing but files, and rules.
func example(t *testing.T) *Document {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"srv/f": "a file", "templates/t": "console={{.console}}\n"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d := &Document{
		Server: Server{Listen: []Address{":69"}, Retries: -1, Timeout: Duration(2e9)},
		Served: Served{
			Content: map[string]Source{
				"tftp":  {"files", &files.Options{Root: "srv"}},
				"site":  {"virtual", &virtual.Options{Text: map[string]string{"motd": "welcome\n"}, Health: "health"}},
				"hosts": {"render", &render.Options{Templates: "templates", Inventory: "hosts.yaml", Documents: []render.Document{{File: "{name}.cfg", Template: "t"}}}},
			},
			Default: "tftp",
			Rules: []route.Rule{
				{Match: route.Match{File: []string{"motd", "health"}}, Handler: "site"},
				{Match: route.Match{File: []string{"*.cfg"}}, Handler: "hosts"},
			},
		},
	}
	d.Resolve(dir)
	if faults := d.Check(); len(faults) > 0 {
		t.Fatal(faults[0])
	}
	return d
}

// handed is a document after its way from broodctl to brood.
func handed(t *testing.T, d *Document) *Result {
	t.Helper()
	c, faults := d.Compile(oneMachine{})
	if len(faults) > 0 {
		t.Fatal(faults[0])
	}
	b, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if c, err = Decode(b); err != nil {
		t.Fatal(err)
	}
	r, err := c.Settle("/", nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWhatADocumentSaysReachesTheWorkers(t *testing.T) {
	t.Parallel()
	d := example(t)
	r := handed(t, d)
	if !reflect.DeepEqual(r.Server, d.Server) {
		t.Errorf("the server is told %+v, want %+v", r.Server, d.Server)
	}
	tree := filepath.Dir(d.Content["tftp"].Options.(*files.Options).Root)
	if want := []string{filepath.Join(tree, "templates"), filepath.Join(tree, "srv")}; !slices.Equal(r.ReadPaths, want) {
		t.Errorf("workers read %q, want %q", r.ReadPaths, want)
	}
	h, err := NewHandler(Program{Release: "v1"})(r.Worker)
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"f": "a file", "motd": "welcome\n", "web1.cfg": "console=ttyS0\n", "health": "ok v1 "} {
		if got := workertest.Get(t, h, file); got.Err != nil || !strings.HasPrefix(string(got.Content), want) {
			t.Errorf("%s: %q, %v; want %q", file, got.Content, got.Err, want)
		}
	}
}

// A worker that was handed less than all of it says so and does not serve.
func TestAnImageThatWasCutShortIsRefused(t *testing.T) {
	t.Parallel()
	image := handed(t, example(t)).Worker
	for n := range len(image) {
		if _, err := Open(image[:n:n], Program{}); err == nil {
			t.Fatalf("the first %d of %d bytes are accepted", n, len(image))
		}
	}
}

// All workers map the same pages, which nobody can write to.
func TestAnImageIsNotWrittenTo(t *testing.T) {
	t.Parallel()
	image := handed(t, example(t)).Worker
	before := bytes.Clone(image)
	h, err := NewHandler(Program{})(image)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"f", "motd", "web1.cfg", "none"} {
		workertest.Get(t, h, file)
	}
	if !bytes.Equal(image, before) {
		t.Error("it was changed")
	}
}

func TestAnotherReleasesAnswerIsRefused(t *testing.T) {
	t.Parallel()
	for _, b := range []string{"", "hello", "brood configuration 0\n\x80", magic, magic + "\xc1", magic + "\x81\xa3new\x01"} {
		if c, err := Decode([]byte(b)); err == nil {
			t.Errorf("%q: %+v, want it refused", b, c)
		}
	}
}

func TestFlagsAreSaidOverTheFile(t *testing.T) {
	t.Parallel()
	file := &Compiled{Server: []Setting{{"root", []string{"/srv"}}, {"listen", []string{":69", ":70"}}, {"retries", []string{"3"}}}}
	r, err := file.Settle("/cwd", []Setting{{"root", []string{"x"}}, {"listen", []string{":71"}}, {"listen", []string{":72"}}})
	if err != nil {
		t.Fatal(err)
	}
	if want := (Server{Root: "/cwd/x", Listen: []Address{":71", ":72"}, Retries: 3}); !reflect.DeepEqual(r.Server, want) {
		t.Errorf("%+v, want %+v", r.Server, want)
	}
	if !slices.Equal(r.ReadPaths, []string{"/cwd/x"}) {
		t.Errorf("workers read %q", r.ReadPaths)
	}
	for _, flags := range [][]Setting{nil, {{"follow", []string{"/x"}}}} {
		if _, err := new(Compiled).Settle("/", flags); err == nil {
			t.Errorf("%v: nothing is served, and that is no error", flags)
		}
	}
	content, faults := example(t).Compile(oneMachine{})
	if len(faults) > 0 {
		t.Fatal(faults[0])
	}
	if _, err := content.Settle("/", []Setting{{"root", []string{"/srv"}}}); err == nil || !strings.Contains(err.Error(), "--root, and content") {
		t.Errorf("a root and content: %v", err)
	}
}

// Each field of a Server comes through as text, whatever its type.
func TestSettingsAreAsTheyWere(t *testing.T) {
	t.Parallel()
	samples := map[string][]string{
		"root": {"/srv"}, "follow": {"/a", "/b"}, "listen": {":69", "fd:x"}, "port-range": {"1-2"}, "single-port": {"true"},
		"allow": {"10.0.0.0/8", "::1/128"}, "deny": {"10.0.0.1/32"}, "penalties": {"off"}, "user": {"65534"}, "sandbox": {"require"},
		"max-address-space": {"0"}, "min-idle": {"0"}, "retries": {"0"}, "mtu-clamp": {"off"}, "timeout": {"2s"}, "stats-interval": {"1m0s"},
		"stall-timeout": {"0s"}, "max-session-time": {"1h0m0s"}, "log-format": {"json"}, "log-level": {"warn"}, "http": {"[::1]:9069"},
	}
	all := reflect.TypeFor[Server]()
	for i := range all.NumField() {
		key := Key(all.Field(i))
		values := samples[key]
		if values == nil {
			values = []string{"7"}
		}
		var s Server
		want := []Setting{{key, values}}
		if err := s.Apply(want); err != nil {
			t.Errorf("%s: %v", key, err)
		} else if got := Settings(&s); !reflect.DeepEqual(got, want) {
			t.Errorf("%v came through as %v", want, got)
		}
	}
}

func TestTheBirthOfAWorkerIsCheap(t *testing.T) { // not parallel: it counts allocations
	d := example(t)
	for i := range 10_000 {
		d.Rules = append(d.Rules, route.Rule{Match: route.Match{File: []string{strings.Repeat("x", i%100+1) + string(rune('a'+i%26))}}})
	}
	image := handed(t, d).Worker
	few := handed(t, example(t)).Worker
	allocations := func(image []byte) float64 {
		return testing.AllocsPerRun(10, func() {
			if _, err := Open(image, Program{}); err != nil {
				t.Fatal(err)
			}
		})
	}
	if many, few := allocations(image), allocations(few); many > few+10 {
		t.Errorf("%v allocations with 10,000 rules, and %v with two", many, few)
	}
}

func BenchmarkOpen(b *testing.B) {
	d := Document{Served: Served{Content: map[string]Source{"a": {"virtual", &virtual.Options{Text: map[string]string{"motd": "x"}}}}}}
	c, faults := d.Compile(oneMachine{})
	if len(faults) > 0 {
		b.Fatal(faults[0])
	}
	r, err := c.Settle("/", nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Open(r.Worker, Program{}); err != nil {
			b.Fatal(err)
		}
	}
}
