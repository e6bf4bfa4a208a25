package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestValuesAreReadFromTextInOneWay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		value encoding.TextUnmarshaler
		text  string
		want  string // as it is written; or of the error, after a !
	}{
		{new(Count), "7", "7"},
		{new(Count), "0", "0"},
		{new(Count), "-1", "!want a whole number, 0 for none"},
		{new(Duration), "1500ms", "1.5s"},
		{new(Duration), "0", "!want a duration with its unit"},
		{new(Duration), "-1s", "!want a duration with its unit"},
		{new(Span), "0", "0s"},
		{new(Span), "-1s", "!or 0 for any time"},
		{new(Size), "20GiB", "20GiB"},
		{new(Size), "1024", "1KiB"},
		{new(Size), "1000", "1000"},
		{new(Size), "0", "!want a number of bytes, such as 500MiB or 20GiB"},
		{new(Size), "9999999999TiB", "!want a number of bytes"},
		{new(Size), "20GB", "!want a number of bytes"},
		{new(HTTPAddress), ":9069", "127.0.0.1:9069"},
		{new(HTTPAddress), "0.0.0.0:80", "0.0.0.0:80"},
		{new(HTTPAddress), "[fe80::1%eth0]:80", "[fe80::1%eth0]:80"},
		{new(HTTPAddress), "9069", "!9069"},
		{new(HTTPAddress), "localhost:9069", "!localhost"},
		{new(HTTPAddress), ":70000", "!70000"},
		{new(Prefix), "10.0.0.1", "10.0.0.1/32"},
		{new(Prefix), "10.0.0.0/8", "10.0.0.0/8"},
		{new(Prefix), "10.0.0.1/8", "!10.0.0.1/8"},
		{new(PortRange), "1-2", "1-2"},
		{new(PortRange), "2-1", "!want LOW-HIGH"},
		{new(Toggle), "on", "on"},
		{new(Toggle), "yes", "!want on or off"},
		{new(SandboxMode), "tight", "!want on, require or off"},
		{new(LogFormat), "xml", "!want text or json"},
		{new(LogLevel), "loud", "!want trace, debug, info, warn or error"},
		{new(Address), "[::1]:69", "[::1]:69"},
		{new(Address), "fd:tftp", "fd:tftp"},
		{new(Address), "69", "!want ADDRESS:PORT"},
		{new(Dir), "", "!want a directory's path"},
		{new(File), "a\x00b", "!want a file's path"},
		{new(Account), "", "!want an account's name or number"},
	} {
		err := tt.value.UnmarshalText([]byte(tt.text))
		if want, ok := strings.CutPrefix(tt.want, "!"); ok {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%T of %q: %v, want %s", tt.value, tt.text, err, want)
			}
			continue
		}
		if got := fmt.Sprint(reflect.ValueOf(tt.value).Elem().Interface()); err != nil || got != tt.want {
			t.Errorf("%T of %q: %s, %v; want %s", tt.value, tt.text, got, err, tt.want)
		}
	}
}
