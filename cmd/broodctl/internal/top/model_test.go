package top

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"brood/ipc/admin"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.Local)

// four are a session of each kind: one that goes well, a stuck one, a lossy one, and a
// request that waits.
func four() []admin.Session {
	return []admin.Session{
		{ID: 1, Peer: "192.0.2.7:2070", MAC: "52:54:00:12:34:56", File: "images/vmlinuz", State: "serving", Worker: 4711, Age: 6, Blksize: 1428, Size: 571_200, Bytes: 142_800, Packets: 102, Retransmissions: 2, Rate: 23_800, RoundTrip: 0.0012},
		{ID: 2, Peer: "192.0.2.9:2070", File: "images/initrd.img", State: "serving", Worker: 4712, Age: 75, Silence: 12, Size: 38_000_000, Bytes: 19_000_000, Packets: 13400, Retransmissions: 4, RoundTrip: 0.0004},
		{ID: 3, Peer: "192.0.2.30:2071", File: "grub/x86_64-efi/core.efi", State: "serving", Worker: 4713, Age: 3, Size: -1, Bytes: 120_000, Packets: 100, Retransmissions: 9, Rate: 40_000, RoundTrip: 0.02},
		{ID: 4, Peer: "192.0.2.31:1024", File: "pxelinux.0", State: "waiting", Age: 1, Waited: 1, Size: -1},
	}
}

func snapshot(sessions ...admin.Session) *Snapshot {
	return &Snapshot{
		Hello:    admin.Hello{Version: 1, Program: "brood 1.0.0", PID: 4700, MayChange: true},
		Status:   admin.Status{Program: "brood 1.0.0", PID: 4700, State: "serving", Uptime: 3780, Active: 3, MaxSessions: 1024, Waiting: 1, Idle: 4, Generation: 1, Counters: admin.Counters{Completed: 1234, Failed: 3, Crashed: 1, RefusedDenied: 5, RefusedStale: 7}},
		Sessions: sessions,
	}
}

// newModel is one with a screen of this size on which four sessions are.
func newModel(t testing.TB, o Options, width, height int) *Model {
	t.Helper()
	if o.Sort == "" {
		o.Sort = "id"
	}
	o.Every = time.Second
	m, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	m.Resize(width, height)
	m.Refresh(noon, snapshot(four()...))
	return m
}

// text is a screen without colours and without the blanks at the ends of lines.
func text(m *Model) string {
	var b strings.Builder
	for line := range strings.Lines(ansi.Strip(m.View()) + "\n") {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String()
}

func press(m *Model, keys ...string) (last Action) {
	for _, key := range keys {
		last = m.Key(key)
	}
	return last
}

// want compares a screen with lines, which are indented where they stand in a test.
func want(t *testing.T, m *Model, want string) {
	t.Helper()
	want = strings.ReplaceAll(strings.TrimPrefix(want, "\n"), "\t", "")
	if got := text(m); got != want {
		t.Errorf("the screen is\n%swant\n%s", got, want)
	}
}

// ids are the sessions on the screen, from above, with the one under the cursor in
// brackets.
func ids(m *Model) string {
	var all []string
	for i, r := range m.shown {
		id := fmt.Sprint(r.ID)
		if i == m.list.cursor {
			id = "[" + id + "]"
		}
		all = append(all, id)
	}
	return strings.Join(all, " ")
}

func TestTheCursorStaysOnItsSession(t *testing.T) {
	t.Parallel()
	m := newModel(t, Options{}, 80, 24)
	step := func(name, want string) {
		t.Helper()
		if got := ids(m); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	step("at first there is none", "1 2 3 4")
	press(m, "down", "down")
	step("two keys", "1 [2] 3 4")
	press(m, "r")
	step("turned round", "4 3 [2] 1")
	press(m, "/", "v", "m", "enter")
	step("what it is on is filtered away: the one that comes to its place", "[1]")
	press(m, "/", "esc")
	step("all again", "4 3 2 [1]")
	m.Refresh(noon, snapshot(four()[:2]...))
	step("two have ended", "2 [1]")
	m.Refresh(noon, snapshot(four()[1:]...))
	step("it has ended itself", "4 [3] 2")
	press(m, "esc")
	step("no cursor", "4 3 2")
	m.Refresh(noon, snapshot())
	press(m, "down", "up", "pgdown", "end", "home")
	step("there is nothing", "")
	other := snapshot(four()...)
	press(m, "down")
	other.Hello.PID++
	m.Refresh(noon, other)
	step("of another process it is another session", "4 3 2 1")
}

// The line of the cursor stays where it is while others move past it.
func TestTheWindowFollowsTheCursor(t *testing.T) {
	t.Parallel()
	m := newModel(t, Options{Sort: "rate"}, 80, 10)
	var all []admin.Session
	for i := range 2000 {
		all = append(all, admin.Session{ID: uint64(i + 1), Peer: "192.0.2.7:1", State: "serving", Rate: float64(2000 - i)})
	}
	m.Refresh(noon, snapshot(all...))
	press(m, "down", "down", "down")
	line := m.list.cursor - m.list.top
	all[2].Rate = 500.5
	m.Refresh(noon, snapshot(all...))
	if r := m.under(); r == nil || r.ID != 3 || m.list.cursor != 1499 || m.list.cursor-m.list.top != line {
		t.Errorf("the cursor is on %+v, row %d, line %d; want session 3, row 1499, line %d", r, m.list.cursor, m.list.cursor-m.list.top, line)
	}
}

func TestOptionsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, sort := range []string{"", "speed", "--rate", "Rate"} {
		if _, err := New(Options{Sort: sort}); err == nil || !strings.Contains(err.Error(), "want one of client, mac, ") {
			t.Errorf("sort by %q: %v", sort, err)
		}
	}
}
