package get

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"brood/protocol"
)

// Port is where TFTP servers listen.
const Port = 69

// Location is what a URL says (RFC 3617).
type Location struct {
	Host string     // a name, or as Addr has it
	Addr netip.Addr // if Host is a literal
	Port uint16
	File string         // as it is asked for, without escapes
	Mode *protocol.Mode // nil if the URL does not say
}

var errForm = errors.New("want tftp://HOST[:PORT]/FILE")

// ParseLocation parses tftp://HOST[:PORT]/FILE[;mode=MODE]. What stands behind the
// first slash is the file, ? and # included: TFTP has neither queries nor fragments,
// and boot loaders' names have them. A second slash begins an absolute name.
func ParseLocation(text string) (*Location, error) {
	const scheme = "tftp://"
	if len(text) < len(scheme) || !strings.EqualFold(text[:len(scheme)], scheme) {
		return nil, errForm
	}
	authority, file, ok := strings.Cut(text[len(scheme):], "/")
	if !ok || authority == "" {
		return nil, errForm
	}
	l := &Location{Port: Port}
	if err := l.authority(authority); err != nil {
		return nil, err
	}
	if head, mode, ok := cutMode(file); ok {
		m, err := ParseMode(mode)
		if err != nil {
			return nil, err
		}
		file, l.Mode = head, &m
	}
	var err error
	if l.File, err = unescape(file); err != nil {
		return nil, err
	}
	if l.File == "" {
		return nil, fmt.Errorf("no file after the host: %w", errForm)
	}
	// A server would read something else: a NUL ends the name.
	packet := protocol.Request{Op: protocol.OpRRQ, File: l.File}.Append(nil)
	if r, err := protocol.ParseRequest(packet); err != nil || r.File != l.File {
		return nil, errors.New("the file's name does not fit into a request: it has a NUL, or is too long")
	}
	return l, nil
}

func (l *Location) authority(text string) error {
	if strings.Contains(text, "@") {
		return errors.New("there is a user before the host, and TFTP knows no users")
	}
	port := ""
	if inner, ok := strings.CutPrefix(text, "["); ok {
		literal, rest, ok := strings.Cut(inner, "]")
		if !ok || rest != "" && rest[0] != ':' {
			return fmt.Errorf("host %q: want [ADDRESS] or [ADDRESS]:PORT", text)
		}
		if rest == ":" {
			return errPort(rest)
		}
		// RFC 6874 has % escaped; people write it as it is.
		addr, err := netip.ParseAddr(strings.Replace(literal, "%25", "%", 1))
		if err != nil || !addr.Is6() {
			return fmt.Errorf("%q is no IPv6 address", literal)
		}
		l.Host, l.Addr, port = addr.String(), addr, strings.TrimPrefix(rest, ":")
	} else {
		var given bool
		if l.Host, port, given = strings.Cut(text, ":"); given && port == "" || strings.Contains(port, ":") {
			return fmt.Errorf("host %q: want HOST or HOST:PORT, and IPv6 addresses in brackets", text)
		}
		if addr, err := netip.ParseAddr(l.Host); err == nil {
			l.Addr = addr
		} else if l.Host == "" || strings.ContainsAny(l.Host, "%[]\\ ") {
			return fmt.Errorf("%q is no host", l.Host)
		}
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return errPort(port)
		}
		l.Port = uint16(n)
	}
	return nil
}

func errPort(text string) error { return fmt.Errorf("port %q: want 1 to 65535", text) }

// cutMode takes RFC 3617's ;mode= from the end of an escaped name.
func cutMode(file string) (head, mode string, ok bool) {
	const mark = ";mode="
	i := strings.LastIndexByte(file, ';')
	if i < 0 || len(file) < i+len(mark) || !strings.EqualFold(file[i:i+len(mark)], mark) {
		return file, "", false
	}
	return file[:i], file[i+len(mark):], true
}

// ParseMode parses a mode's name.
func ParseMode(name string) (protocol.Mode, error) {
	for _, m := range []protocol.Mode{protocol.Octet, protocol.Netascii} {
		if strings.EqualFold(name, m.String()) {
			return m, nil
		}
	}
	return 0, fmt.Errorf("mode %q: want octet or netascii", name)
}

// unescape is not net/url's PathUnescape because of what it says of a mistake.
func unescape(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		digits := s[i+1 : min(i+3, len(s))]
		n, err := strconv.ParseUint(digits, 16, 8)
		if err != nil || len(digits) < 2 {
			return "", fmt.Errorf("%q: want two hexadecimal digits after %%, which is %%25 itself", "%"+digits)
		}
		b.WriteByte(byte(n))
		i += 2
	}
	return b.String(), nil
}

// Base is the name to keep the file under; "" if there is none.
func (l *Location) Base() string {
	base := l.File[strings.LastIndexByte(l.File, '/')+1:]
	if base == "." || base == ".." {
		return ""
	}
	return base
}

// String is what messages call it.
func (l *Location) String() string { return protocol.Printable(l.File) }
