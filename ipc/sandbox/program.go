package sandbox

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"
)

// A filter is a program for the kernel's classic BPF machine, run at each
// system call on struct seccomp_data (seccomp(2)).

// Program is such a program as the kernel takes it, but for the number of the
// process that installs it, in place of which it has ownPID.
type Program []byte

// Of an instruction, struct sock_filter: its size, and where its operand is.
const (
	instruction = 8
	operand     = 4
)

// ownPID stands for the process that installs a program. No process has this
// number (PID_MAX_LIMIT is 2^22), and no program uses it for anything else.
const ownPID = 0x7ffffffe

// Assemble returns the program of a level; Off has none.
func Assemble(level Level) Program {
	if level == Off {
		return nil
	}
	var p Program
	for _, in := range filter(level) {
		p = binary.NativeEndian.AppendUint16(p, in.Code)
		p = append(p, in.Jt, in.Jf)
		p = binary.NativeEndian.AppendUint32(p, in.K)
	}
	return p
}

// Offsets in struct seccomp_data, of little-endian machines.
const (
	offsetNumber = 0
	offsetArch   = 4
	offsetArgs   = 16 // six of 8 bytes each, the low half first
)

// code is what a program does from some place on: a verdict, or a load or a test and
// what then. It is made once and may be the end of many ways.
type code = *node

type node struct {
	in      unix.SockFilter
	yes, no code // of a test; of a load yes alone; of a verdict none
}

func ret(verdict uint32) code {
	return &node{in: unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: verdict}}
}

func refuse(errno unix.Errno) code { return ret(unix.SECCOMP_RET_ERRNO | uint32(errno)) }

var allow = ret(unix.SECCOMP_RET_ALLOW)

func load(offset uint32, then code) code {
	return &node{in: unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}, yes: then}
}

// test goes to yes where the comparison with k holds, and otherwise to no.
func test(comparison uint16, k uint32, yes, no code) code {
	return &node{in: unix.SockFilter{Code: unix.BPF_JMP | comparison | unix.BPF_K, K: k}, yes: yes, no: no}
}

// argument loads the low half of the nth argument and goes on with then. What
// is looked at here are ints: the kernel itself ignores the high half.
func argument(n uint32, then code) code { return load(offsetArgs+8*n, then) }

// oneOf allows a value of the argument n that is in the list.
func oneOf(n uint32, otherwise code, values ...uint32) code {
	out := otherwise
	for _, v := range values {
		out = test(unix.BPF_JEQ, v, allow, out)
	}
	return argument(n, out)
}

// span is a range of system call numbers, up to where the next begins.
type span struct {
	from uint32
	then code
}

// tree finds a number's span by bisection: a list would be walked by the kernel
// for each of its calls when it installs the filter, to learn which of them are
// always allowed, and that is what most of a start's time would go to.
func tree(spans []span) code {
	if len(spans) == 1 {
		return spans[0].then
	}
	mid := len(spans) / 2
	return test(unix.BPF_JGE, spans[mid].from, tree(spans[mid:]), tree(spans[:mid]))
}

// assemble makes the program that does with each call what rules say, and with
// one that they don't name what otherwise says of its number. Calls by the
// conventions of another architecture, which have other numbers, end the process.
func assemble(rules map[uint32]code, otherwise []span) []unix.SockFilter {
	numbers := make([]uint32, 0, len(rules))
	for n := range rules {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	rest := func(n uint32) code {
		at, found := slices.BinarySearchFunc(otherwise, n, func(s span, n uint32) int { return int(int64(s.from) - int64(n)) })
		if !found {
			at--
		}
		return otherwise[at].then
	}
	// Every place where something may change begins a span; equal neighbours are one.
	starts := []uint32{0}
	for _, s := range otherwise {
		starts = append(starts, s.from)
	}
	for _, n := range numbers {
		starts = append(starts, n, n+1)
	}
	slices.Sort(starts)
	var spans []span
	for _, n := range slices.Compact(starts) {
		then, named := rules[n]
		if !named {
			then = rest(n)
		}
		if len(spans) == 0 || spans[len(spans)-1].then != then {
			spans = append(spans, span{n, then})
		}
	}
	return link(load(offsetArch, test(unix.BPF_JEQ, auditArch,
		load(offsetNumber, tree(spans)), ret(unix.SECCOMP_RET_KILL_PROCESS))))
}

// link lays out a program. What the kernel does to install one goes by its length, and
// that is a good part of a start: so what is the end of several ways is there once, as
// far as conditional jumps reach, which go forward by 255 at most. It is written from
// its end to its beginning, where all that is jumped to is known.
func link(c code) []unix.SockFilter {
	var backwards []unix.SockFilter
	at := make(map[code]int) // the length of the program from there on
	var write func(c code)
	write = func(c code) {
		in := c.in
		switch {
		case c.no != nil:
			for _, to := range []code{c.yes, c.no} {
				if at[to] == 0 {
					write(to)
				}
			}
			// A target out of reach is brought near, by a jump that goes any way. Such
			// a one puts the other's target one further away: hence 254.
			for _, to := range []code{c.yes, c.no} {
				if n := len(backwards) - at[to]; n > 254 {
					backwards = append(backwards, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JA, K: uint32(n)})
					at[to] = len(backwards)
				}
			}
			in.Jt, in.Jf = uint8(len(backwards)-at[c.yes]), uint8(len(backwards)-at[c.no])
		case c.yes != nil:
			write(c.yes) // at once behind it: a load can't jump
		}
		backwards = append(backwards, in)
		at[c] = len(backwards)
	}
	write(c)
	slices.Reverse(backwards)
	return backwards
}
