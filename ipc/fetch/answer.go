package fetch

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed is the cause of every refused message.
var ErrMalformed = errors.New("fetch: malformed message")

// MaxReason bounds Answer.Reason, in bytes; longer ones are cut.
const MaxReason = 512

// AnswerKind is what a helper says.
type AnswerKind uint8

const (
	AnswerHello  AnswerKind = iota + 1 // it has just got this socket: ask again what was asked; ID is a number of its own
	AnswerOpened                       // Size, There, Whole; with the descriptor
	AnswerGrown                        // There
	AnswerWhole                        // Size: that many bytes are there, and are what they should be
	AnswerFailed                       // Cause, Reason; nothing more comes of it
)

// Cause is why there is no content, as far as a client is to know.
type Cause uint8

const (
	CauseOther     Cause = iota // the reason is the server's own affair
	CauseNotFound               // there is no such file
	CauseForbidden              // it is not for us, or its name is none
	causeEnd
)

// Answer is a message of a helper.
type Answer struct {
	Kind AnswerKind
	ID   uint32 // the question's

	Size   int64 // of the whole file in bytes, -1 when not known yet
	There  int64 // bytes of it that can be read
	Whole  bool  // they are all, and right
	Cause  Cause
	Reason string // for the log
}

const answerHeader = 1 + 4 + 8 + 8 + 1 + 1 // kind, id, size, there, whole, cause

// Append appends the message to b. The reason is cut to MaxReason.
func (a Answer) Append(b []byte) []byte {
	b = append(b, byte(a.Kind))
	b = binary.BigEndian.AppendUint32(b, a.ID)
	b = binary.BigEndian.AppendUint64(b, uint64(a.Size))
	b = binary.BigEndian.AppendUint64(b, uint64(a.There))
	whole := byte(0)
	if a.Whole {
		whole = 1
	}
	b = append(b, whole, byte(a.Cause))
	return append(b, a.Reason[:min(len(a.Reason), MaxReason)]...)
}

// ParseAnswer is the inverse of Append.
func ParseAnswer(b []byte) (Answer, error) {
	if len(b) < answerHeader || len(b) > answerHeader+MaxReason {
		return Answer{}, fmt.Errorf("%w: an answer of %d bytes", ErrMalformed, len(b))
	}
	a := Answer{
		Kind:   AnswerKind(b[0]),
		ID:     binary.BigEndian.Uint32(b[1:]),
		Size:   int64(binary.BigEndian.Uint64(b[5:])),
		There:  int64(binary.BigEndian.Uint64(b[13:])),
		Whole:  b[21] == 1,
		Cause:  Cause(b[22]),
		Reason: string(b[answerHeader:]),
	}
	if a.Kind < AnswerHello || a.Kind > AnswerFailed || a.Cause >= causeEnd || b[21] > 1 ||
		a.Size < -1 || a.There < 0 || a.Size >= 0 && a.There > a.Size || a.Whole && a.There != a.Size {
		return Answer{}, fmt.Errorf("%w: %+v", ErrMalformed, a)
	}
	return a, nil
}
