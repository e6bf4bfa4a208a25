package integration

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/test/harness"
	"brood/worker/workertest"
)

// manager is what systemd's end of the notification socket gets.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
	said []string
}

func newManager(t *testing.T) *manager {
	t.Helper()
	dir, err := os.MkdirTemp("", "notify") // t.TempDir's names are too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o755)
	name := filepath.Join(dir, "socket")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	os.Chmod(name, 0o777)
	return &manager{t: t, conn: conn}
}

// env is for the server's command.
func (m *manager) env(more ...string) []string {
	return append(append(os.Environ(), "NOTIFY_SOCKET="+m.conn.LocalAddr().String()), more...)
}

// wait reads messages until one has this line.
func (m *manager) wait(line string) {
	m.t.Helper()
	if !slices.Contains(m.messages(time.Minute, line), line) {
		m.t.Fatalf("the service manager was told %q and not %q", m.said, line)
	}
}

// messages reads until there was one with this line, or nothing for so long.
func (m *manager) messages(patience time.Duration, until string) (lines []string) {
	m.t.Helper()
	b := make([]byte, 4096)
	for !slices.Contains(lines, until) {
		m.conn.SetReadDeadline(time.Now().Add(patience))
		n, err := m.conn.Read(b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		} else if err != nil {
			m.t.Fatal(err)
		}
		m.said = append(m.said, string(b[:n]))
		lines = append(lines, strings.Split(string(b[:n]), "\n")...)
	}
	return lines
}

func TestTheServiceManagerIsTold(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	tree := harness.NewTree(t)
	tree.File("f", 1500)
	cmd := harness.Command(t, "serve", "--log-format", "json", "--listen", "127.0.0.1:0", "--root", tree.Dir, "--stats-interval", "100ms")
	cmd.Env = m.env("WATCHDOG_USEC=200000")
	s := harness.Start(t, cmd)
	m.wait("READY=1")
	for range 3 {
		m.wait("WATCHDOG=1")
	}
	peer := harness.NewPeer(t, "127.0.0.1")
	peer.Send(s.Addr, harness.RRQ("f"))
	peer.Data(1)
	m.wait("STATUS=serving; 1 sessions, 0 waiting, 1 begun so far")

	// One that stands still gives no sign of life.
	s.Signal(syscall.SIGSTOP)
	harness.Eventually(func() bool { return strings.HasPrefix(harness.Status(s.PID, "State"), "T") })
	m.messages(time.Millisecond, "") // what it had said
	if late := m.messages(time.Second, "WATCHDOG=1"); slices.Contains(late, "WATCHDOG=1") {
		t.Errorf("a stopped supervisor says that it lives")
	}
	s.Signal(syscall.SIGCONT)
	m.wait("WATCHDOG=1")

	s.Signal(syscall.SIGTERM)
	m.wait("STOPPING=1")
	m.wait("STATUS=draining; 1 sessions, 0 waiting, 1 begun so far")
	m.wait("WATCHDOG=1") // a drain is no hang
	s.Wait("still draining", func(l harness.Line) bool { return l.Int("sessions") == 1 })
	s.Signal(syscall.SIGTERM)
	s.Exit()
}

func TestAServerThatCannotServeIsNotReady(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	cmd := harness.Command(t, "serve", "--listen", "127.0.0.1:0", "--root", filepath.Join(t.TempDir(), "none"))
	cmd.Env = m.env()
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("a missing root: %v", err)
	}
	if said := m.messages(time.Millisecond, "READY=1"); slices.Contains(said, "READY=1") {
		t.Errorf("it said %q", said)
	}
}

func TestAServiceManagerThatIsGoneHurtsNobody(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	tree := harness.NewTree(t)
	tree.File("f", 1500)
	cmd := harness.Command(t, "serve", "--log-format", "json", "--listen", "127.0.0.1:0", "--root", tree.Dir)
	cmd.Env = m.env("WATCHDOG_USEC=100000")
	os.Remove(m.conn.LocalAddr().String())
	s := harness.Start(t, cmd)
	client := workertest.Client{Timeout: longTimeout}
	if _, err := client.Get(t.Context(), s.Addr, "f", io.Discard); err != nil {
		t.Error(err)
	}
	s.Wait("the service manager can't be told", func(l harness.Line) bool { return strings.Contains(l.String("error"), "no such file") })
}

