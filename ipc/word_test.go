package ipc

import (
	"errors"
	"io"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAHelperHearsWhatItsSupervisorSays(t *testing.T) {
	t.Parallel()
	supervisor, helper := controlPair(t)
	closing(t, helper)
	r, w := payload(t)
	if err := errors.Join(Say(supervisor, WordWorker, r), Say(supervisor, WordRetire, -1)); err != nil {
		t.Fatal(err)
	}
	word, fd, err := Hear(helper)
	if word != WordWorker || fd < 0 || err != nil {
		t.Fatalf("%q, descriptor %d, %v; want a worker", word, fd, err)
	}
	closing(t, fd)
	unix.Write(w, []byte("it"))
	b := make([]byte, 8)
	if n, err := unix.Read(fd, b); err != nil || string(b[:n]) != "it" {
		t.Errorf("read %q, %v from the received descriptor", b[:max(n, 0)], err)
	}
	if word, fd, err := Hear(helper); word != WordRetire || fd != -1 || err != nil {
		t.Errorf("%q, descriptor %d, %v; want to retire", word, fd, err)
	}
	unix.Close(supervisor)
	if _, fd, err := Hear(helper); !errors.Is(err, io.EOF) || fd != -1 {
		t.Errorf("after the supervisor's end: descriptor %d, %v", fd, err)
	}
}

func TestAWordHasOneShape(t *testing.T) {
	t.Parallel()
	supervisor, helper := controlPair(t)
	closing(t, supervisor, helper)
	r, _ := payload(t)
	for _, tt := range []struct {
		name   string
		bytes  string
		rights []int
	}{
		{"a worker without its socket", "W", nil},
		{"a worker with two", "W", []int{r, r}},
		{"retire with a descriptor", "R", []int{r}},
		{"no word", "X", nil},
		{"two at once", "WR", []int{r}},
	} {
		if err := unix.Sendmsg(supervisor, []byte(tt.bytes), unix.UnixRights(tt.rights...), nil, 0); err != nil {
			t.Fatal(err)
		}
		if word, fd, err := Hear(helper); !errors.Is(err, ErrMalformed) || fd != -1 {
			t.Errorf("%s: %q, descriptor %d, %v", tt.name, word, fd, err)
		}
	}
}

func TestAWorkerKnocksByWriting(t *testing.T) {
	t.Parallel()
	ours, theirs, err := HelperPair()
	if err != nil {
		t.Fatal(err)
	}
	closing(t, ours)
	if Knocked(ours) {
		t.Error("knocked before it wrote")
	}
	unix.Write(theirs, []byte("ask"))
	for range 2 { // the word is the helper's to read
		if !Knocked(ours) {
			t.Error("it wrote, and has not knocked")
		}
	}
	unix.Read(ours, make([]byte, 8))
	unix.Close(theirs)
	if Knocked(ours) {
		t.Error("its end counts as a knock")
	}
}

func TestAWorkerKnowsWhetherThereIsAHelper(t *testing.T) {
	if got := HelperSocket(); got != -1 {
		t.Errorf("without a helper: %d", got)
	}
	t.Setenv(HelperEnv, "1")
	if got := HelperSocket(); got != Helper {
		t.Errorf("with a helper: %d", got)
	}
}
