package integration

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"brood/protocol"
	"brood/test/harness"
)

func TestContentIsServedAsTheRulesSay(t *testing.T) {
	t.Parallel()
	c := newConfigured(t, `
content:
  boot: {files: {root: boot}}
  site: {virtual: {text: {motd: "welcome\n"}, base64: {blob: AAEC}, health: health}}
  hosts:
    render:
      templates: templates
      inventory: hosts.yaml
      documents:
        - {file: "pxelinux.cfg/01-{mac}", template: pxe.tmpl}
  script: {exec: {command: [bin/hello, there]}}
default: boot
rules:
  - {match: {regexp: ['\\']}, replace: {with: /, times: until-gone}, then: continue}
  - {match: {file: [secret/**]}, deny: true}
  - {match: {file: [old.img]}, error: {code: 1, message: "ask for new.img"}}
  - {match: {file: [motd, blob, health]}, handler: site}
  - {match: {file: ["pxelinux.cfg/*"]}, handler: hosts}
  - {match: {file: ["hello/*"]}, handler: script}
  - {match: {file: [vmlinuz]}, rewrite: images/linux}
`)
	c.Write("boot/images/linux", []byte("a kernel"))
	c.Write("boot/secret/key", []byte("not for you"))
	c.Write("templates/pxe.tmpl", []byte("append console={{.console}} {{.vlan}}\n"))
	c.Write("hosts.yaml", []byte("defaults: {vlan: 7}\nmachines:\n  - {name: web1, macs: [52:54:00:12:34:56], vars: {console: ttyS0}}\n"))
	c.script("bin/hello", `echo "hello $1: $TFTP_FILE"; [ "$TFTP_FILE" != hello/nobody ] || exit 101`)
	s := harness.Serve(t, "--config", c.file)
	for _, tt := range []struct {
		file, want string
		code       protocol.ErrorCode
	}{
		{`images\linux`, "a kernel", 0},
		{"vmlinuz", "a kernel", 0},
		{"motd", "welcome\n", 0},
		{"blob", "\x00\x01\x02", 0},
		{"pxelinux.cfg/01-52-54-00-12-34-56", "append console=ttyS0 7\n", 0},
		{"pxelinux.cfg/01-52-54-00-12-34-57", "", protocol.CodeNotFound},
		{"hello/you", "hello there: hello/you\n", 0},
		{"hello/nobody", "", protocol.CodeNotFound},
		{"secret/key", "", protocol.CodeAccessViolation},
		{"old.img", "", protocol.CodeNotFound},
		{"none", "", protocol.CodeNotFound},
		{"../brood.yaml", "", protocol.CodeAccessViolation},
	} {
		got, err := fetch(t, s, tt.file)
		var e *protocol.Error
		if tt.want != "" && (err != nil || string(got) != tt.want) {
			t.Errorf("%s: got %q, %v; want %q", tt.file, got, err, tt.want)
		} else if tt.want == "" && (!errors.As(err, &e) || e.Code != tt.code) {
			t.Errorf("%s: got %q, %v; want ERROR %d", tt.file, got, err, tt.code)
		}
	}
	if got, err := fetch(t, s, "health"); err != nil || !strings.HasPrefix(string(got), "ok devel ") {
		t.Errorf("health: %q, %v", got, err)
	}
}

// Whoever asks during a storm of reloads gets the old document or the new one.
func TestAnInventoryThatChangesDuringAStormIsServedWhole(t *testing.T) {
	t.Parallel()
	c := newConfigured(t, `
content:
  hosts: {render: {templates: templates, inventory: hosts, documents: [{file: "{name}", template: t}]}}
`)
	c.Write("templates/t", []byte("{{.a}}{{range .filler}}{{.}}{{end}}{{.b}}"))
	inventory := func(version int) {
		filler := strings.Repeat(fmt.Sprintf("%08d, ", version), 1000)
		c.Write("hosts/next", fmt.Appendf(nil, "machines:\n- {name: m, vars: {a: v%d, filler: [%s], b: v%d}}\n", version, filler, version))
		os.Rename(filepath.Join(c.Dir, "hosts/next"), filepath.Join(c.Dir, "hosts/all.yaml"))
	}
	inventory(1)
	s := harness.Serve(t, "--config", c.file)
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				got, err := fetch(t, s, "m")
				version, _, _ := strings.Cut(strings.TrimPrefix(string(got), "v"), "0")
				if err != nil || !strings.HasPrefix(string(got), "v"+version) || !strings.HasSuffix(string(got), "v"+version) {
					t.Errorf("got %.20q ... %d bytes, %v", got, len(got), err)
					return
				}
			}
		})
	}
	for i := range 9 {
		inventory(i + 1)
		s.Signal(syscall.SIGHUP)
		s.WaitN(i+1, reloaded, nil)
	}
	close(stop)
	clients.Wait()
	if got, err := fetch(t, s, "m"); err != nil || !strings.HasPrefix(string(got), "v9") {
		t.Errorf("got %.20q, %v; want the last inventory", got, err)
	}
}

func TestWhatAConfigurationNamesMustBeReadableByItsReader(t *testing.T) {
	t.Parallel()
	harness.NeedRoot(t)
	c := newConfigured(t, "content: {a: {render: {templates: ., inventory: closed/hosts.yaml}}}\n")
	c.Write("closed/hosts.yaml", nil)
	os.Chmod(filepath.Join(c.Dir, "closed"), 0o700)
	cmd := harness.Command(t, "serve", "--listen", "127.0.0.1:0", "--config", c.file)
	out, err := cmd.CombinedOutput()
	for _, want := range []string{"brood.yaml:1:15: ", "hosts.yaml: permission denied", "uid 65531, which reads what a configuration names, must be able to"} {
		if exitCode(err) != 1 || !strings.Contains(string(out), want) {
			t.Errorf("%v, %s\nwant %s", err, out, want)
		}
	}
}

// Nothing of ten thousand is decoded at a worker's birth, and all of it is there.
func TestTenThousandRulesAndMachines(t *testing.T) {
	t.Parallel()
	const many = 10_000
	var rules, machines strings.Builder
	for i := range many {
		fmt.Fprintf(&rules, "- {match: {file: [dir%d/*]}, rewrite: 'm%d.cfg', handler: hosts}\n", i, i)
		fmt.Fprintf(&machines, "- {name: m%d, vars: {n: %d}}\n", i, i)
	}
	c := newConfigured(t, `
content:
  hosts: {render: {templates: templates, inventory: hosts.yaml, documents: [{file: "{name}.cfg", template: t}]}}
rules:
`+rules.String())
	c.Write("templates/t", []byte("{{.n}}"))
	c.Write("hosts.yaml", []byte("machines:\n"+machines.String()))
	s := harness.Serve(t, "--config", c.file)
	for _, i := range []int{0, 1, many / 2, many - 1} {
		for _, file := range []string{fmt.Sprintf("m%d.cfg", i), fmt.Sprintf("dir%d/x", i)} {
			if got, err := fetch(t, s, file); err != nil || string(got) != fmt.Sprint(i) {
				t.Errorf("%s: %q, %v", file, got, err)
			}
		}
	}
}
