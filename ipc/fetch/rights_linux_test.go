package fetch_test

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"brood/ipc/fetch"
)

func pair(t *testing.T) (helper, worker int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fds[0]); unix.Close(fds[1]) })
	return fds[0], fds[1]
}

func TestAnOpenedFileComesWithItsDescriptor(t *testing.T) {
	t.Parallel()
	helper, worker := pair(t)
	want := fetch.Answer{Kind: fetch.AnswerOpened, ID: 3, Size: 10, There: 4}
	f, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := fetch.SendAnswer(helper, want, int(f.Fd())); err != nil {
		t.Fatal(err)
	}
	got, fd, err := fetch.ReceiveAnswer(worker)
	if err != nil || got != want || fd < 0 {
		t.Fatalf("%+v, descriptor %d, %v; want %+v", got, fd, err, want)
	}
	unix.Close(fd)
	if _, fd, err := fetch.ReceiveAnswer(worker); !errors.Is(err, unix.EAGAIN) || fd != -1 {
		t.Errorf("nothing more was sent: descriptor %d, %v", fd, err)
	}
}

func TestDescriptorsAreWhereTheyBelongAndNowhereElse(t *testing.T) {
	t.Parallel()
	helper, worker := pair(t)
	for _, tt := range []struct {
		kind fetch.AnswerKind
		file int
	}{{fetch.AnswerOpened, -1}, {fetch.AnswerGrown, helper}} {
		if err := fetch.SendAnswer(helper, fetch.Answer{Kind: tt.kind}, tt.file); err != nil {
			t.Fatal(err)
		}
		if _, fd, err := fetch.ReceiveAnswer(worker); !errors.Is(err, fetch.ErrMalformed) || fd != -1 {
			t.Errorf("an answer of kind %d with descriptor %d: %d, %v", tt.kind, tt.file, fd, err)
		}
	}
}

func TestAWorkerThatDoesNotReadIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	helper, _ := pair(t)
	for range 100_000 {
		err := fetch.SendAnswer(helper, fetch.Answer{Kind: fetch.AnswerGrown}, -1)
		if errors.Is(err, unix.EAGAIN) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Error("100,000 answers went into a socket that nobody reads")
}
