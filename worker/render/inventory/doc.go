// Package inventory holds what is known of the machines that boot: their names,
// addresses and variables. Compile makes one flat table of it, once per
// configuration; a worker finds its client there without decoding the rest.
//
// # What an operator writes
//
// Reading YAML or JSON is somebody else's (broodctl compile); the shape is here:
//
//	defaults:                  # for every machine
//	  console: ttyS0
//	  network: {domain: example.com, prefix: 24}
//	groups:                    # for the machines that name them
//	  db:
//	    network: {vlan: 7}
//	machines:
//	  - name: db1
//	    macs: ["52:54:00:12:34:56", 5254.0012.3457]
//	    ips: [10.0.0.7]
//	    uuid: b8945908-d6a6-41a9-611d-74a6ab80b83d
//	    serial: 7XQ3B2
//	    groups: [db]
//	    vars:
//	      console: null        # this one has none
//	      disks: [sda, sdb]
//
// All of it is optional, but a machine has at least one of name, macs, ips, uuid
// and serial: those are what it is found by, and no two machines share one.
//
// A machine's variables are the defaults, over them its groups' in the order in
// which it names them, over them its own. Maps are merged key by key at every
// depth; a list or a scalar takes the place of what was there; null takes it
// away. So no variable is ever null: it has a value or is missing.
//
// Several files are one inventory. Each may hold machines; a group or a default
// that two of them set is an error, as which one holds would depend on the order
// in which somebody listed a directory.
//
// # The table
//
// It holds each machine's variables as merged, so its size is that of all
// machines' variables, defaults repeated: 10,000 machines of 500 bytes are
// 6 MB. Names of machines, serials and UUIDs are compared without regard to
// case, MACs and addresses whatever their notation.
//
// A table comes from our own Compile and holds no code, and yet is not trusted:
// one that was cut short or altered gives an error or wrong words, but no panic
// and no allocation out of proportion to its length.
package inventory
