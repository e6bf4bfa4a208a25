package admin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"brood/ipc"
)

// script is a server that has said everything beforehand.
type script struct {
	io.Reader
	asked bytes.Buffer
}

func (s *script) Write(b []byte) (int, error) { return s.asked.Write(b) }

// says is what a server says in frames that parts append.
func says(t testing.TB, parts ...func(b []byte) ([]byte, error)) *script {
	t.Helper()
	var b []byte
	for _, part := range parts {
		var err error
		if b, err = part(b); err != nil {
			t.Fatal(err)
		}
	}
	return &script{Reader: bytes.NewReader(b)}
}

func item(id uint32, v any) func(b []byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) { return AppendItem(b, id, v) }
}

func end(id uint32) func(b []byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) { return AppendEnd(b, id) }
}

func refusal(id uint32, e Error) func(b []byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) { return AppendError(b, id, &e) }
}

var hello = Hello{Version: Version, Program: "brood 1.0", PID: 7, MayChange: true}

func TestAnAnswerIsItemsAndAnEnd(t *testing.T) {
	t.Parallel()
	want := []Session{{ID: 1, Peer: "192.0.2.1:2070", File: "pxelinux.0", Size: -1, Rate: 1.5, RoundTrip: 0.001}, {ID: 2, Bytes: 1 << 40}}
	server := says(t, hello.Append, item(1, &want[0]), item(1, &want[1]), end(1), refusal(2, Error{CodeNoSession, "gone"}), end(3))
	c, err := NewClient(server)
	if err != nil || c.Hello != hello {
		t.Fatalf("greeted with %+v, %v", c, err)
	}
	got, err := All[Session](c, Request{Kind: KindSessions})
	if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	var refused *Error
	if err := c.Do(Request{Kind: KindKill}); !errors.As(err, &refused) || refused.Code != CodeNoSession {
		t.Errorf("a request that is refused: %v", err)
	}
	if err := c.Do(Request{Kind: KindDrain}); err != nil {
		t.Errorf("one that is done: %v", err)
	}
	for _, kind := range []Kind{KindSessions, KindKill, KindDrain} {
		if r, err := ReadRequest(&server.asked); err != nil || r.Kind != kind {
			t.Errorf("the server was asked %+v, %v; want %s", r, err, kind)
		}
	}
}

// A server may say more in an item than this program knows, and less.
func TestAnItemMayHaveOtherKeys(t *testing.T) {
	t.Parallel()
	c, err := NewClient(says(t, hello.Append, item(1, map[string]any{"pid": 5, "new": map[string]any{"a": []int{1}}}), end(1)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := All[Status](c, Request{Kind: KindStatus})
	if err != nil || len(got) != 1 || got[0].PID != 5 || got[0].State != "" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAConnectionThatIsNotWhatItShouldBe(t *testing.T) {
	t.Parallel()
	other := hello
	other.Version = Version + 1
	for _, tt := range []struct {
		name   string
		server *script
		want   string
	}{
		{"nobody there", &script{Reader: strings.NewReader("")}, "greeting: EOF"},
		{"something else", &script{Reader: strings.NewReader("220 mail.example.org ESMTP\r\n")}, "at most 65536"},
		{"another protocol in frames", says(t, end(1)), "no brood server"},
		{"a newer server", says(t, other.Append), "the server is newer: it speaks version 2"},
		{"cut short", says(t, hello.Append, item(1, &Session{})), "unexpected EOF"},
		{"another's answer", says(t, hello.Append, end(9)), "answers request 9, and was asked 1"},
		{"no room", says(t, hello.Append, refusal(0, Error{CodeBusy, "too many"})), "too many"},
		{"a kind of its own", says(t, hello.Append, func(b []byte) ([]byte, error) { return appendAnswer(b, 1, 9, nil) }), "of kind 9"},
		{"too long", says(t, hello.Append, func(b []byte) ([]byte, error) { return append(b, 0, 1, 0, 1), nil }), "at most 65536"},
	} {
		c, err := NewClient(tt.server)
		if err == nil {
			_, err = All[Session](c, Request{Kind: KindSessions})
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v; want %q", tt.name, err, tt.want)
		}
	}
}

func TestAnAnswersFrameIsBounded(t *testing.T) {
	t.Parallel()
	if _, err := AppendItem(nil, 1, &Chunk{make([]byte, MaxAnswer)}); err == nil {
		t.Error("an item that no client would read is made")
	}
	if _, err := AppendItem(nil, 1, &Chunk{make([]byte, MaxChunk)}); err != nil {
		t.Errorf("a chunk: %v", err)
	}
}

// What a client reads is the server's, and still it is no reason to end.
func FuzzAnswer(f *testing.F) {
	for _, part := range []func([]byte) ([]byte, error){item(1, &Session{ID: 1, File: "f"}), end(1), refusal(1, Error{CodeFailed, "no"})} {
		b, _ := part(nil)
		f.Add(b)
	}
	greeting, _ := hello.Append(nil)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := NewClient(&script{Reader: bytes.NewReader(append(greeting[:len(greeting):len(greeting)], b...))})
		if err != nil {
			t.Fatal(err)
		}
		got, err := All[Session](c, Request{Kind: KindSessions})
		if err == nil && !bytes.Contains(b, []byte{isEnd}) {
			t.Fatalf("%x is an answer of %+v without an end", b, got)
		}
		if errors.Is(err, ipc.ErrMalformed) && len(got) > len(b) {
			t.Fatalf("%d items of %d bytes", len(got), len(b))
		}
	})
}

func Example() {
	// A program has connected to the socket:
	var conn io.ReadWriter = says(new(testing.T), hello.Append,
		item(1, &Session{Peer: "192.0.2.1:2070", File: "pxelinux.0", Bytes: 1024, Size: 26000}), end(1))

	c, err := NewClient(conn)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = Each(c, Request{Kind: KindSessions}, func(s Session) error {
		_, err := fmt.Printf("%s %s %d/%d\n", s.Peer, s.File, s.Bytes, s.Size)
		return err
	})
	fmt.Println(c.Hello.Program, err)
	// Output:
	// 192.0.2.1:2070 pxelinux.0 1024/26000
	// brood 1.0 <nil>
}
