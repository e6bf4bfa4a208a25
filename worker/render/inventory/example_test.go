package inventory_test

import (
	"fmt"

	"brood/worker/render/inventory"
)

func Example() {
	table, err := inventory.Compile(&inventory.File{
		Path:     "hosts.yaml",
		Defaults: map[string]any{"console": "ttyS0", "disks": []any{"sda"}},
		Machines: []inventory.Machine{
			{Name: "web1", MACs: []string{"5254.0012.3456"}, Vars: map[string]any{"disks": []any{"nvme0n1"}}},
			{Name: "web2", IPs: []string{"10.0.0.8"}},
		},
	})
	if err != nil {
		panic(err)
	}

	// In a worker: table is a mapping that all of them share.
	t, err := inventory.Open(table)
	if err != nil {
		panic(err)
	}
	m, err := t.Lookup(inventory.ByMAC, "01-52-54-00-12-34-56")
	fmt.Println(m.Name, m.MACs, m.Vars, err)
	m, err = t.Lookup(inventory.ByIP, "0A000009")
	fmt.Println(m, err)
	// Output:
	// web1 [52:54:00:12:34:56] map[console:ttyS0 disks:[nvme0n1]] <nil>
	// <nil> no machine has the ip 10.0.0.9
}

func ExampleCompile_faults() {
	_, err := inventory.Compile(&inventory.File{
		Path: "hosts.yaml",
		Machines: []inventory.Machine{
			{Name: "web1", MACs: []string{"52:54:00:12:34:56"}},
			{Name: "web2", MACs: []string{"52-54-00-12-34-56"}, Groups: []string{"web"}},
		},
	})
	fmt.Println(err)
	// Output:
	// inventory: hosts.yaml: machine 2, "web2": there is no group "web"
	// hosts.yaml: machine 2, "web2": has the mac 52:54:00:12:34:56 of hosts.yaml: machine 1, "web1"
}
