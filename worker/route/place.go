package route

import (
	"net/netip"

	"brood/protocol"
)

// maxPrefix is the longest beginning of a name that rules are found by.
const maxPrefix = 255

// place is where in the index a rule can be found.
type place struct {
	key    key
	kind   int // as in newKey
	length int // of a prefix: of what the index must try
	rank   int // of two that as many rules share the lower is taken
}

func namePlace(text string, whole, fold bool) place {
	kind, rank := keyPrefix, 3
	if whole {
		kind, rank = keyFile, 0
	} else {
		text = text[:min(len(text), maxPrefix)]
	}
	if fold {
		text = protocol.Lower(text)
		kind++
	}
	return place{newKey(byte(kind)).string(text), kind, len(text), rank}
}

func clientPlace(p netip.Prefix) place {
	rank := 4
	if p.IsSingleIP() {
		rank = 2
	}
	kind := keyClient4
	if p.Addr().Is6() {
		kind = keyClient6
	}
	return place{clientKey(p), kind, p.Bits(), rank}
}

func clientKey(p netip.Prefix) key {
	if a := p.Addr(); a.Is4() {
		b := a.As4()
		return newKey(keyClient4).add(byte(p.Bits())).bytes(b[:])
	}
	b := p.Addr().As16()
	return newKey(keyClient6).add(byte(p.Bits())).bytes(b[:])
}

func macPlace(m mac) place {
	rank := 5
	if m.n == maxOctets {
		rank = 1
	}
	return place{macKey(m, m.n), keyMAC, m.n, rank}
}

func macKey(m mac, n int) key { return newKey(keyMAC).add(byte(n)).bytes(m.octets[:n]) }

// choose returns the places at which a rule goes into the index: those of the
// condition that the fewest other rules share; nil if it has none.
func choose(findable [][]place, crowd map[key]int) []place {
	var best []place
	least, rank := 0, 0
	for _, places := range findable {
		most, worst := 0, 0
		for _, p := range places {
			most, worst = max(most, crowd[p.key]), max(worst, p.rank)
		}
		if best == nil || most < least || most == least && worst < rank {
			best, least, rank = places, most, worst
		}
	}
	return best
}
