package sandbox

import (
	"maps"

	"golang.org/x/sys/unix"
)

// firstNew is where the numbers begin that all architectures share. Who is
// refused one of these calls does what he did before it existed; ENOSYS says so.
const firstNew = unix.SYS_PIDFD_SEND_SIGNAL

var (
	denied  = refuse(unix.EPERM)
	unknown = refuse(unix.ENOSYS)
)

// filter returns the instructions of a level.
func filter(level Level) []unix.SockFilter {
	rules := make(map[uint32]code)
	if level == Exec {
		// On amd64 the x32 convention has numbers of its own, and kernels before
		// Linux 5.4 take 512 to 547 for it, too.
		others := []span{{0, allow}, {512, denied}, {548, allow}, {firstForeign, denied}}
		add(rules, denied, administrative...)
		add(rules, unknown, unix.SYS_CLONE3, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER)
		// The flags of clone3 lie in memory, where a filter can't look.
		rules[unix.SYS_CLONE] = argument(0, test(unix.BPF_JSET, unix.CLONE_NEWUSER, denied, allow))
		return assemble(rules, others)
	}
	add(rules, allow, ordinary...)
	add(rules, allow, ordinaryHere...)
	for _, o := range opening {
		// Landlock before Linux 6.2 lets who may read a file empty it by opening.
		rules[o.number] = argument(o.flags, test(unix.BPF_JSET, unix.O_TRUNC|unix.O_CREAT|tmpfile, denied, allow))
	}
	maps.Copy(rules, map[uint32]code{
		unix.SYS_CLONE:  argument(0, test(unix.BPF_JSET, unix.CLONE_THREAD, allow, denied)),
		unix.SYS_TGKILL: oneOf(0, denied, ownPID), // the runtime's own: to preempt, to raise
		unix.SYS_PRCTL:  oneOf(0, denied, unix.PR_SET_VMA, unix.PR_SET_NAME, unix.PR_GET_NAME, unix.PR_SET_TIMERSLACK),
		// Not F_SETOWN and F_SETSIG: who has data signalled chooses whom, and by which signal.
		unix.SYS_FCNTL:     oneOf(1, denied, unix.F_DUPFD, unix.F_DUPFD_CLOEXEC, unix.F_GETFD, unix.F_SETFD, unix.F_GETFL, unix.F_SETFL),
		unix.SYS_PRLIMIT64: oneOf(0, denied, 0, ownPID),
		unix.SYS_SETSOCKOPT: argument(1, test(unix.BPF_JEQ, unix.SOL_SOCKET,
			oneOf(2, denied, unix.SO_RCVTIMEO, unix.SO_RCVTIMEO_NEW),
			test(unix.BPF_JEQ, unix.SOL_UDP, oneOf(2, denied, unix.UDP_SEGMENT), denied))),
	})
	if level == Network {
		add(rules, allow, networking...)
		rules[unix.SYS_SOCKET] = oneOf(0, refuse(unix.EAFNOSUPPORT), unix.AF_INET, unix.AF_INET6)
	}
	return assemble(rules, []span{{0, denied}, {firstNew, unknown}, {firstForeign, denied}})
}

func add(rules map[uint32]code, then code, numbers ...uint32) {
	for _, n := range numbers {
		rules[n] = then
	}
}

// tmpfile is what O_TMPFILE has besides O_DIRECTORY.
const tmpfile = unix.O_TMPFILE &^ unix.O_DIRECTORY

// opener is a call that opens by name, and which of its arguments has the flags.
type opener struct{ number, flags uint32 }

// firstForeign is where amd64 has the numbers of its x32 convention.
const firstForeign = 0x40000000

// openat2 has its flags in memory, where a filter can't look: ENOSYS, and who
// calls it takes openat.

// ordinary calls are those of the Go runtime and of reading files; and of a
// socket's, those that name no address.
var ordinary = []uint32{
	// files
	unix.SYS_READ, unix.SYS_READV, unix.SYS_PREAD64, unix.SYS_PREADV, unix.SYS_PREADV2,
	unix.SYS_CLOSE, unix.SYS_CLOSE_RANGE, unix.SYS_LSEEK,
	unix.SYS_FSTAT, unix.SYS_STATX, unix.SYS_STATFS, unix.SYS_FSTATFS, unix.SYS_READLINKAT,
	unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2, unix.SYS_GETDENTS64, unix.SYS_GETCWD,
	unix.SYS_CHDIR, unix.SYS_FCHDIR, unix.SYS_FADVISE64, unix.SYS_READAHEAD,
	// pipes, the session's socket, and waiting for them
	unix.SYS_WRITE, unix.SYS_WRITEV, unix.SYS_PIPE2, unix.SYS_EVENTFD2, unix.SYS_DUP, unix.SYS_DUP3,
	unix.SYS_RECVFROM, unix.SYS_RECVMSG, unix.SYS_GETSOCKOPT, unix.SYS_GETSOCKNAME, unix.SYS_GETPEERNAME, unix.SYS_SHUTDOWN,
	unix.SYS_PPOLL, unix.SYS_PSELECT6, unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EPOLL_PWAIT2,
	// memory
	unix.SYS_MMAP, unix.SYS_MUNMAP, unix.SYS_MPROTECT, unix.SYS_MREMAP, unix.SYS_MADVISE, unix.SYS_MINCORE, unix.SYS_BRK,
	// threads, time, signals of its own
	unix.SYS_FUTEX, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_SET_ROBUST_LIST,
	unix.SYS_SET_TID_ADDRESS, unix.SYS_RSEQ, unix.SYS_MEMBARRIER, unix.SYS_RESTART_SYSCALL,
	unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_CLOCK_GETRES, unix.SYS_GETTIMEOFDAY,
	unix.SYS_SIGALTSTACK, unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN,
	unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
	// about itself and the machine
	unix.SYS_GETPID, unix.SYS_GETTID, unix.SYS_GETPPID, unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID,
	unix.SYS_GETRUSAGE, unix.SYS_UNAME, unix.SYS_SYSINFO, unix.SYS_GETRANDOM,
	unix.SYS_SECCOMP, // to narrow itself further
}

// networking calls are what internet sockets take besides, from the client's side.
var networking = []uint32{
	unix.SYS_CONNECT, unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_SENDMMSG, unix.SYS_RECVMMSG,
	unix.SYS_SETSOCKOPT, unix.SYS_SENDFILE, unix.SYS_SPLICE,
}

// administrative calls are refused also where programs may be run: they look
// into other processes, change the machine, or are a wide way into the kernel.
var administrative = []uint32{
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PROCESS_MADVISE, unix.SYS_PIDFD_GETFD, unix.SYS_KCMP,
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_UNSHARE, unix.SYS_SETNS,
	unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR,
	unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_FANOTIFY_INIT, unix.SYS_QUOTACTL, unix.SYS_ACCT,
	unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_REBOOT,
	unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_ADJTIMEX, unix.SYS_CLOCK_ADJTIME,
	unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME, unix.SYS_SYSLOG, unix.SYS_VHANGUP,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
	unix.SYS_MOVE_PAGES, unix.SYS_MIGRATE_PAGES,
}
