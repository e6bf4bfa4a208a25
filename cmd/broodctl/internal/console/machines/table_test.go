package machines

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"brood/ipc/admin"
)

const (
	mac1 = "52:54:00:12:34:56"
	mac2 = "52:54:00:12:34:57"
)

// ask is one file that is got whole within 0.1 s.
func ask(t testing.TB, when float64, file, mac, peer string, id uint64) []admin.Ended {
	t.Helper()
	return play(fmt.Sprintf("%f +0.1 %s ok", when, file)).sessions(t, mac, peer, id)
}

func ids(t *Table, now time.Time) (all []string) {
	for _, s := range t.Machines(now) {
		all = append(all, s.ID+"="+s.Address)
	}
	return all
}

func TestWhichMachineItIs(t *testing.T) {
	t.Parallel()
	const a, b = "192.0.2.7:2070", "192.0.2.8:2070"
	for _, tt := range []struct {
		name string
		asks []string // when, MAC or -, and client
		want string
	}{
		{"one address", []string{"0 - " + a, "1 - 192.0.2.7:4711"}, "192.0.2.7=192.0.2.7"},
		{"two addresses", []string{"0 - " + a, "1 - " + b}, "192.0.2.8=192.0.2.8 192.0.2.7=192.0.2.7"},
		{"one MAC with two addresses", []string{"0 " + mac1 + " " + a, "1 " + mac1 + " " + b}, mac1 + "=192.0.2.8"},
		{"an address whose MAC is known later", []string{"0 - " + a, "1 " + mac1 + " " + a}, mac1 + "=192.0.2.7"},
		{"an address that another MAC has a day later", []string{"0 - " + a, "86400 " + mac1 + " " + a}, mac1 + "=192.0.2.7 192.0.2.7=192.0.2.7"},
		{"a MAC that is not known for a moment", []string{"0 " + mac1 + " " + a, "1 - " + a}, mac1 + "=192.0.2.7"},
		{"a MAC that is not known for a day", []string{"0 " + mac1 + " " + a, "86400 - " + a}, "192.0.2.7=192.0.2.7 " + mac1 + "=192.0.2.7"},
		{"two MACs at one address", []string{"0 " + mac1 + " " + a, "1 " + mac2 + " " + a}, mac2 + "=192.0.2.7 " + mac1 + "=192.0.2.7"},
		{"IPv4 in IPv6", []string{"0 - " + a, "1 - [::ffff:192.0.2.7]:1"}, "192.0.2.7=192.0.2.7"},
		{"a link's address", []string{"0 - [fe80::1%eth0]:2070"}, "fe80::1%eth0=fe80::1%eth0"},
	} {
		table := New()
		last := 0.0
		for i, text := range tt.asks {
			var mac, peer string
			fmt.Sscan(text, &last, &mac, &peer)
			tell(table, ask(t, last, "f", strings.TrimPrefix(mac, "-"), peer, uint64(i+1)))
		}
		if got := strings.Join(ids(table, at(last+1)), " "); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestAMachineIsFoundByItsAddressToo(t *testing.T) {
	t.Parallel()
	table := New()
	tell(table, ask(t, 0, "pxelinux.0", mac1, someone, 9))
	now := at(3)
	m, ok := table.Machine(now, "192.0.2.7")
	want := Summary{
		ID: mac1, MAC: mac1, Address: "192.0.2.7", State: Between, Boot: 1, Began: dawn, Heard: at(0.1), Silence: 2.9,
		Last: Step{Stage: Loader, File: "pxelinux.0", Session: 9, Outcome: complete, Bytes: 1000, Size: 1000, Received: dawn, Duration: 0.1},
	}
	if !ok || m.Summary != want || len(m.Boots) != 1 || m.Boots[0].Steps[0] != want.Last {
		t.Errorf("it is %+v\nwant  %+v", m, want)
	}
	if _, ok := table.Machine(now, "192.0.2.9"); ok {
		t.Error("one that was never heard is found")
	}
}

func TestHowFarASessionIs(t *testing.T) {
	t.Parallel()
	table := New()
	e := play("0 +0 vmlinuz run").sessions(t, mac1, someone, 1)[0]
	table.Begun(at(0), whileItRuns(&e, at(0)))
	s := whileItRuns(&e, at(9))
	s.Bytes = 300
	table.Progress(at(9), s)
	s = whileItRuns(&e, at(30))
	s.Bytes, s.Silence = 400, 15
	table.Progress(at(30), s)
	m, _ := table.Machine(at(31), mac1)
	if m.State != Stuck || m.Last.Bytes != 400 || m.Last.Duration != 31 || m.Silence != 16 {
		t.Errorf("it is %+v", m.Summary)
	}
	unseen := *s
	unseen.ID, unseen.File, unseen.Silence = 2, "initrd", 0
	table.Progress(at(32), &unseen) // nobody told of its begin
	if got, want := brief(table, at(32), mac1), "first loading: kernel... initrd..."; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// What was missed while the server could not be heard is put in its place when it is.
func TestTheServerIsNotHeardForAWhile(t *testing.T) {
	t.Parallel()
	all := bios.sessions(t, mac1, someone, 1)
	kernel, initrd := all[len(all)-2], all[len(all)-1]
	runs := initrd
	runs.Outcome = "run"
	table := New()
	tell(table, all[:len(all)-2])
	table.Begun(at(9), whileItRuns(&kernel, at(9)))
	table.Lost(at(10))
	if got := brief(table, at(80), mac1); !strings.HasPrefix(got, "first unseen: ") || !strings.HasSuffix(got, " config kernel!") {
		t.Errorf("meanwhile it is %s", got)
	}
	table.Resume(at(12), []admin.Session{*whileItRuns(&runs, at(12)), {ID: 99, State: "waiting", Peer: "192.0.2.99:1"}}, latestFirst(all[:len(all)-1]))
	if got, want := brief(table, at(12), mac1), strings.Replace("first "+biosBooted, "booted", "loading", 1)+"..."; got != want {
		t.Errorf("then it is\n%s\nwant\n%s", got, want)
	}
	// The events that came while all of this was asked for tell nothing new.
	tell(table, all)
	if got, want := brief(table, at(30), mac1), "first "+biosBooted; got != want {
		t.Errorf("in the end it is\n%s\nwant\n%s", got, want)
	}
	if got := ids(table, at(30)); len(got) != 1 {
		t.Errorf("the machines are %v", got)
	}
}

func TestASessionGoesOnUnheard(t *testing.T) {
	t.Parallel()
	table := New()
	e := play("0 +0 vmlinuz run").sessions(t, mac1, someone, 1)[0]
	table.Begun(at(0), whileItRuns(&e, at(0)))
	table.Lost(at(1))
	table.Resume(at(2), []admin.Session{*whileItRuns(&e, at(2))}, nil)
	if got, want := brief(table, at(2), mac1), "first loading: kernel..."; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Another process of the server counts sessions anew, and a boot ROM asks for the same
// from the same port.
func TestAServerThatWasStartedAgain(t *testing.T) {
	t.Parallel()
	table := New()
	tell(table, ask(t, 0, "pxelinux.0", mac1, someone, 1))
	table.Lost(at(50))
	table.Resume(at(51), nil, nil)
	tell(table, ask(t, 60, "pxelinux.0", mac1, someone, 1))
	if got, want := brief(table, at(61), mac1), "first left: loader\nagain between: loader"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	// And if nobody had told that the first has ended:
	e := play("100 +0 a run\n200 +0 b run").sessions(t, mac1, someone, 7)
	e[1].ID = 7
	tell(table, e)
	if m, _ := table.Machine(at(200), mac1); m.Boots[0].Steps[1].Outcome != Unknown || m.Last.File != "b" {
		t.Errorf("it is %+v", m)
	}
}

// The server remembers what is forgotten here: that is no news.
func TestWhatIsForgottenIsNotLearntAnew(t *testing.T) {
	t.Parallel()
	table := New()
	var all []admin.Ended
	for i := range maxBoots + 1 {
		all = append(all, ask(t, float64(100*i), "pxelinux.0", mac1, someone, uint64(i))...)
	}
	tell(table, all)
	before, _ := table.Machine(at(1000), mac1)
	table.Lost(at(1000))
	table.Resume(at(1000), nil, latestFirst(all))
	after, _ := table.Machine(at(1000), mac1)
	if len(after.Boots) != maxBoots || after.Boot != before.Boot || after.Last.Session != maxBoots {
		t.Errorf("of boot %d it has come to be %d, of session %d", before.Boot, after.Boot, after.Last.Session)
	}
	sound(t, table, at(1000))
}
