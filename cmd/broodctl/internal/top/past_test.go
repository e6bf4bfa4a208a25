package top

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"brood/ipc/admin"
)

// history is what one client has got before.
func history() []admin.Ended {
	return []admin.Ended{
		{ID: 1, Peer: "192.0.2.7:2070", File: "ended while it was asked for", Outcome: "complete", Received: noon},
		{ID: 90, Peer: "192.0.2.7:2069", File: "pxelinux.cfg/01-52-54-00-12-34-56", Outcome: "refused", ErrorCode: 1, Detail: "File not found", Received: noon.Add(-time.Minute), Duration: 0.0004},
		{ID: 80, Peer: "192.0.2.7:2068", File: "pxelinux.0", Outcome: "complete", Bytes: 26_000, Received: noon.Add(-2 * time.Minute), Duration: 2, Retransmissions: 3},
		{ID: 70, Peer: "192.0.2.7:2067", File: "pxelinux.0", Outcome: "timed-out", Received: noon.Add(-time.Hour), Duration: 61.2},
	}
}

func TestAClientsHistory(t *testing.T) {
	t.Parallel()
	m := newModel(t, Options{}, 80, 12)
	if do := press(m, "enter"); do != (Action{}) || last(m) != "whose history? pick a session by the arrow keys" {
		t.Errorf("without a cursor: %+v, %s", do, last(m))
	}
	if do := press(m, "down", "enter"); !do.Refresh || m.Client() != "192.0.2.7" {
		t.Errorf("it does %+v, for %q", do, m.Client())
	}
	want(t, m, `
	brood 1.0.0   serving for 1h03m   pid 4700   configuration 1
	sessions 3 of 1024   waiting 1   stuck 1   rate 63.8 kB/s   idle workers 4
	failed 4   refused 12   kernel drops 0   complete 1234   crashed 1   timed out 0
	192.0.2.7 (52:54:00:12:34:56): its history is asked for
	 OUTCOME      REQUESTED         BYTES    TOOK   RATE/s FILE
	 serving      now            142.8 kB     6 s  23.8 kB images/vmlinuz





	1-1 of 1   esc back   ? help   q quit
	`)
	s := snapshot(four()...)
	s.Client, s.History = "192.0.2.7", history()[1:]
	m.Refresh(noon, s)
	want(t, m, `
	brood 1.0.0   serving for 1h03m   pid 4700   configuration 1
	sessions 3 of 1024   waiting 1   stuck 1   rate 63.8 kB/s   idle workers 4
	failed 4   refused 12   kernel drops 0   complete 1234   crashed 1   timed out 0
	192.0.2.7 (52:54:00:12:34:56): 1 now, 3 before
	 OUTCOME      REQUESTED         BYTES    TOOK   RATE/s FILE
	 serving      now            142.8 kB     6 s  23.8 kB images/vmlinuz
	 refused      11-27 11:59:00      0 B 0.40 ms      0 B pxe…12-34-56: ERROR 1 Fi…
	 complete     11-27 11:58:00  26.0 kB  2.00 s  13.0 kB pxelinux.0
	 timed-out    11-27 11:00:00      0 B   1m01s      0 B pxelinux.0


	1-4 of 4   esc back   ? help   q quit
	`)
	s.History = history()
	m.Refresh(noon, s)
	if got := text(m); strings.Contains(got, "now  ") || !strings.Contains(got, ": 0 now, 4 before\n") {
		t.Errorf("a session that has ended meanwhile is there twice:\n%s", got)
	}
	m.Resize(110, 12)
	if got := text(m); !strings.Contains(got, "AGAIN FILE\n") || !strings.Contains(got, " pxelinux…2-54-00-12-34-56: ERROR 1 File not found\n") {
		t.Errorf("a wider screen has more:\n%s", got)
	}
	press(m, "esc")
	if m.Client() != "" || ids(m) != "[1] 2 3 4" {
		t.Errorf("back: %q, %s", m.Client(), ids(m))
	}
}

func TestALongHistoryIsScrolled(t *testing.T) {
	t.Parallel()
	m := newModel(t, Options{Filter: "vmlinuz"}, 60, 10)
	press(m, "down", "enter")
	s := snapshot()
	s.Client = m.Client()
	m.Refresh(noon, s)
	if got := text(m); !strings.Contains(got, "\n the server remembers nothing\n") {
		t.Errorf("there is none:\n%s", got)
	}
	for i := range MostHistory {
		s.History = append(s.History, admin.Ended{File: fmt.Sprintf("f%d", i)})
	}
	m.Refresh(noon, s)
	if got := text(m); !strings.Contains(got, ": 0 now, the last 200 before\n") {
		t.Errorf("there is more than the server was asked for:\n%s", got)
	}
	for _, tt := range []struct{ key, want string }{
		{"down", "2-5 of 200"},
		{"pgdown", "5-8 of 200"},
		{"up", "4-7 of 200"},
		{"end", "197-200 of 200"},
		{"home", "1-4 of 200"},
	} {
		press(m, tt.key)
		if got := last(m); !strings.HasPrefix(got, tt.want+"   esc back") {
			t.Errorf("%s: %q, want %q", tt.key, got, tt.want)
		}
	}
}

// An address is one whatever it is written with.
func TestWhoseHistory(t *testing.T) {
	t.Parallel()
	for peer, want := range map[string]string{
		"192.0.2.7:2070": "192.0.2.7", "[2001:db8::7]:2070": "2001:db8::7", "[fe80::7%eth0]:2070": "fe80::7", "[::ffff:192.0.2.7]:2070": "192.0.2.7", "nobody": "",
	} {
		m := newModel(t, Options{}, 80, 24)
		m.Refresh(noon, snapshot(admin.Session{ID: 1, Peer: peer}))
		press(m, "down", "enter")
		if got := m.Client(); got != want {
			t.Errorf("of %s: %q, want %q", peer, got, want)
		}
	}
}
