package sandbox

import (
	"testing"

	"golang.org/x/sys/unix"
)

// run is the kernel's machine, as far as our programs use it.
func run(t *testing.T, program []unix.SockFilter, arch, number uint32, args ...uint32) uint32 {
	t.Helper()
	data := map[uint32]uint32{offsetNumber: number, offsetArch: arch}
	for i := range uint32(6) {
		data[offsetArgs+8*i] = 0
		if int(i) < len(args) {
			data[offsetArgs+8*i] = args[i]
		}
	}
	var a uint32
	for pc, steps := 0, 0; ; pc++ {
		if steps++; steps > 64 || pc >= len(program) {
			t.Fatalf("call %d: no verdict at %d after %d steps", number, pc, steps)
		}
		in := program[pc]
		holds := false
		switch in.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			v, known := data[in.K]
			if !known {
				t.Fatalf("call %d: loads from %d", number, in.K)
			}
			a = v
			continue
		case unix.BPF_RET | unix.BPF_K:
			return in.K
		case unix.BPF_JMP | unix.BPF_JA:
			pc += int(in.K)
			continue
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			holds = a == in.K
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			holds = a >= in.K
		case unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K:
			holds = a&in.K != 0
		default:
			t.Fatalf("instruction %d has code %#x", pc, in.Code)
		}
		if holds {
			pc += int(in.Jt)
		} else {
			pc += int(in.Jf)
		}
	}
}

const (
	self  = ownPID
	other = 4712

	yes      = unix.SECCOMP_RET_ALLOW
	no       = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	nosys    = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	nofamily = unix.SECCOMP_RET_ERRNO | uint32(unix.EAFNOSUPPORT)
)

func TestTheFilterOfALevel(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name                  string
		number                uint32
		args                  []uint32
		strict, network, exec uint32
	}{
		{"read", unix.SYS_READ, nil, yes, yes, yes},
		{"write", unix.SYS_WRITE, nil, yes, yes, yes},
		{"writev", unix.SYS_WRITEV, nil, yes, yes, yes},
		{"preadv", unix.SYS_PREADV, nil, yes, yes, yes},
		{"openat, for reading", unix.SYS_OPENAT, []uint32{0, 0, unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NOFOLLOW | unix.O_DIRECTORY}, yes, yes, yes},
		{"openat, to truncate", unix.SYS_OPENAT, []uint32{0, 0, unix.O_RDONLY | unix.O_TRUNC}, no, no, yes},
		{"openat, to create", unix.SYS_OPENAT, []uint32{0, 0, unix.O_WRONLY | unix.O_CREAT}, no, no, yes},
		{"openat, a file without a name", unix.SYS_OPENAT, []uint32{0, 0, unix.O_WRONLY | unix.O_TMPFILE}, no, no, yes},
		{"openat2", unix.SYS_OPENAT2, nil, nosys, nosys, yes},
		{"recvfrom", unix.SYS_RECVFROM, nil, yes, yes, yes},
		{"exit_group", unix.SYS_EXIT_GROUP, nil, yes, yes, yes},
		{"seccomp", unix.SYS_SECCOMP, nil, yes, yes, yes},
		{"socket, internet", unix.SYS_SOCKET, []uint32{unix.AF_INET}, no, yes, yes},
		{"socket, internet 6", unix.SYS_SOCKET, []uint32{unix.AF_INET6}, no, yes, yes},
		{"socket, unix", unix.SYS_SOCKET, []uint32{unix.AF_UNIX}, no, nofamily, yes},
		{"socket, packet", unix.SYS_SOCKET, []uint32{unix.AF_PACKET}, no, nofamily, yes},
		{"socket, netlink", unix.SYS_SOCKET, []uint32{unix.AF_NETLINK}, no, nofamily, yes},
		{"socketpair", unix.SYS_SOCKETPAIR, nil, no, no, yes},
		{"connect", unix.SYS_CONNECT, nil, no, yes, yes},
		{"bind", unix.SYS_BIND, nil, no, no, yes},
		{"listen", unix.SYS_LISTEN, nil, no, no, yes},
		{"sendto", unix.SYS_SENDTO, nil, no, yes, yes},
		{"sendmsg", unix.SYS_SENDMSG, nil, no, yes, yes},
		{"sendmmsg", unix.SYS_SENDMMSG, nil, no, yes, yes},
		{"execve", unix.SYS_EXECVE, nil, no, no, yes},
		{"execveat", unix.SYS_EXECVEAT, nil, no, no, yes},
		{"clone, a thread", unix.SYS_CLONE, []uint32{unix.CLONE_VM | unix.CLONE_THREAD}, yes, yes, yes},
		{"clone, a process", unix.SYS_CLONE, []uint32{uint32(unix.SIGCHLD)}, no, no, yes},
		{"clone, a user namespace", unix.SYS_CLONE, []uint32{unix.CLONE_NEWUSER}, no, no, no},
		{"clone3", unix.SYS_CLONE3, nil, nosys, nosys, nosys},
		{"kill", unix.SYS_KILL, []uint32{other}, no, no, yes},
		{"tkill", unix.SYS_TKILL, []uint32{other}, no, no, yes},
		{"tgkill, its own threads", unix.SYS_TGKILL, []uint32{self}, yes, yes, yes},
		{"tgkill, another's", unix.SYS_TGKILL, []uint32{other}, no, no, yes},
		{"pidfd_send_signal", unix.SYS_PIDFD_SEND_SIGNAL, nil, nosys, nosys, yes},
		{"pidfd_getfd", unix.SYS_PIDFD_GETFD, nil, nosys, nosys, no},
		{"ptrace", unix.SYS_PTRACE, nil, no, no, no},
		{"process_vm_readv", unix.SYS_PROCESS_VM_READV, nil, no, no, no},
		{"process_vm_writev", unix.SYS_PROCESS_VM_WRITEV, nil, no, no, no},
		{"fcntl, flags", unix.SYS_FCNTL, []uint32{6, unix.F_SETFL}, yes, yes, yes},
		{"fcntl, whom to signal", unix.SYS_FCNTL, []uint32{6, unix.F_SETOWN}, no, no, yes},
		{"fcntl, which signal", unix.SYS_FCNTL, []uint32{6, unix.F_SETSIG}, no, no, yes},
		{"flock", unix.SYS_FLOCK, []uint32{6}, no, no, yes},
		{"prctl, dumpable again", unix.SYS_PRCTL, []uint32{unix.PR_SET_DUMPABLE}, no, no, yes},
		{"prctl, name memory", unix.SYS_PRCTL, []uint32{unix.PR_SET_VMA}, yes, yes, yes},
		{"prctl, how late timers may be", unix.SYS_PRCTL, []uint32{unix.PR_SET_TIMERSLACK}, yes, yes, yes},
		{"prlimit, its own", unix.SYS_PRLIMIT64, []uint32{0}, yes, yes, yes},
		{"prlimit, another's", unix.SYS_PRLIMIT64, []uint32{other}, no, no, yes},
		{"setsockopt, receive timeout", unix.SYS_SETSOCKOPT, []uint32{6, unix.SOL_SOCKET, unix.SO_RCVTIMEO}, yes, yes, yes},
		{"setsockopt, segments", unix.SYS_SETSOCKOPT, []uint32{6, unix.SOL_UDP, unix.UDP_SEGMENT}, yes, yes, yes},
		{"setsockopt, IP options", unix.SYS_SETSOCKOPT, []uint32{6, unix.SOL_IP, unix.IP_OPTIONS}, no, yes, yes},
		{"setsockopt, device", unix.SYS_SETSOCKOPT, []uint32{6, unix.SOL_SOCKET, unix.SO_BINDTODEVICE}, no, yes, yes},
		{"io_uring_setup", unix.SYS_IO_URING_SETUP, nil, nosys, nosys, nosys},
		{"bpf", unix.SYS_BPF, nil, no, no, no},
		{"mount", unix.SYS_MOUNT, nil, no, no, no},
		{"unshare", unix.SYS_UNSHARE, nil, no, no, no},
		{"keyctl", unix.SYS_KEYCTL, nil, no, no, no},
		{"a call of the future", 5000, nil, nosys, nosys, yes},
	} {
		for level, want := range []uint32{tt.strict, tt.network, tt.exec} {
			program := filter(Level(level))
			if got := run(t, program, auditArch, tt.number, tt.args...); got != want {
				t.Errorf("%v: %s: %#x, want %#x", Level(level), tt.name, got, want)
			}
			if got := run(t, program, auditArch^1, tt.number, tt.args...); got != unix.SECCOMP_RET_KILL_PROCESS {
				t.Errorf("%v: %s by another architecture's conventions: %#x", Level(level), tt.name, got)
			}
		}
	}
}

