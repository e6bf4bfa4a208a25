package render

import (
	"strings"
	"testing"
)

func TestFunctions(t *testing.T) {
	t.Parallel()
	v := vars{
		"m": "52:54:00:12:34:5E", "n": "10.0.0.7/24", "six": "2001:db8::7/64", "quote": `it's "a" $x`, "list": []any{"a", 1, true},
		"lines": "a\n b\n\nc", "json": vars{"a": "<&>", "b": []any{1, 2.5}}, "port": 8080, "mask": "255.255.254.0", "bits": 25,
	}
	for _, tt := range []struct{ text, want string }{
		{`{{macColon .m}}`, "52:54:00:12:34:5e"},
		{`{{macDash .m}}`, "52-54-00-12-34-5e"},
		{`{{macDot .m}}`, "5254.0012.345e"},
		{`{{macBare .m | upper}}`, "52540012345E"},
		{`{{macPxe .m}}`, "01-52-54-00-12-34-5e"},
		{`{{macColon "5254.0012.345E" | upper}}`, "52:54:00:12:34:5E"},
		{`{{macColon "01-52-54-00-12-34-5E"}}`, "52:54:00:12:34:5e"},

		{`{{hexIP "10.0.0.7"}}`, "0A000007"},
		{`{{hexIP "10.0.0.7" | lower}}`, "0a000007"},
		{`{{urlHost "10.0.0.7"}} {{urlHost "2001:db8::7"}} {{urlHost "boot.example.com"}}`, "10.0.0.7 [2001:db8::7] boot.example.com"},
		{`{{cidr "10.0.0.7" .bits}} {{cidr "10.0.0.7" .mask}} {{cidr "2001:db8::7" 64}} {{cidr "10.0.0.7" "0.0.0.0"}}`, "10.0.0.7/25 10.0.0.7/23 2001:db8::7/64 10.0.0.7/0"},
		{`{{network .n}} {{network .six}} {{network "10.1.2.3/0"}}`, "10.0.0.0 2001:db8:: 0.0.0.0"},
		{`{{broadcast .n}} {{broadcast "10.1.2.3/0"}} {{broadcast "10.1.2.3/31"}} {{broadcast "10.1.2.3/32"}}`, "10.0.0.255 255.255.255.255 10.1.2.3 10.1.2.3"},
		{`{{netmask .n}} {{netmask "10.1.2.3/0"}} {{netmask "10.1.2.3/32"}} {{netmask (cidr "10.0.0.1" .mask)}}`, "255.255.255.0 0.0.0.0 255.255.255.255 255.255.254.0"},
		{`{{prefixLen .n}} {{prefixLen .six}}`, "24 64"},
		{`{{host .n 0}} {{host .n 1}} {{host .n 255}} {{host .n -1}} {{host .n -2}} {{host .n -256}}`, "10.0.0.0 10.0.0.1 10.0.0.255 10.0.0.255 10.0.0.254 10.0.0.0"},
		{`{{host "10.0.0.7/32" 0}} {{host "10.0.0.7/32" -1}} {{host "0.0.0.0/0" -1}}`, "10.0.0.7 10.0.0.7 255.255.255.255"},
		{`{{host .six 1}} {{host .six -1}} {{host "2001:db8::/32" -1}}`, "2001:db8::1 2001:db8::ffff:ffff:ffff:ffff 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"},
		{`{{host "2001:db8::/120" -1}} {{host "::/0" -2}} {{host "2001:db8::/48" 5}}`, "2001:db8::ff ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe 2001:db8::5"},
		{`{{hostNumber .n}} {{hostNumber .six}} {{hostNumber "10.1.2.3/0"}}`, "7 7 167838211"},

		{`{{shellQuote .quote}}`, `'it'\''s "a" $x'`},
		{`{{.quote | grubQuote}}`, `'it'\''s "a" $x'`},
		{`{{kickstartQuote .port}} {{shellQuote ""}} {{shellQuote "a\nb"}}`, "'8080' '' 'a\nb'"},
		{`{{ipxeWord "http://10.0.0.1/x"}}`, "http://10.0.0.1/x"},
		{`{{toJson .quote}} {{toJson .json}} {{.json | toJson | base64}}`, `"it's \"a\" $x" {"a":"<&>","b":[1,2.5]} eyJhIjoiPCY+IiwiYiI6WzEsMi41XX0=`},

		{`{{join "," .list}} {{.list | join " "}} {{join "," .json.b}}`, "a,1,true a 1 true 1,2.5"},
		{`{{upper .m}} {{lower "A"}} {{base64 "a b"}}`, "52:54:00:12:34:5E a YSBi"},
		{"{{.lines | indent 2}}", "  a\n   b\n\n  c"},
		{`{{indent 0 "x"}}`, "x"},
	} {
		if got, err := renders(t, tt.text, v); got != tt.want || err != nil {
			t.Errorf("%s\n gave %q, %v\n want %q", tt.text, got, err, tt.want)
		}
	}
}

