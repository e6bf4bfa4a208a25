package inventory

// A File is an inventory or a part of one, as it was written.
type File struct {
	// Path is where it was read, for errors.
	Path string `yaml:"-"`
	// Defaults are variables of every machine of the inventory.
	Defaults map[string]any `yaml:"defaults"`
	// Groups are variables by the name of a group.
	Groups map[string]map[string]any `yaml:"groups"`
	// Machines are in any order.
	Machines []Machine `yaml:"machines"`
}

// A Machine is one that boots. What it is found by is its own: two machines that
// share a name, MAC, address, UUID or serial are an error of Compile.
type Machine struct {
	// Name is how people call it, mostly its host name.
	Name string `yaml:"name"`
	// MACs are hardware addresses of 6 bytes, in any notation.
	MACs []string `yaml:"macs"`
	// IPs are IPv4 or IPv6 addresses, without a prefix length.
	IPs []string `yaml:"ips"`
	// UUID is the one of the firmware (SMBIOS), as the boot loader spells it.
	UUID string `yaml:"uuid"`
	// Serial is whatever the maker has printed on it.
	Serial string `yaml:"serial"`
	// Groups are names of groups; where two set the same variable, the later has it.
	Groups []string `yaml:"groups"`
	// Vars are nested maps, lists and scalars. Null takes away what defaults and
	// groups have set. In a table they are merged, and no value is null.
	Vars map[string]any `yaml:"vars"`
}

// keys calls f for each key that a machine is found by.
func (m *Machine) keys(f func(by By, value string)) {
	for _, s := range m.MACs {
		f(ByMAC, s)
	}
	for _, s := range m.IPs {
		f(ByIP, s)
	}
	for _, key := range [...]struct {
		by    By
		value string
	}{{ByName, m.Name}, {ByUUID, m.UUID}, {BySerial, m.Serial}} {
		if key.value != "" {
			f(key.by, key.value)
		}
	}
}

// Reserved are the names that documents use for what is no variable of the
// machine: it can't have a variable of such a name.
var Reserved = [...]string{
	"name", "mac", "macs", "ip", "ips", "uuid", "serial", "groups", // the machine
	"known", "match", "request", // the session
}
