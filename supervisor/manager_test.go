package supervisor

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestWhatAServiceManagerSays(t *testing.T) {
	t.Parallel()
	type env map[string]string
	for _, tt := range []struct {
		name string
		env  env
		want Manager
		says string // the fault
	}{
		{"nothing", nil, Manager{}, ""},
		{"a path", env{"NOTIFY_SOCKET": "/run/systemd/notify"}, Manager{NotifySocket: "/run/systemd/notify"}, ""},
		{"an abstract name", env{"NOTIFY_SOCKET": "@notify"}, Manager{NotifySocket: "@notify"}, ""},
		{"a vsock", env{"NOTIFY_SOCKET": "vsock:2:1"}, Manager{}, "NOTIFY_SOCKET=vsock:2:1: want a path"},
		{"a watchdog", env{"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "42"}, Manager{Watchdog: 10 * time.Second}, ""},
		{"a watchdog for anybody", env{"WATCHDOG_USEC": "500"}, Manager{Watchdog: 500 * time.Microsecond}, ""},
		{"another's watchdog", env{"WATCHDOG_USEC": "nonsense", "WATCHDOG_PID": "43"}, Manager{}, ""},
		{"no number", env{"WATCHDOG_USEC": "10s"}, Manager{}, "WATCHDOG_USEC=10s: want microseconds"},
		{"never", env{"WATCHDOG_USEC": "0"}, Manager{}, "WATCHDOG_USEC=0"},
		{"sockets", env{"LISTEN_PID": "42", "LISTEN_FDS": "3", "LISTEN_FDNAMES": "a:b:a"}, Manager{Sockets: []Socket{{"a", 3}, {"b", 4}, {"a", 5}}}, ""},
		{"sockets without names", env{"LISTEN_PID": "42", "LISTEN_FDS": "2"}, Manager{Sockets: []Socket{{"unknown", 3}, {"unknown", 4}}}, ""},
		{"another's sockets", env{"LISTEN_PID": "1", "LISTEN_FDS": "x"}, Manager{}, ""},
		{"how many?", env{"LISTEN_PID": "42"}, Manager{}, "LISTEN_FDS=: want how many"},
		{"too many", env{"LISTEN_PID": "42", "LISTEN_FDS": "99999999"}, Manager{}, "LISTEN_FDS=99999999"},
	} {
		got, err := parseManager(tt.env, 42)
		if tt.says == "" && (err != nil || !reflect.DeepEqual(got, tt.want)) {
			t.Errorf("%s: %+v, %v; want %+v", tt.name, got, err, tt.want)
		}
		if tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.says)
		}
	}
}

func TestSocketsAreChosenByName(t *testing.T) {
	t.Parallel()
	a, b, c := Socket{"a", 3}, Socket{"b", 4}, Socket{"a", 5}
	m := Manager{Sockets: []Socket{a, b, c}}
	for _, tt := range []struct {
		listen []string
		want   []Socket
		says   string
	}{
		{nil, m.Sockets, ""},
		{[]string{":69"}, nil, ""},
		{[]string{"fd:a"}, []Socket{a, c}, ""},
		{[]string{"fd:b", ":69", "fd:a"}, []Socket{b, a, c}, ""},
		{[]string{"fd:d", "fd:"}, nil, "\"fd:d\": no socket has this name; there are a, b, a\nlisten address \"fd:\": no socket"},
	} {
		got, err := m.chosen(tt.listen)
		if !slices.Equal(got, tt.want) || (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%q: %v, %v; want %v, %q", tt.listen, got, err, tt.want, tt.says)
		}
	}
	if _, err := (&Manager{}).chosen([]string{"fd:a"}); err == nil || !strings.Contains(err.Error(), "is the socket unit started?") {
		t.Errorf("without any: %v", err)
	}
}

// A manager that does not read costs the loop nothing, and hears the latest when
// it does.
func TestANotifierWaitsForNobody(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "notify")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "socket")
	theirs, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err == nil {
		err = unix.Bind(theirs, &unix.SockaddrUnix{Name: name})
	}
	if err != nil {
		t.Fatal(err)
	}
	n, err := newNotifier(&Manager{NotifySocket: name, Watchdog: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer n.close()
	const all = 2000
	for i := range all {
		if err := n.tell("READY=1", fmt.Sprintf("STATUS=%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(n.queue) != mostQueued {
		t.Errorf("%d messages wait, want %d", len(n.queue), mostQueued)
	}
	var last string
	read := func() {
		b := make([]byte, 100)
		for {
			got, err := unix.Read(theirs, b)
			if err != nil {
				return
			}
			last = string(b[:got])
		}
	}
	for len(n.queue) > 0 {
		read()
		if _, err := n.alive(time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Unix(1, 0)
	if next, err := n.alive(now.Add(499 * time.Millisecond)); err != nil || next != now.Add(500*time.Millisecond) {
		t.Errorf("the next sign of life in %v, %v; want half of the watchdog's time", next.Sub(now), err)
	}
	if read(); last != "WATCHDOG=1" {
		t.Errorf("the last message is %q", last)
	}
	unix.Close(theirs)
	if err := n.tell("READY=1"); err == nil || len(n.queue) != 0 {
		t.Errorf("a manager that is gone: %v, %d wait", err, len(n.queue))
	}
}
