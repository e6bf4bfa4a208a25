package origin

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"brood/protocol"
	"brood/worker/origin"
)

var names = []struct{ name, path string }{ // path "": refused
	{"vmlinuz", "vmlinuz"},
	{"dists/stable/vmlinuz", "dists/stable/vmlinuz"},
	{"/pxelinux.0", "pxelinux.0"},
	{"//a///b", "a/b"},
	{`\Boot\BCD`, "Boot/BCD"},
	{"./a/./b", "a/b"},
	{"..", ""},
	{"../secret", ""},
	{"a/../../secret", ""},
	{`a\..\secret`, ""},
	{"a/..", ""},
	{"...", "..."},
	{"..a", "..a"},
	{".hidden", ".hidden"},
	{"%2e%2e/secret", "%252e%252e/secret"},
	{"%2f..%2fsecret", "%252f..%252fsecret"},
	{"a?x=1", "a%3Fx%3D1"},
	{"a#top", "a%23top"},
	{"a;b&c=d+e@f:g", "a%3Bb%26c%3Dd%2Be%40f%3Ag"},
	{"http://evil.example/x", "http%3A/evil.example/x"},
	{"@evil.example/x", "%40evil.example/x"},
	{"with blank\ttab\r\nHost: evil", "with%20blank%09tab%0D%0AHost%3A%20evil"},
	{"\xff\xfe", "%FF%FE"},
	{"größe", "gr%C3%B6%C3%9Fe"},
	{"a\x00b", ""},
	{"dir/", ""},
	{`dir\`, ""},
	{"dir/.", ""},
	{"/", ""},
	{".", ""},
	{strings.Repeat("n", 2000), strings.Repeat("n", 2000)},
	{strings.Repeat("../", 600), ""},
	{strings.Repeat("%", 2000), strings.Repeat("%25", 2000)},
}

func TestANameIsAPathBelowTheURLAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, tt := range names {
		path, err := origin.Path(tt.name)
		if tt.path == "" {
			if err == nil {
				t.Errorf("%.40q is %q; want it refused", tt.name, path)
			}
		} else if err != nil || escape(path) != tt.path {
			t.Errorf("%.40q: %.80q, %v; want %.80q", tt.name, escape(path), err, tt.path)
		}
	}
}

func FuzzName(f *testing.F) {
	for _, tt := range names {
		f.Add(tt.name)
	}
	base, err := url.Parse("https://mirror.example/tree/")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if name == "" {
			return // a request has one
		}
		path, err := origin.Path(name)
		if err != nil {
			return
		}
		u, err := url.Parse(base.String() + escape(path))
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		// What the origin reads is the path, byte for byte, by any normalisation.
		if u.Host != base.Host || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil ||
			u.Path != base.Path+path || base.ResolveReference(u).Path != u.Path || !strings.HasPrefix(u.JoinPath().Path, base.Path) {
			t.Fatalf("%q leads to %+v", name, u)
		}
		if again, err := origin.Path(path); err != nil || again != path {
			t.Fatalf("%q is %q, and that %q, %v", name, path, again, err)
		}
	})
}

// What the origin is asked for is what the name says, and what is refused it never
// hears of.
func TestHostileNamesReachTheOriginAsBytesOrNotAtAll(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 1)
	s := newScene(t, func(w http.ResponseWriter, r *http.Request) {
		seen <- r.RequestURI
		w.Write([]byte("content"))
	}, nil)
	for _, tt := range names {
		switch {
		case strings.Contains(tt.name, "\x00"): // no request can hold it
		case tt.path == "":
			s.fails(tt.name, protocol.CodeAccessViolation, "the name")
		default:
			s.gets(tt.name, []byte("content"))
			if got := <-seen; got != "/tree/"+tt.path {
				t.Errorf("%.40q: the origin was asked for %.80q", tt.name, got)
			}
			s.helper.cache.mu.Lock()
			for _, e := range s.helper.cache.entries { // several names are of one path
				s.helper.cache.remove(e)
			}
			s.helper.cache.mu.Unlock()
		}
	}
}
