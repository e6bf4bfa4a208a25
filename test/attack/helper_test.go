package attack

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/ipc/fetch"
	"brood/worker"
)

// helperURL is what the helper is asked for. It fetches nothing: it has one file,
// and gives it to whoever asks for any.
const (
	helperURL     = "http://helper.invalid/"
	helperContent = "what the helper has"
)

// help is a helper that keeps to the contract and no more.
func help() int {
	f, err := os.CreateTemp("", "brood-test-helper")
	if err == nil {
		os.Remove(f.Name()) // nobody may be left to do it later
		_, err = f.WriteString(helperContent)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	path := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	for {
		_, socket, err := ipc.Hear(ipc.Control)
		if err != nil {
			return 0
		}
		go func() {
			defer unix.Close(socket)
			for n := uint32(1); serveOne(socket, path, n); n++ {
			}
		}()
	}
}

// serveOne answers one question, after a greeting, and says whether to go on.
func serveOne(socket int, path string, n uint32) bool {
	if n == 1 && fetch.SendAnswer(socket, fetch.Answer{Kind: fetch.AnswerHello, ID: 1}, -1) != nil {
		return false
	}
	unix.Poll([]unix.PollFd{{Fd: int32(socket), Events: unix.POLLIN}}, -1)
	b := make([]byte, fetch.MaxMessage+1)
	got, err := unix.Read(socket, b)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return true
	}
	a, parsing := fetch.ParseAsk(b[:max(got, 0)])
	if errors.Join(err, parsing) != nil {
		return false
	}
	if a.Kind != fetch.AskOpen {
		return true
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	whole := int64(len(helperContent))
	return fetch.SendAnswer(socket, fetch.Answer{Kind: fetch.AnswerOpened, ID: a.ID, Size: whole, There: whole, Whole: true}, int(f.Fd())) == nil
}

// helped wants that others get what the helper has.
func (s *scene) helped() {
	for n := range 5 {
		var got bytes.Buffer
		if err := s.get(fmt.Sprint("helped-", n), &got); err != nil || got.String() != helperContent {
			s.Errorf("after the attack the helper gives %q, %v", got.String(), err)
		}
	}
	if n := len(s.Server.WaitN(1, "a helper runs", nil)); n != 1 {
		s.Errorf("%d helpers were started", n)
	}
}

// given is a descriptor that the helper has given.
func given() (int, error) {
	b, err := fetch.Ask{Kind: fetch.AskOpen, ID: 1, Base: helperURL, Name: "file"}.Append(nil)
	if err == nil {
		_, err = unix.Write(ipc.Helper, b)
	}
	for err == nil {
		var a fetch.Answer
		var fd int
		switch a, fd, err = fetch.ReceiveAnswer(ipc.Helper); {
		case errors.Is(err, unix.EAGAIN):
			_, err = unix.Poll([]unix.PollFd{{Fd: ipc.Helper, Events: unix.POLLIN}}, -1)
		case err == nil && a.Kind == fetch.AnswerOpened:
			return fd, nil
		}
	}
	return -1, err
}

var helperAttacks = map[string]func(*report) worker.Response{
	"helper-socket": func(r *report) worker.Response {
		r.try("pass the session's socket", unix.Sendmsg(ipc.Helper, []byte("x"), unix.UnixRights(sessionSocket()), nil, 0))
		r.try("pass the control socket", unix.Sendmsg(ipc.Helper, []byte("x"), unix.UnixRights(ipc.Control), nil, unix.MSG_DONTWAIT))
		b := []byte("x")
		r.call("sendmmsg", unix.SYS_SENDMMSG, ipc.Helper, uintptr(unsafe.Pointer(&b[0])), 1, 0)
		r.call("sendto", unix.SYS_SENDTO, ipc.Helper, uintptr(unsafe.Pointer(&b[0])), 1, 0, 0, 0)
		_, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET, 0)
		r.try("socketpair", err)
		r.try("connect", unix.Connect(ipc.Helper, &unix.SockaddrUnix{Name: "@brood"}))
		r.try("bind", unix.Bind(ipc.Helper, &unix.SockaddrUnix{Name: "@brood"}))
		r.try("SO_PASSCRED", unix.SetsockoptInt(ipc.Helper, unix.SOL_SOCKET, unix.SO_PASSCRED, 1))
		r.try("SO_SNDBUF", unix.SetsockoptInt(ipc.Helper, unix.SOL_SOCKET, unix.SO_SNDBUF, 1<<30))
		return nil
	},
	"helper-file": func(r *report) worker.Response {
		fd, err := given()
		if err != nil {
			r.try("ask for a file (which is allowed)", err)
			return nil
		}
		r.try("write", second(unix.Write(fd, []byte("x"))))
		r.try("pwrite", second(unix.Pwrite(fd, []byte("x"), 0)))
		r.try("truncate", unix.Ftruncate(fd, 0))
		r.try("chmod", unix.Fchmod(fd, 0o777))
		r.try("allocate", unix.Fallocate(fd, 0, 0, 1<<20))
		r.try("lease", second(unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_RDLCK)))
		r.try("lock", unix.Flock(fd, unix.LOCK_EX))
		r.open(fmt.Sprintf("/proc/self/fd/%d", fd), os.O_RDWR)
		_, err = unix.Mmap(fd, 0, 1, unix.PROT_WRITE, unix.MAP_SHARED)
		r.try("map for writing", err)
		unix.Close(fd)
		return nil
	},
	"helper-flood": func(r *report) worker.Response {
		open, _ := fetch.Ask{Kind: fetch.AskOpen, ID: 1, Base: helperURL, Name: strings.Repeat("n", fetch.MaxName)}.Append(nil)
		for what, b := range map[string][]byte{"ask": open, "no message": []byte("x"), "too much": make([]byte, 100_000)} {
			var err error
			for range 1_000_000 {
				if _, err = unix.Write(ipc.Helper, b); err != nil {
					break
				}
			}
			r.try(what, err)
		}
		return nil
	},
	"helper-break": func(r *report) worker.Response {
		r.try("read", second(unix.Read(ipc.Helper, make([]byte, 100))))
		r.try("blocking", unix.SetNonblock(ipc.Helper, false))
		r.try("shut it down", unix.Shutdown(ipc.Helper, unix.SHUT_RDWR))
		r.try("put the stats pipe in its place", unix.Dup3(ipc.Stats, ipc.Helper, 0))
		r.try("close", unix.Close(ipc.Helper))
		return nil
	},
}
