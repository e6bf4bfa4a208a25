package origin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"brood/ipc"
)

// Helper answers workers.
type Helper struct {
	cache  *cache
	places map[string]*place // by URL
	log    func(format string, args ...any)
	guests sync.WaitGroup
}

// New opens the cache, waiting for a moment for a process that has it still. What
// comes in ends with ctx. log gets what an operator should know, a line each, from
// any goroutine.
func New(ctx context.Context, s Settings, log func(format string, args ...any)) (*Helper, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	s = s.withDefaults()
	h := &Helper{places: make(map[string]*place), log: log}
	for _, o := range s.Origins {
		if h.places[o.URL] != nil {
			continue // alike, or Check would have said so
		}
		p, err := newPlace(o)
		if err != nil {
			return nil, fmt.Errorf("origin %s: %w", o.URL, err)
		}
		h.places[o.URL] = p
	}
	var err error
	h.cache, err = openCache(ctx, s, log)
	return h, err
}

// Serve answers the workers that the supervisor names on control, until that says no
// more and the last of them has ended, or ctx ends. control is Serve's.
func (h *Helper) Serve(ctx context.Context, control int) error {
	unix.SetNonblock(control, true)
	words := os.NewFile(uintptr(control), "supervisor")
	stop := context.AfterFunc(ctx, func() { words.Close() })
	defer stop()
	err := h.listen(ctx, words)
	stop()
	words.Close()
	if errors.Is(err, io.EOF) {
		// The supervisor was killed, or has upgraded: sessions go on.
		h.cache.retire()
	}
	h.guests.Wait()
	if ctx.Err() != nil || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (h *Helper) listen(ctx context.Context, words *os.File) error {
	conn, err := words.SyscallConn()
	if err != nil {
		return err
	}
	for {
		var word ipc.Word
		var socket int
		var heard error
		err := conn.Read(func(fd uintptr) bool {
			word, socket, heard = ipc.Hear(int(fd))
			return !errors.Is(heard, unix.EAGAIN)
		})
		if err = errors.Join(err, heard); err != nil {
			return err
		}
		switch word {
		case ipc.WordWorker:
			h.Welcome(ctx, socket)
		case ipc.WordRetire:
			h.cache.retire()
		}
	}
}

// Welcome answers one worker, of whose socket it is given the other end, until ctx
// ends or the worker does.
func (h *Helper) Welcome(ctx context.Context, socket int) {
	unix.SetNonblock(socket, true)
	g := &guest{Helper: h, socket: os.NewFile(uintptr(socket), "worker"), hello: 1 + rand.Uint32N(1<<32-1)}
	h.guests.Go(func() { g.attend(ctx) })
}
