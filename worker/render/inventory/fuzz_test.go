package inventory

import (
	"reflect"
	"testing"
)

// Whatever a table holds, a lookup ends, and what it finds can be compiled again
// and is found then.
func FuzzTable(f *testing.F) {
	raw, err := Compile(&File{
		Defaults: vars{"list": []any{1, 1.5, true, false, vars{"a": []any{}}}, "big": uint64(1 << 63)},
		Machines: []Machine{web1, {MACs: []string{"00:00:00:00:00:01"}}}, Groups: map[string]map[string]any{"web": nil},
	})
	if err != nil {
		f.Fatal(err)
	}
	for i := range raw {
		f.Add(raw[:i], "web1.example.com")
		b := append([]byte(nil), raw...)
		b[i] ^= 0xff
		f.Add(b, "web1.example.com")
	}
	f.Add(raw, "52:54:00:12:34:56")
	f.Fuzz(func(t *testing.T, b []byte, value string) {
		table, err := Open(b)
		if err != nil {
			return
		}
		for _, by := range []By{ByMAC, ByIP, ByUUID, BySerial, ByName} {
			m, err := table.Lookup(by, value)
			if err != nil {
				continue
			}
			again, err := Compile(&File{Groups: groupsOf(m), Machines: []Machine{*m}})
			if err != nil {
				continue // such as a reserved variable, which an altered table may hold
			}
			found := lookup(t, open(t, again), by, value)
			if found.Name != m.Name || !reflect.DeepEqual(found.Vars, m.Vars) {
				t.Fatalf("%s %q is %+v, and compiled again %+v", by, value, m, found)
			}
		}
	})
}

func groupsOf(m *Machine) map[string]map[string]any {
	groups := map[string]map[string]any{}
	for _, name := range m.Groups {
		groups[name] = nil
	}
	return groups
}
