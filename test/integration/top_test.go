package integration

import (
	"bytes"
	"net/netip"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"brood/protocol"
	"brood/test/harness"
	"brood/worker/workertest"
)

// Keys as an xterm sends them.
const (
	keyDown   = "\x1b[B"
	keyEnter  = "\r"
	keyEscape = "\x1b"
)

// unsteady is what a screen of top has another of each time: by what it is replaced.
var unsteady = []struct {
	*regexp.Regexp
	by string
}{
	{regexp.MustCompile(`\d\d-\d\d \d\d:\d\d:\d\d`), "DATE"},
	{regexp.MustCompile(`\d+\.\d+\.\d+\.\d+(:\d+)?`), "CLIENT"},
	{regexp.MustCompile(`brood \S+`), "VERSION"},
	{regexp.MustCompile(`pid \d+`), "PID"},
	{regexp.MustCompile(`idle workers \d+( and \d+ on their way)?`), "IDLE"},
	{regexp.MustCompile(`\d+(\.\d+)? m?s\b|\d+[mh]\d\d[sm]`), "TIME"},
	{regexp.MustCompile(`\d+(\.\d)? [kMG]?B`), "SIZE"},
	{regexp.MustCompile(`(?m)\d+( +TIME \S+)$`), "AGAIN$1"}, // of who is stuck
	{regexp.MustCompile(` +`), " "},
}

func steady(screen string) string {
	for _, u := range unsteady {
		screen = u.ReplaceAllString(screen, u.by)
	}
	return screen
}

// onTop runs top, or another command line with it, on a terminal.
func (o *operator) onTop(columns, rows int, args ...string) *harness.Terminal {
	return harness.OnTerminal(o.t, o.command(append([]string{"top", "--every", "100ms"}, args...)...), columns, rows)
}

// shows waits until a screen has a text.
func shows(screen *harness.Terminal, text string) string {
	return screen.Wait(func(got string) bool { return strings.Contains(got, text) })
}

// becomes waits until a screen is one of the README's.
func becomes(t *testing.T, screen *harness.Terminal, command string) {
	t.Helper()
	want, ok := screens(t)[command]
	if !ok {
		t.Fatalf("the README has no screen of %q", command)
	}
	t.Logf("wanted:\n%s", steady(want))
	screen.Wait(func(got string) bool { return steady(got) == steady(want) })
}

// slowly has a client get the first blocks of a file, and then one now and then until
// the test ends.
func slowly(t *testing.T, s *harness.Server, addr, file string, blocks uint16) {
	t.Helper()
	peer := harness.NewPeer(t, addr)
	peer.Send(s.Addr, harness.RRQ(file, "tsize", "0", "timeout", "200"))
	peer.Receive()
	peer.Ack(0)
	for n := range blocks {
		peer.Data(n + 1)
		peer.Ack(n + 1)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(stop); <-stopped })
	go func() {
		defer close(stopped)
		ticks := time.NewTicker(200 * time.Millisecond)
		defer ticks.Stop()
		for n := blocks + 1; ; n++ {
			select {
			case <-stop:
				peer.Conn.WriteToUDPAddrPort((&protocol.Error{}).Append(nil), peer.TID) // the server need not wait
				return
			case <-ticks.C:
				peer.Conn.WriteToUDPAddrPort(protocol.Ack{Block: n}.Append(nil), peer.TID)
			}
		}
	}()
}

func TestTopIsTheOneInTheREADME(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	kernel := tree.File("images/vmlinuz", 51_200)
	tree.File("images/initrd.img", 40_000_000)
	s, o := serveOperated(t, "--root", tree.Dir)
	var got bytes.Buffer
	client := workertest.Client{Local: netip.MustParseAddr("127.0.0.9"), Timeout: longTimeout}
	if _, err := client.Get(t.Context(), s.Addr, "images/vmlinuz", &got); err != nil || !bytes.Equal(got.Bytes(), kernel) {
		t.Fatal(err)
	}
	o.settled()
	stuck := harness.NewPeer(t, "127.0.0.7")
	stuck.Send(s.Addr, harness.RRQ("images/vmlinuz", "tsize", "0"))
	stuck.Receive()
	stuck.Ack(0)
	for n := range uint16(25) {
		stuck.Data(n + 1)
		stuck.Ack(n + 1)
	}
	stuck.Data(26)
	slowly(t, s, "127.0.0.9", "images/initrd.img", 10)

	screen := o.onTop(80, 9)
	becomes(t, screen, "$ broodctl top")
	screen.Type(">>>>>>>") // state, done, rate, rtt, again, silent
	if got := shows(screen, "by age, falling"); strings.Index(got, "vmlinuz") > strings.Index(got, "initrd") {
		t.Errorf("the younger one comes first:\n%s", got)
	}
	screen.Type("r")
	if got := shows(screen, "by age, rising"); strings.Index(got, "vmlinuz") < strings.Index(got, "initrd") {
		t.Errorf("the older one comes first:\n%s", got)
	}
	screen.Type("/stuck")
	if got := shows(screen, "filter: stuck_"); strings.Contains(got, "initrd") {
		t.Errorf("what is not stuck is shown:\n%s", got)
	}
	screen.Type(keyEnter)
	shows(screen, "1-1 of 1 by age, rising   filter stuck")
	screen.Type(keyEscape)
	shows(screen, "1-2 of 2 by age, rising   ? help")
	screen.Type(keyDown)
	screen.Wait(func(got string) bool { return regexp.MustCompile(`(?m)^> .*initrd`).MatchString(got) })
	screen.Type(keyEnter)
	becomes(t, screen, "$ broodctl top # and enter on the second line")
	screen.Type(keyEscape)
	shows(screen, "1-2 of 2 by age")
	screen.Type(keyDown)
	screen.Wait(func(got string) bool { return regexp.MustCompile(`(?m)^>!r 127.*vmlinuz`).MatchString(got) })
	screen.Type("k")
	shows(screen, ", images/vmlinuz? y: yes, another key: no")
	screen.Type("y")
	s.Wait("session", func(l harness.Line) bool {
		return l.String("outcome") == "killed" && l.String("peer") == stuck.Conn.LocalAddr().String()
	})
	shows(screen, "1-1 of 1 by age")
	screen.Resize(60, 8)
	screen.Wait(func(got string) bool {
		return strings.Contains(got, "CLIENT           DONE   RATE/s AGAIN    AGE FILE\n") && strings.Contains(got, "1-1 of 1")
	})
	screen.Type("q")
	if code, left := screen.Exit(), screen.Screen(); code != 0 || left != "\n" {
		t.Errorf("it ends with %d, and leaves\n%s", code, left)
	}
}

