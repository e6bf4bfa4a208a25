package supervisor

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"brood/ipc"
	"brood/ipc/launch"
	"brood/protocol"
)

var (
	testPeer  = netip.MustParseAddrPort("192.0.2.7:2070")
	testLocal = netip.MustParseAddr("192.0.2.1")
	testWith  = conversation{peer: testPeer, local: testLocal}
)

func chain(t *table, with conversation) []uint64 {
	var ids []uint64
	for s := t.newest[with]; s != nil; s = s.older {
		ids = append(ids, s.id)
	}
	return ids
}

func TestTableRemovesFromAnywhereInAConversation(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		remove []uint64
		want   []uint64
	}{
		{"nothing", nil, []uint64{3, 2, 1}},
		{"the head", []uint64{3}, []uint64{2, 1}},
		{"the middle", []uint64{2}, []uint64{3, 1}},
		{"the tail", []uint64{1}, []uint64{3, 2}},
		{"head and middle", []uint64{3, 2}, []uint64{1}},
		{"all from the tail up", []uint64{1, 2, 3}, nil},
		{"all from the head down", []uint64{3, 2, 1}, nil},
		{"one twice", []uint64{2, 2}, []uint64{3, 1}},
	} {
		table, other := newTable(), testWith
		other.peer = netip.AddrPortFrom(testPeer.Addr(), 2071)
		sessions := map[uint64]*session{}
		for id := uint64(1); id <= 3; id++ {
			sessions[id] = &session{id: id, with: testWith}
			table.add(sessions[id])
		}
		table.add(&session{id: 9, with: other})
		for _, id := range tt.remove {
			table.remove(sessions[id])
		}
		if got := chain(&table, testWith); !slices.Equal(got, tt.want) {
			t.Errorf("without %s: %v left, want %v", tt.name, got, tt.want)
		}
		if got := chain(&table, other); !slices.Equal(got, []uint64{9}) {
			t.Errorf("without %s: another conversation has %v, want [9]", tt.name, got)
		}
		if _, there := table.newest[testWith]; there != (len(tt.want) > 0) {
			t.Errorf("without %s: the table keeps an entry for %d sessions", tt.name, len(tt.want))
		}
	}
}

func TestTableDuplicate(t *testing.T) {
	t.Parallel()
	table := newTable()
	first := &session{id: 1, with: testWith, datagram: "one"}
	second := &session{id: 2, with: testWith, datagram: "two"}
	ended := &session{id: 3, with: testWith, datagram: "three", ending: Superseded}
	answered := &session{id: 4, with: testWith, datagram: "four", last: ipc.Frame{Bytes: 512}}
	for _, s := range []*session{first, second, ended, answered} {
		table.add(s)
	}
	elsewhere := conversation{testPeer, netip.MustParseAddr("192.0.2.2")}
	otherPort := conversation{netip.MustParseAddrPort("192.0.2.7:2071"), testLocal}
	for _, tt := range []struct {
		name     string
		with     conversation
		datagram string
		want     *session
	}{
		{"the newest request again", testWith, "two", second},
		{"an older request again", testWith, "one", first},
		{"another request", testWith, "five", nil},
		{"a request whose session has got an answer across", testWith, "four", nil},
		{"a beginning of a request", testWith, "on", nil},
		{"a request whose session is being ended", testWith, "three", nil},
		{"the request at another of our addresses", elsewhere, "one", nil},
		{"the request from another port", otherPort, "one", nil},
	} {
		if got, _ := table.duplicate(tt.with, []byte(tt.datagram)); got != tt.want {
			t.Errorf("%s (%v, %q): got %+v, want %+v", tt.name, tt.with, tt.datagram, got, tt.want)
		}
	}
}

func TestTableDuplicateOfTheLongestRequestAllocatesNothing(t *testing.T) {
	table := newTable()
	datagram := make([]byte, protocol.MaxRequestLen)
	table.add(&session{with: testWith, datagram: string(datagram)})
	if n := testing.AllocsPerRun(100, func() { table.duplicate(testWith, datagram) }); n != 0 {
		t.Errorf("looking for a duplicate allocated %v times", n)
	}
}

