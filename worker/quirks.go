package worker

import (
	"slices"

	"brood/protocol"
)

// Quirks is what a client needs that does not keep to the RFCs, or not to what it
// asks for itself. The zero value is the server's settings. Whatever they say,
// no client gets a block or a window above the server's own limits.
//
// Only what is negotiated can be capped: a client that asks for no blksize gets
// blocks of 512 bytes (RFC 1350).
type Quirks struct {
	// MaxBlksize caps blksize, 8 to 65464 bytes. Zero means the server's limit;
	// other values are taken as the nearest valid one.
	MaxBlksize int `yaml:"max-blksize"`

	// MaxWindowsize caps windowsize, 1 to 65535 blocks. Zero means the server's
	// limit; other values are taken as the nearest valid one.
	MaxWindowsize int `yaml:"max-windowsize"`

	// NoOptions answers every request as if it had no options: with DATA 1, and
	// no OACK.
	NoOptions bool `yaml:"no-options"`

	// IgnoreOptions are options that are not acknowledged, as if they had not been
	// asked; by name, without regard to case.
	IgnoreOptions []string `yaml:"ignore-options"`

	// Rollover is the block number that follows 65535, 0 or 1, where the client
	// does not ask for one. Larger values are taken as 1.
	Rollover uint16 `yaml:"rollover"`

	// MTUClamp is ClampOn to keep blocks within the MTU of the route to the client
	// where the server doesn't, ClampOff to let them go in fragments where the
	// server doesn't. Empty means the server's setting.
	MTUClamp Clamp `yaml:"mtu-clamp"`

	// MTU keeps blocks within a link that the route does not show, such as a
	// tunnel near the client: the largest IP packet, in bytes, 68 to 65535. It
	// holds beside the route's and whatever MTUClamp says. Zero means none; a
	// value that is too small for the smallest block is taken as that.
	MTU int `yaml:"mtu"`
}

// And returns quirks under which a client gets nothing that either of the two
// keeps from it: the lower of two caps, the options that neither ignores. A
// Rollover of 1 and a ClampOn of either hold.
func (q Quirks) And(r Quirks) Quirks {
	return Quirks{
		MaxBlksize:    lower(q.MaxBlksize, r.MaxBlksize),
		MaxWindowsize: lower(q.MaxWindowsize, r.MaxWindowsize),
		NoOptions:     q.NoOptions || r.NoOptions,
		IgnoreOptions: union(q.IgnoreOptions, r.IgnoreOptions),
		Rollover:      max(q.Rollover, r.Rollover),
		MTUClamp:      q.MTUClamp.and(r.MTUClamp),
		MTU:           lower(q.MTU, r.MTU),
	}
}

// lower returns the lower of two caps, of which zero is none.
func lower(a, b int) int {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// union returns both lists in one, and a itself where b adds nothing.
func union(a, b []string) []string {
	a = slices.Clip(a)
	for _, name := range b {
		if !holds(a, name) {
			a = append(a, name)
		}
	}
	return a
}

func holds(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return protocol.EqualFold(n, name) })
}

// heeded returns the options that are negotiated at all.
func (q Quirks) heeded(asked []protocol.Option) []protocol.Option {
	if q.NoOptions {
		return nil
	}
	return slices.DeleteFunc(asked, func(o protocol.Option) bool { return holds(q.IgnoreOptions, o.Name) })
}

// limits are those of the server, narrowed.
func (s *Session) limits(q Quirks) protocol.Limits {
	ipv4 := s.Job.Peer.Addr().Is4()
	l := protocol.Limits{
		MaxBlksize:     lower(s.Job.MaxBlksize, q.MaxBlksize),
		MaxWindowsize:  lower(s.Job.MaxWindowsize, q.MaxWindowsize),
		MaxWindowBytes: maxWindowBytes,
		Rollover:       q.Rollover,
		Timeout:        s.Job.Timeout,
	}
	if len(s.Job.Options) > 0 && q.MTUClamp.holds(s.Job.MTUClamp) { // without options there is no blksize to bound
		l.MaxBlksize = lower(l.MaxBlksize, s.socket.unfragmented(ipv4))
	}
	if q.MTU != 0 {
		l.MaxBlksize = lower(l.MaxBlksize, withinMTU(q.MTU, ipv4))
	}
	return l
}
