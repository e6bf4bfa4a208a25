package protocol

import "strconv"

// Mode is a transfer mode of RFC 1350 §1. RFC 1350 itself calls "mail"
// obsolete, and it is not one of them here.
type Mode uint8

const (
	Octet    Mode = iota // bytes as they are
	Netascii             // text with line ends of RFC 764's NVT
)

// String returns the mode as it is spelled on the wire.
func (m Mode) String() string {
	switch m {
	case Octet:
		return "octet"
	case Netascii:
		return "netascii"
	}
	return "mode " + strconv.Itoa(int(m))
}

func parseMode(s string) (Mode, error) {
	switch {
	case EqualFold(s, "octet"):
		return Octet, nil
	case EqualFold(s, "netascii"):
		return Netascii, nil
	case EqualFold(s, "mail"):
		return 0, ErrMail
	}
	return 0, ErrMode
}
