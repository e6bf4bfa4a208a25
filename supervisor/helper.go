package supervisor

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"brood/ipc"
	"brood/ipc/launch"
	"brood/protocol"
)

// Helper is a program that the supervisor keeps running beside itself, and that
// does what neither it nor a worker may: HTTP, say. It runs under an account of its
// own (brood-helper if there is one) where the supervisor may change ids, without a
// capability, and ends with the supervisor. One that ends by itself is started
// again, at longer and longer intervals if it does so time after time. What it
// writes to standard error is logged, 64 lines a minute; one that writes more than
// 256 KiB in a minute is ended. It never keeps anybody from being served but
// those whose handlers ask it.
type Helper struct {
	// Name is what the log calls it; each has another.
	Name string
	// Path is its executable, absolute.
	Path string
	// Args follow its name.
	Args []string
	// Config is its standard input.
	Config []byte
	// Dir is a directory that it may write to, absolute. If there is none it is made
	// when the server starts, for the helper's account alone. Empty means none.
	Dir string
	// Workers have a socket to it, if this is set; see package ipc.
	Workers bool
	// Listen is a TCP address with its port, on which the supervisor listens for it:
	// from before root is left, across upgrades, and while it is started anew. It
	// has the socket as ipc.Listener. Of 0.0.0.0 and :: the latter is both families.
	// Empty means none.
	Listen string
	// Access is what it may do as an operator. It has connections to what the admin
	// socket is for through ipc.Door, whether there is an admin socket or not.
	Access Access
}

// Access is what a helper may do as an operator; ADMIN.md says what there is.
type Access uint8

const (
	NoAccess  Access = iota
	MayLook          // status, sessions, history, events
	MayChange        // everything
)

func checkHelpers(helpers []Helper) error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	names, ports, workers := make(map[string]bool), make(map[string]bool), 0
	for _, h := range helpers {
		if h.Name == "" || names[h.Name] {
			fault("Helper %q: want a name, and no other helper's", h.Name)
		}
		names[h.Name] = true
		if !filepath.IsAbs(h.Path) {
			fault("Helper %s: Path %q: want an absolute path", h.Name, h.Path)
		}
		if h.Dir != "" && !filepath.IsAbs(h.Dir) {
			fault("Helper %s: Dir %q: want an absolute path", h.Name, h.Dir)
		}
		if h.Workers {
			workers++
		}
		if h.Listen == "" {
			continue
		}
		if _, err := netip.ParseAddrPort(h.Listen); err != nil || ports[h.Listen] {
			fault("Helper %s: Listen %q: want ADDRESS:PORT or [ADDRESS]:PORT, and no other helper's", h.Name, h.Listen)
		}
		ports[h.Listen] = true
	}
	if workers > 1 {
		fault("%d Helpers are for workers: want at most one", workers)
	}
	return errors.Join(faults...)
}

// forWorkers says whether workers have a helper to ask.
func forWorkers(helpers []Helper) bool {
	return slices.ContainsFunc(helpers, func(h Helper) bool { return h.Workers })
}

// helper is one as the loop sees it.
type helper struct {
	Helper
	launch.Child
	id       uint32 // of this process; each has another
	running  bool
	starting bool
	gone     bool // it is not to be started again
	since    time.Time
	backoff  time.Duration
	startAt  time.Time // not before
	output   output
	minute   time.Time // when output is counted anew
	asked    ask
	patience time.Time // when it is asked more strongly to end; zero while it is not
}

// Bounds of the pause between the starts of a helper that ends time after time.
// One that has lived for longer than the longest begins anew.
const (
	minHelperBackoff = 100 * time.Millisecond
	maxHelperBackoff = 30 * time.Second
)

// firstHelpers are those that are started before the ports are read. In an upgrade those
// that listen are not among them: who connects is the old process's until it has handed
// over, and it may go on.
func (s *Supervisor) firstHelpers() []Helper {
	if s.Manager.predecessor == nil {
		return s.Helpers
	}
	return slices.DeleteFunc(slices.Clone(s.Helpers), func(h Helper) bool { return h.Listen != "" })
}

