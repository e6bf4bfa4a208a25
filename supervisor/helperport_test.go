package supervisor

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/ipc/admin"
)

// webChild is a helper that listens, and says in a file where: it tells who connects
// what it is told as an operator, and ends when somebody says so.
func webChild(mark string) int {
	l, err := net.FileListener(os.NewFile(ipc.Listener, "listener"))
	if err == nil {
		err = errors.Join(os.WriteFile(mark+"-new", []byte(l.Addr().String()), 0o644), os.Rename(mark+"-new", mark))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	go func() {
		for {
			if _, _, err := ipc.Hear(ipc.Control); err != nil {
				os.Exit(0)
			}
		}
	}()
	for {
		conn, err := l.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		var what [4]byte
		if io.ReadFull(conn, what[:]); string(what[:]) == "exit" {
			return 5
		}
		fmt.Fprint(conn, os.Getpid(), " ", operatorSays(string(what[:])))
		conn.Close()
	}
}

// operatorSays is what a server says to a helper that is an operator.
func operatorSays(what string) string {
	fd, err := ipc.Enter(ipc.Door)
	if err != nil {
		return err.Error()
	}
	conn := os.NewFile(uintptr(fd), "desk")
	defer conn.Close()
	c, err := admin.NewClient(conn)
	if err != nil {
		return err.Error()
	}
	if what == "kill" {
		return fmt.Sprint(c.Do(admin.Request{Kind: admin.KindKill, Number: 77}))
	}
	all, err := admin.All[admin.Status](c, admin.Request{Kind: admin.KindStatus})
	if err != nil || len(all) != 1 {
		return fmt.Sprint(all, err)
	}
	return fmt.Sprint(all[0].State, " ", all[0].PID, " ", c.Hello.MayChange)
}

// answers is what the helper says to who connects and says what.
func (s *server) answers(addr, what string) string {
	s.t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, what)
	b, err := io.ReadAll(conn)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

func TestAHelperListensAndIsAnOperator(t *testing.T) {
	t.Parallel()
	for access, want := range map[Access]string{MayLook: "is for root, the server's own user", MayChange: "no session has the ID 77"} {
		t.Run(fmt.Sprint(access), func(t *testing.T) {
			t.Parallel()
			mark := filepath.Join(helperDir(t), "where")
			s := startServer(t, spec{Helper: []string{"web", mark}, HelperListen: "127.0.0.1:0", HelperAccess: access})
			var where []byte
			if !eventually(func() bool { where, _ = os.ReadFile(mark); return len(where) > 0 }) {
				t.Fatal("no helper listens")
			}
			addr := string(where)
			var pid, server int
			var state string
			var may bool
			said := s.answers(addr, "look")
			if _, err := fmt.Sscan(said, &pid, &state, &server, &may); err != nil || may != (access == MayChange) || server != s.cmd.Process.Pid {
				t.Errorf("it says %q (%v)", said, err)
			}
			if said := s.answers(addr, "kill"); !strings.Contains(said, want) {
				t.Errorf("asked to change something: %q, want %q", said, want)
			}
			// Who connects while it is started anew waits.
			s.answers(addr, "exit")
			var next int
			if said = s.answers(addr, "look"); second(fmt.Sscan(said, &next)) != nil || next == pid {
				t.Errorf("process %d has ended, and then one says %q", pid, said)
			}
			s.tell("drain")
			if _, _, failed := s.end(); failed != "" {
				t.Errorf("Run returned %q", failed)
			}
			if conn, err := net.Dial("tcp", addr); err == nil {
				conn.Close()
				t.Error("somebody listens after the server's end")
			}
			if log := s.said(); strings.Count(log, "a helper runs: helper=tester") != 2 || !strings.Contains(log, "address="+addr) {
				t.Errorf("the log does not say that two helpers listened on %s:\n%s", addr, log)
			}
		})
	}
}

// A port that can't be had is found out before anything is served.
func TestAHelpersPortThatIsInUseFailsTheStart(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = New(Options{Listen: []string{"127.0.0.1:0"}, Helpers: []Helper{{Name: "web", Path: "/x", Listen: l.Addr().String()}}})
	if err == nil || !strings.Contains(err.Error(), "helper web: listening on "+l.Addr().String()+": address already in use (another server has this port: see ss -tlpn)") {
		t.Errorf("New: %v", err)
	}
}

// A reload opens what is new, and closes what is of no more use.
func TestAReloadChangesWhereAHelperListens(t *testing.T) {
	t.Parallel()
	before, err := openHelperPorts([]Helper{{Name: "a", Listen: "127.0.0.1:0"}, {Name: "b", Listen: "[::1]:0"}}, nil, (*predecessor)(nil).port)
	if err != nil {
		t.Fatal(err)
	}
	defer before.closeAll()
	kept, left := before["127.0.0.1:0"], bound(before["[::1]:0"])
	next := []Helper{{Name: "a", Listen: "127.0.0.1:0"}, {Name: "c", Listen: "[::]:0"}, {Name: "d"}}
	more, err := openHelperPorts(next, before, (*predecessor)(nil).port)
	if err != nil || len(more) != 1 {
		t.Fatalf("%v, %v; want one new", more, err)
	}
	before.keep(more, next)
	if len(before) != 2 || before["127.0.0.1:0"] != kept {
		t.Errorf("there are %v", before)
	}
	if _, err := net.Dial("tcp", left); err == nil {
		t.Errorf("%s is open still", left)
	}
	_, port, _ := strings.Cut(bound(before["[::]:0"]), "]:")
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		conn, err := net.Dial("tcp", host+":"+port)
		if err != nil {
			t.Errorf("[::] is not every address: %v", err)
			continue
		}
		conn.Close()
	}
	if flags, err := unix.FcntlInt(uintptr(kept), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("the port is inherited by every child: flags %x, %v", flags, err)
	}
}

// A reload, or the end, may close a port while a helper is on its way that is to have it.
func TestAHelperOnItsWayHasItsPortWhateverBecomesOfIt(t *testing.T) {
	t.Parallel()
	h := Helper{Name: "a", Listen: "127.0.0.1:0"}
	ports, err := openHelperPorts([]Helper{h}, nil, (*predecessor)(nil).port)
	if err != nil {
		t.Fatal(err)
	}
	where := bound(ports[h.Listen])
	lent, err := ports.lend(h)
	ports.closeAll()
	if err != nil || bound(lent) != where {
		t.Errorf("it has %v instead of %s (%v)", bound(lent), where, err)
	}
	unix.Close(lent)
	if none, err := ports.lend(Helper{Name: "b"}); none != -1 || err != nil {
		t.Errorf("one that listens nowhere has descriptor %d, %v", none, err)
	}
}

// The helper of a server that was killed has the port until it knows.
func TestAHelpersPortThatIsFreeInAMomentIsWaitedFor(t *testing.T) {
	t.Parallel()
	before, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(portFreeWithin/20, func() { before.Close() })
	ports, err := openHelperPorts([]Helper{{Name: "a", Listen: before.Addr().String()}}, nil, (*predecessor)(nil).port)
	if err != nil {
		t.Fatal(err)
	}
	ports.closeAll()
}
