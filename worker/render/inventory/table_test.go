package inventory

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"testing"
)

var web1 = Machine{
	Name: "Web1.example.com", MACs: []string{"52:54:00:12:34:56", "AABB.CCDD.EE0F"}, IPs: []string{"10.0.0.7", "2001:DB8:0::7"},
	UUID: "B8945908D6A641A9611D74A6AB80B83D", Serial: "7XQ3B2", Groups: []string{"web"}, Vars: vars{"role": "web"},
}

func fleet(t testing.TB) *Table {
	return compile(t, &File{
		Groups:   map[string]map[string]any{"web": {"port": 80}},
		Machines: []Machine{{Name: "other", MACs: []string{"00:00:00:00:00:01"}}, web1, {IPs: []string{"10.0.0.8"}}},
	})
}

func TestAMachineIsFoundByWhateverItHas(t *testing.T) {
	t.Parallel()
	want := &Machine{
		Name: "Web1.example.com", MACs: []string{"52:54:00:12:34:56", "aa:bb:cc:dd:ee:0f"}, IPs: []string{"10.0.0.7", "2001:db8::7"},
		UUID: "b8945908-d6a6-41a9-611d-74a6ab80b83d", Serial: "7XQ3B2", Groups: []string{"web"}, Vars: vars{"role": "web", "port": 80},
	}
	table := fleet(t)
	for _, tt := range []struct {
		by    By
		value string
	}{
		{ByName, "Web1.example.com"},
		{ByName, "WEB1.EXAMPLE.COM"},
		{ByMAC, "52:54:00:12:34:56"},
		{ByMAC, "52-54-00-12-34-56"},
		{ByMAC, "01-52-54-00-12-34-56"},
		{ByMAC, "5254.0012.3456"},
		{ByMAC, "525400123456"},
		{ByMAC, "525400-123456"},
		{ByMAC, "AA:BB:CC:DD:EE:F"},
		{ByIP, "10.0.0.7"},
		{ByIP, "0A000007"},
		{ByIP, "0a000007"},
		{ByIP, "::ffff:10.0.0.7"},
		{ByIP, "2001:db8:0:0:0:0:0:7"},
		{ByIP, "2001:db8::7%eth0"},
		{ByUUID, "b8945908-d6a6-41a9-611d-74a6ab80b83d"},
		{ByUUID, "b8945908d6a641a9611d74a6ab80b83d"},
		{BySerial, "7xq3b2"},
	} {
		m, err := table.Lookup(tt.by, tt.value)
		if err != nil || !reflect.DeepEqual(m, want) {
			t.Errorf("%s %s: %+v, %v\nwant %+v", tt.by, tt.value, m, err, want)
		}
	}
}

func TestWhoIsNotInTheTableDoesNotExist(t *testing.T) {
	t.Parallel()
	for _, table := range []*Table{fleet(t), compile(t)} {
		for _, tt := range []struct {
			by          By
			value, want string
		}{
			{ByName, "web2", "no machine has the name web2"},
			{ByName, "10.0.0.7", "no machine has the name 10.0.0.7"},
			{ByName, "", "name is empty"},
			{ByMAC, "52:54:00:12:34:57", "no machine has the mac 52:54:00:12:34:57"},
			{ByMAC, "52:54:00:12:34", `"52:54:00:12:34" is no MAC: it has 12 hexadecimal digits, such as 52:54:00:12:34:56`},
			{ByIP, "0A00000", `"0A00000" is no IP address: ParseAddr("0A00000"): unable to parse IP`},
			{ByIP, "10.0.0.70", "no machine has the ip 10.0.0.70"},
			{BySerial, "Web1.example.com", "no machine has the serial web1.example.com"},
			{"colour", "red", `machines have no key "colour", only mac, ip, uuid, serial and name`},
		} {
			_, err := table.Lookup(tt.by, tt.value)
			if !errors.Is(err, fs.ErrNotExist) || err.Error() != tt.want {
				t.Errorf("%s %q: %v\nwant %s", tt.by, tt.value, err, tt.want)
			}
		}
	}
}

func TestMACsHaveTwelveDigits(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", ":", "-----", ":::::", "52:54:00:12:34", "52:54:00:12:34:56:78", "52:54:00-12:34:56", "52-54-0-12-34-56", "5254.0012.345",
		"52540012345", "5254001234567", "52:54:00:12:34:5g", "52:54:00:12:34:+6", "52:54:00:12:34:56 ", "02-52-54-00-12-34-56", "525.400.123.456",
		"01-525400123456", strings.Repeat("52:", 700), strings.Repeat("0", 2000),
	} {
		if mac, err := ParseMAC(s); err == nil {
			t.Errorf("%q is %v", s, mac)
		}
	}
}

func TestMachinesWhoseHashesCollideAreToldApart(t *testing.T) {
	t.Parallel()
	var b builder
	for i := range 5 {
		name := fmt.Sprintf("m%d", i)
		b.add(&Machine{Name: name, Vars: vars{"i": i}}, []string{indexKey(ByName, name)})
	}
	for i := range b.index {
		b.index[i].hash = hashOf(indexKey(ByName, "m3"))
	}
	raw, err := b.table()
	if err != nil {
		t.Fatal(err)
	}
	if m := lookup(t, open(t, raw), ByName, "m3"); m.Vars["i"] != 3 {
		t.Errorf("m3 is %+v", m)
	}
}

func TestTheOrderOfFilesAndKeysDoesNotMatter(t *testing.T) {
	t.Parallel()
	b1, err1 := Compile(&File{Defaults: vars{"a": 1, "b": vars{"c": 1, "d": 2, "e": 3}}}, &File{Machines: []Machine{web1}, Groups: map[string]map[string]any{"web": nil}})
	b2, err2 := Compile(&File{Machines: []Machine{web1}}, &File{Defaults: vars{"b": vars{"e": 3, "d": 2, "c": 1}, "a": 1}, Groups: map[string]map[string]any{"web": {}}})
	if err1 != nil || err2 != nil || string(b1) != string(b2) {
		t.Errorf("%v, %v:\n%q\n%q", err1, err2, b1, b2)
	}
}

func TestWhatIsNoTableIsRefused(t *testing.T) {
	t.Parallel()
	raw, err := Compile(&File{Machines: []Machine{web1}, Groups: map[string]map[string]any{"web": nil}})
	if err != nil {
		t.Fatal(err)
	}
	keys := 7
	for i := range len(raw) {
		table, err := Open(raw[:i])
		if (err == nil) != (i >= headerSize+keys*entrySize) {
			t.Errorf("Open of the first %d bytes: %v", i, err)
		}
		if err != nil {
			continue
		}
		if m, err := table.Lookup(ByName, web1.Name); !errors.Is(err, errCorrupt) {
			t.Errorf("the first %d bytes hold %+v, %v", i, m, err)
		}
	}
	if _, err := Open([]byte("broodin\x02aaaaaaaaaaaaaaaaa")); err == nil {
		t.Error("opened a table of another version")
	}
}
