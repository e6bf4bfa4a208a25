package get

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// Family is which addresses are wanted: "ip", "ip4" or "ip6".
type Family string

// LookUp finds the addresses of a name, as net.Resolver.LookupNetIP does.
type LookUp func(ctx context.Context, network, host string) ([]netip.Addr, error)

// Addresses are the servers that a URL names, in the order in which to try them.
func (l *Location) Addresses(ctx context.Context, family Family, lookUp LookUp) ([]netip.AddrPort, error) {
	addrs := []netip.Addr{l.Addr}
	if l.Addr.IsValid() {
		if err := literal(l.Addr, family); err != nil {
			return nil, &Failure{Kind: "wrong arguments", Code: ExitUsage, Err: err}
		}
	} else {
		var err error
		if addrs, err = lookUp(ctx, string(family), l.Host); err != nil {
			return nil, unknownHost(l.Host, err)
		}
	}
	all := make([]netip.AddrPort, len(addrs))
	for i, addr := range addrs {
		all[i] = netip.AddrPortFrom(addr.Unmap(), l.Port)
	}
	return all, nil
}

// literal says what is wrong with an address.
func literal(addr netip.Addr, family Family) error {
	if family == "ip4" && !addr.Unmap().Is4() || family == "ip6" && addr.Unmap().Is4() {
		return fmt.Errorf("%v is not of the family asked for", addr)
	}
	if zone := addr.Zone(); zone != "" {
		if _, err := strconv.ParseUint(zone, 10, 31); err == nil {
			return nil
		}
		if _, err := net.InterfaceByName(zone); err != nil {
			return fmt.Errorf("%v: there is no interface %s here", addr, zone)
		}
		return nil
	}
	if addr.Is6() && addr.IsLinkLocalUnicast() {
		return fmt.Errorf("%v is an address on a link: say on which, as in [%v%%25eth0]", addr, addr)
	}
	return nil
}

func unknownHost(host string, err error) error {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		switch {
		case dns.IsNotFound:
			err = fmt.Errorf("host %s is unknown, or has no such address", host)
		default:
			err = fmt.Errorf("host %s can't be looked up: %s", host, dns.Err)
		}
	}
	return classify(err, "host unknown")
}
