//go:build boot

package boot

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/protocol"
	"brood/test/harness"
	"brood/worker/workertest"
)

// clock is a server under a wall clock that is set.
type clock struct {
	*testing.T
	*harness.Server
	tree  *harness.Tree
	start time.Time
}

// strangers are more than have credit at once.
const strangers = 12

// begin has transfers begin and requests wait. after looks at what became of them.
func (c *clock) begin(name string) (after func()) {
	held := []*download{
		c.download("127.0.0.2", name+"-held-1", true), c.download("127.0.0.2", name+"-held-2", true),
	}
	waits := c.download("127.0.0.2", name+"-waits", false) // an address may have two
	c.Wait("stats", func(l harness.Line) bool { return l.Int("waiting") >= 1 && l.Int("active") >= 2 })
	return func() {
		c.WaitN(len(c.lines("stats"))+2, "stats", nil)
		known := c.download("127.0.0.3", name+"-known", false)
		stranger := c.download(fmt.Sprintf("127.2.%d.1", len(name)), name+"-stranger", false)
		for _, d := range append(held, waits, known, stranger) {
			d.finish()
		}
	}
}

// beginLast is begin for what does not wait long: clients that use up the credit
// of all strangers, and one that says nothing from its second block on.
func (c *clock) beginLast(name string) (after func()) {
	c.download("127.0.0.3", name+"-before", false).finish() // and so is no stranger
	var silent []*harness.Peer
	for i := range strangers {
		p := harness.NewPeer(c.T, fmt.Sprintf("127.1.%d.%d", len(name), i+1))
		c.tree.File(fmt.Sprint(name, "-silent-", i), 100)
		p.Send(c.Addr, harness.RRQ(fmt.Sprint(name, "-silent-", i)))
		silent = append(silent, p)
	}
	const timeout = 5 * time.Second
	slow := harness.NewPeer(c.T, "127.0.0.3")
	want := c.tree.File(name+"-slow", 700)
	asked := time.Now()
	slow.Ask(c.Addr, harness.RRQ(name+"-slow", "timeout", "5"))
	slow.Ack(0)
	slow.Data(1)
	return func() {
		for !slow.Silent(time.Millisecond) {
			// What was sent before is no matter.
		}
		slow.Data(1) // and this is at its time
		slow.Ack(1)
		if rest := slow.Data(2); !bytes.Equal(rest, want[512:]) {
			c.Errorf("%d bytes came last, want %d", len(rest), len(want)-512)
		}
		slow.Ack(2)
		line := c.Session(name + "-slow")
		n := line.Int("retransmissions")
		if took := time.Since(asked); n < 1 || time.Duration(n)*timeout > took {
			c.Errorf("%d retransmissions within %v, with %v between two: %v", n, took, timeout, line)
		}
		for _, p := range silent {
			p.Conn.Close()
		}
	}
}

// lines are those with a message, so far.
func (c *clock) lines(message string) (all []harness.Line) {
	for _, l := range c.Log() {
		if l.Message() == message {
			all = append(all, l)
		}
	}
	return all
}

// drain sets the clock while the server waits for a transfer to end.
func (c *clock) drain() {
	quiet := func() bool {
		stats := c.lines("stats")
		last := stats[len(stats)-1]
		return last.Int("active") == 0 && last.Int("waiting") == 0
	}
	if !harness.Eventually(quiet) {
		c.Fatal("sessions of clients that are gone don't end")
	}
	last := c.download("127.0.0.2", "drained", true)
	c.Signal(syscall.SIGTERM)
	c.Wait("draining", nil)
	c.set(step)
	last.finish()
	if code := c.Exit(); code != 0 {
		c.Errorf("the server ended with code %d", code)
	}
	if hurried := c.lines("ending the sessions that are left"); len(hurried) > 0 {
		c.Error("the drain was over when the clock said so")
	}
}

// sessions looks at the log.
func (c *clock) sessions() {
	elapsed := time.Since(c.start)
	for _, l := range c.lines("session") {
		if d := l.Seconds("duration"); d <= 0 || d > elapsed {
			c.Errorf("within %v a session took %v: %v", elapsed, d, l)
		}
		file, outcome := l.String("file"), l.String("outcome")
		if outcome != "complete" && !strings.Contains(file, "-silent-") && !strings.HasPrefix(file, "crash-") {
			c.Errorf("a session did not end as it had to: %v", l)
		}
	}
	stats := c.lines("stats")
	last := stats[len(stats)-1]
	for _, name := range []string{"expired", "ended", "worker-failures"} {
		if last.Int(name) != 0 {
			c.Errorf("counted as %s: %d; all: %v", name, last.Int(name), last)
		}
	}
}

