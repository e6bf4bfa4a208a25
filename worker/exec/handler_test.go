package exec

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/protocol"
	"brood/worker"
	"brood/worker/workertest"
)

func TestAClientGetsWhatAProgramWrites(t *testing.T) {
	t.Parallel()
	var (
		undefined = &protocol.Error{Message: "Server error, see its log"}
		missing   = &protocol.Error{Code: protocol.CodeNotFound, Message: "File not found"}
		refused   = &protocol.Error{Code: protocol.CodeAccessViolation, Message: "Access violation"}
	)
	for _, tt := range []struct {
		name    string
		o       Options
		content string
		err     *protocol.Error
		detail  string // a part of what the session's log line says
		log     string // what is logged besides
	}{
		{"a line", script(`echo "for $TFTP_FILE"`, ""), "for menu\n", nil, "", ""},
		{"nothing", script(`:`, ""), "", nil, "", ""},
		{"more than a pipe holds", script(`head -c 300000 /dev/zero`, ""), strings.Repeat("\x00", 300000), nil, "", ""},
		{"without a shell nothing is expanded", Options{Command: []string{"/bin/echo", "$TFTP_FILE", "*", "`id`"}}, "$TFTP_FILE * `id`\n", nil, "", ""},
		{"what it read", script(`cat`, ""), "", nil, "", ""}, // compared below
		{"without reading what it is told", script(`exec <&-; echo done`, ""), "done\n", nil, "", ""},
		{"after it has closed its pipes", script(`echo done; exec >&- 2>&- <&-; i=0; while [ $i -lt 10000 ]; do i=$((i+1)); done`, ""), "done\n", nil, "", ""},
		{
			"with words for the log", script(`echo one >&2; printf 'panic: two\033[31m' >&2; echo done`, ""), "done\n", nil, "",
			"sh: one\nsh: panic: two\x1b[31m\n",
		},
		{"with many words for the log", script(`seq 1 100 >&2; echo done`, ""), "done\n", nil, "", "100\n"},
		{
			"in an environment of its own",
			Options{Command: []string{"/usr/bin/env"}, Environment: map[string]string{"A": "b=c", "PATH": "/x"}},
			"A=b=c\n", nil, "", "",
		},

		{
			"status 1, of whatever went wrong", script(`echo part; echo first >&2; echo "no such host" >&2; exit 1`, ""), "", undefined,
			`open "menu": /bin/sh: exit status 1; it said last: no such host`, "sh: first\nsh: no such host\n",
		},
		{"status 2", script(`exit 2`, ""), "", undefined, "exit status 2", ""},
		{"status 101", script(`echo part; exit 101`, ""), "", missing, "exit status 101: file does not exist", ""},
		{"status 102", script(`exit 102`, ""), "", refused, "exit status 102: permission denied", ""},
		{"status 127, of a shell that finds no program", script(`/no/such/program`, ""), "", undefined, "exit status 127", ""},
		{"a signal", script(`echo part; kill -TERM $$`, ""), "", undefined, "killed by signal 15 (terminated)", ""},
		{"too much", Options{Command: []string{"/bin/sh", "-c", "head -c 1001 /dev/zero"}, MaxOutput: 1000}, "", undefined, "wrote more than 1000 bytes", ""},
		{"as much as it may", Options{Command: []string{"/bin/sh", "-c", "head -c 1000 /dev/zero"}, MaxOutput: 1000}, strings.Repeat("\x00", 1000), nil, "", ""},
		{"without end", Options{Command: []string{"/bin/cat", "/dev/zero"}, MaxOutput: 100_000}, "", undefined, "wrote more than 100000 bytes", ""},
		{"too late", Options{Command: []string{"/bin/sleep", "1000"}, Deadline: 50 * time.Millisecond}, "", undefined, "took longer than 50ms", ""},
		{
			"too late, and stubborn",
			Options{Command: []string{"/bin/sh", "-c", "trap '' TERM INT HUP; while :; do :; done"}, Deadline: 50 * time.Millisecond},
			"", undefined, "took longer than 50ms", "",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, log := handler(t, tt.o)
			r := workertest.Get(t, h, "menu", protocol.Option{Name: "tsize", Value: "0"}, protocol.Option{Name: "blksize", Value: "16000"})
			if tt.err != nil {
				if r.Err == nil || *r.Err != *tt.err || len(r.Content) > 0 || !strings.Contains(r.Detail, tt.detail) {
					t.Errorf("%d bytes, ERROR %v (%s); want %v (%s)", len(r.Content), r.Err, r.Detail, tt.err, tt.detail)
				}
			} else if got := string(r.Content); r.Err != nil || got != tt.content && tt.content != "" && !strings.HasPrefix(tt.content, "A=") {
				t.Errorf("%.100q, ERROR %v (%s); want %.100q", got, r.Err, r.Detail, tt.content)
			} else if !strings.Contains(got, tt.content) {
				t.Errorf("%.100q, want it to hold %.100q", got, tt.content)
			} else if tsize := (protocol.Option{Name: "tsize", Value: strconv.Itoa(len(got))}); len(got) > 0 && r.OACK[0] != tsize {
				t.Errorf("acknowledged %v, want tsize %d", r.OACK, len(got))
			}
			if !strings.HasSuffix(log.String(), tt.log) || tt.log == "" && log.Len() > 0 && !strings.Contains(tt.detail, "127") {
				t.Errorf("logged %q, want %q", log, tt.log)
			}
		})
	}
}

