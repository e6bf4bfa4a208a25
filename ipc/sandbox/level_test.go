package sandbox

import (
	"bytes"
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
		for _, want := range []Terms{{Level: level, Filter: Program{}}, {level, 4 << 30, Assemble(level)}} {
			wire := append(want.Append(nil), "rest"...)
			got, rest, err := CutTerms(wire)
			if got.Level != want.Level || got.AddressSpace != want.AddressSpace || !bytes.Equal(got.Filter, want.Filter) || string(rest) != "rest" || err != nil {
				t.Errorf("%+v and the rest: %+v, %q, %v", want, got, rest, err)
			}
			for i := range len(wire) - len("rest") {
				if _, _, err := CutTerms(wire[:i]); err == nil {
					t.Errorf("%v: accepted the first %d bytes of %d", level, i, len(wire))
				}
			}
		}
	}
	if _, _, err := CutTerms(Terms{Level: Off + 1}.Append(nil)); err == nil {
		t.Error("accepted a level that there is not")
	}
}

func TestLevelsHaveNames(t *testing.T) {
	t.Parallel()
	for level := Strict; level <= Off; level++ {
		if got, err := ParseLevel(level.String()); got != level || err != nil {
			t.Errorf("%q: %v, %v", level.String(), got, err)
		}
	}
	if got, err := ParseLevel("tight"); err == nil || !strings.Contains(err.Error(), "strict, network, exec or off") {
		t.Errorf("tight: %v, %v", got, err)
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
		{errors.New("lookup host: dial udp 192.0.2.1:53: socket: operation not permitted"), Strict, "level network would allow it"},
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
