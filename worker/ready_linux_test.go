package worker

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/protocol"
)

// lingering is a source of that size that takes longer than slowRead for the blocks from
// the given offset on.
type lingering struct {
	*bytes.Reader
	from int64
}

func (l lingering) Size() (int64, bool) { return l.Reader.Size(), true }
func (lingering) Close() error          { return nil }

func (l lingering) Read(p []byte) (int, error) {
	if at, _ := l.Seek(0, io.SeekCurrent); at >= l.from {
		for began := time.Now(); time.Since(began) < 2*slowRead; {
			continue
		}
	}
	return l.Reader.Read(p)
}

// large is a block that is not read in pieces.
const large = readAhead + 1000

// numbered is content of which each block consists of its own number.
func numbered(blocks int) []byte {
	var b []byte
	for i := range blocks {
		b = append(b, bytes.Repeat([]byte{byte(i + 1)}, large)...)
	}
	return b
}

// received returns the numbers of the blocks that lie at the peer, each of which must have
// its own content.
func received(t *testing.T, peer int) (blocks []uint16) {
	t.Helper()
	p := make([]byte, 2*large)
	for {
		n, _, err := unix.Recvfrom(peer, p, unix.MSG_DONTWAIT)
		if err != nil {
			return blocks
		}
		if p[1] != byte(protocol.OpDATA) {
			continue
		}
		block := binary.BigEndian.Uint16(p[2:])
		if want := bytes.Repeat([]byte{byte(block)}, large); !bytes.Equal(p[dataHeaderLen:n], want) {
			t.Errorf("block %d has another's content", block)
		}
		blocks = append(blocks, block)
	}
}

func TestTheNextWindowIsReadWhileThisOneIsOnItsWay(t *testing.T) {
	t.Parallel()
	const never = 100 * large
	for _, tt := range []struct {
		name  string
		slow  int64 // from that offset on
		sleep bool  // the thread does not look for the ACK
		read  []uint64
	}{
		// After the OACK's ACK, one inside the window, and two at a window's end.
		{"looking", never, false, []uint64{4, 5, 7, 9}},
		{"sleeping", never, true, []uint64{2, 3, 5, 7}},
		{"a source that is slow from the next window on", 2 * large, false, []uint64{4, 4, 5, 7}},
	} {
		s, peer := connectedPair(t)
		job := ipc.Job{File: "f", Mode: uint8(protocol.Octet), Options: []ipc.Option{
			{Name: "blksize", Value: strconv.Itoa(large)}, {Name: "windowsize", Value: "2"},
		}}
		tr := begun(t, job, lingering{bytes.NewReader(numbered(20)), tt.slow}, nil)
		tr.socket = *s
		if tt.sleep {
			tr.socket.eager.rest = eagerRest
		}
		tr.step(time.Now(), protocol.Event{Kind: protocol.EventStart})
		var read []uint64
		for _, ack := range []uint16{0, 1, 3, 5} {
			if tt.slow == never {
				tr.rest = 0 // on a busy machine any read may take long
			}
			tr.step(time.Now(), protocol.Event{Kind: protocol.EventAck, Block: ack})
			read = append(read, tr.window.read)
			if got, want := received(t, peer), []uint16{ack + 1, ack + 2}; !slices.Equal(got, want) {
				t.Errorf("%s, ACK %d: got blocks %d, want %d", tt.name, ack, got, want)
			}
		}
		if !slices.Equal(read, tt.read) || tr.failed != nil {
			t.Errorf("%s: %d blocks read (%v), want %d", tt.name, read, tr.failed, tt.read)
		}
	}
}
