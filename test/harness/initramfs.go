package harness

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"testing"
)

// The types of a cpio entry, as stat has them.
const (
	cpioFile = 0o100755
	cpioDir  = 0o040755
	cpioChar = 0o020600
)

// Initramfs returns a file system for a Linux kernel to start from: files, by
// their absolute path there, and a console for the first process to write to.
func Initramfs(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	a := archive{out: z, made: map[string]bool{}}
	a.parents("/dev/console")
	a.entry("dev/console", cpioChar, 5, 1, nil)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		a.parents(name)
		a.entry(name[1:], cpioFile, 0, 0, files[name])
	}
	a.entry("TRAILER!!!", 0, 0, 0, nil)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// archive writes cpio's "newc" format, which is all that the kernel unpacks.
type archive struct {
	out    *gzip.Writer
	made   map[string]bool // directories
	inodes int
}

func (a *archive) parents(name string) {
	dir := path.Dir(name)
	if dir == "/" || a.made[dir] {
		return
	}
	a.parents(dir)
	a.made[dir] = true
	a.entry(dir[1:], cpioDir, 0, 0, nil)
}

// entry writes one: a header of hexadecimal numbers, the name and the content,
// each filled up to 4 bytes.
func (a *archive) entry(name string, mode, major, minor int, content []byte) {
	a.inodes++
	header := "070701"
	for _, n := range []int{a.inodes, mode, 0, 0, 1, 0, len(content), 0, 0, major, minor, len(name) + 1, 0} {
		header += fmt.Sprintf("%08X", n)
	}
	text := header + name + "\x00"
	fmt.Fprint(a.out, text)
	a.fill(len(text))
	a.out.Write(content)
	a.fill(len(content))
}

func (a *archive) fill(n int) { a.out.Write(make([]byte, -n&3)) }

// ReadFile is os.ReadFile for what a test can't do without.
func ReadFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
