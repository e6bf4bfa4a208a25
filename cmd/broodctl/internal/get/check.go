package get

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
)

// Digest is what a file's content should come to.
type Digest []byte

// ParseDigest parses sha256:HEX.
func ParseDigest(text string) (Digest, error) {
	digits, ok := strings.CutPrefix(strings.ToLower(text), "sha256:")
	sum, err := hex.DecodeString(digits)
	if !ok || err != nil || len(sum) != sha256.Size {
		return nil, errors.New("want sha256: and 64 hexadecimal digits")
	}
	return sum, nil
}

// checked passes content on and adds it up.
type checked struct {
	io.Writer
	want Digest
	sum  hash.Hash
}

// checking returns a writer to w that sums, if there is a digest to check.
func (d Digest) checking(w io.Writer) *checked {
	if d == nil {
		return &checked{Writer: w}
	}
	sum := sha256.New()
	return &checked{io.MultiWriter(w, sum), d, sum}
}

// verify says whether all that was written is what it should be.
func (c *checked) verify(l *Location) error {
	if c.sum == nil {
		return nil
	}
	if got := c.sum.Sum(nil); !bytes.Equal(got, c.want) {
		return &Failure{"wrong digest", ExitCheck, fmt.Errorf("%v: its digest is sha256:%x, want sha256:%x", l, got, []byte(c.want))}
	}
	return nil
}
