package get

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"brood/protocol"
)

// port is a socket that says answer to whoever asks; one that is closed if it is "".
func port(t *testing.T, answer string) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if answer == "" {
		conn.Close()
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		b := make([]byte, protocol.MaxRequestLen)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			if op, _ := protocol.ParseOpcode(b[:n]); op == protocol.OpRRQ {
				conn.WriteToUDPAddrPort([]byte(answer), from)
			}
		}
	}()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func fetcher(servers ...netip.AddrPort) (f *Fetcher, notes *atomic.Int32) {
	notes = new(atomic.Int32)
	return &Fetcher{
		Location: &Location{File: "f"}, Servers: servers, Settings: Settings{Timeout: time.Minute},
		Note: func(string) { notes.Add(1) },
	}, notes
}

const data1 = "\x00\x03\x00\x01content"

func TestServersAreTriedInTurnUntilOneAnswers(t *testing.T) {
	t.Parallel()
	const refusal = "\x00\x05\x00\x01no\x00"
	for _, tt := range []struct {
		name    string
		answers []string
		kind    string
		server  int
		notes   int32
	}{
		{"the first answers", []string{data1, refusal}, "", 0, 0},
		{"the first is not there", []string{"", data1}, "", 1, 1},
		{"an ERROR is an answer", []string{"", refusal, data1}, "ERROR 1", 1, 1},
		{"none is there", []string{"", ""}, "nobody listens", 1, 1},
	} {
		var servers []netip.AddrPort
		for _, answer := range tt.answers {
			servers = append(servers, port(t, answer))
		}
		f, notes := fetcher(servers...)
		for range 2 { // who did not answer before is not asked again
			s := f.Fetch(t.Context(), io.Discard, nil)
			kind := ""
			if s.Err != nil {
				kind = s.Err.Kind
			}
			if kind != tt.kind || s.Server != servers[tt.server] {
				t.Errorf("%s: %q from %v, want %q from %v", tt.name, kind, s.Server, tt.kind, servers[tt.server])
			}
			if kind == "nobody listens" {
				break // all are asked again
			}
		}
		if notes.Load() != tt.notes {
			t.Errorf("%s: %d notes, want %d", tt.name, notes.Load(), tt.notes)
		}
	}
}

func TestALoadIsAsManySessionsAsWanted(t *testing.T) {
	t.Parallel()
	f, _ := fetcher(port(t, data1))
	for _, tt := range []struct{ repeat, concurrency int }{{1, 1}, {20, 3}, {3, 20}} {
		sum := f.Load(t.Context(), tt.repeat, tt.concurrency, nil)
		if sum.Complete != tt.repeat || sum.Sessions != tt.repeat || sum.Bytes != int64(7*tt.repeat) || fmt.Sprint(sum.Err()) != "<nil>" {
			t.Errorf("%d, %d at once: %+v", tt.repeat, tt.concurrency, sum)
		}
	}
}