// download is a client's transfer, of which one that is held gets no further than
// its first bytes until it is finished.
type download struct {
	c     *clock
	name  string
	want  []byte
	got   bytes.Buffer
	began chan struct{}
	hold  chan struct{}
	done  chan error
}

func (c *clock) download(from, name string, held bool) *download {
	d := &download{c: c, name: name, want: c.tree.File(name, 300_000), began: make(chan struct{}), hold: make(chan struct{}), done: make(chan error, 1)}
	client := workertest.Client{
		Local: netip.MustParseAddr(from), Retries: 100,
		Options: []protocol.Option{{Name: "blksize", Value: "1428"}, {Name: "windowsize", Value: "8"}},
	}
	if !held {
		close(d.hold)
	}
	go func() {
		_, err := client.Get(c.Context(), c.Addr, name, d)
		d.done <- err
	}()
	if held {
		select {
		case <-d.began:
		case err := <-d.done:
			c.Fatalf("%s: %v", name, err)
		}
	}
	return d
}

func (d *download) Write(p []byte) (int, error) {
	if d.got.Len() == 0 {
		close(d.began)
	}
	<-d.hold
	return d.got.Write(p)
}

func (d *download) finish() {
	d.c.Helper()
	select {
	case <-d.hold:
	default:
		close(d.hold)
	}
	select {
	case err := <-d.done:
		if err != nil || !bytes.Equal(d.got.Bytes(), d.want) {
			d.c.Errorf("%s: got %d bytes of %d, %v", d.name, d.got.Len(), len(d.want), err)
		}
	case <-time.After(time.Minute):
		d.c.Errorf("%s: not served within a minute", d.name)
	}
}

// withRecords begins what only the test's own handler can do.
func (c *clock) withRecords(name string) (after func()) {
	// A client that has crashed two handlers is not heard for 10 s.
	crashed := time.Now()
	const penalty = "a client keeps crashing handlers and is not heard"
	for i, before := 0, len(c.lines(penalty)); len(c.lines(penalty)) == before; i++ {
		client := workertest.Client{Local: netip.MustParseAddr("127.0.0.4"), Options: []protocol.Option{{Name: "blksize", Value: "65464"}}}
		file := fmt.Sprint("crash-", name, "-", i)
		if _, err := client.Get(c.Context(), c.Addr, file, &bytes.Buffer{}); err == nil {
			c.Fatalf("%s did not crash", file)
		}
		c.Session(file)
	}

	// A handler that has not opened yet.
	path := filepath.Join(c.tree.Dir, "pipe-"+name)
	if err := unix.Mkfifo(path, 0o644); err != nil {
		c.Fatal(err)
	}
	client := harness.NewPeer(c.T, "127.0.0.5")
	client.Send(c.Addr, harness.RRQ("pipe-"+name))
	pipe, err := os.OpenFile(path, os.O_WRONLY, 0) // which waits until it reads
	if err != nil {
		c.Fatal(err)
	}
	opening := time.Now()
	return func() {
		waited := time.Since(opening)
		pipe.WriteString("written")
		pipe.Close()
		if got := string(client.Data(1)); got != "written" {
			c.Errorf("got %q", got)
		}
		client.Ack(1)
		record := c.Wait("record", func(l harness.Line) bool { return l.String("file") == "pipe-"+name })
		if first, all := record.Seconds("first-sent"), record.Seconds("duration"); first < waited || first > all {
			c.Errorf("the first packet was sent after %v, and the handler opened after more than %v: %v", first, waited, record)
		}

		c.tree.File("heard-"+name, 10)
		penalised := harness.NewPeer(c.T, "127.0.0.4")
		penalised.Ask(c.Addr, harness.RRQ("heard-"+name))
		penalised.Ack(1)
		if d := time.Since(crashed); d < 10*time.Second {
			c.Errorf("a client that crashes handlers was heard after %v, want 10s", d)
		}
	}
}

// records looks at what the callback got.
func (c *clock) records() {
	elapsed := time.Since(c.start)
	for _, l := range c.lines("record") {
		for _, name := range []string{"waited", "first-sent", "duration"} {
			if d := l.Seconds(name); d < 0 || d > elapsed {
				c.Errorf("within %v %s is %v: %v", elapsed, name, d, l)
			}
		}
	}
}
