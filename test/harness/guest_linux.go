package harness

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// guestEnv is on the kernel's command line of a guest that this executable is the
// first process of. The kernel makes variables of what it does not know itself.
const guestEnv = "BROOD_TEST_GUEST"

// Greeting is what a guest writes whose Initramfs was made by Greeter.
const Greeting = "the first process was started with "

// Greeter returns an Initramfs of a system that writes Greeting and the mark, which
// its kernel must be told by GreeterArgs, and goes off.
func Greeter(t testing.TB) []byte {
	t.Helper()
	return Initramfs(t, map[string][]byte{"/init": static(t)})
}

// GreeterArgs is what the kernel of a Greeter has to be told.
func GreeterArgs(mark string) string {
	return "console=ttyS0 quiet panic=-1 " + guestEnv + "=" + mark
}

// static returns this executable.
func static(t testing.TB) []byte {
	t.Helper()
	if cgoEnabled {
		t.Fatal("this test runs its own executable where there is no C library: build it with CGO_ENABLED=0, as make does")
	}
	return ReadFile(t, Self(t))
}

// GuestBrood is where the brood command is in a guest; broodctl is beside it.
const GuestBrood = "/bin/brood"

// GuestCPUs are a guest's: one more than the least that the Go runtime makes of a quota, or a
// quota could not be told from none.
const GuestCPUs = 3

// tests is the guest's mark when the first process is to run them.
const tests = "tests"

// Guest runs the calling test once more, in a virtual machine where this executable
// is the first process and brood is in GuestBrood. It returns true there, and false
// here, when the machine is off again: nothing is left to do then.
func Guest(t *testing.T) (inside bool) {
	t.Helper()
	if os.Getenv(guestEnv) == tests {
		return true
	}
	files := map[string][]byte{"/init": static(t), GuestBrood: ReadFile(t, Brood(t)), GuestBrood + "ctl": ReadFile(t, Broodctl(t))}
	files["/etc/passwd"] = []byte("root:x:0:0::/:\nnobody:x:65534:65534::/:\n")
	image := filepath.Join(t.TempDir(), "initramfs")
	if err := os.WriteFile(image, Initramfs(t, files), 0o600); err != nil {
		t.Fatal(err)
	}
	p := Machine(t, nil, "-smp", strconv.Itoa(GuestCPUs), "-kernel", Kernel(t), "-initrd", image, "-append",
		GreeterArgs(tests)+" -- -test.v -test.run=^"+t.Name()+"$")
	p.Exit(MachinePatience)
	if !strings.Contains(p.Output(), ended(0)) {
		t.Errorf("the test failed in the guest")
	}
	return false
}

// ended is what a guest writes last.
func ended(code int) string { return fmt.Sprintf("guest: the tests ended with code %d.", code) }

// asGuest is Main for the first process of a guest. It does not return.
func asGuest(m *testing.M) {
	mark := os.Getenv(guestEnv)
	fmt.Println(Greeting + mark)
	if mark == tests {
		code := 1
		if err := prepareGuest(); err != nil {
			fmt.Println(err)
		} else {
			code = m.Run()
		}
		fmt.Println(ended(code))
	}
	fmt.Println(unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF))
}

// prepareGuest makes what servers and tests expect of a system.
func prepareGuest() error {
	for _, m := range []struct{ kind, dir string }{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/tmp"}} {
		if err := errors.Join(os.MkdirAll(m.dir, 0o755), unix.Mount(m.kind, m.dir, m.kind, 0, "")); err != nil {
			return fmt.Errorf("mounting %s: %w", m.dir, err)
		}
	}
	return loopbackUp()
}

// loopbackUp does what ip link set lo up does.
func loopbackUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, lo)
}
