package console

import (
	"context"
	"net"
	"net/http"
	"net/netip"

	"brood/cmd/broodctl/internal/console/link"
	"brood/cmd/broodctl/internal/console/machines"
)

// knownMachines is what is answered of all machines.
type knownMachines struct {
	Watching bool               `json:"watching"` // the server is heard: this is how it is now
	Machines []machines.Summary `json:"machines"`
}

// knownMachine is what is answered of one.
type knownMachine struct {
	Watching bool `json:"watching"`
	machines.Machine
}

func (c *Console) machines(w http.ResponseWriter, r *http.Request) error {
	if err := onlyParameters(r); err != nil {
		return err
	}
	if err := c.knowMachines(r.Context()); err != nil {
		return err
	}
	send(w, http.StatusOK, knownMachines{c.feed.Heard(), c.keeper.machines()})
	return nil
}

func (c *Console) machine(w http.ResponseWriter, r *http.Request) error {
	if err := onlyParameters(r); err != nil {
		return err
	}
	if err := c.knowMachines(r.Context()); err != nil {
		return err
	}
	id := r.PathValue("id")
	m, ok := c.keeper.machine(spelt(id))
	if !ok {
		return faultf(http.StatusNotFound, "machine %s has asked for nothing, or so long ago that it is forgotten: want a MAC or an address", id)
	}
	send(w, http.StatusOK, knownMachine{c.feed.Heard(), m})
	return nil
}

// spelt is an address or a MAC as machines have it.
func spelt(id string) string {
	if mac, err := net.ParseMAC(id); err == nil {
		return mac.String()
	}
	if a, err := netip.ParseAddr(id); err == nil {
		return a.Unmap().String()
	}
	return id
}

// knowMachines waits until what was before is known, which takes a moment at the first
// time. From then on there is an answer, whether the server is there or not.
func (c *Console) knowMachines(ctx context.Context) error {
	c.feed.Want()
	select {
	case <-c.keeper.known:
		return nil
	default:
	}
	if _, err := c.link.Status(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, link.AnswersWithin)
	defer cancel()
	select {
	case <-c.keeper.known:
		return nil
	case <-ctx.Done():
		return faultf(http.StatusGatewayTimeout, "the server has not yet said what was before")
	}
}
