package desk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"brood/ipc"
	"brood/ipc/admin"
)

// How long a client may take to ask for something, and to read what it has asked for.
const (
	idleFor  = time.Minute
	readFor  = 5 * time.Second
	sendFrom = 60 << 10 // bytes that are sent at once
)

// client is one connection.
type client struct {
	desk *Desk
	conn *conn
	peer peer
	may  bool // change something
	out  []byte

	queue    chan func() *admin.Event // while it watches
	progress bool                     // it wants to know of progress, too
	slow     atomic.Bool              // it has not read what was queued
}

var (
	past    = time.Unix(1, 0)
	ending  = &admin.Error{Code: admin.CodeEnding, Message: "the server ends"}
	tooSlow = &admin.Error{Code: admin.CodeSlow, Message: "you did not read what you had asked for"}
)

func (c *client) hello() error {
	b, err := admin.Hello{Version: admin.Version, Program: c.desk.Program, PID: os.Getpid(), MayChange: c.may}.Append(nil)
	c.out = b
	return err
}

// refuse is for a client that there is no room for.
func (c *client) refuse() {
	if c.hello() == nil {
		c.out, _ = admin.AppendError(c.out, 0, &admin.Error{Code: admin.CodeBusy, Message: fmt.Sprintf("too many clients: at most %d, and %d that may only look", maxClients, maxOnlookers)})
		c.flush()
	}
}

func (c *client) serve() {
	err := c.hello()
	if err == nil {
		err = c.flush()
	}
	for err == nil {
		err = c.next()
	}
	if c.slow.Load() {
		c.desk.lost.Add(1)
		c.desk.OnLost(c.peer.uid, c.peer.pid)
	}
}

// next answers one request. An error ends the connection.
func (c *client) next() error {
	c.conn.SetReadDeadline(time.Now().Add(idleFor))
	select {
	case <-c.desk.done: // and Close may have set its deadline before
		return io.EOF
	default:
	}
	r, err := admin.ReadRequest(c.conn)
	if errors.Is(err, ipc.ErrMalformed) {
		c.out, _ = admin.AppendError(c.out, 0, &admin.Error{Code: admin.CodeWrong, Message: err.Error()})
		c.flush()
	}
	if err != nil {
		return err
	}
	c.desk.pace.wait(c.desk.done)
	err = c.answer(r)
	var told *admin.Error
	switch {
	case err == nil:
		c.out, err = admin.AppendEnd(c.out, r.ID)
	case errors.As(err, &told):
		c.out, err = admin.AppendError(c.out, r.ID, told)
	}
	if err == nil {
		err = c.flush()
	}
	if err == nil && r.Kind == admin.KindEvents {
		err = io.EOF // nobody reads what else it may have said
	}
	return err
}

// answer says what there is to say about a request. An admin.Error is for the client;
// any other ends the connection.
func (c *client) answer(r admin.Request) error {
	if r.Kind.Changes() && !c.may {
		return c.noted(r, &admin.Error{Code: admin.CodeForbidden, Message: fmt.Sprintf("%s is for root, the server's own user, and the group of the socket", r.Kind)})
	}
	if r.Kind == admin.KindEvents {
		return c.watch(r)
	}
	return c.noted(r, c.desk.Answer(r, func(item any) error { return c.say(r.ID, item) }, c.desk.done))
}

func (c *client) noted(r admin.Request, err error) error {
	if r.Kind.Changes() {
		c.desk.OnChange(c.peer.uid, c.peer.pid, r, err)
	}
	return err
}

// say appends an item and sends what is enough.
func (c *client) say(id uint32, item any) (err error) {
	if c.out, err = admin.AppendItem(c.out, id, item); err != nil {
		return err
	}
	if len(c.out) < sendFrom {
		return nil
	}
	return c.flush()
}

// flush sends what there is. A client that does not read it in time is cut off.
func (c *client) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	c.desk.pace.wait(c.desk.done)
	select {
	case <-c.desk.done: // Close has set the deadline
	default:
		c.conn.SetWriteDeadline(time.Now().Add(readFor))
	}
	_, err := c.conn.Write(c.out)
	c.out = c.out[:0]
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.slow.Store(true)
	}
	return err
}
