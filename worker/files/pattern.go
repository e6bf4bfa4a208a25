package files

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"brood/worker"
)

// A pattern is the path of a client's own directory, with places for what the
// client is known by.
type pattern []piece

// A piece is a text as it stands, or what stands in its place for a client.
type piece struct {
	text string
	fill func(*worker.Request) (text string, known bool)
}

// fills are what can stand between braces. None of them yields a separator, or
// the name of a directory that every directory has.
func fill(name string) func(*worker.Request) (string, bool) {
	switch name {
	case "ip":
		return func(req *worker.Request) (string, bool) {
			ip := address(req)
			return ip.String(), ip.IsValid()
		}
	case "ip-hex":
		return func(req *worker.Request) (string, bool) {
			ip := address(req)
			return strings.ToUpper(hex.EncodeToString(ip.AsSlice())), ip.IsValid()
		}
	case "mac":
		return func(req *worker.Request) (string, bool) {
			mac, known := macDigits(req)
			return strings.Join(mac, "-"), known
		}
	case "mac-hex":
		return func(req *worker.Request) (string, bool) {
			mac, known := macDigits(req)
			return strings.Join(mac, ""), known
		}
	}
	return nil
}

func address(req *worker.Request) netip.Addr { return req.Peer.Addr().Unmap().WithZone("") }

// macDigits returns the bytes of the client's hardware address, two digits each.
func macDigits(req *worker.Request) (digits []string, known bool) {
	digits = strings.Split(strings.ToLower(req.MAC), ":")
	for _, d := range digits {
		if _, err := hex.DecodeString(d); err != nil || len(d) != 2 {
			return nil, false
		}
	}
	return digits, true
}

func parsePattern(text string) (p pattern, err error) {
	for part := range strings.SplitSeq(text, "/") {
		if part == "" || part == "." || part == ".." || strings.Contains(part, "\x00") {
			return nil, errors.New(`want a relative path without ".", ".." and empty parts, such as clients/{mac}`)
		}
	}
	filled := false
	for rest := text; rest != ""; {
		before, after, found := strings.Cut(rest, "{")
		p, rest = append(p, piece{text: before}), after
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		rest = after
		f := fill(name)
		if !closed || f == nil {
			return nil, fmt.Errorf("{%s: want {ip}, {ip-hex}, {mac} or {mac-hex}", name)
		}
		p, filled = append(p, piece{fill: f}), true
	}
	if !filled {
		return nil, errors.New("it is the same for every client: want {ip}, {ip-hex}, {mac} or {mac-hex} in it; or name the directory as one of the roots")
	}
	return p, nil
}

// dir returns the parts of the directory of who sent req, if p can tell.
func (p pattern) dir(req *worker.Request) (parts []string, known bool) {
	var b strings.Builder
	for _, piece := range p {
		text := piece.text
		if piece.fill != nil {
			if text, known = piece.fill(req); !known {
				return nil, false
			}
		}
		b.WriteString(text)
	}
	return strings.Split(b.String(), "/"), true
}
