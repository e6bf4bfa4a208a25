package integration

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"brood/protocol"
	"brood/test/harness"
	"brood/worker/workertest"
)

// A module of somebody else's imports brood, and has handlers of three kinds.
func TestAServerOfOnesOwn(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	plain := tree.File("vmlinuz", 100_000)
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	packed := bytes.Repeat([]byte("initrd "), 50_000)
	w.Write(packed)
	w.Close()
	tree.Write("initrd.gz", z.Bytes())
	tree.Write("torn.gz", z.Bytes()[:z.Len()/2])
	tree.Write("text.gz", []byte("not compressed"))

	program := filepath.Join(t.TempDir(), "own")
	build := exec.Command("go", "build", "-C", "../own", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	public := filepath.Join(tree.Dir, "..", filepath.Base(tree.Dir)+"-own")
	if err := harness.Install(program, public); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(public) })
	s := harness.Start(t, exec.Command(public, "-root", tree.Dir, "-listen", "127.0.0.1:0"))

	client := workertest.Client{Options: []protocol.Option{{Name: "blksize", Value: "1428"}, {Name: "tsize", Value: "0"}}}
	for _, tt := range []struct {
		file    string
		want    []byte
		code    protocol.ErrorCode // when there is nothing to want
		blksize int
	}{
		{"vmlinuz", plain, 0, 1428},
		{"packed/initrd", packed, 0, 1428},
		{"boot/install", []byte("#!ipxe\nkernel tftp://127.0.0.1/vmlinuz mode=install client=127.0.0.1\nboot\n"), 0, 1024},
		{"boot/nothing", nil, protocol.CodeNotFound, 0},
		{"packed/none", nil, protocol.CodeNotFound, 0},
		{"packed/text", nil, protocol.CodeUndefined, 0},
		{"packed/torn", nil, protocol.CodeUndefined, 0},
		{"../" + filepath.Base(tree.Dir) + "-own", nil, protocol.CodeAccessViolation, 0},
	} {
		var got bytes.Buffer
		result, err := client.Get(t.Context(), s.Addr, tt.file, &got)
		var e *protocol.Error
		switch {
		case tt.want != nil && (err != nil || !bytes.Equal(got.Bytes(), tt.want) || result.Terms.Blksize != tt.blksize):
			t.Errorf("%s: %d bytes, %v, blocks of %d; want %d, blocks of %d", tt.file, got.Len(), err, result.Terms.Blksize, len(tt.want), tt.blksize)
		case tt.want == nil && (!errors.As(err, &e) || e.Code != tt.code):
			t.Errorf("%s: %d bytes, %v; want ERROR %d", tt.file, got.Len(), err, tt.code)
		}
	}
	if harness.Root() {
		peer := harness.NewPeer(t, "127.0.0.1")
		peer.Send(s.Addr, harness.RRQ("packed/initrd"))
		peer.Data(1) // a goroutine reads ahead of it
		serving := 0
		for _, pid := range harness.Children(s.PID) {
			if strings.HasSuffix(harness.Title(pid), "packed/initrd") {
				serving++
				checkManners(t, pid, 1, policyOf(t, 0)) // built without the race detector
			}
		}
		if serving != 1 {
			t.Errorf("%d workers serve it, want 1", serving)
		}
		peer.Send(peer.TID, (&protocol.Error{Message: "enough"}).Append(nil))
	}
	if l := s.Wait("served", func(l harness.Line) bool { return strings.HasSuffix(l.String("file"), "torn") }); l.String("outcome") != "aborted" && l.String("outcome") != "refused" {
		t.Errorf("its own callback was told %v", l)
	}
	if code := s.Stop(); code != 0 {
		t.Errorf("it ended with %d", code)
	}
}
