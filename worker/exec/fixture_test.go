package exec

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"brood/worker/workertest"
)

// script returns Options that have a shell run a text, "$1" being arg.
func script(text, arg string) Options {
	return Options{Command: []string{"/bin/sh", "-c", text, "sh", arg}}
}

// handler returns a Handler whose log is in the buffer, after each Get.
func handler(t testing.TB, o Options) (*Handler, *bytes.Buffer) {
	t.Helper()
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	log := new(bytes.Buffer)
	h.log = log
	return h, log
}

// sandboxed asks a worker in the sandbox of level exec, which may read dir.
func sandboxed(t *testing.T, in workertest.Sandbox, o Options, file string) *workertest.Response {
	t.Helper()
	config, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	in.Config = config
	return workertest.GetSandboxed(t, in, file)
}

// write puts a file into a directory, for everybody to read and execute.
func write(t testing.TB, dir, name, text string) (path string) {
	t.Helper()
	path = filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