// What a terminal was before it is afterwards, whichever way top ends.
func TestTopLeavesTheTerminalAsItWas(t *testing.T) {
	t.Parallel()
	s, o := serveOperated(t, "--root", harness.NewTree(t).Dir)
	for name, keys := range map[string]string{"q": "q", "ctrl+c": "\x03", "ctrl+c while it asks for a filter": "/\x03", "SIGTERM": "", "SIGHUP": ""} {
		top := o.command("top")
		line := append([]string{"-c", `stty -g; "$@"; echo $?; stty -g`, "sh"}, top.Args...)
		shell := exec.Command("sh", line...)
		shell.Env = top.Env
		screen := harness.OnTerminal(t, shell, 150, 10)
		shows(screen, "nobody is served")
		// It asks the terminal what that can do. The answers come before this key, and what
		// a signal finds unread would be the shell's.
		screen.Type("/")
		shows(screen, "filter: _")
		screen.Type(keyEscape)
		shows(screen, "? help")
		switch name {
		case "SIGTERM":
			syscall.Kill(harness.Children(shell.Process.Pid)[0], syscall.SIGTERM)
		case "SIGHUP":
			syscall.Kill(harness.Children(shell.Process.Pid)[0], syscall.SIGHUP)
		default:
			screen.Type(keys)
		}
		screen.Exit()
		lines := strings.Split(screen.Screen(), "\n")
		if len(lines) != 4 || lines[0] == "" || lines[1] != "0" || lines[2] != lines[0] {
			t.Errorf("%s: there stands\n%s", name, screen.Screen())
		}
	}
	s.Stop()
}

func TestTopOutlivesItsServer(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("f", 1500)
	o := &operator{t: t, path: harness.SocketPath(t)}
	u := harness.StartUpgradable(t, nil, "--root", tree.Dir, "--admin", o.path)
	screen := o.onTop(150, 12)
	shows(screen, "nobody is served")
	u.Upgrade()
	shows(screen, "upgraded: process ")
	peer := harness.NewPeer(t, "127.0.0.1")
	peer.Send(u.Addr, harness.RRQ("f"))
	peer.Data(1)
	shows(screen, "127.0.0.1:")
	u.Left(u.PID)
	peer.Ack(1)
	peer.Data(2)
	peer.Ack(2)
	peer.Data(3)
	peer.Ack(3)
	shows(screen, "nobody is served")
	u.End()
	shows(screen, ": it has drained and ended")

	next := harness.Serve(t, "--root", tree.Dir, "--admin", o.path)
	shows(screen, "another server answers: process ")
	next.Kill()
	shows(screen, ": it has gone without a word: "+o.path+": nobody listens there")
	harness.Serve(t, "--root", tree.Dir, "--admin", o.path)
	shows(screen, "another server answers: process ")
	screen.Type("q")
	if code := screen.Exit(); code != 0 {
		t.Errorf("it ends with %d", code)
	}
}

func TestTopNeedsATerminal(t *testing.T) {
	t.Parallel()
	_, o := serveOperated(t, "--root", harness.NewTree(t).Dir)
	if code, stdout, stderr := o.run("top"); code != 1 || stdout != "" || !strings.Contains(stderr, "`broodctl sessions --watch`") {
		t.Errorf("into a pipe: %d, %s%s", code, stdout, stderr)
	}
	o.as = []string{"env", "TERM=dumb"}
	screen := o.onTop(120, 5)
	if code, text := screen.Exit(), screen.Screen(); code != 1 || !strings.Contains(text, "`broodctl sessions --watch`") {
		t.Errorf("on a dumb terminal: %d\n%s", code, text)
	}
	o.as, o.path = nil, o.path+"none"
	screen = o.onTop(120, 5)
	if code, text := screen.Exit(), screen.Screen(); code != 1 || !strings.Contains(text, "no such socket") {
		t.Errorf("without a server: %d\n%s", code, text)
	}
}
