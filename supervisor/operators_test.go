package supervisor

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"brood/ipc/admin"
	"brood/protocol"
)

// operated is a server with an admin socket.
type operated struct {
	*server
	path string
}

func startOperated(t *testing.T, sp spec) *operated {
	t.Helper()
	dir, err := os.MkdirTemp("", "brood-admin") // t.TempDir is too long, and nobody else's
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o777)
	sp.Admin = filepath.Join(dir, "admin.sock")
	o := &operated{path: sp.Admin}
	o.server = startServer(t, sp)
	return o
}

func (o *operated) operator() *admin.Client {
	o.t.Helper()
	conn, err := net.Dial("unix", o.path)
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	c, err := admin.NewClient(conn)
	if err != nil {
		o.t.Fatal(err)
	}
	return c
}

func one[T any](t *testing.T, c *admin.Client, r admin.Request) T {
	t.Helper()
	all, err := admin.All[T](c, r)
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v: %+v, %v; want one item", r, all, err)
	}
	return all[0]
}

func code(err error) admin.Code {
	var e *admin.Error
	if !errors.As(err, &e) {
		return ""
	}
	return e.Code
}

func TestOperatorsSeeEverySession(t *testing.T) {
	t.Parallel()
	o := startOperated(t, spec{MinIdle: 2, MaxSessions: 1})
	holder, _ := request(t, o.server, "bytes/2000")
	waiting := peerSocket(t, "127.0.0.1:0")
	waiting.WriteToUDPAddrPort(protocol.Request{Op: protocol.OpRRQ, File: "bytes/1\n"}.Append(nil), o.addr)
	c := o.operator()
	watcher := o.operator()
	events := make(chan admin.Event, 100)
	go func() {
		defer close(events)
		admin.Each(watcher, admin.Request{Kind: admin.KindEvents, Text: "progress"}, func(e admin.Event) error {
			events <- e
			return nil
		})
	}()
	var all []admin.Session
	for end := time.Now().Add(patience); len(all) < 2 && time.Now().Before(end); {
		var err error
		if all, err = admin.All[admin.Session](c, admin.Request{Kind: admin.KindSessions}); err != nil {
			t.Fatal(err)
		}
	}
	if len(all) != 2 {
		t.Fatalf("operators see %+v, want one that runs and one that waits", all)
	}
	runs, waits := all[0], all[1]
	if runs.State != "serving" || runs.File != "bytes/2000" || runs.Worker == 0 || runs.Local != holder.tid.String() || runs.Mode != "octet" ||
		runs.Peer != holder.conn.LocalAddr().String() || runs.Size != -1 && runs.Size != 2000 || runs.Age <= 0 || runs.Silence <= 0 || runs.Waited > runs.Age {
		t.Errorf("the one that runs is %+v", runs)
	}
	if waits.State != "waiting" || waits.File != `"bytes/1\n"` || waits.Worker != 0 || waits.Peer != waiting.LocalAddr().String() || waits.ID == runs.ID {
		t.Errorf("the one that waits is %+v", waits)
	}
	status := one[admin.Status](t, c, admin.Request{Kind: admin.KindStatus})
	if status.State != "serving" || status.Program != "tester 1" || status.PID != o.cmd.Process.Pid || status.Active != 1 || status.Waiting != 1 ||
		status.Counters.Started != 1 || status.Clients != 2 || status.Generation != 1 || status.Config != "/etc/tester" || status.MaxSessions != 1 ||
		!slices.Equal(status.Listeners, []string{o.addr.String()}) || status.LogLevel != "debug" || len(status.Rules) != 0 {
		t.Errorf("the status is %+v", status)
	}

	if err := c.Do(admin.Request{Kind: admin.KindKill, Number: runs.ID}); err != nil {
		t.Errorf("ending a session: %v", err)
	}
	if got := holder.read(); !strings.HasPrefix(got, "\x00\x05\x00\x00Server ended the session") {
		t.Errorf("its client is told %q", got)
	}
	ended := (<-events)
	for ended.Event != admin.EventEnded {
		ended = <-events
	}
	if ended.Ended.ID != runs.ID || ended.Ended.Outcome != "killed" {
		t.Errorf("who watches is told %+v", ended.Ended)
	}
	if begun := <-events; begun.Event != admin.EventBegun || begun.Session.ID != waits.ID || begun.Session.State != "serving" {
		t.Errorf("and then %+v, %+v; want that the other begins", begun, begun.Session)
	}
	if err := c.Do(admin.Request{Kind: admin.KindKill, Number: runs.ID}); code(err) != admin.CodeNoSession {
		t.Errorf("ending it again: %v", err)
	}
	history, err := admin.All[admin.Ended](c, admin.Request{Kind: admin.KindHistory, Text: "127.0.0.0/8"})
	if err != nil || len(history) == 0 || history[len(history)-1].ID != runs.ID || history[len(history)-1].Outcome != "killed" {
		t.Errorf("the history is %+v, %v", history, err)
	}
	if err := c.Do(admin.Request{Kind: admin.KindDrain}); err != nil {
		t.Errorf("a drain: %v", err)
	}
	o.tell("hurry") // the file's name is none: whatever came of it
	var last admin.Event
	for e := range events {
		last = e
	}
	if last.Event != admin.EventGone || last.Reason != admin.ReasonDrained {
		t.Errorf("the last that who watches is told is %+v", last)
	}
	if _, _, failed := o.end(); failed != "" {
		t.Errorf("Run returned %q", failed)
	}
	if _, err := os.Lstat(o.path); err == nil {
		t.Error("the socket stays behind")
	}
	if log := o.said(); !strings.Contains(log, "an operator asks: ") || !strings.Contains(log, "request=kill") || !strings.Contains(log, "result=done") {
		t.Error("the log does not say what the operator has done")
	}
}

