package origin

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"
)

func contextWithCause(t *testing.T) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(t.Context())
	t.Cleanup(func() { cancel(nil) })
	return ctx, cancel
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	const url = "https://mirror.example/"
	digest := strings.Repeat("0f", 32)
	for _, tt := range []struct {
		name  string
		o     Options
		fault string
	}{
		{"a URL", Options{URL: url}, ""},
		{"an IPv6 address with a port", Options{URL: "http://[2001:db8::1]:8080/x"}, ""},
		{"no URL", Options{}, "url: which one?"},
		{"another scheme", Options{URL: "ftp://a/"}, "want http://"},
		{"no scheme", Options{URL: "mirror.example"}, "want http://"},
		{"no host", Options{URL: "http:///x"}, "want a host"},
		{"a port alone", Options{URL: "http://:80/x"}, "want a host"},
		{"a user", Options{URL: "http://u:p@a/"}, "want no user"},
		{"a query", Options{URL: "http://a/?x"}, "want no query"},
		{"a fragment", Options{URL: "http://a/#x"}, "want no query and no fragment"},
		{"a blank", Options{URL: "http://a/ b"}, "want no blanks"},
		{"a long one", Options{URL: "http://a/" + strings.Repeat("x", 1024)}, "want at most 1024"},
		{"a short timeout", Options{URL: url, Timeout: time.Millisecond}, "want 1s to 10m"},
		{"a long timeout", Options{URL: url, Timeout: time.Hour}, "want 1s to 10m"},
		{"a digest", Options{URL: url, SHA256: map[string]string{"a/b": digest}}, ""},
		{"no digest", Options{URL: url, SHA256: map[string]string{"a": "xyz"}}, "64 hexadecimal digits"},
		{"a digest of what no name is", Options{URL: url, SHA256: map[string]string{"/a": digest}}, "want a name below the URL"},
		{"a digest of what lies above", Options{URL: url, SHA256: map[string]string{"../a": digest}}, "want a name below the URL"},
		{"a certificate without its key", Options{URL: url, CertFile: "/c"}, "of no use without the other"},
		{"two authorizations", Options{URL: url, BasicFile: "/a", BearerFile: "/b"}, "only one of them"},
		{"a relative path", Options{URL: url, HeaderFile: "a"}, "want an absolute path"},
	} {
		err := tt.o.Check()
		if tt.fault == "" && err != nil || tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.fault)
		}
		if _, made := newHandler(tt.o, nil); (made == nil) != (err == nil) {
			t.Errorf("%s: the handler says %v", tt.name, made)
		}
	}
}

func TestOptionsHaveDefaults(t *testing.T) {
	t.Parallel()
	got := Options{URL: "u", Negative: -1}.WithDefaults()
	if want := (Options{URL: "u", Timeout: 20 * time.Second, Fresh: time.Minute, StaleIfError: 24 * time.Hour}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestWorkersAreNotToldSecrets(t *testing.T) {
	t.Parallel()
	o := Options{URL: "u", StripPrefix: "p", Timeout: 3, SHA256: map[string]string{"a": "b"}, BasicFile: "/b", Proxy: "http://user:secret@proxy/"}
	if got, want := o.ForWorkers(), (Options{URL: "u", StripPrefix: "p", Timeout: 3}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
