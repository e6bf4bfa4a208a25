package inventory

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

type vars = map[string]any

func TestAMachinesVariablesAreMerged(t *testing.T) {
	t.Parallel()
	table := compile(t, &File{
		Defaults: vars{
			"console": "ttyS0", "disks": []any{"sda"}, "boot": vars{"kernel": "vmlinuz", "args": vars{"quiet": true, "debug": false}},
		},
		Groups: map[string]map[string]any{
			"db":   {"boot": vars{"args": vars{"debug": true}}, "role": "db"},
			"west": {"role": "west", "site": vars{"name": "west", "code": nil}},
		},
		Machines: []Machine{
			{Name: "plain"},
			{Name: "grouped", Groups: []string{"db", "west"}},
			{Name: "own", Groups: []string{"west", "db"}, Vars: vars{
				"console": nil, "disks": []any{"nvme0", "nvme1"}, "boot": vars{"args": vars{"quiet": nil}}, "site": "east",
			}},
			{Name: "after"},
		},
	})
	for name, want := range map[string]vars{
		"plain": {"console": "ttyS0", "disks": []any{"sda"}, "boot": vars{"kernel": "vmlinuz", "args": vars{"quiet": true, "debug": false}}},
		"grouped": {
			"console": "ttyS0", "disks": []any{"sda"}, "role": "west", "site": vars{"name": "west"},
			"boot": vars{"kernel": "vmlinuz", "args": vars{"quiet": true, "debug": true}},
		},
		"own": {
			"disks": []any{"nvme0", "nvme1"}, "role": "db", "site": "east",
			"boot": vars{"kernel": "vmlinuz", "args": vars{"debug": true}},
		},
		"after": {"console": "ttyS0", "disks": []any{"sda"}, "boot": vars{"kernel": "vmlinuz", "args": vars{"quiet": true, "debug": false}}},
	} {
		if got := lookup(t, table, ByName, name).Vars; !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %v\nwant %v", name, got, want)
		}
	}
}

func TestValuesKeepTheirTypes(t *testing.T) {
	t.Parallel()
	type named string
	for _, tt := range []struct {
		name     string
		in, want any
	}{
		{"text", "ttyS0", "ttyS0"},
		{"empty text", "", ""},
		{"text that is no UTF-8", "\xff\x00", "\xff\x00"},
		{"text of another type", named("x"), "x"},
		{"true", true, true},
		{"false", false, false},
		{"integer", 115200, 115200},
		{"smallest integer", math.MinInt, math.MinInt},
		{"integer of msgpack", int8(-7), -7},
		{"unsigned of msgpack", uint16(7), 7},
		{"above an integer's range", uint64(math.MaxUint64), uint64(math.MaxUint64)},
		{"float", 1.5, 1.5},
		{"list", []any{1, "a", []any{}}, []any{1, "a", []any{}}},
		{"list of texts", []string{"a", "b"}, []any{"a", "b"}},
		{"map", vars{"a": vars{}, "": 1}, vars{"a": vars{}, "": 1}},
		{"map of texts", map[string]string{"a": "b"}, vars{"a": "b"}},
		{"map as YAML has it", map[any]any{"a": 1}, vars{"a": 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			table := compile(t, &File{Machines: []Machine{{Name: "m", Vars: vars{"v": tt.in}}}})
			if got := lookup(t, table, ByName, "m").Vars["v"]; !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%#v became %#v, want %#v", tt.in, got, tt.want)
			}
		})
	}
}

func TestCompileNamesEveryFault(t *testing.T) {
	t.Parallel()
	_, err := Compile(
		&File{
			Path:     "a.yaml",
			Defaults: vars{"console": "ttyS0", "name": "x", "day": time.Unix(0, 0)},
			Groups:   map[string]map[string]any{"db": {"vlans": map[any]any{10: "x"}}},
			Machines: []Machine{
				{Name: "web1", MACs: []string{"52:54:00:12:34:56"}, IPs: []string{"10.0.0.1"}},
				{Name: "web2", MACs: []string{"5254.0012.3456", "52:54:00:12:34"}, IPs: []string{"10.0.0.1/24"}, UUID: "7"},
			},
		},
		&File{
			Path:     "b.yaml",
			Defaults: vars{"console": "tty0"},
			Groups:   map[string]map[string]any{"db": nil},
			Machines: []Machine{
				{Name: "WEB1", IPs: []string{"::ffff:10.0.0.1"}, Groups: []string{"bd"}},
				{Vars: vars{"disks": []any{vars{"size": math.NaN()}}, "x": []any{nil}}},
			},
		})
	if err == nil {
		t.Fatal("no error")
	}
	want := []string{
		`inventory: a.yaml: defaults: variable .day is a time.Time, which is no text, number, list or map: quote it`,
		`variable .name: the name is taken: documents use it for what is no variable`,
		`a.yaml: group "db": variable .vlans has the key 10, which is no text: quote it`,
		`b.yaml: default "console": is in a.yaml, too: put it into one of them, as files have no order`,
		`b.yaml: group "db": is in a.yaml, too: put it into one of them, as files have no order`,
		`a.yaml: machine 2, "web2": has the mac 52:54:00:12:34:56 of a.yaml: machine 1, "web1"`,
		`a.yaml: machine 2, "web2": "52:54:00:12:34" is no MAC: it has 12 hexadecimal digits, such as 52:54:00:12:34:56`,
		`a.yaml: machine 2, "web2": "10.0.0.1/24" is no IP address: it is a prefix, not an address`,
		`a.yaml: machine 2, "web2": "7" is no UUID: it has 32 hexadecimal digits, with dashes or without`,
		`b.yaml: machine 1, "WEB1": there is no group "bd"`,
		`b.yaml: machine 1, "WEB1": has the ip 10.0.0.1 of a.yaml: machine 1, "web1"`,
		`b.yaml: machine 1, "WEB1": has the name web1 of a.yaml: machine 1, "web1"`,
		`b.yaml: machine 2: variable .disks[0].size is no finite number`,
		`variable .x[0] is null: leave it out`,
		`b.yaml: machine 2: nothing to find it by: it needs a name, macs, ips, a uuid or a serial`,
	}
	if got := err.Error(); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestVariablesThatGoTooDeepAreRefused(t *testing.T) {
	t.Parallel()
	var deepest, deeper any = "end", []any{"end"}
	for range maxNesting - 1 {
		deepest, deeper = []any{deepest}, []any{deeper}
	}
	table := compile(t, &File{Machines: []Machine{{Name: "m", Vars: vars{"v": deepest}}}})
	if got := lookup(t, table, ByName, "m").Vars["v"]; !reflect.DeepEqual(got, deepest) {
		t.Errorf("got %v", got)
	}
	_, err := Compile(&File{Machines: []Machine{{Name: "m", Vars: vars{"v": deeper}}}})
	if err == nil || !strings.Contains(err.Error(), "nested deeper than 32") {
		t.Errorf("one more: %v", err)
	}
}
