package attack

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/worker"
	"brood/worker/origin"
)

// goodSize is long enough for a bystander's transfer to last as long as most attacks.
const goodSize = 300_000

// goodContent is what a "good-..." name stands for.
func goodContent(name string) []byte {
	b := make([]byte, goodSize)
	var seed [32]byte
	copy(seed[:], name)
	rand.NewChaCha8(seed).Read(b)
	return b
}

// newHandler returns a handler that a client has taken over: the first part of a
// file's name is what it does, the rest are that attack's arguments. It answers
// with a report, a line for each try.
func newHandler(config []byte) (worker.Handler, error) {
	return worker.HandlerFunc(func(ctx context.Context, req *worker.Request) (worker.Response, error) {
		if strings.HasPrefix(req.File, "good-") {
			return worker.Bytes(goodContent(req.File)), nil
		}
		if strings.HasPrefix(req.File, "helped") {
			h, err := origin.New(origin.Options{URL: helperURL})
			if err != nil {
				return nil, err
			}
			return h.Open(ctx, req)
		}
		name, args, _ := strings.Cut(req.File, " ")
		do, known := handlers[name]
		if !known {
			return nil, fmt.Errorf("no attack %q", name)
		}
		r := &report{root: string(config), args: strings.Fields(args)}
		if resp := do(r); resp != nil {
			return resp, nil
		}
		return worker.Bytes([]byte(strings.Join(r.lines, "\n"))), nil
	}), nil
}

// report is what an attack has to tell.
type report struct {
	root  string
	args  []string
	lines []string
}

// try notes how one try went.
func (r *report) try(what string, err error) {
	outcome := "DONE"
	if err != nil {
		outcome = err.Error()
	}
	r.lines = append(r.lines, what+": "+outcome)
}

func (r *report) call(what string, number uintptr, args ...uintptr) {
	var a [6]uintptr
	copy(a[:], args)
	_, _, errno := unix.Syscall6(number, a[0], a[1], a[2], a[3], a[4], a[5])
	if errno != 0 {
		r.try(what, errno)
		return
	}
	r.try(what, nil)
}

func (r *report) open(path string, flags int) {
	f, err := os.OpenFile(path, flags, 0o600)
	if err == nil {
		b := make([]byte, 16)
		if n, _ := f.Read(b); n > 0 {
			path += fmt.Sprintf(" (%q)", b[:n])
		}
		f.Close()
	}
	var pe *os.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	r.try("open "+path, err)
}

// sessionSocket finds the descriptor of the session's own socket.
func sessionSocket() int {
	for fd := ipc.Config; fd < 64; fd++ { // that one is free by then
		if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err == nil && kind == unix.SOCK_DGRAM {
			return fd
		}
	}
	return -1
}

func frames(n int, f ipc.Frame) {
	b, _ := f.Append(nil)
	for range n {
		unix.Write(ipc.Stats, b)
	}
}

