package origin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc"
	"brood/ipc/fetch"
	"brood/worker"
)

// A Handler serves what lies below one URL.
type Handler struct {
	options  Options
	link     *link
	patience time.Duration // with a helper that says nothing, or nothing new
}

// patienceTimes is how many Timeouts a session waits for something new: so often
// the helper tries before it says that nothing comes.
const patienceTimes = 6

// shared is the socket of this process: a worker has one, for all its handlers.
var shared *link

// New returns a Handler. In a server without a helper it is made all the same, and
// each request fails: the log says why.
func New(o Options) (*Handler, error) {
	if shared == nil {
		shared = &link{socket: ipc.HelperSocket()}
	}
	return newHandler(o, shared)
}

// Over is New for a socket of the caller's whose other end a helper has, as in a
// test. One session at a time may use it.
func Over(socket int, o Options) (*Handler, error) { return newHandler(o, &link{socket: socket}) }

func newHandler(o Options, l *link) (*Handler, error) {
	if err := o.Check(); err != nil {
		return nil, fmt.Errorf("origin: %w", err)
	}
	o = o.WithDefaults()
	return &Handler{options: o, link: l, patience: patienceTimes * o.Timeout}, nil
}

// Open returns the content of what the request names below the URL.
func (h *Handler) Open(ctx context.Context, req *worker.Request) (worker.Response, error) {
	resp, err := h.open(ctx, req.File)
	if err != nil {
		return nil, fmt.Errorf("%q from %s: %w", req.File, h.options.URL, err)
	}
	return resp, nil
}

func (h *Handler) open(ctx context.Context, file string) (worker.Response, error) {
	name, ok := h.strip(file)
	if !ok {
		return nil, fmt.Errorf("%w: not below %q", fs.ErrNotExist, h.options.StripPrefix)
	}
	name, err := Path(name)
	if err != nil {
		return nil, err
	}
	if h.link.socket < 0 {
		return nil, errNoHelper
	}
	bell, err := newBell(ctx)
	if err != nil {
		return nil, err
	}
	a := &arriving{link: h.link, bell: bell, base: h.options.URL, name: name, patience: h.patience}
	if err := a.open(); err != nil {
		a.Close()
		if errors.Is(err, context.Canceled) {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	if !a.whole {
		return a, nil
	}
	// It is a file like any other, and the helper has nothing more to do for it.
	f := os.NewFile(uintptr(a.fd), file)
	a.fd = -1
	whole := a.size
	a.Close()
	resp, err := worker.File(f)
	if err != nil {
		return nil, err
	}
	if size, _ := resp.Size(); size != whole {
		resp.Close()
		return nil, fmt.Errorf("the helper's file has %d bytes, want %d", size, whole)
	}
	return resp, nil
}

// strip cuts the prefix off a name. Separators in front of both do not count.
func (h *Handler) strip(file string) (name string, ok bool) {
	prefix := strings.TrimLeft(h.options.StripPrefix, separators)
	if prefix == "" {
		return file, true
	}
	name, ok = strings.CutPrefix(strings.TrimLeft(file, separators), prefix)
	// "debian" is no prefix of "debian-installer".
	ok = ok && (strings.HasSuffix(prefix, "/") || name == "" || strings.ContainsAny(name[:1], separators))
	return name, ok && name != ""
}

const separators = `/\`

// cause is the error that a client's ERROR comes of.
func cause(a fetch.Answer) error {
	switch a.Cause {
	case fetch.CauseNotFound:
		return fmt.Errorf("%w: %s", fs.ErrNotExist, a.Reason)
	case fetch.CauseForbidden:
		return fmt.Errorf("%w: %s", fs.ErrPermission, a.Reason)
	default:
		return errors.New(a.Reason)
	}
}

// same says whether two descriptors are of one file.
func same(a, b int) bool {
	var one, other unix.Stat_t
	return unix.Fstat(a, &one) == nil && unix.Fstat(b, &other) == nil && one.Dev == other.Dev && one.Ino == other.Ino
}
