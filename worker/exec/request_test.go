package exec

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"brood/protocol"
	"brood/worker"
	"brood/worker/workertest"
)

func TestARequestIsToldTwice(t *testing.T) {
	t.Parallel()
	env, line, err := told(&worker.Request{
		File: "a b/$x", Mode: protocol.Netascii, MAC: "52:54:00:12:34:56",
		Peer: netip.MustParseAddrPort("[fe80::1%eth0]:2070"), Local: netip.MustParseAddrPort("10.0.0.1:40000"),
		Options: []protocol.Option{
			{Name: "BlkSize", Value: "1428"},
			{Name: "x-vendor", Value: "ü"},
			{Name: "x_vendor", Value: "second"}, // one name in the environment
			{Name: "", Value: "empty"},          // an odd one, but a name
			{Name: "A=B", Value: "1"},
			{Name: "a b", Value: "2"},
			{Name: "ü", Value: "3"},                // none in the environment
			{Name: "t\u017fize", Value: "0"},       // no tsize: that is a long s
			{Name: "bl\u212asize", Value: "65464"}, // no blksize: that is the Kelvin sign
			{Name: "bad", Value: "a\nb"},
			{Name: "bad\x00", Value: "x"},
			{Name: "\xff", Value: "x"},
			{Name: "bytes", Value: "\xff"}, // nowhere
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"TFTP_FILE=a b/$x", "TFTP_PEER=fe80::1%eth0", "TFTP_PEER_PORT=2070", "TFTP_LOCAL=10.0.0.1", "TFTP_LOCAL_PORT=40000",
		"TFTP_MAC=52:54:00:12:34:56", "TFTP_MODE=netascii", "TFTP_OPTION_BLKSIZE=1428", "TFTP_OPTION_X_VENDOR=ü", "TFTP_OPTION_=empty",
	}
	if !slices.Equal(env, want) {
		t.Errorf("environment\n got %q\nwant %q", env, want)
	}
	const wantLine = `{"file":"a b/$x","peer":"fe80::1%eth0","peer_port":2070,"local":"10.0.0.1","local_port":40000,` +
		`"mac":"52:54:00:12:34:56","mode":"netascii","options":{"":"empty","a b":"2","a=b":"1","blksize":"1428",` +
		"\"bl\u212asize\":\"65464\",\"t\u017fize\":\"0\"," + `"x-vendor":"ü","x_vendor":"second","ü":"3"}}` + "\n"
	if string(line) != wantLine {
		t.Errorf("standard input\n got %s\nwant %s", line, wantLine)
	}
}

func TestAProgramIsToldOfItsRequest(t *testing.T) {
	t.Parallel()
	h, _ := handler(t, script(`env | grep ^TFTP_OPTION; cat; cat`, ""))
	r := workertest.Get(t, h, "x", protocol.Option{Name: "blksize", Value: "1428"})
	if r.Err != nil || !strings.HasPrefix(string(r.Content), "TFTP_OPTION_BLKSIZE=1428\n{\"file\":\"x\",\"peer\":\"127.0.0.1\",") ||
		!strings.HasSuffix(string(r.Content), "\"options\":{\"blksize\":\"1428\"}}\n") {
		t.Errorf("%q, ERROR %v", r.Content, r.Err)
	}
}

// Whatever a client sends: each variable is one of ours, once, and a string that
// the kernel takes; and the line is one line of JSON that says the same.
func FuzzTold(f *testing.F) {
	for _, text := range []string{"", "x", "a b", "../x", "a=b", "a\nb", "\x00", "\xff", "ü", "a-b", "TFTP_FILE", "\u2028", "\u0085", "\U0010ffff", `"\`, "<&>"} {
		f.Add("file", text, text)
		f.Add(text, "blksize", "1428")
	}
	f.Fuzz(func(t *testing.T, file, option, value string) {
		env, line, err := told(&worker.Request{File: file, Options: []protocol.Option{{Name: option, Value: value}, {Name: "tsize", Value: "0"}}})
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("%q: %v, want fs.ErrNotExist", file, err)
			}
			return
		}
		seen := map[string]string{}
		for _, v := range env {
			name, text, ok := strings.Cut(v, "=")
			if _, again := seen[name]; again || !ok || !strings.HasPrefix(name, "TFTP_") || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" ||
				strings.ContainsAny(text, "\x00\n") {
				t.Fatalf("%q %q %q: variable %q", file, option, value, v)
			}
			seen[name] = text
		}
		var w wireRequest
		if err := json.Unmarshal(line, &w); err != nil || strings.Count(string(line), "\n") != 1 || w.File != file || seen["TFTP_FILE"] != file {
			t.Fatalf("%q %q %q: %q, %v", file, option, value, line, err)
		}
		if told, ok := w.Options[protocol.Lower(option)]; ok && told != value && !protocol.EqualFold(option, "tsize") {
			t.Fatalf("%q %q %q: %q", file, option, value, line)
		}
	})
}