func TestOperatorsAreToldWhatIsWrong(t *testing.T) {
	t.Parallel()
	o := startOperated(t, spec{MinIdle: 1})
	if _, _, err := get(t, o.server, "bytes/1"); err != nil { // it serves
		t.Fatal(err)
	}
	c := o.operator()
	for _, tt := range []struct {
		request admin.Request
		code    admin.Code
		says    string
	}{
		{admin.Request{Kind: "tea"}, admin.CodeUnknown, "no request tea"},
		{admin.Request{Kind: "\x1b[2J"}, admin.CodeUnknown, `"\x1b[2J"`},
		{admin.Request{Kind: admin.KindKill, Number: 99}, admin.CodeNoSession, "ID 99"},
		{admin.Request{Kind: admin.KindLogLevel, Text: "loud"}, admin.CodeWrong, "loud"},
		{admin.Request{Kind: admin.KindLogLevel}, admin.CodeWrong, "want trace"},
		{admin.Request{Kind: admin.KindHistory, Text: "everybody"}, admin.CodeWrong, "everybody: want a client's address"},
		{admin.Request{Kind: admin.KindDeny, Text: "10.0.0.1/8", Number: 1000}, admin.CodeWrong, "10.0.0.1/8: want a prefix"},
		{admin.Request{Kind: admin.KindDeny, Text: "::ffff:10.0.0.0/104", Number: 1000}, admin.CodeWrong, "::ffff:10.0.0.0/104: want a prefix"},
		{admin.Request{Kind: admin.KindDeny, Text: "10.0.0.0/8", Number: 1 << 40}, admin.CodeWrong, "a year at most"},
		{admin.Request{Kind: admin.KindDeny, Text: "10.0.0.0/8"}, admin.CodeFailed, "no such rule"},
	} {
		if err := c.Do(tt.request); code(err) != tt.code || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%+v: %v; want %s and %q", tt.request, err, tt.code, tt.says)
		}
	}
}

