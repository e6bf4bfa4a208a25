package origin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"brood/worker/origin"
)

// put writes a file and returns its path.
func put(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// asking returns what an origin with these options answers.
func asking(t *testing.T, o origin.Options) (string, error) {
	t.Helper()
	p, err := newPlace(o)
	if err != nil {
		return "", err
	}
	t.Cleanup(p.client.CloseIdleConnections)
	resp, err := p.get(t.Context(), "file", nil)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.Status[:3] + " " + string(b), err
}

func TestCredentialsAreShownToTheirOwnHostAlone(t *testing.T) {
	t.Parallel()
	shown := func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		io.WriteString(w, strings.Join([]string{user, password, r.Header.Get("Authorization"), r.Header.Get("X-Token")}, "|"))
	}
	other := httptest.NewServer(http.HandlerFunc(shown))
	t.Cleanup(other.Close)
	own := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away/file":
			http.Redirect(w, r, other.URL+"/file", http.StatusFound)
		case "/near/file":
			http.Redirect(w, r, "/here/file", http.StatusFound)
		default:
			shown(w, r)
		}
	}))
	t.Cleanup(own.Close)
	basic, bearer, header := put(t, "basic", "user:pass:word\n"), put(t, "bearer", "abc\n"), put(t, "header", "X-Token: one\nX-Other:two\n")
	for _, tt := range []struct {
		name string
		o    origin.Options
		want string
	}{
		{"none", origin.Options{URL: own.URL}, "200 |||"},
		{"a user", origin.Options{URL: own.URL, BasicFile: basic}, "200 user|pass:word|Basic dXNlcjpwYXNzOndvcmQ=|"},
		{"a token", origin.Options{URL: own.URL + "/", BearerFile: bearer}, "200 ||Bearer abc|"},
		{"a header", origin.Options{URL: own.URL, HeaderFile: header}, "200 |||one"},
		{"a token and a header", origin.Options{URL: own.URL, BearerFile: bearer, HeaderFile: header}, "200 ||Bearer abc|one"},
		{"sent on, within the host", origin.Options{URL: own.URL + "/near/", BasicFile: basic, HeaderFile: header}, "200 user|pass:word|Basic dXNlcjpwYXNzOndvcmQ=|one"},
		{"sent to another host", origin.Options{URL: own.URL + "/away/", BasicFile: basic, HeaderFile: header}, "200 |||"},
		{"sent to another host with a token", origin.Options{URL: own.URL + "/away/", BearerFile: bearer}, "200 |||"},
	} {
		if got, err := asking(t, tt.o); err != nil || got != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
	for name, o := range map[string]origin.Options{
		"want USER:PASSWORD":    {URL: own.URL, BasicFile: bearer},
		"want one line":         {URL: own.URL, BearerFile: put(t, "lines", "a\nb\n")},
		"lines of":              {URL: own.URL, HeaderFile: bearer},
		"no such file":          {URL: own.URL, HeaderFile: "/no-such-file"},
		"ca-file":               {URL: own.URL, CAFile: "/no-such-file"},
		"no certificate in it":  {URL: own.URL, CAFile: bearer},
		"cert-file, key-file":   {URL: own.URL, CertFile: bearer, KeyFile: bearer},
		"want a URL, or none":   {URL: own.URL, Proxy: "%"},
		"want a scheme, a host": {URL: "http:///x"},
	} {
		if got, err := asking(t, o); err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "abc") {
			t.Errorf("%q, %v; want %q, and no secret", got, err, name)
		}
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := put(t, "cert.pem", pemOf("CERTIFICATE", cert)), put(t, "key.pem", pemOf("PRIVATE KEY", der))

	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/down/file" {
			http.Redirect(w, r, plain.URL, http.StatusFound)
			return
		}
		for _, c := range r.TLS.PeerCertificates {
			io.WriteString(w, c.SerialNumber.String())
		}
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.Config.ErrorLog = nil
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := put(t, "ca.pem", pemOf("CERTIFICATE", server.Certificate().Raw))
	for _, tt := range []struct {
		name      string
		o         origin.Options
		want, err string
	}{
		{"nobody vouches for it", origin.Options{URL: server.URL}, "", "certificate signed by unknown authority"},
		{"somebody does", origin.Options{URL: server.URL, CAFile: ca}, "200 ", ""},
		{"with a certificate", origin.Options{URL: server.URL, CAFile: ca, CertFile: certFile, KeyFile: keyFile}, "200 7", ""},
		{"sent to where nothing is secret", origin.Options{URL: server.URL + "/down/", CAFile: ca}, "", "sent from https to http"},
	} {
		got, err := asking(t, tt.o)
		if got != tt.want || tt.err == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %q, %v; want %q, %q", tt.name, got, err, tt.want, tt.err)
		}
	}
}

func TestAProxyIsAskedInPlaceOfTheOrigin(t *testing.T) {
	t.Parallel()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "for "+r.URL.String())
	}))
	t.Cleanup(proxy.Close)
	got, err := asking(t, origin.Options{URL: "http://mirror.invalid/tree", Proxy: proxy.URL})
	if want := "200 for http://mirror.invalid/tree/file"; err != nil || got != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if _, err := asking(t, origin.Options{URL: "http://127.0.0.1:1/", Proxy: "none"}); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("without a proxy: %v", err)
	}
}
