package admin

import (
	"encoding/binary"
	"fmt"
	"io"

	"brood/ipc"
)

// Bounds of a frame without its length, in bytes.
const (
	MaxRequest = 64 << 10 // what a server reads
	MaxAnswer  = 64 << 10 // what a client reads
)

const headerLen = 4

// appendFrame appends a body with its length before it.
func appendFrame(b, body []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	return append(b, body...)
}

// readFrame returns the next frame's body, of at most so many bytes. An end of file
// between two frames is io.EOF.
func readFrame(r io.Reader, most int) ([]byte, error) {
	var header [headerLen]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(header[:])
	if n > uint32(most) {
		return nil, fmt.Errorf("%w: a frame of %d bytes, at most %d", ipc.ErrMalformed, n, most)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, fmt.Errorf("%w: a frame of %d bytes is cut short: %w", ipc.ErrMalformed, n, err)
	}
	return body, nil
}
