package origin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"brood/worker/origin"
)

// place is an origin that was configured, and the means to ask it.
type place struct {
	origin.Options
	base   *url.URL // ends with a slash
	client *http.Client
	pinned map[string]string // digests, as bytes, by path
}

const userAgent = "brood"

// maxRedirects is how often a request is sent elsewhere, as mirrors do.
const maxRedirects = 10

func newPlace(o origin.Options) (*place, error) {
	p := &place{Options: o.WithDefaults(), pinned: make(map[string]string)}
	var err error
	if p.base, err = url.Parse(o.URL); err != nil {
		return nil, err
	}
	if p.base.Host == "" || p.base.User != nil || p.base.RawQuery != "" || p.base.Fragment != "" {
		return nil, fmt.Errorf("url %q: want a scheme, a host and a path", o.URL)
	}
	for name, digest := range o.SHA256 {
		sum, err := hex.DecodeString(digest)
		if err != nil {
			return nil, fmt.Errorf("sha256 of %q: %w", name, err)
		}
		p.pinned[name] = string(sum)
	}
	transport, err := p.transport()
	if err != nil {
		return nil, err
	}
	p.client = &http.Client{Transport: &credentials{p, transport}, CheckRedirect: checkRedirect}
	return p, nil
}

func (p *place) transport() (*http.Transport, error) {
	t := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: p.Timeout, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:    p.Timeout,
		ResponseHeaderTimeout:  p.Timeout,
		IdleConnTimeout:        time.Minute,
		MaxIdleConnsPerHost:    16,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // lengths and ranges are of what is stored
		ForceAttemptHTTP2:      true,
		Proxy:                  http.ProxyFromEnvironment,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
	}
	switch p.Proxy {
	case "":
	case "none":
		t.Proxy = nil
	default:
		proxy, err := url.Parse(p.Proxy)
		if err != nil || proxy.Host == "" {
			return nil, fmt.Errorf("proxy %q: want a URL, or none", p.Proxy)
		}
		t.Proxy = http.ProxyURL(proxy)
	}
	if p.CAFile != "" {
		pem, err := os.ReadFile(p.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ca-file: %w", err)
		}
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca-file %s: no certificate in it", p.CAFile)
		}
	}
	if p.CertFile != "" {
		if _, err := tls.LoadX509KeyPair(p.CertFile, p.KeyFile); err != nil {
			return nil, fmt.Errorf("cert-file, key-file: %w", err)
		}
		t.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(p.CertFile, p.KeyFile) // it may have been renewed
			return &pair, err
		}
	}
	return t, nil
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	switch {
	case len(via) >= maxRedirects:
		return fmt.Errorf("sent elsewhere %d times", len(via))
	case req.URL.Scheme != "http" && req.URL.Scheme != "https":
		return fmt.Errorf("sent to %s", req.URL.Redacted())
	case req.URL.Scheme == "http" && via[len(via)-1].URL.Scheme == "https":
		return errors.New("sent from https to http")
	}
	return nil
}

// get asks for a path. What header says is asked, besides.
func (p *place) get(ctx context.Context, path string, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(p.URL, "/")+"/"+escape(path), nil)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := p.client.Do(req)
	if err != nil {
		var asked *url.Error
		if errors.As(err, &asked) {
			err = asked.Err // without the URL, which is said anyway
		}
		return nil, err
	}
	return resp, nil
}

// credentials adds what the place wants to be shown, to requests for its own host
// alone: one that was sent elsewhere shows nothing.
type credentials struct {
	*place
	next http.RoundTripper
}

func (c *credentials) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != c.base.Scheme || req.URL.Host != c.base.Host ||
		c.BasicFile == "" && c.BearerFile == "" && c.HeaderFile == "" {
		return c.next.RoundTrip(req)
	}
	req = req.Clone(req.Context())
	if err := c.show(req); err != nil {
		return nil, err
	}
	return c.next.RoundTrip(req)
}

func (c *credentials) show(req *http.Request) error {
	read := func(file string) (string, error) {
		b, err := os.ReadFile(file)
		return strings.TrimSpace(string(b)), err
	}
	if c.BasicFile != "" {
		text, err := read(c.BasicFile)
		user, password, ok := strings.Cut(text, ":")
		if err == nil && !ok {
			err = errors.New("want USER:PASSWORD in it")
		}
		if err != nil {
			return fmt.Errorf("basic-file %s: %w", c.BasicFile, err)
		}
		req.SetBasicAuth(user, password)
	}
	if c.BearerFile != "" {
		token, err := read(c.BearerFile)
		if err == nil && (token == "" || strings.ContainsAny(token, "\r\n")) {
			err = errors.New("want one line with a token in it")
		}
		if err != nil {
			return fmt.Errorf("bearer-file %s: %w", c.BearerFile, err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if c.HeaderFile != "" {
		text, err := read(c.HeaderFile)
		if err != nil {
			return fmt.Errorf("header-file: %w", err)
		}
		for line := range strings.Lines(text) {
			name, value, ok := strings.Cut(line, ":")
			if !ok {
				return fmt.Errorf("header-file %s: want lines of \"Name: value\"", c.HeaderFile)
			}
			req.Header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
	return nil
}
