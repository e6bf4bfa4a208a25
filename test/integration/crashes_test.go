package integration

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"brood/protocol"
	"brood/test/harness"
	"brood/worker/workertest"
)

// at is a client on an address of its own.
func at(n int) workertest.Client {
	return workertest.Client{Local: netip.MustParseAddr(fmt.Sprintf("127.0.0.%d", n)), Timeout: longTimeout}
}

// fetchError is the ERROR that a client gets.
func fetchError(t *testing.T, s *harness.Server, client workertest.Client, file string) *protocol.Error {
	t.Helper()
	_, err := client.Get(t.Context(), s.Addr, file, io.Discard)
	var e *protocol.Error
	if !errors.As(err, &e) || e.Code != protocol.CodeUndefined {
		t.Fatalf("the client of %q got %v, want ERROR 0", file, err)
	}
	return e
}

func TestARequestThatKeepsCrashingCostsNoMoreProcesses(t *testing.T) {
	t.Parallel()
	const crashes = 5
	s := startMisbehaving(t)
	for i := range crashes {
		fetchError(t, s, at(2+i), "panic")
	}
	for i := range 3 {
		if e := fetchError(t, s, at(2+i), "panic"); !strings.Contains(e.Message, "try again in") {
			t.Errorf("the client got %q, want to be told when to try again", e.Message)
		}
	}
	good := at(2)
	var got bytes.Buffer
	if _, err := good.Get(t.Context(), s.Addr, "good-1", &got); err != nil || !bytes.Equal(got.Bytes(), goodContent("good-1")) {
		t.Errorf("another file: %d bytes, %v", got.Len(), err)
	}
	s.Wait("a request keeps crashing its handler and is answered with ERROR", func(l harness.Line) bool {
		return l.String("file") == "panic" && l.String("for") == "10s"
	})
	if c := s.Counters(); c.Int("crashed") != crashes || c.Int("failing") != 3 || c.Int("started") != crashes+1 {
		t.Errorf("counters %v, want %d crashes and 3 failing", c, crashes)
	}
}

func TestAClientThatKeepsCrashingHandlersIsNotHeard(t *testing.T) {
	t.Parallel()
	cmd := command(t, "ok")
	cmd.Env = append(cmd.Env, harness.SinglePortEnv+"=") // with a single port an ACK proves nothing
	s := harness.Start(t, cmd)
	for _, file := range []string{"far-panic", "far-exit"} {
		fetchError(t, s, at(2), file)
	}
	s.Wait("a client keeps crashing handlers and is not heard", func(l harness.Line) bool {
		return strings.HasPrefix(l.String("peer"), "127.0.0.2:") && l.String("for") == "10s"
	})
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.WriteToUDPAddrPort(protocol.Request{Op: protocol.OpRRQ, File: "good-1"}.Append(nil), s.Addr); err != nil {
		t.Fatal(err)
	}
	s.Wait("request dropped: its client has crashed handlers", nil)
	var got bytes.Buffer
	other := at(3)
	if _, err := other.Get(t.Context(), s.Addr, "good-1", &got); err != nil || !bytes.Equal(got.Bytes(), goodContent("good-1")) {
		t.Errorf("another client got %d bytes, %v", got.Len(), err)
	}
	if c := s.Counters(); c.Int("crashed") != 2 || c.Int("penalised") != 1 || c.Int("started") != 3 {
		t.Errorf("counters %v, want 2 crashes and 1 penalised request", c)
	}
}
