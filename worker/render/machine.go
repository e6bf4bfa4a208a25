package render

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"brood/worker"
	"brood/worker/render/inventory"
)

// byClient is the By of a document that looks up who asks.
const byClient = "client"

// A key is what a machine was looked up by.
type key struct {
	by    inventory.By
	value string
}

// A client is who asks, as an inventory spells it; mac is empty if not known.
type client struct{ mac, ip string }

func clientOf(req *worker.Request) client {
	c := client{ip: addrOf(req.Peer)}
	if mac, err := inventory.ByMAC.Canonical(req.MAC); err == nil {
		c.mac = mac
	}
	return c
}

// machine returns the machine that a document is for, and the key that it was
// looked up by; nil if there is no inventory. The error is fs.ErrNotExist if the
// inventory has no such machine.
func (h *Handler) machine(c *choice, asking client) (*inventory.Machine, key, error) {
	value, _ := c.match[c.by].(string)
	if c.by == byClient || value == "" {
		return h.asking(asking)
	}
	k := key{inventory.By(c.by), value}
	if k.by != inventory.ByName && k.by != inventory.BySerial { // documents show those as asked
		k.value, _ = k.by.Canonical(value)
	}
	if h.machines == nil {
		return nil, k, nil
	}
	m, err := h.machines.Lookup(k.by, k.value)
	return m, k, err
}

// asking returns the machine of a client.
func (h *Handler) asking(c client) (*inventory.Machine, key, error) {
	mac, ip := key{inventory.ByMAC, c.mac}, key{inventory.ByIP, c.ip}
	if c.mac == "" {
		if h.machines == nil {
			return nil, ip, nil
		}
		m, err := h.machines.Lookup(ip.by, ip.value)
		return m, ip, err
	}
	if h.machines == nil {
		return nil, mac, nil
	}
	m, err := h.machines.Lookup(mac.by, mac.value)
	if !errors.Is(err, fs.ErrNotExist) {
		return m, mac, err
	}
	m, otherErr := h.machines.Lookup(ip.by, ip.value)
	switch {
	case errors.Is(otherErr, fs.ErrNotExist):
		return nil, mac, fmt.Errorf("%w, and %w", err, otherErr)
	case otherErr != nil:
		return nil, ip, otherErr
	case len(m.MACs) > 0 && !slices.Contains(m.MACs, c.mac):
		// A stranger who was given the address of a known machine would be
		// installed as that.
		return nil, mac, fmt.Errorf("%w, and %s, which has %s, lists other MACs", err, nameOf(m), c.ip)
	}
	return m, ip, nil
}

// nameOf is what the log calls a machine.
func nameOf(m *inventory.Machine) string {
	for _, s := range slices.Concat([]string{m.Name, m.Serial, m.UUID}, m.MACs, m.IPs) {
		if s != "" {
			return fmt.Sprintf("machine %q", s)
		}
	}
	return "a machine"
}
