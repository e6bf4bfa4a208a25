package harness

import (
	"os"
	"strings"
	"testing"
	"time"
)

// MachinePatience bounds what a virtual machine does: where there is no hardware
// for it, QEMU translates every instruction, and tests share the machine.
const MachinePatience = 20 * time.Minute

// Machine starts a PC in QEMU with nothing in it but memory, a source of random
// numbers and a serial line, whose output is the Program's. It ends when the
// guest switches it off or wants to restart. before is the beginning of the
// command line, for a machine in a network namespace.
func Machine(t testing.TB, before []string, args ...string) *Program {
	t.Helper()
	all := []string{
		"-no-user-config", "-nodefaults", "-display", "none", "-machine", "graphics=off", "-no-reboot",
		"-accel", accelerator(), "-m", "768", "-serial", "stdio", "-device", "virtio-rng-pci",
	}
	for _, dir := range []string{"usr/share/qemu", "usr/share/seabios", "usr/lib/ipxe/qemu"} {
		all = append(all, "-L", Debian(t, dir))
	}
	return RunProgram(t, debianCommand(t, before, "usr/bin/qemu-system-x86_64", append(all, args...)...))
}

// accelerator is kvm where the CPU can do it. There are machines, virtual ones,
// that have /dev/kvm and no such CPU: what QEMU starts there does not run.
func accelerator() string {
	cpu, _ := os.ReadFile("/proc/cpuinfo")
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return "tcg"
	}
	f.Close()
	if flags := " " + strings.Join(strings.Fields(string(cpu)), " ") + " "; strings.Contains(flags, " vmx ") || strings.Contains(flags, " svm ") {
		return "kvm"
	}
	return "tcg"
}

// Kernel is a Linux kernel for virtual machines, with a serial console, loopback
// and what brood needs built in.
func Kernel(t testing.TB) string {
	t.Helper()
	return Debian(t, "boot/vmlinuz-*-cloud-amd64")
}

// DHCP gives the other end of the link an address, and tells it what to boot by
// options of dnsmasq, which serves nothing else. Its output is the Program's.
func (l *Link) DHCP(options ...string) *Program {
	l.t.Helper()
	in := []string{"ip", "netns", "exec", l.Server}
	args := []string{
		"--keep-in-foreground", "--log-facility=-", "--log-dhcp", "--conf-file=/dev/null", "--user=root", "--pid-file",
		"--dhcp-leasefile=" + l.t.TempDir() + "/leases", "--port=0", "--interface=eth0", "--no-ping",
		"--dhcp-range=" + l.ClientAddr.String() + "," + l.ClientAddr.String(),
	}
	p := RunProgram(l.t, debianCommand(l.t, in, "usr/sbin/dnsmasq", append(args, options...)...))
	p.Wait("DHCP, IP range", patience)
	return p
}

// Tap has a machine take the client's place on the link. It returns the beginning
// of its command line, and the name of the interface for it.
func (l *Link) Tap() (before []string, name string) {
	l.t.Helper()
	l.ip("-n", l.Client, "address", "flush", "dev", "eth0")
	l.ip("-n", l.Client, "link", "add", "bridge", "type", "bridge")
	l.ip("-n", l.Client, "tuntap", "add", "tap0", "mode", "tap")
	for _, port := range []string{"eth0", "tap0"} {
		l.ip("-n", l.Client, "link", "set", port, "master", "bridge", "up")
	}
	l.ip("-n", l.Client, "link", "set", "bridge", "up")
	return []string{"ip", "netns", "exec", l.Client}, "tap0"
}
