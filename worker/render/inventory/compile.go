package inventory

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Compile makes the table of an inventory. The files are one inventory, in any
// order. An error names every fault: keys that two machines share, values that
// are no MAC or address, groups that there are not, variables that can't be kept.
func Compile(files ...*File) ([]byte, error) {
	c := compiler{
		defaults: part{vars: map[string]any{}, from: map[string]string{}},
		groups:   part{vars: map[string]any{}, from: map[string]string{}},
		owners:   map[string]string{},
	}
	for _, f := range files {
		c.addParts(f)
	}
	var b builder
	for _, f := range files {
		for i := range f.Machines {
			m, keys := c.machine(label(f, i), f.Machines[i])
			b.add(m, keys)
		}
	}
	if len(c.errs) > 0 {
		return nil, fmt.Errorf("inventory: %w", errors.Join(c.errs...))
	}
	return b.table()
}

// label names a machine to whoever has to find it in a file.
func label(f *File, i int) string {
	m := &f.Machines[i]
	if m.Name == "" {
		return in(f, fmt.Sprintf("machine %d", i+1))
	}
	return in(f, fmt.Sprintf("machine %d, %q", i+1, m.Name))
}

func in(f *File, what string) string {
	if f.Path == "" {
		return what
	}
	return f.Path + ": " + what
}

type compiler struct {
	defaults part
	groups   part // each variable is a group's map
	owners   map[string]string
	errs     []error
}

// A part is what all files together say, and which file said it.
type part struct {
	vars map[string]any
	from map[string]string
}

func (c *compiler) fault(where string, err error) {
	if err != nil {
		c.errs = append(c.errs, fmt.Errorf("%s: %w", where, err))
	}
}

func (c *compiler) addParts(f *File) {
	defaults, err := Variables(f.Defaults)
	c.fault(in(f, "defaults"), err)
	c.union(&c.defaults, f, "default", defaults)

	groups := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(f.Groups)) {
		vars, err := Variables(f.Groups[name])
		c.fault(in(f, fmt.Sprintf("group %q", name)), err)
		groups[name] = vars
	}
	c.union(&c.groups, f, "group", groups)
}

func (c *compiler) union(p *part, f *File, what string, vars map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		if other, set := p.from[name]; set {
			c.fault(in(f, fmt.Sprintf("%s %q", what, name)),
				fmt.Errorf("is in %s, too: put it into one of them, as files have no order", other))
			continue
		}
		p.vars[name], p.from[name] = vars[name], f.Path
	}
}

// machine returns m as a table has it, and its keys.
func (c *compiler) machine(label string, m Machine) (*Machine, []string) {
	own, err := Variables(m.Vars)
	c.fault(label, err)
	layers := []map[string]any{c.defaults.vars}
	for _, name := range m.Groups {
		group, ok := c.groups.vars[name].(map[string]any)
		if !ok {
			c.fault(label, fmt.Errorf("there is no group %q", name))
		}
		layers = append(layers, group)
	}
	written := m
	m.Vars = Merge(append(layers, own)...)
	m.MACs, m.IPs, m.UUID = nil, nil, ""
	var keys []string
	none := true
	written.keys(func(by By, value string) {
		none = false
		value, err := by.Canonical(value)
		if err != nil {
			c.fault(label, err)
			return
		}
		switch by {
		case ByMAC:
			m.MACs = append(m.MACs, value)
		case ByIP:
			m.IPs = append(m.IPs, value)
		case ByUUID:
			m.UUID = value
		}
		key := indexKey(by, value)
		if other, taken := c.owners[key]; taken {
			c.fault(label, fmt.Errorf("has the %s %s of %s", by, value, other))
		}
		c.owners[key] = label
		keys = append(keys, key)
	})
	if none {
		c.fault(label, errors.New("nothing to find it by: it needs a name, macs, ips, a uuid or a serial"))
	}
	return &m, keys
}
