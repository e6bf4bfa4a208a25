package worker

import "cmp"

// Clamp says whether blocks are kept within the MTU of the route.
type Clamp string

// The values of a Clamp; any other is the server's setting.
const (
	ClampOn  Clamp = "on"
	ClampOff Clamp = "off"
)

// Words are the values of a Clamp; those of a file's key, to who makes a schema.
func (Clamp) Words() []string { return []string{string(ClampOn), string(ClampOff)} }

// holds says whether blocks are clamped by a server that does so or not.
func (c Clamp) holds(server bool) bool {
	switch c {
	case ClampOn:
		return true
	case ClampOff:
		return false
	}
	return server
}

// and returns the one of two that clamps, else the one that says anything.
func (c Clamp) and(d Clamp) Clamp {
	if d == ClampOn {
		return d
	}
	return cmp.Or(c, d)
}
