package console

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"brood/cmd/broodctl/internal/console/link/linktest"
)

// inBubble has a console served in a bubble of time. Connect makes a connection to it.
func inBubble(t *testing.T, options Options, body func(t *testing.T, w *world, connect func() net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		options.Dial = (&linktest.Server{Answer: w.answer}).Dial
		c, err := New(options)
		if err != nil {
			t.Fatal(err)
		}
		p := make(pipes)
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error)
		go func() { served <- c.Serve(ctx, p) }()
		body(t, w, p.connect)
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		w.happens(nil)
	})
}

// Whoever does nothing keeps no place by that.
func TestConnectionsOnWhichNothingComes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, sends string
		want        string // that the answer begins with
		after       time.Duration
	}{
		{"nothing at all", "", "", headerWithin},
		{"half a request", "GET / HTTP/1.1\r\nHost: ", "", headerWithin},
		{"one request", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n", idleFor},
		{"a header without end", "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 2*maxHeader), "HTTP/1.1 431 ", 500 * time.Millisecond}, // net/http waits so long for its answer to be read
		{"a part of a body", "PUT /api/v1/log-level HTTP/1.1\r\nHost: x\r\n" + auth + "\r\n" + isJSON + "\r\nContent-Length: 10\r\n\r\n{", "HTTP/1.1 408 ", bodyWithin},
		{"a part of one that is not read", "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{", "HTTP/1.1 200 OK\r\n", bodyWithin},
	} {
		inBubble(t, Options{Token: secret}, func(t *testing.T, _ *world, connect func() net.Conn) {
			conn, begun := connect(), time.Now()
			go io.WriteString(conn, tt.sends)
			text, err := io.ReadAll(conn)
			if took := time.Since(begun); !strings.HasPrefix(string(text), tt.want) || took < tt.after || took > tt.after+time.Second {
				t.Errorf("%s: after %v %q, %v; want %q after %v", tt.name, took, text, err, tt.want, tt.after)
			}
			conn.Close()
		})
	}
}

// Nor does who asks, and does not read the answer.
func TestAnAnswerThatNobodyReads(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{}, func(t *testing.T, _ *world, connect func() net.Conn) {
		conn := connect()
		io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		time.Sleep(answerWithin + time.Second)
		if b, err := io.ReadAll(conn); len(b) > 0 || err != nil {
			t.Errorf("after %v there is still to be read %q, %v", answerWithin, b, err)
		}
		conn.Close()
	})
}

func TestAStreamShowsThatItLives(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{}, func(t *testing.T, _ *world, connect func() net.Conn) {
		conn := connect()
		go fmt.Fprintf(conn, "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
		begun, seen, b := time.Now(), "", make([]byte, 4096)
		for strings.Count(seen, ": nothing new\n\n") < 2 {
			n, err := conn.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			seen += string(b[:n])
		}
		if took := time.Since(begun); took != 2*keepAlive {
			t.Errorf("two signs of life took %v", took)
		}
		conn.Close()
		synctest.Wait()
	})
}

// One that takes nothing at all is dropped although nothing is lost yet.
func TestAReaderThatTakesNothingIsDropped(t *testing.T) {
	t.Parallel()
	var lines []string
	inBubble(t, Options{Log: func(message string, _ ...any) { lines = append(lines, message) }}, func(t *testing.T, _ *world, connect func() net.Conn) {
		conn := connect()
		fmt.Fprintf(conn, "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
		time.Sleep(keepAlive + readWithin)
		synctest.Wait()
		conn.Close()
	})
	if got := fmt.Sprint(lines); !strings.Contains(got, "a reader of events was dropped") {
		t.Errorf("the console has logged %s", got)
	}
}
