package admin

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"github.com/vmihailenco/msgpack/v5"
)

// What an answer's frame is.
const (
	isItem  = 1
	isEnd   = 2
	isError = 3
)

// tag names the keys of items, on the wire as in the JSON that broodctl prints.
const tag = "json"

// AppendItem appends the frame of one item: a Status, Session, Ended, Event or Chunk.
func AppendItem(b []byte, id uint32, item any) ([]byte, error) {
	return appendAnswer(b, id, isItem, item)
}

// AppendEnd appends the frame that ends an answer.
func AppendEnd(b []byte, id uint32) ([]byte, error) { return appendAnswer(b, id, isEnd, nil) }

// AppendError appends the frame that ends an answer with an error.
func AppendError(b []byte, id uint32, e *Error) ([]byte, error) {
	return appendAnswer(b, id, isError, e)
}

func appendAnswer(b []byte, id uint32, what uint64, body any) ([]byte, error) {
	var buf bytes.Buffer
	e := msgpack.NewEncoder(&buf)
	e.SetCustomStructTag(tag)
	e.UseCompactInts(true)
	err := errors.Join(e.EncodeArrayLen(3), e.EncodeUint(uint64(id)), e.EncodeUint(what), e.Encode(body))
	if err == nil && buf.Len() > MaxAnswer {
		err = fmt.Errorf("an answer's frame of %d bytes: at most %d", buf.Len(), MaxAnswer)
	}
	if err != nil {
		return b, err
	}
	return appendFrame(b, buf.Bytes()), nil
}

// answer is one frame as the client sees it.
type answer struct {
	id   uint32
	what uint64
	body *msgpack.Decoder // at the body
}

func parseAnswer(body []byte) (a answer, err error) {
	d := msgpack.NewDecoder(bytes.NewReader(body))
	d.SetCustomStructTag(tag)
	n, err := d.DecodeArrayLen()
	if err == nil && n < 3 {
		err = errors.New("too few fields")
	}
	if err != nil {
		return a, fmt.Errorf("the server's answer: %w", err)
	}
	id, err1 := d.DecodeUint64()
	what, err2 := d.DecodeUint64()
	if err := errors.Join(err1, err2); err != nil || id > math.MaxUint32 {
		return a, fmt.Errorf("the server's answer: %d: %w", id, err)
	}
	return answer{uint32(id), what, d}, nil
}