func TestFunctionsRefuseWhatTheyCannotDo(t *testing.T) {
	t.Parallel()
	v := vars{"m": "52:54:00", "list": []any{[]any{}}, "map": vars{}, "nul": "a\x00b", "cr": "a\nb"}
	for _, tt := range []struct{ text, want string }{
		{`{{macDash .m}}`, `"52:54:00" is no MAC`},
		{`{{macPxe .m}}`, `"52:54:00" is no MAC`},
		{`{{hexIP "2001:db8::7"}}`, "2001:db8::7 is not IPv4"},
		{`{{hexIP "10.0.0"}}`, `"10.0.0" is no IP address`},
		{`{{cidr "10.0.0.7" 33}}`, "10.0.0.7 can't have a prefix of 33 bits"},
		{`{{cidr "10.0.0.7" -1}}`, "10.0.0.7 can't have a prefix of -1 bits"},
		{`{{cidr "10.0.0.7" "255.0.255.0"}}`, `"255.0.255.0" is no prefix length and no netmask`},
		{`{{cidr "10.0.0.7" .map}}`, "prefix length is a map"},
		{`{{cidr "10.0.0.7/24" 24}}`, "it is a prefix, not an address"},
		{`{{network "10.0.0.7"}}`, `"10.0.0.7" has no prefix length, such as 10.0.0.7/24`},
		{`{{network "10.0.0.7/33"}}`, "prefix length out of range"},
		{`{{broadcast "2001:db8::7/64"}}`, "IPv6 has no broadcast"},
		{`{{netmask "2001:db8::7/64"}}`, "IPv6 has no netmask, see prefixLen"},
		{`{{prefixLen "x/y"}}`, "x/y"},
		{`{{host "10.0.0.0/24" 256}}`, "10.0.0.0/24 has no address 256"},
		{`{{host "10.0.0.0/24" -257}}`, "10.0.0.0/24 has no address -257"},
		{`{{host "10.0.0.0/32" 1}}`, "10.0.0.0/32 has no address 1"},
		{`{{host "x" 1}}`, `"x" has no prefix length`},
		{`{{hostNumber "2001:db8::7/48"}}`, "host numbers have 64 bits at most"},
		{`{{hostNumber "x"}}`, `"x" has no prefix length`},
		{`{{shellQuote .nul}}`, "a shell's word can't hold NUL"},
		{`{{grubQuote .cr}}`, `"a\nb": a word can't hold the end of a line here`},
		{`{{kickstartQuote .nul}}`, `"a\x00b": a word can't hold the end of a line here`},
		{`{{ipxeWord "a b"}}`, `"a b" can't be one word of an iPXE script, which has no quotes`},
		{`{{ipxeWord "${net0/mac}"}}`, "can't be one word"},
		{`{{ipxeWord "&&"}}`, "can't be one word"},
		{`{{ipxeWord "#x"}}`, "can't be one word"},
		{`{{ipxeWord ""}}`, "can't be one word"},
		{`{{ipxeWord "x\\"}}`, "can't be one word"},
		{`{{shellQuote .map}}`, "argument is a map"},
		{`{{upper .list}}`, "argument is a list"},
		{`{{join "," .list}}`, "item 0 is a list"},
		{`{{join "," .m}}`, "wrong type"},
		{`{{index .list "a"}}`, "index of a list is a, want a number"},
		{`{{index .map 1}}`, "index of a map is 1, want text"},
		{`{{index .m 1}}`, "string has no items"},
		{`{{include "" .}}`, "no name"},
	} {
		got, err := renders(t, tt.text, v)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s\n gave %q, %v\n want %s", tt.text, got, err, tt.want)
		}
	}
}
