package supervisor

import (
	"fmt"
	"net/netip"
	"time"
)

// A gate says which sources may ask, and how often.
type gate struct {
	access    access
	rules     rules // before access
	addresses rates
	prefixes  rates
}

// maxSources is how many sources a table remembers, at about 100 bytes each.
const maxSources = 1 << 16

func newGate(o *settings) gate {
	return gate{
		access:    newAccess(o.Allow, o.Deny),
		addresses: newRates(o.MaxRequestsPerSource),
		prefixes:  newRates(o.MaxRequestsPerPrefix),
	}
}

// often says whether a source asks within its rates, and counts the request. What
// its address may not, does not count for its neighbours.
func (g *gate) often(now time.Time, source netip.Addr) bool {
	return g.addresses.take(now, netip.PrefixFrom(source, source.BitLen())) && g.prefixes.take(now, network(source))
}

// admits says whether a source may ask at all.
func (g *gate) admits(source netip.Addr) bool {
	if allowed, ok := g.rules.decides(source); ok {
		return allowed
	}
	return g.access.allows(source)
}

// expire forgets sources that have not asked for a while, and rules whose time is over.
func (g *gate) expire(now time.Time) {
	g.rules.expire(now)
	g.addresses.expire(now)
	g.prefixes.expire(now)
}

// network is what one operator hands out as a whole: the /24 of an IPv4 address
// and the /64 of an IPv6 one.
func network(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 24
	}
	p, _ := a.WithZone("").Prefix(bits)
	return p
}

// rates has a token bucket for each source that asks. One that starts, or that
// was silent for burstSeconds, may ask that many seconds' worth at once.
type rates struct {
	perSecond float64 // zero: no bound
	buckets   bounded[netip.Prefix, bucket]
}

// burstSeconds makes a rate one over so many seconds: a machine that boots asks
// several times within one, and then not for long.
const burstSeconds = 10

func newRates(perSecond int) rates {
	return rates{float64(perSecond), bounded[netip.Prefix, bucket]{most: maxSources}}
}

func (r *rates) take(now time.Time, source netip.Prefix) bool {
	if r.perSecond == 0 {
		return true
	}
	return r.buckets.get(source).take(now, r.perSecond, burstSeconds*r.perSecond)
}

func (r *rates) expire(now time.Time) {
	r.buckets.expire(maxSources/burstSeconds, func(b *bucket) bool { // a full one says nothing
		return now.Sub(b.at) >= burstSeconds*time.Second
	})
}

// bucket is a token bucket. Its zero value is full.
type bucket struct {
	left float64
	at   time.Time
}

// fill adds what time brings, and returns what there is.
func (b *bucket) fill(now time.Time, perSecond, burst float64) float64 {
	if b.at.IsZero() {
		b.left = burst
	} else {
		b.left = min(burst, b.left+perSecond*now.Sub(b.at).Seconds())
	}
	b.at = now
	return b.left
}

// take takes a token if there is one. To ask in vain costs nothing.
func (b *bucket) take(now time.Time, perSecond, burst float64) bool {
	if b.fill(now, perSecond, burst) < 1 {
		return false
	}
	b.left--
	return true
}

// access is who may ask at all: the longest prefix that a source is in decides.
// One that is in none may ask if nothing is allowed by name.
type access struct {
	verdicts [2][129]map[netip.Prefix]bool // by family and length
	open     bool
}

func newAccess(allow, deny []netip.Prefix) access {
	a := access{open: len(allow) == 0}
	for _, list := range []struct {
		prefixes []netip.Prefix
		allowed  bool
	}{{allow, true}, {deny, false}} {
		for _, p := range list.prefixes {
			of := &a.verdicts[familyIndex(p.Addr())][p.Bits()]
			if *of == nil {
				*of = make(map[netip.Prefix]bool)
			}
			(*of)[p.Masked()] = list.allowed
		}
	}
	return a
}

func familyIndex(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

func (a *access) allows(source netip.Addr) bool {
	if allowed, ok := a.decides(source); ok {
		return allowed
	}
	return a.open
}

// decides says what the longest prefix says that a source is in, if it is in any.
func (a *access) decides(source netip.Addr) (allowed, ok bool) {
	source = source.WithZone("")
	of := &a.verdicts[familyIndex(source)]
	for bits := source.BitLen(); bits >= 0; bits-- {
		if of[bits] == nil {
			continue
		}
		p, _ := source.Prefix(bits)
		if allowed, ok := of[bits][p]; ok {
			return allowed, true
		}
	}
	return false, false
}

// checkPrefixes finds what no source is in, or what is in both lists.
func checkPrefixes(allow, deny []netip.Prefix, fault func(format string, args ...any)) {
	allowed := make(map[netip.Prefix]bool)
	for _, p := range allow {
		checkPrefix("Allow", p, fault)
		allowed[p.Masked()] = true
	}
	for _, p := range deny {
		checkPrefix("Deny", p, fault)
		if allowed[p.Masked()] {
			fault("%v is both in Allow and in Deny: which?", p)
		}
	}
}

func checkPrefix(list string, p netip.Prefix, fault func(format string, args ...any)) {
	if !p.IsValid() || p.Addr().Is4In6() {
		fault("%s %v: want a prefix such as 192.0.2.0/24 or 2001:db8::/32", list, p)
	}
}

// ParsePrefix reads an address prefix, or an address, which is a prefix of one.
func ParsePrefix(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		var a netip.Addr
		if a, err = netip.ParseAddr(text); err == nil && a.Zone() == "" {
			return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
		}
		return netip.Prefix{}, fmt.Errorf("prefix %q: want one such as 192.0.2.0/24, 2001:db8::/32 or 192.0.2.7", text)
	}
	if p.Addr() != p.Masked().Addr() {
		return netip.Prefix{}, fmt.Errorf("prefix %q has bits beyond its length: %v is the whole network, %v this address", text, p.Masked(), p.Addr())
	}
	return p, nil
}
