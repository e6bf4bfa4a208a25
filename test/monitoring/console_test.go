package monitoring

import (
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"brood/test/harness"
)

// patience bounds every wait.
const patience = time.Minute

// startConsole has a console ask a server, and returns the console's address.
func startConsole(t *testing.T, socket string) (address string) {
	t.Helper()
	p := harness.RunProgram(t, exec.Command(harness.Broodctl(t), "console", "--listen", "127.0.0.1:0", "--socket", socket))
	return said(t, p, "console listens", `console listens address=(\S+)`)
}

// said waits until a program has written text, and returns what the pattern finds.
func said(t *testing.T, p *harness.Program, text, pattern string) string {
	t.Helper()
	p.Wait(text, patience)
	line := regexp.MustCompile(pattern)
	if !harness.Eventually(func() bool { return line.MatchString(p.Output()) }) {
		t.Fatalf("it wrote %q, want %s", p.Output(), pattern)
	}
	return line.FindStringSubmatch(p.Output())[1]
}

// scraped is what a console says: values by series, as they stand there.
type scraped map[string]float64

func scrape(t *testing.T, console string) scraped {
	t.Helper()
	resp, err := http.Get("http://" + console + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("a scrape: %s, %v", resp.Status, err)
	}
	all := scraped{}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		i := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(line[i+1:], 64)
		if err != nil {
			t.Fatalf("a scrape has the line %q", line)
		}
		all[line[:i]] = value
	}
	return all
}

// names are those of the metrics, of a histogram's series that of the whole.
func (s scraped) names() map[string]bool {
	names := map[string]bool{}
	for series := range s {
		name, _, _ := strings.Cut(series, "{")
		names[whole(name)] = true
	}
	return names
}

// whole is the metric that a series belongs to.
func whole(name string) string {
	for _, part := range []string{"_bucket", "_sum", "_count"} {
		name = strings.TrimSuffix(name, part)
	}
	return name
}
