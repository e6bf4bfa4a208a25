package harness

import (
	"os"
	"os/exec"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Firewall is a control group (version 2) whose sockets' packets the kernel can be
// told to refuse, as a firewall on the machine does: the sender gets EPERM. It
// takes root.
type Firewall struct {
	t       testing.TB
	dir     string
	group   *os.File
	program int
}

// NewFirewall makes one that lets everything through, gone with the test.
func NewFirewall(t testing.TB) *Firewall {
	t.Helper()
	f := &Firewall{t: t, dir: mountGroup(t, "cgroup2", "")}
	var err error
	if f.group, err = os.Open(f.dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.group.Close() })
	if f.program, err = loadRefusal(); err != nil {
		t.Fatalf("loading a BPF program: %v", err)
	}
	t.Cleanup(func() { unix.Close(f.program) })
	return f
}

// Inside has a command run in the group: the sockets that it opens belong to it.
func (f *Firewall) Inside(cmd *exec.Cmd) *exec.Cmd {
	return inside(f.dir, cmd)
}

// Refuse has the kernel refuse what is sent from now on, until open is called.
func (f *Firewall) Refuse() (open func()) {
	f.t.Helper()
	if err := f.attach(unix.BPF_PROG_ATTACH); err != nil {
		f.t.Fatalf("attaching a BPF program: %v", err)
	}
	return sync.OnceFunc(func() {
		if err := f.attach(unix.BPF_PROG_DETACH); err != nil {
			f.t.Errorf("detaching a BPF program: %v", err)
		}
	})
}

func (f *Firewall) attach(command int) error {
	attr := struct{ target, program, kind, flags uint32 }{
		target: uint32(f.group.Fd()), program: uint32(f.program), kind: unix.BPF_CGROUP_INET_EGRESS,
	}
	_, err := bpf(command, unsafe.Pointer(&attr), unsafe.Sizeof(attr))
	return err
}

// refusal is a program that lets nothing through: R0 = 0, which is the answer; exit.
// It is on no stack: its address goes through the runtime as a number.
var (
	refusal = [2]uint64{unix.BPF_ALU64 | unix.BPF_MOV | unix.BPF_K, unix.BPF_JMP | unix.BPF_EXIT}
	license = [4]byte{'M', 'I', 'T'}
)

func loadRefusal() (fd int, err error) {
	attr := struct {
		kind, count           uint32
		instructions, license uint64
		_                     [96]byte
	}{
		kind: unix.BPF_PROG_TYPE_CGROUP_SKB, count: uint32(len(refusal)),
		instructions: uint64(uintptr(unsafe.Pointer(&refusal))), license: uint64(uintptr(unsafe.Pointer(&license))),
	}
	return bpf(unix.BPF_PROG_LOAD, unsafe.Pointer(&attr), unsafe.Sizeof(attr))
}

func bpf(command int, attr unsafe.Pointer, size uintptr) (int, error) {
	n, _, errno := unix.Syscall(unix.SYS_BPF, uintptr(command), uintptr(attr), size)
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}
