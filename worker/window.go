package worker

import (
	"brood/protocol"
)

// dataHeaderLen is the length of a DATA packet before its payload (RFC 1350 §5).
const dataHeaderLen = 4

// maxReady is up to how many bytes there is room for the next window beside the one that
// is on its way, so that it can go out as soon as the ACK comes. A source that is read ahead
// by a goroutine has room of its own.
const maxReady = 512 << 10

// window holds the DATA packets that may have to be sent again, and those that come after
// them, ready for the wire and one behind the other: block 1 lies in slot 0, and after the
// last slot comes the first. Each block is read from its source once, so that what is sent
// twice is the same both times whatever became of the file.
type window struct {
	source *content
	direct *direct // nil: source is read
	wire   func(block uint64) uint16

	buf    []byte
	stride int
	slots  int
	most   uint64 // blocks on their way; what slots there are beyond are for those that come after

	read  uint64 // blocks read; the highest is here
	final uint64 // the last block, 0 while not known
	tail  int    // payload bytes of the final block
}

func newWindow(source *content, blksize, windowsize int, wire func(uint64) uint16) *window {
	slots := windowsize
	if source.ahead == nil && 2*windowsize*(dataHeaderLen+blksize) <= maxReady {
		slots *= 2
	}
	if source.size >= 0 {
		slots = int(min(int64(slots), source.size/int64(blksize)+1))
	}
	stride := dataHeaderLen + blksize
	return &window{
		source: source,
		wire:   wire,
		buf:    make([]byte, slots*stride),
		stride: stride,
		slots:  slots,
		most:   uint64(windowsize),
	}
}

// fill reads blocks up to and including the given one, or to the content's end,
// or as many as a slow source has given. The caller must not need blocks older
// than the slots are many any more.
func (w *window) fill(block uint64) error {
	if w.direct != nil {
		return w.fillDirect(block)
	}
	for w.read < block && w.final == 0 {
		p := w.slot(w.read + 1)
		n, err := w.source.block(p[dataHeaderLen:])
		if err == errNotYet {
			return nil
		}
		if err != nil {
			return err
		}
		w.number(w.read + 1)
		w.read++
		if n < len(p)-dataHeaderLen {
			return w.end(n)
		}
	}
	return nil
}

// end is for when the last block read is the content's last, with so many bytes. It
// is withheld when the content has changed since the first one was read: what has
// gone to the client may be a part of this and a part of that.
func (w *window) end(tail int) error {
	if w.source.unchanged != nil {
		if err := w.source.unchanged(); err != nil {
			return err
		}
	}
	w.final, w.tail = w.read, tail
	return nil
}

// await waits for the first block of a slow source.
func (w *window) await() {
	if w.source.ahead != nil {
		w.source.ahead.await(w.stride - dataHeaderLen)
	}
}

// starved says whether fill waits for a slow source.
func (w *window) starved(block uint64) bool {
	return w.source.ahead != nil && w.final == 0 && w.read < block
}

// number writes a block's header into its slot.
func (w *window) number(block uint64) {
	protocol.Data{Block: w.wire(block)}.Append(w.slot(block)[:0])
}

func (w *window) index(block uint64) int { return int((block - 1) % uint64(w.slots)) }

func (w *window) slot(block uint64) []byte {
	at := w.index(block) * w.stride
	return w.buf[at : at+w.stride : at+w.stride]
}

// run returns the packets of up to count blocks that have been read, from first
// on, as they go on the wire, and how many they are: fewer where the slots begin
// anew. All but the content's last are of one length, stride.
func (w *window) run(first, count uint64) (packets []byte, n uint64) {
	at := w.index(first)
	n = min(count, uint64(w.slots-at))
	packets = w.buf[at*w.stride : (at+int(n))*w.stride]
	if first+n-1 == w.final {
		packets = packets[:len(packets)-w.stride+dataHeaderLen+w.tail]
	}
	return packets, n
}

// bytes is how much content the first blocks hold.
func (w *window) bytes(blocks uint64) uint64 {
	blksize := uint64(w.stride - dataHeaderLen)
	if blocks > 0 && blocks == w.final {
		return (blocks-1)*blksize + uint64(w.tail)
	}
	return blocks * blksize
}