// setHelpers changes which helpers there are.
func (s *Supervisor) setHelpers(now time.Time, wanted []Helper) {
	for _, h := range s.helpers {
		if i := slices.IndexFunc(wanted, h.is); i < 0 {
			s.endHelper(now, h)
		}
	}
	for _, w := range wanted {
		if !slices.ContainsFunc(s.helpers, func(h *helper) bool { return !h.gone && h.is(w) }) {
			h := &helper{Helper: w, Child: launch.None}
			s.helpers = append(s.helpers, h)
			s.startHelper(h)
		}
	}
}

// is says whether h is what is wanted.
func (h *helper) is(w Helper) bool {
	return h.Name == w.Name && h.Path == w.Path && slices.Equal(h.Args, w.Args) &&
		bytes.Equal(h.Config, w.Config) && h.Dir == w.Dir && h.Workers == w.Workers && h.Listen == w.Listen && h.Access == w.Access
}

func (s *Supervisor) startHelper(h *helper) {
	h.starting = true
	port, err := s.helperPorts.lend(h.Helper)
	if err != nil {
		s.startedHelper(time.Now(), h, launch.None, err)
		return
	}
	spec := launch.HelperSpec{
		Path: h.Path, Args: h.Args, Config: h.Config, User: s.helperID.credential(),
		Listener: port, Door: h.Access != NoAccess,
	}
	launch.OnOwnThread(func() {
		s.forking.Lock()
		defer s.forking.Unlock()
		c, err := launch.StartHelper(spec)
		s.inbox.post(func() { s.startedHelper(time.Now(), h, c, err) })
	})
}

func (s *Supervisor) startedHelper(now time.Time, h *helper, c launch.Child, err error) {
	h.starting = false
	if err != nil {
		s.report.logf(hclog.Error, "a helper did not start", "helper", h.Name, "error", err.Error(), "next-try", h.pause(now).String())
		s.at(h.startAt)
		return
	}
	s.lastHelper++
	h.Child, h.id, h.running, h.since = c, s.lastHelper, true, now
	h.output, h.minute, h.asked, h.patience = output{}, now.Add(time.Minute), notAsked, time.Time{}
	if err := errors.Join(s.watch(c.Stderr, tagHelperStderr, h.id), s.watch(c.PIDFD, tagHelperExit, h.id)); err != nil {
		s.report.logf(hclog.Error, "a helper can't be watched", "helper", h.Name, "error", err.Error())
		h.press(now) // its end is looked for at ticks
	}
	pairs := []any{"helper", h.Name, "pid", h.PID}
	if port, ok := s.helperPorts[h.Listen]; ok {
		pairs = append(pairs, "address", bound(port))
	}
	s.report.logf(hclog.Info, "a helper runs", pairs...)
	s.openDoor(h)
	if h.gone {
		s.endHelper(now, h)
	}
	s.inviteAll(now)
}

// pause makes the time until the next start longer.
func (h *helper) pause(now time.Time) time.Duration {
	if !h.since.IsZero() && now.Sub(h.since) > maxHelperBackoff {
		h.backoff = 0
	}
	h.since = time.Time{}
	h.backoff = min(max(2*h.backoff, minHelperBackoff), maxHelperBackoff)
	h.startAt = now.Add(h.backoff)
	return h.backoff
}

func (h *helper) press(now time.Time) {
	h.asked = h.asked.stronger(h.PIDFD)
	h.patience = now.Add(grace)
}

// endHelper has one end that is of no more use.
func (s *Supervisor) endHelper(now time.Time, h *helper) {
	h.gone = true
	if h.running && h.patience.IsZero() {
		ipc.CloseFD(h.Control)
		h.Control = -1
		h.press(now)
		s.at(h.patience)
	}
}