func TestAnOperatorsReloadSaysWhatCameOfIt(t *testing.T) {
	t.Parallel()
	o := startOperated(t, spec{MinIdle: 1})
	if _, _, err := get(t, o.server, "bytes/1"); err != nil {
		t.Fatal(err)
	}
	c := o.operator()
	config := func() (config []byte) {
		chunks, err := admin.All[admin.Chunk](c, admin.Request{Kind: admin.KindConfig})
		if err != nil {
			t.Fatal(err)
		}
		for _, chunk := range chunks {
			config = append(config, chunk.Bytes...)
		}
		return config
	}
	if got := config(); string(got) != "first" {
		t.Errorf("the configuration is %q", got)
	}
	if err := c.Do(admin.Request{Kind: admin.KindReload}); err != nil {
		t.Errorf("a reload: %v", err)
	}
	if got := config(); !bytes.Equal(got, bytes.Repeat([]byte("second"), 20_000)) {
		t.Errorf("the configuration afterwards has %d bytes", len(got))
	}
	if status := one[admin.Status](t, c, admin.Request{Kind: admin.KindStatus}); status.Generation != 2 || status.Reloading || status.Unreloaded {
		t.Errorf("the status is %+v, want generation 2", status)
	}

	bad := startOperated(t, spec{MinIdle: 1, Config: "unreloadable"})
	if _, _, err := get(t, bad.server, "bytes/1"); err != nil {
		t.Fatal(err)
	}
	if err := bad.operator().Do(admin.Request{Kind: admin.KindReload}); code(err) != admin.CodeFailed || !strings.Contains(err.Error(), "it is gone") {
		t.Errorf("one that is refused: %v", err)
	}
	if status := one[admin.Status](t, bad.operator(), admin.Request{Kind: admin.KindStatus}); status.Generation != 1 || !status.Unreloaded {
		t.Errorf("the status after it is %+v", status)
	}
}

