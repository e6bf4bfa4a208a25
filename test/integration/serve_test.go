package integration

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"brood/protocol"
	"brood/test/harness"
	"brood/worker/workertest"
)

func TestFilesOfEverySizeArriveWhole(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	sizes := []int{0, 1, 511, 512, 513, 1427, 1428, 1429, 64 * 1428, 64*1428 + 1, 3_000_000}
	content := map[int][]byte{}
	for _, n := range sizes {
		content[n] = tree.File(fmt.Sprint(n), n)
	}
	s := harness.Serve(t, "--root", tree.Dir)
	for name, options := range map[string][]protocol.Option{
		"no options":      nil,
		"blksize 1428":    {{Name: "blksize", Value: "1428"}},
		"windowsize 8":    {{Name: "blksize", Value: "1428"}, {Name: "windowsize", Value: "8"}},
		"windowsize 64":   {{Name: "BLKSIZE", Value: "1428"}, {Name: "WindowSize", Value: "64"}, {Name: "tsize", Value: "0"}},
		"blksize 65464":   {{Name: "blksize", Value: "65464"}},
		"blksize 8":       {{Name: "blksize", Value: "8"}, {Name: "windowsize", Value: "64"}, {Name: "rollover", Value: "1"}},
		"blksize 8 to 0":  {{Name: "blksize", Value: "8"}, {Name: "windowsize", Value: "64"}, {Name: "rollover", Value: "0"}},
		"unknown options": {{Name: "multicast", Value: ""}, {Name: "root", Value: "/"}, {Name: "timeout", Value: "3"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, n := range sizes {
				var got bytes.Buffer
				client := workertest.Client{Options: options}
				result, err := client.Get(t.Context(), s.Addr, fmt.Sprint(n), &got)
				if err != nil || !bytes.Equal(got.Bytes(), content[n]) {
					t.Errorf("%d bytes with %v: %v, got %d bytes", n, options, err, got.Len())
				}
				if result.Size >= 0 && result.Size != int64(n) {
					t.Errorf("tsize %d, want %d", result.Size, n)
				}
			}
		})
	}
}

func TestNetasciiIsTranslated(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	text := strings.Repeat("a line\nand a lone \r in the next\n", 5000)
	tree.Write("text", []byte(text))
	s := harness.Serve(t, "--root", tree.Dir)
	var got bytes.Buffer
	client := workertest.Client{Mode: protocol.Netascii, Options: []protocol.Option{{Name: "tsize", Value: "0"}}}
	result, err := client.Get(t.Context(), s.Addr, "text", &got)
	if err != nil || got.String() != text {
		t.Errorf("%v, got %d bytes, want %d", err, got.Len(), len(text))
	}
	if result.OACK != nil {
		t.Errorf("tsize was acknowledged as %v: nobody knows the translated size yet", result.OACK)
	}
}

func TestOneLineASessionSaysWhatHappened(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("kernel", 100_000)
	s := harness.Serve(t, "--root", tree.Dir)
	client := workertest.Client{Options: []protocol.Option{ // the timeout keeps a busy machine from looking like a lossy link
		{Name: "blksize", Value: "1400"}, {Name: "windowsize", Value: "4"}, {Name: "timeout", Value: "60"},
	}}
	if _, err := client.Get(t.Context(), s.Addr, "kernel", io.Discard); err != nil {
		t.Fatal(err)
	}
	l := s.Session("kernel")
	for field, want := range map[string]string{
		"outcome": "complete", "bytes": "100000", "blksize": "1400", "windowsize": "4", "retransmissions": "0",
	} {
		if l.String(field) != want {
			t.Errorf("%s is %s, want %s: %v", field, l.String(field), want, l)
		}
	}
	for _, field := range []string{"peer", "duration", "MB/s", "worker"} {
		if l.String(field) == "" {
			t.Errorf("no %s in %v", field, l)
		}
	}
}

func TestHandlerErrorsBecomeErrorPackets(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("dir/file", 10)
	s := harness.Serve(t, "--root", tree.Dir)
	for file, code := range map[string]protocol.ErrorCode{
		"missing":          protocol.CodeNotFound,
		"dir":              protocol.CodeAccessViolation,
		"../../etc/passwd": protocol.CodeAccessViolation,
		"bad\xff\nname":    protocol.CodeNotFound,
	} {
		client := workertest.Client{}
		_, err := client.Get(t.Context(), s.Addr, file, io.Discard)
		var e *protocol.Error
		if !errors.As(err, &e) || e.Code != code {
			t.Errorf("%q: got %v, want ERROR %d", file, err, code)
		}
		if strings.Contains(fmt.Sprint(err), tree.Dir) {
			t.Errorf("%q: the client was told where the files lie: %v", file, err)
		}
		if l := s.Session(protocol.Printable(file)); l.String("outcome") != "refused" {
			t.Errorf("%q: logged %v", file, l)
		}
	}
}

