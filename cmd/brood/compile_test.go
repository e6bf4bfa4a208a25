package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestOnlyAFileIsRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fifo, file := filepath.Join(dir, "fifo"), filepath.Join(dir, "file")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, path, want string }{
		{"a file", file, ""},
		{"a FIFO into which nobody writes is not waited for", fifo, "want a file, it is a FIFO"},
		{"a directory", dir, "want a file, it is a directory"},
		{"a device", "/dev/zero", "want a file, it is a special file"},
		{"nothing", filepath.Join(dir, "nothing"), "no such file"},
	} {
		f, err := open(tt.path)
		if err == nil {
			f.Close()
		}
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want %q", tt.name, err, tt.want)
		}
	}
}