func TestOperatorsRulesComeBeforeTheConfiguration(t *testing.T) {
	t.Parallel()
	now := time.Now()
	f := newFake(t, Options{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}})
	say := func(kind admin.Kind, prefix string, d time.Duration) error {
		return f.rule(now, admin.Request{Kind: kind, Text: prefix, Number: uint64(d / time.Millisecond)})
	}
	is := func(source string, want bool) {
		t.Helper()
		if got := f.gate.admits(netip.MustParseAddr(source)); got != want {
			t.Errorf("%s is served: %v; rules %v", source, got, f.gate.rules.all)
		}
	}
	is("10.1.0.1", true)
	is("10.2.0.1", false)
	for _, err := range []error{
		say(admin.KindDeny, "10.0.0.0/8", time.Minute), say(admin.KindAllow, "10.1.2.0/24", time.Hour), say(admin.KindAllow, "192.0.2.7", 2*time.Hour),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	is("10.1.0.1", false) // though the configuration has a longer prefix
	is("10.1.2.1", true)
	is("192.0.2.7", true)
	is("192.0.2.8", false) // the configuration's word
	f.adopt(now, &generation{settings: &f.settings})
	is("10.1.0.1", false) // still, after a reload
	var successor fake
	successor.Supervisor = &Supervisor{}
	successor.gate.rules.takeOver(f.gate.rules.pass())
	if got, want := successor.gate.rules.all, f.gate.rules.all; len(got) != 3 || got[0].prefix != want[0].prefix || got[1].allow != want[1].allow || got[2].until.Sub(want[2].until).Abs() > time.Second {
		t.Errorf("an upgrade passes on %v, want %v", got, want)
	}
	now = now.Add(time.Minute)
	f.gate.expire(now)
	is("10.1.0.1", true)
	is("192.0.2.7", true)
	if err := say(admin.KindAllow, "192.0.2.7/32", 0); err != nil {
		t.Errorf("taking a rule back: %v", err)
	}
	is("192.0.2.7", false)
	if said := f.gate.rules.tell(now); len(said) != 1 || said[0].Prefix != "10.1.2.0/24" || !said[0].Allow || said[0].Left != 59*60 {
		t.Errorf("a status says %+v", said)
	}
	for i := range maxRules - 1 {
		if err := say(admin.KindDeny, fmt.Sprintf("10.9.%d.%d", i/256, i%256), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if err := say(admin.KindDeny, "10.8.0.0/16", time.Hour); code(err) != admin.CodeFailed {
		t.Errorf("one rule too many: %v", err)
	}
	if err := say(admin.KindAllow, "10.9.0.0", time.Hour); err != nil { // one that there is can be changed
		t.Error(err)
	}
	is("10.9.0.0", true)
	f.gate.expire(now.Add(time.Hour))
	is("10.9.0.1", false)
	if len(f.gate.rules.all) != 0 {
		t.Errorf("rules are left: %v", f.gate.rules.all)
	}
}

func TestHistoryIsBoundedAndLatestFirst(t *testing.T) {
	t.Parallel()
	var h history
	for i := range maxHistory + 10 {
		h.add(&past{id: uint64(i)})
		all := h.all()
		if want := min(i+1, maxHistory); len(all) != want || all[0].id != uint64(i) || all[len(all)-1].id != uint64(i+1-want) {
			t.Fatalf("after %d there are %d, from %d to %d", i+1, len(all), all[0].id, all[len(all)-1].id)
		}
	}
}

func TestWhoseHistory(t *testing.T) {
	t.Parallel()
	r := &SessionStats{Peer: netip.MustParseAddrPort("[fe80::1%eth0]:2070"), MAC: "52:54:00:ab:cd:ef"}
	four := &SessionStats{Peer: netip.MustParseAddrPort("10.1.2.3:2070")}
	for _, tt := range []struct {
		text      string
		six, four bool
	}{
		{"", true, true},
		{"fe80::1", true, false},
		{"fe80::/64", true, false},
		{"10.1.2.3", false, true},
		{"10.0.0.0/8", false, true},
		{"10.1.2.4", false, false},
		{"52:54:00:ab:cd:ef", true, false},
		{"52-54-00-AB-CD-EF", true, false},
		{"5254.00ab.cdef", true, false},
		{"525400abcdef", true, false},
		{"52:54:00:ab:cd:ee", false, false},
	} {
		of, err := whose(tt.text)
		if err != nil || of(r) != tt.six || of(four) != tt.four {
			t.Errorf("%q: %v, or not as wanted", tt.text, err)
		}
	}
}

// Operators are told every counter, and each once.
func TestEveryCounterIsTold(t *testing.T) {
	t.Parallel()
	var s ServerStats
	n := uint64(0)
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		for i := range v.NumField() {
			switch f := v.Field(i); f.Kind() {
			case reflect.Uint64:
				n++
				f.SetUint(n)
			case reflect.Struct:
				if v.Type().Field(i).Name == "Refused" {
					fill(f)
				}
			}
		}
	}
	fill(reflect.ValueOf(&s).Elem())
	seen := make(map[uint64]int)
	told := reflect.ValueOf(s.tell())
	for i := range told.NumField() {
		seen[told.Field(i).Uint()]++
	}
	for i := range n {
		if seen[i+1] != 1 {
			t.Errorf("the counter that is %d is told %d times", i+1, seen[i+1])
		}
	}
}

// The loop stands still while it finds out which sessions there are, and then, time
// after time, while it looks at some of them.
func BenchmarkAThousandSessions(b *testing.B) {
	f := newFake(new(testing.T), Options{})
	for i := range 1000 {
		f.busy(&session{
			with:    conversation{peer: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 2070)},
			request: protocol.Request{File: "images/debian/vmlinuz"},
		})
	}
	b.Run("which", func(b *testing.B) {
		for b.Loop() {
			if len(f.present()) != 1000 {
				b.Fatal("not all")
			}
		}
	})
	b.Run("look at some", func(b *testing.B) {
		all, from := f.present(), 0
		for b.Loop() {
			if some := all[from : from+atOnce]; len(see(some)) != atOnce {
				b.Fatal("not all")
			}
			from = (from + atOnce) % (len(all) - atOnce)
		}
	})
}