func TestPsShowsWhoIsServedByWhom(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	tree.File("images/vmlinuz", 5000)
	s := harness.Serve(t, "--root", tree.Dir)
	peer := harness.NewPeer(t, "127.0.0.1")
	peer.Send(s.Addr, harness.RRQ("images/vmlinuz"))
	peer.Data(1) // and keep it waiting for the ACK

	var serving []int
	for _, pid := range harness.Children(s.PID) {
		switch title := harness.Title(pid); title {
		case "brood: worker 127.0.0.1 images/vmlinuz":
			serving = append(serving, pid)
		case "brood: worker (idle)", "", harness.Title(s.PID): // not yet executed
		default:
			t.Errorf("a worker calls itself %q", title)
		}
	}
	if len(serving) != 1 {
		t.Fatalf("%d workers call themselves after the session, want 1", len(serving))
	}
	if tid := peer.TID; (tid.Port() == s.Addr.Port()) != harness.SinglePort() {
		t.Errorf("the session answers from %v; single port: %v", tid, harness.SinglePort())
	}
	for block := uint16(1); block <= 10; block++ {
		peer.Ack(block)
		if block < 10 {
			peer.Data(block + 1)
		}
	}
	if l := s.Session("images/vmlinuz"); l.Int("worker") != serving[0] || l.String("outcome") != "complete" {
		t.Errorf("logged %v, want complete by worker %d", l, serving[0])
	}
}

func TestSupervisorAndWorkersHoldNoMoreThanTheyNeed(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	s := harness.Serve(t, "--root", tree.Dir)
	worker := harness.IdleWorker(s.PID)
	if worker == 0 {
		t.Fatal("no idle worker")
	}
	want := []struct {
		pid   int
		field string
		value string
	}{
		{s.PID, "Name", "brood"}, // pgrep and pidof go by it
		{worker, "NoNewPrivs", "1"},
		{worker, "CapPrm", "0000000000000000"},
		{worker, "CapEff", "0000000000000000"},
		{worker, "CapAmb", "0000000000000000"},
	}
	if harness.Root() {
		const keeps = "00000000000004e0" // KILL, SETGID, SETUID, NET_BIND_SERVICE
		want = append(want, []struct {
			pid   int
			field string
			value string
		}{
			{worker, "Uid", "65534 65534 65534 65534"},
			{worker, "Gid", "65534 65534 65534 65534"},
			{worker, "Groups", ""},
			{s.PID, "Uid", "65530 65530 65530 65530"},
			{s.PID, "Gid", "65530 65530 65530 65530"},
			{s.PID, "Groups", ""},
			{s.PID, "CapPrm", keeps},
			{s.PID, "CapEff", keeps},
		}...)
	}
	if harness.Root() {
		own := harness.Manners{Slack: 1_000_000, Policy: policyOf(t, 0)}
		starter := harness.Manners{Slack: 100_000_000, Policy: max(own.Policy, unix.SCHED_BATCH)}
		if all := harness.ThreadManners(s.PID); len(all) != 2 || all[own] == 0 || all[starter] != 1 {
			t.Errorf("the supervisor's threads have timers so late, and such a policy: %v; want %v for the one whose children inherit it, and %v for all others", all, starter, own)
		}
		checkManners(t, worker, late(), own.Policy)
	}
	for _, w := range want {
		if got := harness.Status(w.pid, w.field); got != w.value {
			t.Errorf("%s: %s is %q, want %q", harness.Title(w.pid), w.field, got, w.value)
		}
	}
}

// A server that was made a batch job has workers that are.
func TestWorkersGetTheCPUAsTheirSupervisorDoes(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	cmd := harness.Command(t, "serve", "--log-format", "json", "--listen", "127.0.0.1:0", "--root", tree.Dir)
	var s *harness.Server
	func() {
		runtime.LockOSThread() // what it starts inherits its policy
		defer runtime.UnlockOSThread()
		before := policyOf(t, 0)
		setPolicy(t, unix.SCHED_BATCH)
		defer setPolicy(t, before)
		s = harness.Launch(t, cmd)
	}()
	s.Wait("listening", nil)
	worker := harness.IdleWorker(s.PID)
	if worker == 0 {
		t.Fatal("no idle worker")
	}
	if got := policyOf(t, worker); got != unix.SCHED_BATCH {
		t.Errorf("its worker's policy is %d, want %d", got, unix.SCHED_BATCH)
	}
	if harness.Root() { // who may see how late another process's timers are
		checkManners(t, worker, late(), unix.SCHED_BATCH)
	}
}

// policyOf says by which policy a thread gets the CPU; 0: this one.
func policyOf(t *testing.T, tid int) uint32 {
	t.Helper()
	a, err := unix.SchedGetAttr(tid, 0)
	if err != nil {
		t.Fatal(err)
	}
	return a.Policy
}

// setPolicy is for the calling thread, whose goroutine is locked to it.
func setPolicy(t *testing.T, policy uint32) {
	t.Helper()
	a, err := unix.SchedGetAttr(0, 0)
	if err == nil {
		a.Policy = policy
		err = unix.SchedSetAttr(0, a, 0)
	}
	if err != nil {
		t.Error(err)
	}
}

// late is how many threads of a worker have timers that may be late: the runtime's monitor.
func late() int {
	if harness.Race() {
		return 2 // with cgo the maker is older than all code of ours
	}
	return 1
}

// checkManners holds that in a worker that is ready only so many threads have timers that may
// be late, and yield, of those that run no goroutines. The others have the supervisor's policy.
func checkManners(t *testing.T, pid, lateOnes int, policy uint32) {
	t.Helper()
	born := harness.Manners{Slack: 100_000_000, Policy: max(policy, unix.SCHED_BATCH)}
	serving := harness.Manners{Slack: 50_000, Policy: policy}
	var all map[harness.Manners]int
	if !harness.Eventually(func() bool {
		all = harness.ThreadManners(pid)
		return len(all) == 2 && all[born] == lateOnes && all[serving] > 0
	}) {
		t.Errorf("%s: its threads have timers so late, and such a policy: %v; want %v for %d of them and %v for all others", harness.Title(pid), all, born, lateOnes, serving)
	}
}