func TestAProgramSeesNoMoreThanItIsTold(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ script, want string }{
		"no directory but the top":      {`pwd`, "/\n"},
		"a process group of its own":    {`ps -o pgid= -p $$ | tr -d ' ' | grep -qx $$ && echo own`, "own\n"},
		"no signal that is ignored":     {`yes | head -n 1`, "y\n"},
		"nothing of the server's state": {`env | sed 's/=.*//' | grep -v ^TFTP_ | sort | tr '\n' ' '`, "PATH PWD "}, // PWD: of the shell
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, log := handler(t, script(tt.script, ""))
			if r := workertest.Get(t, h, "x"); r.Err != nil || string(r.Content) != tt.want || log.Len() > 0 {
				t.Errorf("%q, ERROR %v (%s), log %q; want %q", r.Content, r.Err, r.Detail, log, tt.want)
			}
		})
	}
}

func TestAProgramInheritsNoDescriptor(t *testing.T) {
	t.Parallel()
	h, _ := handler(t, script(`exec ls -l /proc/self/fd`, ""))
	r := workertest.Get(t, h, "x")
	for line := range strings.Lines(string(r.Content)) {
		_, link, _ := strings.Cut(line, ":")
		_, link, ok := strings.Cut(link, " ")
		number, _, _ := strings.Cut(link, " -> ")
		fd, err := strconv.Atoi(number)
		if !ok || err != nil || fd <= 2 || strings.Contains(link, "/proc/") { // ls has its directory open
			continue
		}
		// What a test's process has got from its parent, and the shell opened none.
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC != 0 {
			t.Errorf("the program has descriptor %s", link)
		}
	}
	if r.Err != nil || !strings.Contains(string(r.Content), " 0 -> pipe:") {
		t.Errorf("%q, ERROR %v", r.Content, r.Err)
	}
}

func TestHostileNamesReachAProgramAsTextOrNotAtAll(t *testing.T) {
	t.Parallel()
	h, _ := handler(t, script(`printf %s "$TFTP_FILE"`, ""))
	for _, file := range []string{
		"../../etc/passwd", `..\..\x`, "/dev/zero", "$(id)", "`id`", "; rm -rf /", "-rf", "--help", "%s%n", "a b\"c'd", "é", "=x", "LD_PRELOAD=x",
		strings.Repeat("x", 2000), strings.Repeat("../", 600) + "x",
	} {
		if r := workertest.Get(t, h, file); r.Err != nil || string(r.Content) != file {
			t.Errorf("%q: the program saw %q, ERROR %v", file, r.Content, r.Err)
		}
	}
	ran := t.TempDir() + "/ran"
	h, _ = handler(t, script(`>"$1"`, ran))
	for _, file := range []string{"a\nb", "\x1b[31m", "a\x7f", "\xff", "caf\xe9", "x\u0085y", "x\x00y"} {
		if _, err := h.Open(t.Context(), &worker.Request{File: file}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v, want fs.ErrNotExist", file, err)
		}
	}
	if exists(ran) {
		t.Error("one of them was run")
	}
}