// activated is a command that gets sockets as systemd passes them.
func activated(t *testing.T, cmd *exec.Cmd, names string, sockets ...interface{ File() (*os.File, error) }) *exec.Cmd {
	t.Helper()
	for _, k := range sockets {
		f, err := k.File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	cmd.Env = append(os.Environ(), "LISTEN_FDNAMES="+names)
	cmd.Args = append([]string{"sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=` + strconv.Itoa(len(sockets)) + ` exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	return cmd
}

func udp(t *testing.T, network, addr string) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestSocketsOfAServiceManagerAreServed(t *testing.T) {
	t.Parallel()
	if harness.SinglePort() {
		return // they exclude each other; see below
	}
	tree := harness.NewTree(t)
	want := string(tree.File("f", 1500))
	// Port 0 of every IPv6 address as net makes it is for IPv6 alone: "udp6".
	a, b, c := udp(t, "udp4", "127.0.0.1:0"), udp(t, "udp4", "127.0.0.2:0"), udp(t, "udp6", "[::]:0")
	for _, tt := range []struct {
		name   string
		flags  []string
		served []*net.UDPConn
	}{
		{"all of them", nil, []*net.UDPConn{a, b, c}},
		{"the one that is named", []string{"--listen", "fd:beta"}, []*net.UDPConn{b}},
		{"with a port of its own", []string{"--listen", "fd:beta", "--listen", "127.0.0.3:0"}, []*net.UDPConn{b}},
	} {
		cmd := harness.Command(t, append([]string{"serve", "--log-format", "json", "--root", tree.Dir}, tt.flags...)...)
		s := harness.Start(t, activated(t, cmd, "alpha:beta:gamma", a, b, c))
		ports := len(tt.served)
		if len(tt.flags) > 2 {
			ports++
		}
		s.WaitN(ports, "listening", nil)
		for _, conn := range tt.served {
			at := netip.MustParseAddrPort(conn.LocalAddr().String())
			if at.Addr().IsUnspecified() {
				at = netip.AddrPortFrom(netip.IPv6Loopback(), at.Port())
			}
			var got strings.Builder
			client := workertest.Client{Timeout: longTimeout}
			if _, err := client.Get(t.Context(), at, "f", &got); err != nil || got.String() != want {
				t.Errorf("%s: at %v %d bytes, %v", tt.name, at, got.Len(), err)
			}
		}
		for _, conn := range []*net.UDPConn{a, b, c} {
			if want := slices.Contains(tt.served, conn); holds(t, s.PID, conn) != want {
				t.Errorf("%s: %v is held by the server: %v, want %v", tt.name, conn.LocalAddr(), !want, want)
			}
		}
		if code := s.Stop(); code != 0 {
			t.Errorf("%s: it ended with %d", tt.name, code)
		}
	}
}

// holds says whether a process has a socket of ours open, too.
func holds(t *testing.T, pid int, conn *net.UDPConn) (found bool) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	raw.Control(func(fd uintptr) { err = unix.Fstat(int(fd), &st) })
	if err != nil {
		t.Fatal(err)
	}
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, link := range links {
		if to, _ := os.Readlink(link); to == fmt.Sprintf("socket:[%d]", st.Ino) {
			found = true
		}
	}
	return found
}

func TestSocketsThatCannotBeServedAreNamed(t *testing.T) {
	t.Parallel()
	dir := harness.NewTree(t).Dir
	tcp, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	for _, tt := range []struct {
		name  string
		flags []string
		what  interface{ File() (*os.File, error) }
		code  int
		says  string
	}{
		{"TCP", nil, tcp, 1, `socket "tftp" of the service manager, descriptor 3: want UDP, bound to a port (ListenDatagram=ADDRESS:PORT)`},
		{"both families", nil, udp(t, "udp", "[::]:0"), 1, "want BindIPv6Only=ipv6-only, and ListenDatagram=0.0.0.0:PORT beside it"},
		{"an unknown name", []string{"--listen", "fd:tfpt"}, udp(t, "udp4", "127.0.0.1:0"), 2, `listen address "fd:tfpt": no socket has this name; there are tftp`},
		{"a shared port", []string{"--single-port"}, udp(t, "udp4", "127.0.0.1:0"), 2, "stop the socket unit"},
	} {
		// Not by harness.Command, which may add --single-port.
		cmd := exec.Command(harness.Brood(t), append([]string{"serve", "--root", dir}, tt.flags...)...)
		out, _ := activated(t, cmd, "tftp", tt.what).CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != tt.code || !strings.Contains(string(out), tt.says) {
			t.Errorf("%s: exit code %d, want %d, with\n%s\nwhere %q is to be said", tt.name, code, tt.code, out, tt.says)
		}
	}
}
