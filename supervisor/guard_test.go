package supervisor

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

func TestTheSandboxAsFarAsTheKernelHasIt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		options Options
		abi     int
		filter  bool
		stats   string // begins so
		log     string // a part of the one line; "" for none
		fails   string // with RequireSandbox
	}{
		{"all there is", Options{}, 6, true, "strict", "", ""},
		{"Debian 12", Options{}, 2, true, "strict", "", ""},
		{"no Landlock", Options{}, 0, true, "strict, but files are not restricted", "Linux 5.13", "Linux 5.13"},
		{"no filters", Options{Sandbox: SandboxNetwork}, 6, false, "network, but system calls are not filtered", "no seccomp", "no seccomp"},
		{"off", Options{Sandbox: SandboxOff}, 0, false, "off", "no sandbox", ""},
	} {
		settled, err := tt.options.settle()
		if err != nil {
			t.Fatal(err)
		}
		g, err := newGuard(settled, tt.abi, tt.filter)
		if err != nil || !strings.HasPrefix(g.String(), tt.stats) || tt.stats == "strict" && g.String() != tt.stats {
			t.Errorf("%s: the stats say %q (%v), want %q", tt.name, g.String(), err, tt.stats)
		}
		var log bytes.Buffer
		r := newReporter(hclog.New(&hclog.LoggerOptions{Output: &log}))
		g.report(r)
		deliver(r)
		if n := strings.Count(log.String(), "\n"); n > 1 || (n == 1) != (tt.log != "") || !strings.Contains(log.String(), tt.log) {
			t.Errorf("%s: the log says %q, want one line with %q, if any", tt.name, &log, tt.log)
		}
		settled.RequireSandbox = true
		if _, err := newGuard(settled, tt.abi, tt.filter); (err != nil) != (tt.fails != "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
			t.Errorf("%s, required: %v, want %q", tt.name, err, tt.fails)
		}
	}
}
