package ipc

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/signal"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"
)

func controlPair(t *testing.T) (supervisor, worker int) {
	t.Helper()
	supervisor, worker, err := SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	return supervisor, worker
}

// payload returns a pipe: the reading end to send, the writing end to know it by.
func payload(t *testing.T) (r, w int) {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	closing(t, p[:]...)
	return p[0], p[1]
}

func TestAJobComesWithItsDescriptor(t *testing.T) {
	t.Parallel()
	supervisor, worker := controlPair(t)
	closing(t, supervisor, worker)
	r, w := payload(t)
	want := jobs[0].job
	if err := SendJob(supervisor, encodeJob(t, &want), r); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.FcntlInt(uintptr(r), unix.F_GETFD, 0); err != nil {
		t.Errorf("the sender's descriptor after SendJob: %v, want it open", err)
	}
	buf := make([]byte, MaxJob)
	got, fd, err := ReceiveJob(worker, buf)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("received %+v, %v; want %+v", got, err, want)
	}
	closing(t, fd)
	if !bytes.Equal(buf, make([]byte, MaxJob)) {
		t.Errorf("left behind for the next job: %q", bytes.TrimRight(buf, "\x00"))
	}
	if cloexec, _ := descriptorFlags(t, fd); !cloexec {
		t.Error("a program that the worker starts would inherit the received descriptor")
	}
	unix.Write(w, []byte("it"))
	b := make([]byte, 8)
	if n, err := unix.Read(fd, b); err != nil || string(b[:n]) != "it" {
		t.Errorf("read %q, %v from the received descriptor, want %q", b[:max(n, 0)], err, "it")
	}
}

func TestTheEndComesAfterTheLastJob(t *testing.T) {
	t.Parallel()
	supervisor, worker := controlPair(t)
	closing(t, worker)
	r, _ := payload(t)
	for range 2 {
		if err := SendJob(supervisor, encodeJob(t, &jobs[0].job), r); err != nil {
			t.Fatal(err)
		}
	}
	unix.Close(supervisor)
	for i := range 2 {
		_, fd, err := ReceiveJob(worker, make([]byte, MaxJob))
		if err != nil {
			t.Fatalf("job %d: %v", i, err)
		}
		closing(t, fd)
	}
	for range 2 {
		if _, fd, err := ReceiveJob(worker, make([]byte, MaxJob)); !errors.Is(err, io.EOF) || fd != -1 {
			t.Errorf("after the last job: descriptor %d, %v; want -1, %v", fd, err, io.EOF)
		}
	}
}

// TestARefusedJobLeaksNothing is not parallel: it counts descriptors.
func TestARefusedJobLeaksNothing(t *testing.T) {
	r, _ := payload(t)
	job := encodeJob(t, &jobs[0].job)
	for _, tt := range []struct {
		name        string
		message     []byte
		descriptors int
		want        error
	}{
		{"a job without a descriptor", job, 0, ErrRights},
		{"a job with two", job, 2, ErrRights},
		{"a job with more than there is room to count", job, 3, ErrRights},
		{"a job with as many as the kernel takes", job, 253, ErrRights},
		{"two descriptors and hardly a message", []byte{0}, 2, ErrRights},
		{"a descriptor and hardly a message", []byte{0}, 1, ErrMalformed},
		{"something else with a descriptor", []byte("GET / HTTP/1.1"), 1, ErrMalformed},
		{"a hostile length with a descriptor", []byte("\xdd\x7f\xff\xff\xff"), 1, ErrMalformed},
		{"a job that is cut short", job[:len(job)-1], 1, ErrMalformed},
		{"a message longer than any job", append(job, make([]byte, MaxJob)...), 1, ErrRights},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := descriptors(t)
			supervisor, worker := controlPair(t)
			var rights []byte
			if tt.descriptors > 0 {
				fds := make([]int, tt.descriptors)
				for i := range fds {
					fds[i] = r
				}
				rights = unix.UnixRights(fds...)
			}
			if err := unix.Sendmsg(supervisor, tt.message, rights, nil, 0); err != nil {
				t.Fatal(err)
			}
			got, fd, err := ReceiveJob(worker, make([]byte, MaxJob))
			if !errors.Is(err, tt.want) || fd != -1 || !reflect.DeepEqual(got, Job{}) {
				t.Errorf("received %+v, %d, %v; want nothing and %v", got, fd, err, tt.want)
			}
			// The next one is none the worse for it.
			if err := SendJob(supervisor, job, r); err != nil {
				t.Fatal(err)
			}
			if _, fd, err = ReceiveJob(worker, make([]byte, MaxJob)); err != nil {
				t.Errorf("the next job: %v", err)
			}
			closeAll([]int{supervisor, worker, fd})
			if after := descriptors(t); after != before {
				t.Errorf("%d descriptors before, %d after", before, after)
			}
		})
	}
}

// TestAJobForADeadWorkerIsAnError is not parallel: it watches the process's signals.
func TestAJobForADeadWorkerIsAnError(t *testing.T) {
	supervisor, worker := controlPair(t)
	closing(t, supervisor)
	r, _ := payload(t)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, unix.SIGPIPE, unix.SIGWINCH)
	defer signal.Stop(signals)

	unix.Close(worker)
	if err := SendJob(supervisor, encodeJob(t, &jobs[0].job), r); !errors.Is(err, unix.EPIPE) {
		t.Errorf("SendJob: %v, want %v", err, unix.EPIPE)
	}
	// The runtime passes signals on in the order of their numbers, so a SIGPIPE
	// would come before this one.
	unix.Kill(unix.Getpid(), unix.SIGWINCH)
	if got := <-signals; got != unix.SIGWINCH {
		t.Errorf("SendJob raised %v", got)
	}
}

func TestOnlyTheSupervisorsEndNeverBlocks(t *testing.T) {
	t.Parallel()
	supervisor, worker := controlPair(t)
	closing(t, supervisor, worker)
	for _, tt := range []struct {
		name     string
		fd       int
		nonblock bool
	}{{"supervisor", supervisor, true}, {"worker", worker, false}} {
		if cloexec, nonblock := descriptorFlags(t, tt.fd); !cloexec || nonblock != tt.nonblock {
			t.Errorf("the %s's end: close-on-exec %v, nonblocking %v; want true, %v", tt.name, cloexec, nonblock, tt.nonblock)
		}
	}
	r, _ := payload(t)
	job := encodeJob(t, &jobs[0].job)
	for i := 0; ; i++ {
		err := SendJob(supervisor, job, r)
		if errors.Is(err, unix.EAGAIN) {
			break
		}
		if err != nil || i > 1<<16 {
			t.Fatalf("job %d for a worker that takes none: %v, want %v in the end", i, err, unix.EAGAIN)
		}
	}
}
