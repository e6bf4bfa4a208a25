// Package linktest is a brood server's side of the admin socket, for tests of those who
// ask: it says what a test tells it, and remembers what it was asked.
package linktest

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"

	"brood/ipc/admin"
)

// Server answers any number of connections.
type Server struct {
	// Answer says the items of an answer. An admin.Error is told; any other error ends
	// the connection without a word.
	Answer func(r admin.Request, say func(item any) error) error

	mu    sync.Mutex
	asked []admin.Request
	open  map[net.Conn]bool
	away  error
}

// Dial is a link.Dial.
func (s *Server) Dial(context.Context) (io.ReadWriteCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away != nil {
		return nil, s.away
	}
	ours, theirs := net.Pipe()
	if s.open == nil {
		s.open = make(map[net.Conn]bool)
	}
	s.open[ours] = true
	go s.serve(ours)
	return theirs, nil
}

func (s *Server) serve(conn net.Conn) {
	defer func() {
		conn.Close()
		s.mu.Lock()
		delete(s.open, conn)
		s.mu.Unlock()
	}()
	b, _ := admin.Hello{Version: admin.Version, Program: "brood 1.0", PID: 7, MayChange: true}.Append(nil)
	if _, err := conn.Write(b); err != nil {
		return
	}
	for {
		r, err := admin.ReadRequest(conn)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.asked = append(s.asked, r)
		s.mu.Unlock()
		err = s.Answer(r, func(item any) error {
			b, err := admin.AppendItem(nil, r.ID, item)
			if err == nil {
				_, err = conn.Write(b)
			}
			return err
		})
		var said *admin.Error
		switch {
		case err == nil:
			b, _ = admin.AppendEnd(nil, r.ID)
		case errors.As(err, &said):
			b, _ = admin.AppendError(nil, r.ID, said)
		default:
			return
		}
		if _, err := conn.Write(b); err != nil {
			return
		}
	}
}

// Leave ends all connections, and refuses further ones with an error until Return.
func (s *Server) Leave(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = why
	for conn := range s.open {
		conn.Close()
	}
}

// Return has it there again.
func (s *Server) Return() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = nil
}

// Asked are the requests of a kind so far, without their numbers.
func (s *Server) Asked(kind admin.Kind) (all []admin.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.asked {
		if r.Kind == kind {
			r.ID = 0
			all = append(all, r)
		}
	}
	return all
}
