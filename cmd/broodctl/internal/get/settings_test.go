package get

import (
	"fmt"
	"testing"
	"time"

	"brood/protocol"
)

func TestOptionsAreAskedForAsSet(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		s    Settings
		want string
	}{
		{"none", Settings{Timeout: time.Second}, "[]"},
		{"all", Settings{Blksize: 1428, Windowsize: 16, Tsize: true, Timeout: 2 * time.Second, AskTimeout: true}, "[{tsize 0} {blksize 1428} {windowsize 16} {timeout 2}]"},
		{"no size of a text", Settings{Mode: protocol.Netascii, Blksize: 512, Tsize: true}, "[{blksize 512}]"},
		{"a part of a second", Settings{Timeout: 1500 * time.Millisecond, AskTimeout: true}, "[{utimeout 1500000}]"},
	} {
		if c := tt.s.client(); fmt.Sprint(c.Options) != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, c.Options, tt.want)
		}
	}
	if c := (&Settings{}).client(); c.Retries >= 0 {
		t.Errorf("no retries become %d, which means 5", c.Retries)
	}
}

func TestADigestIsTakenInEitherCase(t *testing.T) {
	t.Parallel()
	const digits = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"
	d, err := ParseDigest("sha256:" + digits)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.checking(writer(func(b []byte) (int, error) { return len(b), nil })).verify(&Location{File: "f"}); err != nil {
		t.Errorf("of nothing: %v", err)
	}
	for _, text := range []string{"", "sha256:", digits, "md5:" + digits, "sha256:" + digits[1:], "sha256:" + digits + "00"} {
		if _, err := ParseDigest(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}
