package origin

import (
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"brood/ipc/fetch"
)

// Options say where content comes from and how it is fetched. URL is required.
// Worker and helper have the same: the helper fetches from no other URL than those
// that it was configured with.
type Options struct {
	// What names are added to, as "https://mirror.example/debian/"; http or https,
	// without user, query or fragment. Where two have the same one, they must be alike.
	URL string `yaml:"url"`
	// What is cut from the front of each name, after separators that it begins with;
	// names without it do not exist. Default: nothing.
	StripPrefix string `yaml:"strip-prefix"`
	// How long the origin may be silent, when it is connected to, before it answers and
	// in between, 1s to 10m. What broke off is resumed a few times. Default: 20s.
	Timeout time.Duration `yaml:"timeout"`
	// How long a file is served without asking the origin whether it is still the same;
	// negative: it is asked each time. One whose digest is pinned never changes.
	// Default: 1m.
	Fresh time.Duration `yaml:"fresh"`
	// For how long after it was last known to be the same a file is served where the
	// origin can't be asked; negative: not at all. Default: 24h.
	StaleIfError time.Duration `yaml:"stale-if-error"`
	// For how long the origin is not asked again for a file that it does not have;
	// negative: not at all. Default: 5s.
	Negative time.Duration `yaml:"negative"`
	// The digests, in hexadecimal, that files must have, by their names below the URL;
	// others may have any. Default: none.
	SHA256 map[string]string `yaml:"sha256"`

	// The URL of an HTTP or SOCKS5 proxy, or "none". Default: what the environment
	// variables HTTP_PROXY, HTTPS_PROXY and NO_PROXY say.
	Proxy string `yaml:"proxy"`
	// A file with the certificates (PEM) that the origin's must come from. Default: the
	// system's.
	CAFile string `yaml:"ca-file"`
	// A file with the certificate (PEM) that is shown to the origin. Default: none.
	CertFile string `yaml:"cert-file"`
	// A file with that certificate's key (PEM). Default: none.
	KeyFile string `yaml:"key-file"`
	// A file with USER:PASSWORD. Like all files with secrets it is read for each request,
	// so that it may be renewed, what it says goes to the URL's own host alone, and the
	// account of broodctl origin must be able to read it. Default: none.
	BasicFile string `yaml:"basic-file"`
	// A file with a token that proves who asks (Authorization: Bearer). Default: none.
	BearerFile string `yaml:"bearer-file"`
	// A file with lines of "Name: value" that are sent with each request. Default: none.
	HeaderFile string `yaml:"header-file"`
}

// Defaults of Options.
const (
	defaultTimeout      = 20 * time.Second
	defaultFresh        = time.Minute
	defaultStaleIfError = 24 * time.Hour
	defaultNegative     = 5 * time.Second
)

// WithDefaults returns o with every default filled in: what is negative is 0 then.
func (o Options) WithDefaults() Options {
	for _, d := range []struct {
		at  *time.Duration
		def time.Duration
	}{
		{&o.Timeout, defaultTimeout},
		{&o.Fresh, defaultFresh},
		{&o.StaleIfError, defaultStaleIfError},
		{&o.Negative, defaultNegative},
	} {
		if *d.at == 0 {
			*d.at = d.def
		}
		*d.at = max(*d.at, 0)
	}
	return o
}

// ForWorkers returns what of o a worker needs to know: not what is secret, and not
// what is long.
func (o Options) ForWorkers() Options {
	return Options{URL: o.URL, StripPrefix: o.StripPrefix, Timeout: o.Timeout}
}

// Check returns every fault of o.
func (o Options) Check() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if err := checkURL(o.URL); err != nil {
		faults = append(faults, err)
	}
	if t := o.Timeout; t != 0 && (t < time.Second || t > 10*time.Minute) {
		fault("timeout %v: want 1s to 10m", t)
	}
	for name, digest := range o.SHA256 {
		if b, err := hex.DecodeString(digest); err != nil || len(b) != 32 {
			fault("sha256 of %q: %q is no digest of 64 hexadecimal digits", name, digest)
		}
		if name == "" || path.Clean("/" + name)[1:] != name {
			fault("sha256 of %q: want a name below the URL, without a / in front, and without . and ..", name)
		}
	}
	if (o.CertFile == "") != (o.KeyFile == "") {
		fault("cert-file %q and key-file %q: one is of no use without the other", o.CertFile, o.KeyFile)
	}
	if o.BasicFile != "" && o.BearerFile != "" {
		fault("basic-file %q and bearer-file %q: only one of them can be the Authorization", o.BasicFile, o.BearerFile)
	}
	for key, file := range map[string]string{
		"ca-file": o.CAFile, "cert-file": o.CertFile, "key-file": o.KeyFile,
		"basic-file": o.BasicFile, "bearer-file": o.BearerFile, "header-file": o.HeaderFile,
	} {
		if file != "" && !path.IsAbs(file) {
			fault("%s %q: want an absolute path", key, file)
		}
	}
	return errors.Join(faults...)
}

// checkURL looks at what a worker has to rely on. Package net/url is the helper's,
// which looks closer: it is not worth its time at each worker's start.
func checkURL(text string) error {
	wrong := func(why string) error { return fmt.Errorf("url %q: %s", text, why) }
	scheme, rest, ok := strings.Cut(text, "://")
	host, _, _ := strings.Cut(rest, "/")
	switch {
	case text == "":
		return errors.New("url: which one? As in https://mirror.example/debian/")
	case len(text) > fetch.MaxBase:
		return fmt.Errorf("url of %d bytes: want at most %d", len(text), fetch.MaxBase)
	case !ok || scheme != "http" && scheme != "https":
		return wrong("want http://... or https://...")
	case strings.ContainsAny(text, "?#"):
		return wrong("want no query and no fragment")
	case strings.ContainsAny(text, " \\\x00\r\n\t"):
		return wrong("want no blanks, control characters or backslashes")
	case strings.Contains(host, "@"):
		return wrong("want no user in it; there are basic-file, bearer-file and header-file")
	case host == "" || strings.HasPrefix(host, ":"):
		return wrong("want a host")
	}
	return nil
}
