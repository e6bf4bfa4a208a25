package console

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"

	"brood/ipc/admin"
	"brood/supervisor"
)

func (c *Console) stats(w http.ResponseWriter, r *http.Request) error {
	if err := onlyParameters(r); err != nil {
		return err
	}
	status, err := c.link.Status(r.Context())
	if err == nil {
		send(w, http.StatusOK, status)
	}
	return err
}

// sessions are those that run or wait, as far as they are wanted.
func (c *Console) sessions(w http.ResponseWriter, r *http.Request) error {
	wanted, err := filter(r)
	if err != nil {
		return err
	}
	all, err := c.link.Sessions(r.Context())
	if err != nil {
		return err
	}
	some := []admin.Session{} // and not null
	for i := range all {
		if wanted(&all[i]) {
			some = append(some, all[i])
		}
	}
	send(w, http.StatusOK, some)
	return nil
}

// filter is what a request wants to see.
func filter(r *http.Request) (func(*admin.Session) bool, error) {
	if err := onlyParameters(r, "peer", "mac", "state"); err != nil {
		return nil, err
	}
	var all []func(*admin.Session) bool
	q := r.URL.Query()
	if text := q.Get("peer"); text != "" {
		of, err := peer(text)
		if err != nil {
			return nil, err
		}
		all = append(all, of)
	}
	if text := q.Get("mac"); text != "" {
		mac, err := net.ParseMAC(text)
		if err != nil {
			return nil, faultf(http.StatusBadRequest, "mac=%s: want one such as 52:54:00:12:34:56", text)
		}
		all = append(all, func(s *admin.Session) bool { return s.MAC == mac.String() })
	}
	if state := q.Get("state"); state != "" {
		if !slices.Contains([]string{"waiting", "serving", "ending"}, state) {
			return nil, faultf(http.StatusBadRequest, "state=%s: want waiting, serving or ending", state)
		}
		all = append(all, func(s *admin.Session) bool { return s.State == state })
	}
	return func(s *admin.Session) bool {
		return !slices.ContainsFunc(all, func(of func(*admin.Session) bool) bool { return !of(s) })
	}, nil
}

// peer reads which clients are meant: an address with a port or without, or a prefix.
func peer(text string) (func(*admin.Session) bool, error) {
	if _, err := netip.ParseAddrPort(text); err == nil {
		return func(s *admin.Session) bool { return s.Peer == text }, nil
	}
	prefix, err := supervisor.ParsePrefix(text)
	if err != nil {
		return nil, faultf(http.StatusBadRequest, "peer=%s: want a client's address, with its port or without, or a prefix such as 192.0.2.0/24", text)
	}
	return func(s *admin.Session) bool {
		from, err := netip.ParseAddrPort(s.Peer)
		return err == nil && prefix.Contains(from.Addr().WithZone("").Unmap())
	}, nil
}

// onlyParameters refuses what is not known: a filter with a mistake in its name would
// be none.
func onlyParameters(r *http.Request, known ...string) error {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return faultf(http.StatusBadRequest, "the query can't be read: %v", err)
	}
	for name := range q {
		if !slices.Contains(known, name) {
			return faultf(http.StatusBadRequest, "there is no parameter %q here, only %q", name, known)
		}
	}
	return nil
}
