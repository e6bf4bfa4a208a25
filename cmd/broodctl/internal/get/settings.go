package get

import (
	"net/netip"
	"strconv"
	"time"

	"brood/protocol"
	"brood/worker/client"
)

// Settings is how to ask.
type Settings struct {
	Local      netip.Addr
	Mode       protocol.Mode
	Blksize    int // 0: not asked for, RFC 1350's 512 bytes
	Windowsize int // 0: not asked for
	Tsize      bool
	Timeout    time.Duration
	AskTimeout bool // the server for the same
	Retries    int
}

func (s *Settings) client() client.Client {
	c := client.Client{Local: s.Local, Mode: s.Mode, Timeout: s.Timeout, Retries: s.Retries}
	if s.Retries == 0 {
		c.Retries = -1
	}
	ask := func(name string, value int) {
		c.Options = append(c.Options, protocol.Option{Name: name, Value: strconv.Itoa(value)})
	}
	// In netascii the size means nothing (RFC 2349 does not say which it is), and
	// tftpd-hpa answers the question with ERROR 8.
	if s.Tsize && s.Mode == protocol.Octet {
		ask("tsize", 0)
	}
	if s.Blksize > 0 {
		ask("blksize", s.Blksize)
	}
	if s.Windowsize > 0 {
		ask("windowsize", s.Windowsize)
	}
	switch whole := s.Timeout.Truncate(time.Second); {
	case !s.AskTimeout:
	case whole == s.Timeout:
		ask("timeout", int(whole/time.Second))
	default:
		ask("utimeout", int(s.Timeout/time.Microsecond)) // tftp-hpa's
	}
	return c
}
