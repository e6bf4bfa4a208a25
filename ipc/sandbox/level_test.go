package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTermsAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	for level := Strict; level <= Off; level++ {
		for _, want := range []Terms{{Level: level}, {level, true, 4 << 30}} {
			if got, err := ParseTerms(want.String()); got != want || err != nil {
				t.Errorf("%q: %+v, %v", want.String(), got, err)
			}
		}
	}
	for _, bad := range []string{"", "strict", "strict true", "tight true 0", "strict maybe 0", "strict true -1", "strict true 0 0", "Level(4) true 0"} {
		if got, err := ParseTerms(bad); err == nil {
			t.Errorf("%q: %+v", bad, got)
		} else if !strings.Contains(err.Error(), Env) {
			t.Errorf("%q: %v does not name %s", bad, err, Env)
		}
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		level  Level
		abi    int
		filter bool
		want   []string // a word of each
	}{
		{Strict, 6, true, nil},
		{Strict, 1, true, nil}, // the filter refuses what version 1 does not know
		{Strict, 0, true, []string{"files"}},
		{Strict, 6, false, []string{"system calls"}},
		{Strict, 2, false, []string{"system calls", "truncated", "TCP", "signalled"}},
		{Strict, 0, false, []string{"system calls", "files", "TCP", "signalled"}},
		{Network, 1, true, nil},
		{Exec, 2, true, []string{"truncated", "signalled"}},
		{Exec, 3, true, []string{"signalled"}},
		{Exec, 6, true, nil},
		{Off, 0, false, nil},
	} {
		got := Missing(tt.level, tt.abi, tt.filter)
		ok := len(got) == len(tt.want)
		for i := range min(len(got), len(tt.want)) {
			ok = ok && strings.Contains(got[i], tt.want[i])
		}
		if !ok {
			t.Errorf("%v, Landlock %d, filter %v: %q, want %q", tt.level, tt.abi, tt.filter, got, tt.want)
		}
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	open := func(errno error) error { return &fs.PathError{Op: "open", Path: "/etc/shadow", Err: errno} }
	call := func(name string, errno error) error {
		return fmt.Errorf("fetching: %w", os.NewSyscallError(name, errno))
	}
	for _, tt := range []struct {
		err   error
		level Level
		want  string // a part of it; "" for nothing
	}{
		{nil, Strict, ""},
		{errors.New("odd"), Strict, ""},
		{open(unix.ENOENT), Strict, ""},
		{open(unix.EACCES), Strict, "ReadPaths"},
		{open(unix.EACCES), Off, ""},
		{call("socket", unix.EPERM), Strict, "level network would allow it"},
		{call("socket", unix.EAFNOSUPPORT), Network, "level exec would allow it"},
		{call("connect", unix.ECONNREFUSED), Network, ""},
		{&fs.PathError{Op: "fork/exec", Path: "/bin/sh", Err: unix.EPERM}, Strict, "level exec would allow it"},
		{&fs.PathError{Op: "fork/exec", Path: "/home/x", Err: unix.EACCES}, Exec, "/usr"},
		{open(unix.EMFILE), Strict, "descriptors"},
		{unix.EPERM, Network, "level is network"},
	} {
		got := Explain(tt.err, tt.level)
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%v at level %v: %q, want %q in it", tt.err, tt.level, got, tt.want)
		}
	}
}
