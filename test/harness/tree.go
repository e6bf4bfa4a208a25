package harness

import (
	"crypto/sha256"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// Tree is a directory to serve that workers can read, whoever they run as.
type Tree struct {
	Dir string
	t   testing.TB
}

// NewTree makes an empty one, gone with the test.
func NewTree(t testing.TB) *Tree {
	t.Helper()
	// t.TempDir would lie in a directory that only its owner may enter.
	dir, err := os.MkdirTemp("", "brood-tree-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return &Tree{Dir: dir, t: t}
}

// File writes a file of n bytes, different for every name, and returns them.
func (tr *Tree) File(name string, n int) []byte {
	tr.t.Helper()
	content := make([]byte, n)
	rand.NewChaCha8(sha256.Sum256([]byte(name))).Read(content)
	tr.Write(name, content)
	return content
}

// Write writes a file.
func (tr *Tree) Write(name string, content []byte) {
	tr.t.Helper()
	path := filepath.Join(tr.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tr.t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		tr.t.Fatal(err)
	}
}

// Program writes a program as Install does, and returns its path.
func (tr *Tree) Program(name, text string) (path string) {
	tr.t.Helper()
	path = filepath.Join(tr.Dir, name)
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = Install(written(tr.t, text), path)
	}
	if err != nil {
		tr.t.Fatal(err)
	}
	return path
}

// SocketPath is a place for an admin socket that any server and any operator can
// reach, gone with the test.
func SocketPath(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "brood-admin-") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "s")
}
