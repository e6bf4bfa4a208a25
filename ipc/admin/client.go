package admin

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// Client asks a server. It is for one goroutine.
type Client struct {
	Hello Hello
	conn  io.ReadWriter
	from  *bufio.Reader
	id    uint32
}

// NewClient hears the server's Hello on a connection that has just been made. The
// error is a VersionError when the server speaks another version.
func NewClient(conn io.ReadWriter) (*Client, error) {
	c := &Client{conn: conn, from: bufio.NewReaderSize(conn, MaxAnswer)}
	body, err := readFrame(c.from, MaxAnswer)
	if err != nil {
		return nil, fmt.Errorf("the server's greeting: %w", err)
	}
	if c.Hello, err = parseHello(body); err != nil {
		return nil, err
	}
	return c, nil
}

// Each asks and hands over the items of the answer. It returns an Error when the
// server did not do what was asked, io.ErrUnexpectedEOF when it ended before it had
// said all, and what yield returns if that is an error: then the Client is of no use
// any more.
func Each[T any](c *Client, r Request, yield func(T) error) error {
	c.id++
	r.ID = c.id
	b, err := r.Append(nil)
	if err != nil {
		return err
	}
	_, sent := c.conn.Write(b) // a server that has closed may have said why
	for {
		body, err := readFrame(c.from, MaxAnswer)
		if err != nil {
			return errors.Join(sent, unexpected(err))
		}
		a, err := parseAnswer(body)
		if err != nil {
			return err
		}
		switch {
		case a.what == isError && (a.id == r.ID || a.id == 0): // 0: about the connection
			e := new(Error)
			if err := a.body.Decode(e); err != nil {
				return fmt.Errorf("the server's answer: %w", err)
			}
			return e
		case a.id != r.ID:
			return fmt.Errorf("the server answers request %d, and was asked %d", a.id, r.ID)
		case a.what == isEnd:
			return nil
		case a.what != isItem:
			return fmt.Errorf("the server's answer is of kind %d", a.what)
		}
		var item T
		if err := a.body.Decode(&item); err != nil {
			return fmt.Errorf("the server's answer: %w", err)
		}
		if err := yield(item); err != nil {
			return err
		}
	}
}

// All is Each for those who want all items at once.
func All[T any](c *Client, r Request) (all []T, err error) {
	err = Each(c, r, func(item T) error {
		all = append(all, item)
		return nil
	})
	return all, err
}

// Do is Each for a request that has no items.
func (c *Client) Do(r Request) error { return Each(c, r, func(any) error { return nil }) }

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
