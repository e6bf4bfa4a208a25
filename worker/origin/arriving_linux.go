package origin

import (
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"

	"brood/ipc/fetch"
)

// arriving is a Response whose content may still be on its way.
type arriving struct {
	link       *link
	bell       *bell
	base, name string
	patience   time.Duration

	id    uint32
	fd    int // of the file, -1: none
	size  int64
	there int64 // bytes that can be read
	whole bool  // they are all, and right
	at    int64 // where the next Read begins
}

var errChanged = errors.New("the file changed at the origin while it was served")

// open asks for the file and waits until something is known of it.
func (a *arriving) open() error {
	a.fd = -1
	if err := a.ask(); err != nil {
		return err
	}
	for deadline := time.Now().Add(a.patience); a.fd < 0; {
		if err := a.hear(deadline); err != nil {
			return err
		}
	}
	if a.size == 0 && !a.whole {
		return a.more() // of nothing no last byte can be withheld
	}
	return nil
}

func (a *arriving) ask() error {
	a.link.lastID++
	a.id = a.link.lastID
	return a.link.ask(fetch.Ask{Kind: fetch.AskOpen, ID: a.id, Base: a.base, Name: a.name})
}

// hear takes the helper's next word about the file.
func (a *arriving) hear(deadline time.Time) error {
	said, file, err := a.link.next(a.id, a.bell.fd, deadline)
	if err != nil {
		return err
	}
	switch said.Kind {
	case fetch.AnswerHello: // whom we asked is dead
		return a.ask()
	case fetch.AnswerFailed:
		return cause(said)
	case fetch.AnswerOpened:
		return a.opened(said, file)
	case fetch.AnswerGrown:
		a.there = max(a.there, said.There)
	case fetch.AnswerWhole:
		if a.size >= 0 && said.Size != a.size {
			return fmt.Errorf("the helper gave %d bytes, and had promised %d", said.Size, a.size)
		}
		a.there, a.size, a.whole = said.Size, said.Size, true
	}
	return nil
}

// opened takes the file, or looks whether what another helper has is what the one
// before it had.
func (a *arriving) opened(said fetch.Answer, file int) error {
	if a.fd >= 0 {
		defer unix.Close(file)
		if !same(a.fd, file) || a.size >= 0 && said.Size != a.size {
			return errChanged
		}
	} else {
		a.fd, a.size = file, said.Size
	}
	// A helper that has just started reads through what it has, and begins at nothing.
	a.there, a.whole = max(a.there, said.There), said.Whole
	return nil
}

// readable is how far a client may be given the file. Until all of it is known to be
// right its last byte is withheld, and with it the last block.
func (a *arriving) readable() int64 {
	if a.size >= 0 && !a.whole {
		return min(a.there, a.size-1)
	}
	return a.there
}

// Read waits until there is something.
func (a *arriving) Read(p []byte) (int, error) {
	for a.at >= a.readable() {
		if a.whole {
			return 0, io.EOF
		}
		if err := a.more(); err != nil {
			return 0, err
		}
	}
	p = p[:min(int64(len(p)), a.readable()-a.at)]
	for {
		n, err := unix.Pread(a.fd, p, a.at)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err == nil && n == 0 && len(p) > 0:
			err = fmt.Errorf("the helper's file ends at %d, and should have %d bytes", a.at, a.there)
		}
		a.at += int64(max(n, 0))
		return max(n, 0), err
	}
}

// more waits until there is more than there was. The helper answers once to each
// question; another helper is asked for the file first.
func (a *arriving) more() error {
	before, deadline := a.there, time.Now().Add(a.patience)
	for asked := uint32(0); a.there == before && !a.whole; {
		if asked != a.id {
			asked = a.id
			if err := a.link.ask(fetch.Ask{Kind: fetch.AskMore, ID: a.id, Have: a.there}); err != nil {
				return err
			}
		}
		if err := a.hear(deadline); errors.Is(err, errSilent) {
			return fmt.Errorf("nothing came from the origin for %v", a.patience)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// Size is known where the origin has told it.
func (a *arriving) Size() (int64, bool) { return a.size, a.size >= 0 }

// Close lets the helper forget us.
func (a *arriving) Close() error {
	a.link.ask(fetch.Ask{Kind: fetch.AskClose, ID: a.id}) // what it has not heard it will see by our end
	a.bell.close()
	if a.fd >= 0 {
		unix.Close(a.fd)
	}
	return nil
}
