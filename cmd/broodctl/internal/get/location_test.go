package get

import (
	"strings"
	"testing"

	"brood/protocol"
)

func TestAURLSaysWhomToAskForWhat(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, url  string
		host       string
		port       uint16
		file, mode string
		base       string
	}{
		{"the shortest", "tftp://h/f", "h", 69, "f", "", "f"},
		{"a port", "tftp://h.example:6969/a/b.img", "h.example", 6969, "a/b.img", "", "b.img"},
		{"the scheme in capitals", "TFTP://h/f", "h", 69, "f", "", "f"},
		{"an absolute name", "tftp://192.0.2.1//srv/f", "192.0.2.1", 69, "/srv/f", "", "f"},
		{"escapes", "tftp://h/a%20b%2fc%25%ff", "h", 69, "a b/c%\xff", "", "c%\xff"},
		{"netascii", "tftp://h/f;mode=netascii", "h", 69, "f", "netascii", "f"},
		{"octet, in capitals", "tftp://h/f;MODE=Octet", "h", 69, "f", "octet", "f"},
		{"an escaped semicolon is the file's", "tftp://h/f%3bmode=x", "h", 69, "f;mode=x", "", "f;mode=x"},
		{"another semicolon is the file's", "tftp://h/f;v=1", "h", 69, "f;v=1", "", "f;v=1"},
		{"only the last mode counts", "tftp://h/f;mode=octet;mode=netascii", "h", 69, "f;mode=octet", "netascii", "f;mode=octet"},
		{"? and # are the file's", "tftp://h/boot?mac=1#x", "h", 69, "boot?mac=1#x", "", "boot?mac=1#x"},
		{"IPv6", "tftp://[2001:db8::1]/f", "2001:db8::1", 69, "f", "", "f"},
		{"IPv6 and a port", "tftp://[2001:DB8::1]:70/f", "2001:db8::1", 70, "f", "", "f"},
		{"a zone as RFC 6874 has it", "tftp://[fe80::1%25eth0]/f", "fe80::1%eth0", 69, "f", "", "f"},
		{"a zone as people write it", "tftp://[fe80::1%eth0]:70/f", "fe80::1%eth0", 70, "f", "", "f"},
		{"a directory has no base", "tftp://h/d/", "h", 69, "d/", "", ""},
		{"nor has the directory above", "tftp://h/d/..", "h", 69, "d/..", "", ""},
		{"nor has it in escapes", "tftp://h/d%2f%2e", "h", 69, "d/.", "", ""},
	} {
		l, err := ParseLocation(tt.url)
		if err != nil {
			t.Errorf("%s: %s: %v", tt.name, tt.url, err)
			continue
		}
		mode := ""
		if l.Mode != nil {
			mode = l.Mode.String()
		}
		if l.Host != tt.host || l.Port != tt.port || l.File != tt.file || mode != tt.mode || l.Base() != tt.base {
			t.Errorf("%s: %s: %+v, mode %q, base %q; want %+v", tt.name, tt.url, l, mode, l.Base(), tt)
		}
		if literal := strings.ContainsAny(tt.host, ":2"); l.Addr.IsValid() != literal {
			t.Errorf("%s: address %v", tt.name, l.Addr)
		}
	}
}

func TestAURLThatSaysNothingOfUseIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ url, want string }{
		{"", "want tftp://HOST[:PORT]/FILE"},
		{"h/f", "want tftp://HOST"},
		{"http://h/f", "want tftp://HOST"},
		{"tftp://h", "want tftp://HOST"},
		{"tftp:///f", "want tftp://HOST"},
		{"tftp://h/", "no file"},
		{"tftp://h/;mode=octet", "no file"},
		{"tftp://user@h/f", "knows no users"},
		{"tftp://h:/f", "want HOST or HOST:PORT"},
		{"tftp://h:0/f", `port "0"`},
		{"tftp://h:65536/f", `port "65536"`},
		{"tftp://h:tftp/f", `port "tftp"`},
		{"tftp://:69/f", "is no host"},
		{"tftp://2001:db8::1/f", "in brackets"},
		{"tftp://[2001:db8::1/f", "want [ADDRESS]"},
		{"tftp://[::1]x/f", "want [ADDRESS]"},
		{"tftp://[::1]:/f", "port"},
		{"tftp://[192.0.2.1]/f", "is no IPv6 address"},
		{"tftp://[fe80::1%25]/f", "is no IPv6 address"},
		{"tftp://h%20x/f", "is no host"},
		{"tftp://h/f;mode=mail", `mode "mail": want octet or netascii`},
		{"tftp://h/f;mode=", `mode ""`},
		{"tftp://h/a%2", "two hexadecimal digits"},
		{"tftp://h/a%zz", "two hexadecimal digits"},
		{"tftp://h/a%+1", "two hexadecimal digits"},
		{"tftp://h/a%00b", "NUL"},
		{"tftp://h/" + strings.Repeat("x", protocol.MaxRequestLen), "too long"},
	} {
		if l, err := ParseLocation(tt.url); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.80s: %+v, %v; want %q", tt.url, l, err, tt.want)
		}
	}
}

// Whatever is accepted can be asked for, kept in this directory, and written as a URL
// that says the same.
func FuzzParseLocation(f *testing.F) {
	for _, url := range []string{"tftp://h/f", "tftp://[fe80::1%25eth0]:70//a%20b?c;mode=netascii", "tftp://h/%2e%2e", "TFTP://1.2.3.4:1/x%3bmode=x"} {
		f.Add(url)
	}
	f.Fuzz(func(t *testing.T, url string) {
		l, err := ParseLocation(url)
		if err != nil {
			return
		}
		if l.File == "" || strings.ContainsRune(l.File, 0) || l.Port == 0 || l.Host == "" {
			t.Fatalf("%q: %+v", url, l)
		}
		if base := l.Base(); strings.Contains(base, "/") || base == ".." || base == "." {
			t.Fatalf("%q would be kept as %q", url, base)
		}
		var again strings.Builder
		again.WriteString("tftp://h/")
		for i := range len(l.File) {
			again.WriteString(escape(l.File[i]))
		}
		if other, err := ParseLocation(again.String()); err != nil || other.File != l.File || other.Mode != nil {
			t.Fatalf("%q has the file %q, %q has %+v, %v", url, l.File, &again, other, err)
		}
	})
}

func escape(b byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{'%', digits[b>>4], digits[b&15]})
}
