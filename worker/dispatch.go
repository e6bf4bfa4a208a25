package worker

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	_ "brood/worker/internal/stack" // what a worker starts with; see there
)

// Options of a worker. The zero value works.
type Options struct {
	// OpenTimeout is how long a handler may take to open a response and to give
	// its first block. Then the client gets an ERROR. Zero means 5 s, which is
	// about when boot ROMs ask again.
	OpenTimeout time.Duration

	// FromInit says that an init function of package main calls Dispatch, to which Go
	// gives main's thread for itself. Elsewhere Dispatch has to take that, for which the
	// runtime needs one thread more: 3 % of a worker's start. Only an init function may
	// set it. What main's later ones would do is not done in workers. Default: false.
	FromInit bool
}

func (o Options) withDefaults() Options {
	if o.OpenTimeout <= 0 {
		o.OpenTimeout = 5 * time.Second
	}
	return o
}

// Dispatch must be called first thing in main, or by an init function of package main
// (Options.FromInit). In an executable started by a user it does nothing and returns
// false. In one started by a supervisor as a worker it makes the handler from the
// configuration (supervisor.Options.Config, as it stands), serves, and returns the code
// to exit with:
//
//	if code, ok := worker.Dispatch(newHandler, worker.Options{}); ok {
//		os.Exit(code)
//	}
//
// It all happens in the sandbox that the supervisor was told to use, newHandler
// included. What runs before, such as the init functions of packages, is only
// kept from the files and under the user that workers have.
//
// The configuration is a mapping that all workers of a generation share. It can be
// used in place for the worker's whole life, at the cost of the pages that are
// looked at; writing to it ends the worker by a fault.
//
// An error of newHandler ends the worker; the first worker's ends the start of
// the server with that error's text.
func Dispatch(newHandler func(config []byte) (Handler, error), o Options) (code int, ok bool) {
	if os.Getenv(ipc.RoleEnv) != ipc.RoleWorker {
		return 0, false
	}
	// The supervisor may be gone, and with it the reader of standard error.
	signal.Ignore(syscall.SIGPIPE)
	asUsual() // before a thread is made: it inherits this
	if !o.FromInit {
		// Blocking receives on a thread of their own cost one switch, the netpoller's
		// two and an epoll set.
		lockThread()
		asUsual() // the goroutine may have changed threads before
	}
	if err := checkDescriptors(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return int(ipc.ExitContract), true
	}
	allAsUsual() // before the sandbox, which keeps threads from that
	config, err := ipc.MapConfig(ipc.Config)
	if err == nil {
		config, err = enterSandbox(config)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return int(ipc.ExitContract), true
	}
	unix.Close(ipc.Config)
	handler, err := newHandler(config)
	if err == nil && handler == nil {
		err = errors.New("the constructor returned neither a handler nor an error")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return int(ipc.ExitConfig), true
	}
	return int(serve(handler, o.withDefaults())), true
}

// checkDescriptors tells a worker from a user who has set the variable: writing
// frames into whatever the shell left open would do harm.
func checkDescriptors() error {
	if kind, err := unix.GetsockoptInt(ipc.Control, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_SEQPACKET {
		return fmt.Errorf("%s=%s is set, but no supervisor started this process: unset it", ipc.RoleEnv, ipc.RoleWorker)
	}
	for fd := ipc.Control; fd <= max(ipc.Config, ipc.HelperSocket()); fd++ {
		unix.CloseOnExec(fd) // a program that a handler runs has no business with them
	}
	return nil
}

// serve runs one session after the other, until the last one, one that did not
// end cleanly, one that left something behind, or the end of the control socket.
func serve(handler Handler, o Options) ipc.ExitCode {
	ready, _ := (&ipc.Frame{Kind: ipc.KindReady}).Append(nil) // numbers alone: no text that could be too long
	writeFrame(ready)
	// What comes in, from the supervisor or a client: fresh memory for each session would
	// be a tenth of what it costs.
	in := make([]byte, max(ipc.MaxJob, ipc.MaxRequest))
	var before *surroundings
	for {
		job, socket, err := ipc.ReceiveJob(ipc.Control, in)
		if errors.Is(err, io.EOF) {
			return ipc.ExitOK
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return ipc.ExitContract
		}
		if !job.Last && before == nil {
			// Not sooner: a worker of one session has no use for it.
			before = firstLook(socket)
		}
		setTitle(titleOf(&job))
		final, closed := serveOne(handler, o, job, socket, in)
		if final == nil {
			return ipc.ExitOK
		}
		unix.Close(socket)
		if !closed {
			reportFinal(final)
			fmt.Fprintln(os.Stderr, "its session left behind: a Read of its response that does not return")
			return ipc.ExitUnclean
		}
		if left := before.changed(); left != "" {
			reportFinal(final)
			fmt.Fprintln(os.Stderr, "its session left behind:", left)
			return ipc.ExitUnclean
		}
		setTitle(ipc.IdleTitle)
		if !reportFinal(final, ready...) {
			return ipc.ExitOK // the supervisor stands still, and would wait for us in vain
		}
	}
}

// closeGrace is what a response has to close when another session may follow.
const closeGrace = time.Second

// serveOne has a frame of its own, so that nothing of a session is reachable
// from the next. It returns nil when there can't be a next one; then the stats
// are on their way already. They are sent before the response is closed, and
// where another session may follow as soon as closing has taken too long. Nothing of
// the session is left in the memory for what comes in.
func serveOne(handler Handler, o Options, job ipc.Job, socket int, in []byte) (final *ipc.Frame, closed bool) {
	in = in[:ipc.MaxRequest]
	defer clear(in)
	s := Session{
		Job:         job,
		Socket:      socket,
		Handler:     handler,
		OpenTimeout: o.OpenTimeout,
		Report:      report,
		Abandon: func(f *ipc.Frame) {
			reportFinal(f)
			os.Exit(int(ipc.ExitOpen))
		},
		in: in,
	}
	f := *s.Run() // a copy: the original is a part of the session
	if job.Last || f.Outcome == ipc.OutcomeOpenTimeout || f.Outcome == ipc.OutcomeStopped {
		reportFinal(&f)
		s.Close()
		return nil, true
	}
	late := time.AfterFunc(closeGrace, func() {
		reportFinal(&f)
		fmt.Fprintln(os.Stderr, "its session left behind: a Close of its response that does not return")
		os.Exit(int(ipc.ExitUnclean))
	})
	closed = s.Close()
	if !late.Stop() {
		select {} // this process is ending
	}
	return &f, closed
}
