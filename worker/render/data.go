package render

import (
	"net/netip"
	"slices"

	"brood/worker"
	"brood/worker/render/inventory"
)

// data is what a template sees as its dot. Nothing in it is nil; what is not
// known has no key.
func (h *Handler) data(c *choice, m *inventory.Machine, k key, asking client, req *worker.Request) map[string]any {
	layers := []map[string]any{h.vars}
	if m != nil {
		layers = append(layers, m.Vars)
	}
	d := inventory.Merge(layers...)
	d["known"] = m != nil
	d["match"] = c.match
	r := map[string]any{"file": req.File, "ip": asking.ip, "server": addrOf(req.Local)}
	if asking.mac != "" {
		r["mac"] = asking.mac
	}
	d["request"] = r
	if m == nil {
		d[string(k.by)] = k.value
		return d
	}
	for name, value := range map[string]string{"name": m.Name, "uuid": m.UUID, "serial": m.Serial} {
		if value != "" {
			d[name] = value
		}
	}
	d["macs"], d["ips"], d["groups"] = list(m.MACs), list(m.IPs), list(m.Groups)
	pick(d, inventory.ByMAC, m.MACs, k, asking.mac)
	pick(d, inventory.ByIP, m.IPs, k, asking.ip)
	return d
}

// pick sets the one of several that this session is about: the one that was
// looked up, else the one that asks, else the first.
func pick(d map[string]any, by inventory.By, values []string, k key, asking string) {
	switch {
	case k.by == by:
		d[string(by)] = k.value
	case slices.Contains(values, asking):
		d[string(by)] = asking
	case len(values) > 0:
		d[string(by)] = values[0]
	}
}

// addrOf spells an address as an inventory does.
func addrOf(a netip.AddrPort) string { return a.Addr().Unmap().WithZone("").String() }

func list(values []string) []any {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = v
	}
	return all
}
