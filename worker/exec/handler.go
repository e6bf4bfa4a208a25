package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"brood/protocol"
	"brood/worker"
)

// path is what a login has.
const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// A Handler runs a program for each request.
type Handler struct {
	options Options
	env     []string // without the request
	log     io.Writer
}

// New returns a Handler that runs o's command, or everything that is wrong with o.
// The program must be there, and this process allowed to execute it; whether the
// sandbox agrees, the first request shows.
func New(o Options) (*Handler, error) {
	o, err := o.settle()
	if err != nil {
		return nil, err
	}
	if err := executable(o.Command[0]); err != nil {
		return nil, fmt.Errorf("exec: command %q: %w", o.Command[0], err)
	}
	h := &Handler{options: o, log: os.Stderr}
	if _, ok := o.Environment["PATH"]; !ok {
		h.env = append(h.env, path)
	}
	for name, value := range o.Environment {
		h.env = append(h.env, name+"="+value)
	}
	return h, nil
}

func executable(program string) error {
	info, err := os.Stat(program)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: install it, or name another", syscall.ENOENT)
	case err != nil:
		return errors.Unwrap(err) // a *fs.PathError, whose path stands in front already
	case !info.Mode().IsRegular():
		return fmt.Errorf("not a regular file (%v): want a program", info.Mode())
	}
	if err := unix.Faccessat(unix.AT_FDCWD, program, unix.X_OK, unix.AT_EACCESS); err != nil {
		return fmt.Errorf("uid %d may not execute it: %w (chmod o+x)", os.Geteuid(), err)
	}
	return nil
}

// Open runs the program and returns its output.
func (h *Handler) Open(ctx context.Context, req *worker.Request) (worker.Response, error) {
	output, err := h.open(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", req.File, err)
	}
	return worker.Bytes(output), nil
}

func (h *Handler) open(ctx context.Context, req *worker.Request) ([]byte, error) {
	env, line, err := told(req)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, h.options.Deadline,
		fmt.Errorf("took longer than %v, and was killed", h.options.Deadline))
	defer cancel()
	runtime.LockOSThread() // see start
	defer runtime.UnlockOSThread()
	program := h.options.Command[0]
	p, err := start(h.options.Command, append(env, h.env...))
	if err != nil {
		return nil, notStarted(program, err)
	}
	c := collector{max: h.options.MaxOutput, input: line}
	ended, err := c.attend(ctx, p)
	c.said.print(h.log, filepath.Base(program))
	if err == nil {
		err = judge(ended)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w%s", program, err, c.said.last())
	}
	return c.output, nil
}

// ours is what a client hears of trouble with the program itself, whatever the
// kernel's word for it: a program that isn't found is not a file that isn't.
type ours struct{ error }

func (e ours) Unwrap() []error {
	return []error{&protocol.Error{Message: "Server error, see its log"}, e.error}
}

func notStarted(program string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("fork/exec %s: %v: the program, or the interpreter that it names", program, err)
	}
	return ours{&fs.PathError{Op: "fork/exec", Path: program, Err: err}}
}