func TestJobAsksForConfirmationOnlyWhenAnOlderSessionLives(t *testing.T) {
	t.Parallel()
	o, err := Options{Timeout: 2 * time.Second, Retries: -1, MaxBlksize: 1428, MaxWindowsize: 8, MaxBurst: 4}.settle()
	if err != nil {
		t.Fatal(err)
	}
	s := &session{
		id: 7, with: testWith, mac: "52:54:00:12:34:56", local: netip.MustParseAddrPort("192.0.2.1:40000"),
		received: time.Unix(1, 2),
		request: protocol.Request{
			Op: protocol.OpRRQ, File: "x", Mode: protocol.Netascii,
			Options: []protocol.Option{{Name: "tsize", Value: "0"}, {Name: "blksize", Value: "8"}},
		},
	}
	for _, older := range []*session{nil, {id: 6}} {
		s.older = older
		message, err := func() ([]byte, error) { j := s.job(o, older != nil, false); return j.Encode() }()
		if err != nil {
			t.Fatal(err)
		}
		got, err := ipc.DecodeJob(message)
		if err != nil {
			t.Fatal(err)
		}
		options := got.Options
		got.Options = nil
		want := ipc.Job{
			Session: 7, Peer: testPeer, Local: s.local, MAC: s.mac, File: "x", Mode: uint8(protocol.Netascii),
			Received: got.Received, Timeout: 2 * time.Second, Retries: 0, MaxBlksize: 1428, MaxWindowsize: 8, MaxBurst: 4, MTUClamp: true,
			Confirm: older != nil, Last: older != nil,
		}
		if d := got.Received.Time().Sub(s.received).Abs(); d > time.Minute {
			t.Errorf("Received is %v off", d)
		}
		if !slices.Equal(options, []ipc.Option{{Name: "tsize", Value: "0"}, {Name: "blksize", Value: "8"}}) {
			t.Errorf("options %v, want them as asked", options)
		}
		if jobText(got) != jobText(want) {
			t.Errorf("older %v:\n got %s\nwant %s", older, jobText(got), jobText(want))
		}
	}
}

func jobText(j ipc.Job) string {
	j.Received = 0
	return fmt.Sprintf("%+v", j)
}

func TestRecordOfASessionThatNeverRan(t *testing.T) {
	t.Parallel()
	received := time.Now()
	s := &session{with: testWith, received: received, socket: -1, last: ipc.Frame{Size: -1}}
	r := s.record(received.Add(6*time.Second), Unserved)
	if r.Waited != 6*time.Second || r.Duration != 6*time.Second || r.WorkerPID != 0 || r.Local.IsValid() || r.Size != -1 {
		t.Errorf("got %+v, want 6s waited, 6s in all, no worker, no port, no size", r)
	}
}

func TestAFirstPacketIsNotSentAfterTheEnd(t *testing.T) {
	t.Parallel()
	received := time.Now()
	s := &session{with: testWith, received: received, handed: received, last: ipc.Frame{FirstSent: time.Second}}
	if r := s.record(received.Add(time.Second-1), Refused); r.FirstSent > r.Duration {
		t.Errorf("first packet after %v, end after %v", r.FirstSent, r.Duration)
	}
}

func TestRecordOfASessionThatRan(t *testing.T) {
	t.Parallel()
	received := time.Now()
	s := &session{
		with: testWith, received: received, handed: received.Add(time.Second),
		worker: &worker{Child: launch.Child{PID: 4711}},
		last:   ipc.Frame{Bytes: 3, Packets: 2, Retransmissions: 1, Blksize: 512, Windowsize: 4, FirstSent: 5, ErrorCode: 8, Detail: "d"},
	}
	got := s.record(received.Add(3*time.Second), PeerError)
	want := SessionStats{
		Peer: testPeer, Received: received, Waited: time.Second, Duration: 3 * time.Second, FirstSent: 5,
		Outcome: PeerError, ErrorCode: 8, Detail: "d", Blksize: 512, Windowsize: 4,
		Bytes: 3, Packets: 2, Retransmissions: 1, WorkerPID: 4711,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}
