package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"brood/test/harness"
)

// needed are the lines without which a unit is as good in systemd's eyes, and not in
// ours: README's "Under systemd" says what each is for.
var needed = map[string][]string{
	"brood.service": {
		"ExecStart=/usr/sbin/brood serve ", "Type=notify", "ExecReload=kill -HUP $MAINPID", "KillMode=process",
		"OOMPolicy=continue", "WatchdogSec=", "TimeoutStopSec=60",
		"#Delegate=memory pids", "#ProtectControlGroups=no", "#RestrictNamespaces=no", "#CapabilityBoundingSet=CAP_CHOWN", "#ExecStopPost=-",
	},
	"brood.socket": {"ListenDatagram=", "BindIPv6Only=ipv6-only"},
}

// example are the lines of a unit that its comments have for those who want them.
var example = regexp.MustCompile(`(?m)^#([A-Z]\w*=.*)$`)

// What systemd reads in our units is what we mean: it knows every line, and finds
// the program.
func TestSystemdUnderstandsTheUnits(t *testing.T) {
	t.Parallel()
	analyze := find(t, "systemd-analyze")
	dir := t.TempDir()
	var units []string
	for _, name := range []string{"brood.service", "brood.socket"} {
		text, err := os.ReadFile(filepath.Join("../../cmd/brood/packaging", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range needed[name] {
			if !strings.Contains(string(text), "\n"+line) {
				t.Errorf("%s has no line %s", name, line)
			}
		}
		units = append(units, filepath.Join(dir, name))
		write(t, units[len(units)-1], string(text))
		if lines := example.FindAllStringSubmatch(string(text), -1); lines != nil {
			added := "[Service]\n"
			for _, line := range lines {
				added += line[1] + "\n"
			}
			write(t, filepath.Join(units[len(units)-1]+".d", "example.conf"), added)
		}
	}
	verify := func() string {
		cmd := exec.Command(analyze, append([]string{"verify", "--man=no", "--recursive-errors=no"}, units...)...)
		if root, err := filepath.Abs(unpacked); err == nil && strings.HasPrefix(analyze, root) {
			lib := filepath.Join(root, "usr/lib/x86_64-linux-gnu")
			cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+lib+":"+filepath.Join(lib, "systemd"))
		}
		out, err := cmd.CombinedOutput()
		if err != nil {
			return string(out) + err.Error()
		}
		return string(out)
	}
	if said := verify(); said != "" {
		t.Errorf("systemd-analyze verify: %s", said)
	}
	f, err := os.OpenFile(units[0], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("[Service]\nKilMode=process\n")
	f.Close()
	if said := verify(); !strings.Contains(said, "KilMode") {
		t.Errorf("of a line that is wrong it says %q: it looks at nothing", said)
	}
}

// write writes a unit, or a part of one, that runs the built brood.
func write(t *testing.T, path, text string) {
	t.Helper()
	text = strings.ReplaceAll(text, "/usr/sbin/brood", harness.Brood(t))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