// tendHelpers does for helpers what is due.
func (s *Supervisor) tendHelpers(now time.Time) {
	for _, h := range s.helpers {
		switch {
		case h.starting:
		case !h.running && !h.gone:
			if now.Before(h.startAt) {
				s.at(h.startAt)
			} else {
				s.startHelper(h)
			}
		case h.running:
			if !now.Before(h.minute) {
				s.hearCut(h)
				h.output.renew()
				h.minute = now.Add(time.Minute)
			}
			if h.patience.IsZero() {
				break
			}
			if !now.Before(h.patience) {
				h.press(now)
			}
			s.at(h.patience)
			s.reapHelper(now, h)
		}
	}
	s.helpers = slices.DeleteFunc(s.helpers, func(h *helper) bool { return h.gone && !h.running && !h.starting })
	if s.uninvited {
		s.inviteAll(now)
	}
}

// dismissHelpers ends all helpers and says whether they have. One that hangs in the
// kernel is not waited for.
func (s *Supervisor) dismissHelpers(now time.Time) bool {
	over := true
	for _, h := range s.helpers {
		if !h.gone {
			s.endHelper(now, h)
			h.since = now // from here on its end is waited for
		}
		if h.starting || h.running && now.Sub(h.since) < stuckAfter {
			over = false
			s.at(now.Add(grace))
		}
	}
	return over
}

// retireHelpers tells them that the process which has taken over has its own. Those
// that listen end: who connects from now on is another's.
func (s *Supervisor) retireHelpers(now time.Time) {
	s.helperPorts.closeAll()
	for _, h := range s.helpers {
		if h.Listen != "" {
			s.endHelper(now, h)
		} else if h.running && h.Control >= 0 {
			ipc.Say(h.Control, ipc.WordRetire, -1)
		}
	}
}

func (s *Supervisor) helperEvent(now time.Time, tag, id uint32) {
	for _, h := range s.helpers {
		if h.running && h.id == id {
			if tag == tagHelperStderr {
				s.readHelper(now, h)
			} else {
				s.reapHelper(now, h)
			}
			return
		}
	}
}

// readHelper takes what one read of a helper's standard error brings.
func (s *Supervisor) readHelper(now time.Time, h *helper) {
	if !h.output.take(h.Stderr, 1, func(line string) { s.helperSaid(h, line) }) {
		s.unwatch(h.Stderr)
	}
	if h.output.full() && h.patience.IsZero() {
		s.report.logf(hclog.Error, "a helper writes too much, and is ended", "helper", h.Name, "bytes", h.output.read)
		s.unwatch(h.Stderr)
		h.press(now)
		s.at(h.patience)
	}
}

func (s *Supervisor) helperSaid(h *helper, line string) {
	s.report.logf(hclog.Info, "a helper says", "helper", h.Name, "line", protocol.Printable(line))
}

func (s *Supervisor) hearCut(h *helper) {
	if h.output.cut > 0 {
		s.report.logf(hclog.Warn, "a helper said more than is logged", "helper", h.Name, "lines", h.output.cut)
	}
}

// reapHelper collects a helper that has ended. The next one is started at a tick.
func (s *Supervisor) reapHelper(now time.Time, h *helper) {
	exit, done := collect(h.PID)
	if !done {
		return
	}
	h.output.take(h.Stderr, 16, func(line string) { s.helperSaid(h, line) })
	stack := h.output.last(func(line string) { s.helperSaid(h, line) })
	s.hearCut(h)
	s.unwatch(h.Stderr)
	s.unwatch(h.PIDFD)
	h.Close()
	h.running = false
	if h.gone {
		s.report.logf(hclog.Debug, "a helper ended", "helper", h.Name, "pid", h.PID, "exit", exit.String())
	} else {
		pairs := []any{"helper", h.Name, "pid", h.PID, "exit", exit.String(), "next-start", h.pause(now).String()}
		if stack = strings.TrimSpace(stack); stack != "" {
			pairs = append(pairs, "stack", stack)
		}
		s.report.logf(hclog.Error, "a helper ended", pairs...)
		s.at(h.startAt)
	}
	s.at(now)
}
