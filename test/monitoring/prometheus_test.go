package monitoring

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"brood/test/harness"
)

// prometheus is one that runs.
type prometheus struct {
	t   *testing.T
	api string
}

// startPrometheus starts Debian's, with this configuration.
func startPrometheus(t *testing.T, config string) *prometheus {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := harness.RunProgram(t, exec.Command(find(t, "prometheus"), "--config.file", path,
		"--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", "127.0.0.1:0"))
	address := said(t, p, "Listening on", `msg="Listening on" address=(\S+)`)
	p.Wait("Server is ready to receive web requests", patience)
	return &prometheus{t, "http://" + address + "/api/v1/"}
}

// get asks its API, and puts what that answers into data.
func (p *prometheus) get(path string, data any) error {
	p.t.Helper()
	resp, err := http.Get(p.api + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		p.t.Fatalf("GET %s: %v", path, err)
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s: %s", answer.Status, answer.Error)
	}
	return nil
}

// query evaluates an expression now.
func (p *prometheus) query(expr string) (values []float64, err error) {
	p.t.Helper()
	var data struct {
		Result []struct{ Value [2]any }
	}
	err = p.get("query?query="+url.QueryEscape(expr), &data)
	for _, sample := range data.Result {
		v, err := strconv.ParseFloat(fmt.Sprint(sample.Value[1]), 64)
		if err != nil {
			p.t.Fatal(err)
		}
		values = append(values, v)
	}
	return values, err
}

// becomes waits until an expression has one value, and it is this.
func (p *prometheus) becomes(expr string, want float64) {
	p.t.Helper()
	var got []float64
	var err error
	if !harness.Eventually(func() bool {
		got, err = p.query(expr)
		return err == nil && len(got) == 1 && got[0] == want
	}) {
		p.t.Errorf("%s is %v, %v; want %v", expr, got, err, want)
	}
}