// handlers are the attacks' own parts.
var handlers = map[string]func(*report) worker.Response{
	"read": func(r *report) worker.Response {
		supervisor := r.args[0]
		for _, path := range []string{
			"/etc/shadow", "/etc/passwd", "/root", "/proc/" + supervisor + "/mem", "/proc/" + supervisor + "/maps",
			"/proc/" + supervisor + "/fd/3", "/proc/self/mem", "/dev/mem", "/sys/kernel/notes", "/tmp",
		} {
			r.open(path, os.O_RDONLY)
		}
		return nil
	},
	"escape": func(r *report) worker.Response { // as careless as a handler can be
		f, err := os.Open(filepath.Join(r.root, r.args[0]))
		if err != nil {
			r.try("open", err.(*os.PathError).Err)
			return nil
		}
		resp, err := worker.File(f)
		if err != nil {
			r.try("serve", err)
			return nil
		}
		return resp
	},
	"connect": func(r *report) worker.Response {
		r.call("socket TCP", unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_STREAM)
		r.call("socket UDP", unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_DGRAM)
		r.call("socket UDP over IPv6", unix.SYS_SOCKET, unix.AF_INET6, unix.SOCK_DGRAM)
		r.call("socket unix", unix.SYS_SOCKET, unix.AF_UNIX, unix.SOCK_STREAM)
		r.call("socket netlink", unix.SYS_SOCKET, unix.AF_NETLINK, unix.SOCK_RAW)
		r.call("socket packet", unix.SYS_SOCKET, unix.AF_PACKET, unix.SOCK_RAW)
		r.call("io_uring_setup", unix.SYS_IO_URING_SETUP, 1, 0)
		return nil
	},
	"sendto": func(r *report) worker.Response {
		fd := sessionSocket()
		var port int
		fmt.Sscan(r.args[0], &port)
		to := &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
		loot := []byte("loot")
		r.try("sendto another address", unix.Sendto(fd, loot, 0, to))
		r.try("sendmsg another address", unix.Sendmsg(fd, loot, nil, to, 0))
		r.try("connect to another address", unix.Connect(fd, to))
		r.try("bind another port", unix.Bind(fd, &unix.SockaddrInet4{}))
		r.try("source routing", unix.SetsockoptString(fd, unix.SOL_IP, unix.IP_OPTIONS, "\x83\x07\x04\x7f\x00\x00\x01\x00"))
		r.try("another device", unix.SetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE, "lo"))
		return nil
	},
	"run": func(r *report) worker.Response {
		// The filter decides before the kernel looks at what an address leads to.
		r.call("execve", unix.SYS_EXECVE, 0, 0, 0)
		r.call("execveat", unix.SYS_EXECVEAT, ipc.Control, 0, 0, 0, unix.AT_EMPTY_PATH)
		r.try("memfd_create", second(unix.MemfdCreate("x", 0)))
		_, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", "exit 0"}, &syscall.ProcAttr{})
		r.try("fork and exec", err)
		return nil
	},
	"fork-bomb": func(r *report) worker.Response {
		done := 0
		var last error
		for range 10_000 {
			pid, _, errno := unix.RawSyscall(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0)
			switch {
			case errno != 0:
				last = errno
			case pid == 0:
				for {
					unix.RawSyscall(unix.SYS_PAUSE, 0, 0, 0)
				}
			default:
				done++
			}
		}
		r.lines = append(r.lines, fmt.Sprintf("children: %d of 10000, %v", done, last))
		r.call("clone3", unix.SYS_CLONE3, 0, 0)
		r.call("vfork", unix.SYS_VFORK)
		return nil
	},
	"thread-bomb": func(*report) worker.Response {
		for range 200 { // few enough for the runtime to print them all
			go func() {
				runtime.LockOSThread()
				select {}
			}()
		}
		for {
			time.Sleep(time.Hour)
		}
	},
	"signal": func(r *report) worker.Response {
		for i, who := range []string{"the supervisor", "a thread of it", "a sibling"} {
			var pid int
			fmt.Sscan(r.args[i], &pid)
			if pid == unix.Getpid() {
				continue // it was idle when it was chosen
			}
			id := uintptr(pid)
			kill, term := uintptr(unix.SIGKILL), uintptr(unix.SIGTERM)
			r.call("ptrace "+who, unix.SYS_PTRACE, unix.PTRACE_ATTACH, id)
			r.call("kill "+who, unix.SYS_KILL, id, kill)
			r.call("tkill "+who, unix.SYS_TKILL, id, kill)
			r.call("tgkill "+who, unix.SYS_TGKILL, id, id, term)
			r.call("sigqueue "+who, unix.SYS_RT_SIGQUEUEINFO, id, kill, 0)
			r.call("process_vm_readv "+who, unix.SYS_PROCESS_VM_READV, id, 0, 0, 0, 0, 0)
			r.call("pidfd_open "+who, unix.SYS_PIDFD_OPEN, id, 0)
			r.call("prlimit "+who, unix.SYS_PRLIMIT64, id, unix.RLIMIT_NOFILE, 0, 0)
			r.call("F_SETOWN "+who, unix.SYS_FCNTL, ipc.Control, unix.F_SETOWN, id)
			r.call("setpriority "+who, unix.SYS_SETPRIORITY, 0, id, 19)
		}
		r.call("kill everybody", unix.SYS_KILL, ^uintptr(0), uintptr(unix.SIGKILL))
		return nil
	},
	"write": func(r *report) worker.Response {
		for _, dir := range []string{r.root, "/", "/tmp", "/dev/shm", "/var/tmp"} {
			r.open(filepath.Join(dir, "brood-attack"), os.O_CREATE|os.O_WRONLY)
			r.try("mkdir in "+dir, unix.Mkdir(filepath.Join(dir, "brood-attack-dir"), 0o700))
		}
		r.open(filepath.Join(r.root, "file"), os.O_WRONLY)
		r.open(filepath.Join(r.root, "file"), os.O_RDONLY|os.O_TRUNC)
		file := filepath.Join(r.root, "file")
		r.try("truncate", unix.Truncate(file, 0))
		r.try("unlink", unix.Unlink(file))
		r.try("rename", unix.Rename(file, file+"2"))
		r.try("chmod", unix.Chmod(file, 0o777))
		r.try("utimensat", unix.UtimesNanoAt(unix.AT_FDCWD, file, []unix.Timespec{{}, {}}, 0))
		return nil
	},
	"privileges": func(r *report) worker.Response {
		r.call("setuid 0", unix.SYS_SETUID, 0)
		r.call("setgroups", unix.SYS_SETGROUPS, 0, 0)
		r.call("unshare a user namespace", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
		r.call("dumpable again", unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 1)
		r.call("mount", unix.SYS_MOUNT, 0, 0, 0, 0, 0)
		r.call("bpf", unix.SYS_BPF, 0, 0, 0)
		r.call("keyctl", unix.SYS_KEYCTL, 0, 0)
		r.call("perf_event_open", unix.SYS_PERF_EVENT_OPEN, 0, 0, 0, 0, 0)
		r.call("userfaultfd", unix.SYS_USERFAULTFD, 0)
		more := unix.Rlimit{Cur: 1 << 16, Max: 1 << 16}
		r.try("more descriptors", unix.Prlimit(0, unix.RLIMIT_NOFILE, &more, nil))
		return nil
	},
	"allocate": func(*report) worker.Response {
		var hoard [][]byte
		for range 8 { // 8 GB, touched
			b := make([]byte, 1e9)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			hoard = append(hoard, b)
		}
		return worker.Bytes(fmt.Appendf(nil, "DONE: %d GB", len(hoard)))
	},
	"files": func(r *report) worker.Response {
		opened := 0
		var last error
		for range 10_000 {
			if _, last = unix.Open(filepath.Join(r.root, "file"), unix.O_RDONLY|unix.O_CLOEXEC, 0); last != nil {
				break
			}
			opened++
		}
		r.lines = append(r.lines, fmt.Sprintf("opened %d: %v", opened, last))
		for fd := 200; fd < 10_000; fd++ {
			unix.Close(fd) // or there is none left for the session
		}
		return nil
	},
	"close-all": func(*report) worker.Response {
		for fd := range 256 {
			unix.Close(fd)
		}
		return worker.Bytes([]byte("DONE"))
	},
	"dup-over": func(*report) worker.Response { // the session talks into the stats pipe
		unix.Dup3(ipc.Stats, sessionSocket(), 0)
		return worker.Bytes(make([]byte, 1<<20))
	},
	"misuse": func(r *report) worker.Response {
		b := make([]byte, 4096)
		r.try("write to the control socket", second(unix.Write(ipc.Control, b)))
		r.try("shut the control socket down", unix.Shutdown(ipc.Control, unix.SHUT_RDWR))
		r.try("read the stats pipe", second(unix.Read(ipc.Stats, b)))
		r.try("the control socket as a file", second(unix.Seek(ipc.Control, 0, 0)))
		return nil
	},
	"hold-pipes": func(r *report) worker.Response { // at level exec
		attr := &syscall.ProcAttr{
			Files: []uintptr{0, 1, 2, ipc.Control, ipc.Stats, uintptr(sessionSocket())},
			Sys:   &syscall.SysProcAttr{Setsid: true},
		}
		pid, err := syscall.ForkExec("/bin/sleep", []string{"sleep", "3600"}, attr)
		r.try(fmt.Sprintf("grandchild %d", pid), err)
		return nil
	},
	"flood": func(r *report) worker.Response {
		frames(1<<20, ipc.Frame{Kind: ipc.KindProgress, Session: r.session()})
		select {}
	},
	"cut-short": func(r *report) worker.Response {
		b, _ := (&ipc.Frame{Kind: ipc.KindFinal, Session: r.session(), Outcome: ipc.OutcomeComplete}).Append(nil)
		unix.Write(ipc.Stats, b[:len(b)/2])
		os.Exit(0)
		return nil
	},
	"forge-other": func(r *report) worker.Response {
		frames(1, ipc.Frame{Kind: ipc.KindFinal, Session: r.session() + 1, Outcome: ipc.OutcomeComplete})
		select {}
	},
	"forge-numbers": func(r *report) worker.Response {
		frames(1, ipc.Frame{Kind: ipc.KindFinal, Session: r.session(), Outcome: ipc.OutcomeComplete, Bytes: 1 << 60, Packets: 1 << 60})
		select {}
	},
	"hostile-msgpack": func(*report) worker.Response {
		unix.Write(ipc.Stats, []byte("\x00\x06\xdd\x7f\xff\xff\xff\xff"))
		select {}
	},
	"shout": func(*report) worker.Response {
		for {
			os.Stderr.WriteString(strings.Repeat("all work and no play ", 40) + "\n")
		}
	},
	"spin": func(*report) worker.Response {
		for n := 0; ; n++ {
		}
	},
	"ignore-term": func(*report) worker.Response {
		signal.Ignore(syscall.SIGTERM)
		return &stuck{Response: worker.Bytes(make([]byte, goodSize))}
	},
}

func init() {
	for name, do := range helperAttacks {
		handlers[name] = do
	}
}

// session is the attack's own session number, as the test knows it.
func (r *report) session() (n uint64) {
	fmt.Sscan(r.args[0], &n)
	return n
}

// stuck gives nothing after its beginning, and promises that it does not wait.
type stuck struct {
	worker.Response
	read int
}

func (s *stuck) Read(p []byte) (int, error) {
	if s.read > 100_000 {
		fmt.Fprintln(os.Stderr, "ignoring") // from now on: what is asked before is heard
		for {
			time.Sleep(time.Hour)
		}
	}
	n, err := s.Response.Read(p)
	s.read += n
	return n, err
}

func (s *stuck) ReadAt([]byte, int64) (int, error) { panic("a session reads from start to end") }

func second[T any](_ T, err error) error { return err }