func TestANarrowerFilterAllowsNoMore(t *testing.T) {
	t.Parallel()
	strict, network := filter(Strict), filter(Network)
	listed := map[uint32]bool{}
	for _, n := range append(ordinary, ordinaryHere...) {
		listed[n] = true
	}
	for _, o := range opening {
		listed[o.number] = true
	}
	allowed := 0
	for n := range uint32(2000) {
		s, w := run(t, strict, auditArch, n), run(t, network, auditArch, n)
		if s == yes && w != yes {
			t.Errorf("call %d: allowed at level strict and not at level network", n)
		}
		if s == yes {
			allowed++
		}
		if s == yes != listed[n] && n != unix.SYS_PRLIMIT64 && n != unix.SYS_FCNTL { // which with arguments of 0 are harmless
			t.Errorf("call %d: %#x at level strict; in the list: %v", n, s, listed[n])
		}
		for _, level := range []Level{Strict, Network, Exec} {
			if got := run(t, filter(level), auditArch, n|firstForeign); got == yes {
				t.Errorf("%v: call %d by the x32 convention: allowed", level, n)
			}
		}
	}
	if allowed < len(ordinary) {
		t.Errorf("%d calls are allowed, %d listed", allowed, len(ordinary))
	}
}

// Long programs need jumps that a conditional one can't make.
func TestABranchMayBeLong(t *testing.T) {
	t.Parallel()
	rules := map[uint32]code{}
	for n := range uint32(300) {
		rules[3*n] = oneOf(0, denied, n)
	}
	program := assemble(rules, []span{{0, unknown}})
	for n := range uint32(300) {
		if got := run(t, program, auditArch, 3*n, n); got != yes {
			t.Errorf("rule %d: %#x", n, got)
		}
		if got := run(t, program, auditArch, 3*n, n+1); got != no {
			t.Errorf("rule %d, another argument: %#x", n, got)
		}
		if got := run(t, program, auditArch, 3*n+1); got != nosys {
			t.Errorf("the call after rule %d: %#x", n, got)
		}
	}
}
