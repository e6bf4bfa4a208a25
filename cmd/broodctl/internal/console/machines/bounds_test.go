package machines

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"brood/ipc/admin"
)

func TestOnlySoMuchIsRemembered(t *testing.T) {
	t.Parallel()
	table := New()
	id := uint64(0)
	hear := func(when float64, file, peer, outcome string) {
		id++
		e := play(fmt.Sprintf("%f +0.01 %s %s", when, file, outcome)).sessions(t, "", peer, id)
		tell(table, e)
	}
	for i := range 10 * maxSteps {
		hear(float64(i)/10, fmt.Sprintf("f%d", i), "192.0.2.1:1", "ok")
	}
	m, _ := table.Machine(at(300), "192.0.2.1")
	if n := len(m.Boots[0].Steps); n != maxSteps || m.Boots[0].LeftOut != 9*maxSteps || m.Last.File != fmt.Sprintf("f%d", 10*maxSteps-1) {
		t.Errorf("of a long boot it has %d steps, and %d are left out", n, m.Boots[0].LeftOut)
	}
	for i := range 10 {
		hear(1000+2*float64(i), "pxelinux.0", "192.0.2.1:1", "ok")
	}
	if m, _ := table.Machine(at(1020), "192.0.2.1"); len(m.Boots) != maxBoots || m.Boots[0].Number != 11 || m.Boots[maxBoots-1].Number != 8 {
		t.Errorf("of 11 boots it has %d, the latest of which is number %d", len(m.Boots), m.Boots[0].Number)
	}
	// A flood from made up addresses, which acknowledge nothing:
	for i := range 2 * maxMachines {
		hear(2000+float64(i)/1000, "f", fmt.Sprintf("10.0.%d.%d:1", i/256, i%256), "timed-out")
	}
	if _, ok := table.Machine(at(3000), "192.0.2.1"); !ok || len(table.byID) != maxMachines {
		t.Errorf("after a flood there are %d machines, the one that boots among them: %v", len(table.byID), ok)
	}
	// Machines that boot, of which the one that was silent for longest goes at last:
	for i := range maxMachines {
		hear(4000+float64(i)/1000, "f", fmt.Sprintf("10.1.%d.%d:1", i/256, i%256), "ok")
	}
	if _, ok := table.Machine(at(5000), "192.0.2.1"); ok || len(table.byID) != maxMachines {
		t.Errorf("after many have booted there are %d machines, the first one among them: %v", len(table.byID), ok)
	}
	// And one that is new has a place while it loads.
	e := play("5000 +0 f run").sessions(t, "", "192.0.2.2:1", id+1)
	tell(table, e)
	if _, ok := table.Machine(at(5000), "192.0.2.2"); !ok {
		t.Error("one that is new has no place")
	}
	sound(t, table, at(5000))
}

func TestStepsOfAllAreBounded(t *testing.T) {
	t.Parallel()
	table := New()
	for i := range 2 * maxAllSteps {
		table.Ended(&admin.Ended{ID: uint64(i), Peer: fmt.Sprintf("10.0.0.%d:1", i%255), File: "f", Received: at(float64(i) / 10), Outcome: complete})
	}
	if sound(t, table, at(2e4)); table.steps > maxAllSteps || table.steps < maxAllSteps/2 {
		t.Errorf("it has %d steps", table.steps)
	}
}

// sound checks what must be so whatever was heard.
func sound(t testing.TB, table *Table, now time.Time) {
	t.Helper()
	steps, boots := 0, 0
	for id, m := range table.byID {
		if m.id != id || len(m.boots) == 0 || len(m.boots) > maxBoots {
			t.Fatalf("machine %s is %+v", id, m)
		}
		boots += len(m.boots)
		for _, b := range m.boots {
			if len(b.steps) == 0 || len(b.steps) > maxSteps {
				t.Fatalf("%s: a boot of %d steps", id, len(b.steps))
			}
			for _, s := range b.steps {
				steps++
				if r := table.open[s.Session]; (s.Outcome == "") != (r != nil && r.step == s) {
					t.Fatalf("%s: %+v is open: %+v", id, s, r)
				}
			}
		}
		told, _ := table.Machine(now, id)
		if told.Silence < 0 || told.Last.Duration < 0 || told.State == "" || told.Boot < len(told.Boots) {
			t.Fatalf("%s is told as %+v", id, told)
		}
	}
	for addr, m := range table.byAddr {
		if m.addr != addr || table.byID[m.id] != m {
			t.Fatalf("%s has %+v", addr, m)
		}
	}
	if steps != table.steps || table.order[0].Len()+table.order[1].Len() != len(table.byID) || len(table.byID) > maxMachines {
		t.Fatalf("%d steps are counted as %d; %d and %d of %d machines are in order", steps, table.steps, table.order[0].Len(), table.order[1].Len(), len(table.byID))
	}
	for id, r := range table.open {
		if table.byID[r.machine.id] != r.machine || r.Session != id {
			t.Fatalf("session %d is %+v", id, r)
		}
	}
}

// Whatever is heard, in whatever order, leaves a table that is sound.
func FuzzTable(f *testing.F) {
	for seed := range uint64(5) {
		random, b := rand.New(rand.NewPCG(seed, 0)), make([]byte, 200)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		f.Add(b)
	}
	files := []string{"pxelinux.0", "pxelinux.cfg/default", "vmlinuz", "initrd", "x"}
	macs := []string{"", mac1, mac2}
	outcomes := []string{complete, declined, refused, peerError, "timed-out", "superseded", "unserved"}
	pauses := []time.Duration{0, time.Millisecond, time.Second, newAsk, reloaded, leftAfter, pause}
	f.Fuzz(func(t *testing.T, b []byte) {
		table, now := New(), dawn
		for len(b) >= 4 {
			what, who, which, when := b[0], b[1], b[2], b[3]
			b = b[4:]
			now = now.Add(pauses[int(when)%len(pauses)])
			s := admin.Session{
				ID: uint64(which % 16), MAC: macs[int(who)%len(macs)], Peer: fmt.Sprintf("192.0.2.%d:2070", who%5), File: files[int(which)%len(files)],
				State: "serving", Age: float64(when % 3), Bytes: uint64(which), Silence: float64(when % 2),
			}
			e := admin.Ended{
				ID: s.ID, MAC: s.MAC, Peer: s.Peer, File: s.File, Received: now.Add(-seconds(s.Age)), Duration: s.Age,
				Outcome: outcomes[int(when)%len(outcomes)], ErrorCode: int(what % 9), Bytes: s.Bytes,
			}
			switch what % 8 {
			case 0, 1:
				table.Begun(now, &s)
			case 2:
				table.Progress(now, &s)
			case 3, 4, 5:
				table.Ended(&e)
			case 6:
				table.Lost(now)
			case 7:
				table.Resume(now, []admin.Session{s}, []admin.Ended{e})
			}
			sound(t, table, now)
		}
	})
}

func Example() {
	table, now := New(), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	table.Ended(&admin.Ended{ID: 1, MAC: mac1, Peer: "192.0.2.7:2070", File: "pxelinux.0", Received: now, Duration: 0.2, Outcome: "complete"})
	table.Begun(now.Add(time.Second), &admin.Session{ID: 2, MAC: mac1, Peer: "192.0.2.7:2071", File: "vmlinuz", State: "serving"})
	for _, m := range table.Machines(now.Add(2 * time.Second)) {
		fmt.Println(m.ID, m.State, m.Last.Stage, m.Last.File)
	}
	// Output: 52:54:00:12:34:56 loading kernel vmlinuz
}
