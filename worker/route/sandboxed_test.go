package route_test

import (
	"reflect"
	"testing"

	"golang.org/x/sys/unix"

	"brood/protocol"
	"brood/worker"
	"brood/worker/route"
	"brood/worker/workertest"
)

func TestAWorkerServesByItsTable(t *testing.T) {
	t.Parallel()
	table, err := route.Compile(mix(tenThousand))
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		`\pxelinux.cfg\01-52-54-00-00-13-88`: "machines/52:54:00:00:13:88/pxelinux.cfg/01-52-54-00-00-13-88",
		"firmware-77-v3.bin":                 "firmware/27",
		"whatever":                           "whatever",
	} {
		r := workertest.GetSandboxed(t, workertest.Sandbox{Config: table}, file)
		if r.Err != nil || string(r.Content) != want {
			t.Errorf("%s: %q, ERROR %v (%s); want %q", file, r.Content, r.Err, r.Detail, want)
		}
	}
	quirky, err := route.Compile([]route.Rule{{Quirks: worker.Quirks{MaxBlksize: 1024, IgnoreOptions: []string{"tsize"}}}})
	if err != nil {
		t.Fatal(err)
	}
	r := workertest.GetSandboxed(t, workertest.Sandbox{Config: quirky}, "f", protocol.Option{Name: "tsize", Value: "0"}, protocol.Option{Name: "blksize", Value: "1428"})
	if want := []protocol.Option{{Name: "blksize", Value: "1024"}}; r.Err != nil || !reflect.DeepEqual(r.OACK, want) {
		t.Errorf("OACK %v, ERROR %v; want %v", r.OACK, r.Err, want)
	}
}

// TestATableIsOnlyRead: workers share its memory, and can't write there.
func TestATableIsOnlyRead(t *testing.T) {
	t.Parallel()
	table := everyKind(t)
	b, err := unix.Mmap(-1, 0, len(table), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(b)
	copy(b, table)
	if err := unix.Mprotect(b, unix.PROT_READ); err != nil {
		t.Fatal(err)
	}
	h, err := route.Open(b, stubs)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"aab01-52-54-00-12-34-56", "aaccx", "no", "b/cd", "z"} {
		if _, err := h.Decide(with(from(file), asks("tsize", "0"))); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}
