package exec

import (
	"strings"
	"testing"

	"brood/protocol"
	"brood/worker"
	"brood/worker/workertest"
)

func TestProgramsRunInTheSandboxOfLevelExec(t *testing.T) {
	// Written before anything runs beside it: a child that another test forks just
	// then would have the file open, too, and nobody could execute it (ETXTBSY).
	dir := t.TempDir()
	write(t, dir, "data", "data\n")
	write(t, dir, "script", "#!/bin/sh\nread line < \"${0%/*}/data\"\necho \"$line for $TFTP_FILE\"\n")
	write(t, dir, "env-script", "#!/usr/bin/env sh\ncat \"$1\"\n")
	write(t, dir, "orphan", "#!/no/such/interpreter\n")
	write(t, dir, "text", "no program\n")
	elsewhere := write(t, t.TempDir(), "script", "#!/bin/sh\necho hello\n")
	t.Parallel()

	readable := workertest.Sandbox{Level: worker.SandboxExec, ReadPaths: []string{dir}}
	for _, tt := range []struct {
		name    string
		in      workertest.Sandbox
		command []string
		content string // or
		detail  string // a part of it
	}{
		{"a program with shared libraries", workertest.Sandbox{Level: worker.SandboxExec}, []string{"/usr/bin/env", "printf", "ran"}, "ran", ""},
		{"a shell", workertest.Sandbox{Level: worker.SandboxExec}, []string{"/bin/sh", "-c", "echo a | tr a b"}, "b\n", ""},
		{"a script in ReadPaths, that reads beside it", readable, []string{dir + "/script"}, "data for menu\n", ""},
		{"a script whose interpreter env finds", readable, []string{dir + "/env-script", dir + "/data"}, "data\n", ""},
		{"standard input and the null device", readable, []string{"/bin/sh", "-c", `read x; cat </dev/null; echo ${#x} >/dev/null; echo "$x" | cut -c 1-14`}, "{\"file\":\"menu\"\n", ""},

		{"a script elsewhere", readable, []string{elsewhere}, "", "the sandbox allows to run what lies under /usr, /bin, /sbin, /lib, /opt and ReadPaths"},
		{"a script without its interpreter", readable, []string{dir + "/orphan"}, "", "the program, or the interpreter that it names"},
		{"a text", readable, []string{dir + "/text"}, "", "exec format error"},
		{"reading elsewhere", readable, []string{"/bin/cat", elsewhere}, "", "Permission denied"},
		{"writing", readable, []string{"/bin/sh", "-c", "echo x >\"$0\"", dir + "/new"}, "", "cannot create"},
		{"a script at level strict", workertest.Sandbox{ReadPaths: []string{dir}}, []string{dir + "/script"}, "", "level exec would allow it"},
		{"a program at level network", workertest.Sandbox{Level: worker.SandboxNetwork}, []string{"/bin/true"}, "", "level exec would allow it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := sandboxed(t, tt.in, Options{Command: tt.command}, "menu")
			if tt.content != "" && (r.Err != nil || string(r.Content) != tt.content) {
				t.Errorf("%q, ERROR %v (%s); want %q", r.Content, r.Err, r.Detail, tt.content)
			}
			// Not ERROR 1 or 2: it is not the client's file that is missing or closed.
			if tt.content == "" && (r.Err == nil || r.Err.Code != protocol.CodeUndefined || !strings.Contains(r.Detail, tt.detail)) {
				t.Errorf("%q, ERROR %v (%s); want ERROR 0 and a word of %q", r.Content, r.Err, r.Detail, tt.detail)
			}
		})
	}
}

func TestNothingOfAProgramOutlivesItsSessionInTheSandbox(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ script, detail string }{
		"a program that fails":           {family + `exit 3`, "exit status 3"},
		"a program that writes too much": {family + `cat /dev/zero`, "wrote more than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alive, ready := newFamily(t)
			o := script(tt.script, alive.path)
			dir := strings.TrimSuffix(alive.path, "/fifo")
			r := sandboxed(t, workertest.Sandbox{Level: worker.SandboxExec, ReadPaths: []string{dir}}, o, "x")
			if r.Err == nil || !strings.Contains(r.Detail, tt.detail) {
				t.Errorf("ERROR %v (%s), want %s", r.Err, r.Detail, tt.detail)
			}
			ready.mustOpen(t).Close()
			alive.mustBeLetGo(t)
		})
	}
}
