package config

import (
	"reflect"
	"testing"
)

// Whatever a key or a flag is said to be, it is refused or is, after its way from
// broodctl to brood, what it was.
func FuzzSetting(f *testing.F) {
	var keys []string
	for all := reflect.TypeFor[Server](); len(keys) < all.NumField(); {
		keys = append(keys, Key(all.Field(len(keys))))
	}
	for _, text := range []string{
		"", "0", "-1", "1", "5s", "0s", "1h2m3.5s", "on", "off", "require", "true", "json", "debug", ":69", "fd:tftp", "[::1]:69", "127.0.0.1:0", "10.0.0.0/8", "10.0.0.1",
		"2001:db8::/32", "::ffff:10.0.0.0/104", "50000-50999", "tftp", "/srv", "a\x00b", "\xff", "99999999999999999999", "0x10", "1_000",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, key := range keys {
			var said, again Server
			if err := said.Apply([]Setting{{key, []string{text}}}); err != nil {
				continue
			}
			if err := again.Apply(Settings(&said)); err != nil || !reflect.DeepEqual(again, said) {
				t.Fatalf("%s %q is %+v, and told again %+v, %v", key, text, said, again, err)
			}
		}
	})
}
