package render

import (
	"bytes"
	"context"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"brood/worker"
	"brood/worker/render/inventory"
)

func TestMain(m *testing.M) {
	if code, ok := worker.Dispatch(newHandler, worker.Options{}); ok {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// newHandler is for workers: their configuration is a directory of templates, NUL,
// and a table of machines.
func newHandler(config []byte) (worker.Handler, error) {
	dir, raw, _ := bytes.Cut(config, []byte{0})
	table, err := inventory.Open(raw)
	if err != nil {
		return nil, err
	}
	return Open(Options{Templates: string(dir), Documents: []Document{{File: "01-{mac}", Template: "t"}}}, table)
}

type vars = map[string]any

// templates makes a directory of them.
func templates(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func machines(t testing.TB, files ...*inventory.File) *inventory.Table {
	t.Helper()
	raw, err := inventory.Compile(files...)
	if err != nil {
		t.Fatal(err)
	}
	table, err := inventory.Open(raw)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func open(t testing.TB, o Options, table *inventory.Table) *Handler {
	t.Helper()
	h, err := Open(o, table)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// asks is a request of 10.0.0.7, which is not on link.
func asks(file string) *worker.Request {
	return &worker.Request{File: file, Peer: addrPort("10.0.0.7:2070"), Local: addrPort("10.0.0.1:69")}
}

func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func get(h *Handler, req *worker.Request) (string, error) {
	resp, err := h.Open(context.Background(), req)
	if err != nil {
		return "", err
	}
	defer resp.Close()
	b, err := io.ReadAll(resp)
	return string(b), err
}

// renders is what a template of that text makes of variables.
func renders(t testing.TB, text string, v vars) (string, error) {
	t.Helper()
	return get(open(t, Options{Templates: templates(t, map[string]string{"t": text}), Vars: v}, nil), asks("t"))
}
