//go:build boot

package boot

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"brood/test/harness"
)

func TestMachinesBoot(t *testing.T) {
	for _, m := range machines {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			m.boot(t)
		})
	}
}

// hardware is the machine's network address, of QEMU's own range.
const hardware = "52:54:00:12:34:56"

func (m *machine) boot(t *testing.T) {
	link := harness.NewLink(t)
	tree := m.tree(t)
	link.DHCP(m.dhcp...)
	s := link.Serve(append(m.flags, "--root", tree.Dir, "--listen", ":69")...)

	in, tap := link.Tap()
	capture := filepath.Join(t.TempDir(), "capture")
	args := []string{
		"-netdev", "tap,id=net,vnet_hdr=off,script=no,downscript=no,ifname=" + tap,
		"-object", "filter-dump,id=capture,netdev=net,maxlen=1000,file=" + capture,
		"-device", m.card + ",netdev=net,bootindex=1,mac=" + hardware,
	}
	if m.efi {
		args = append(args, firmware(t)...)
	}
	console := harness.Machine(t, in, args...)
	console.Wait(harness.Greeting+mark, harness.MachinePatience)
	if code := console.Exit(harness.MachinePatience); code != 0 {
		t.Errorf("QEMU ended with code %d", code)
	}
	counters := s.Counters()
	asked := answered(t, s, requests(t, capture))
	rows.add(m.name, m.table(asked))

	if got := outcomes(asked); !slices.Equal(got, m.want) {
		t.Errorf("of the files that there are\nit got  %q\nwant    %q", got, m.want)
	}
	for _, r := range asked {
		_, err := os.Stat(filepath.Join(tree.Dir, r.file))
		if r.session.String("outcome") == "refused" && !os.IsNotExist(err) {
			t.Errorf("%s was refused: %v", r.file, r.session)
		}
		if mac := r.session.String("mac"); mac != hardware {
			t.Errorf("the log knows the machine as %q, want %s", mac, hardware)
		}
	}
	count := func(outcome string) (n int) {
		for _, r := range asked {
			if r.session.String("outcome") == outcome {
				n++
			}
		}
		return n
	}
	for counter, want := range map[string]int{
		"completed": count("complete"), "declined": count("declined"), "missing": count("refused"), "failed": 0, "started": len(asked),
		"timed-out": 0, "crashed": 0, "ended": 0, "expired": 0, "active": 0, "waiting": 0, "worker-failures": 0,
	} {
		if got := counters.Int(counter); got != want {
			t.Errorf("counted as %s: %d, want %d; all: %v", counter, got, want, counters)
		}
	}
}

// tree is what the machine finds on the server.
func (m *machine) tree(t *testing.T) *harness.Tree {
	tree := harness.NewTree(t)
	tree.Write(kernel, harness.ReadFile(t, harness.Kernel(t)))
	tree.Write(initramfs, harness.Greeter(t))
	for name, from := range m.copies {
		tree.Write(name, harness.ReadFile(t, harness.Debian(t, from)))
	}
	for name, text := range m.config {
		tree.Write(name, []byte(text))
	}
	return tree
}

// firmware is OVMF, with variables of this machine's own.
func firmware(t *testing.T) []string {
	variables := filepath.Join(t.TempDir(), "variables")
	if err := os.WriteFile(variables, harness.ReadFile(t, harness.Debian(t, "usr/share/OVMF/OVMF_VARS_4M.fd")), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{
		"-drive", "if=pflash,format=raw,readonly=on,file=" + harness.Debian(t, "usr/share/OVMF/OVMF_CODE_4M.fd"),
		"-drive", "if=pflash,format=raw,file=" + variables,
	}
}

// answered adds to requests the log lines of their sessions. There are no other.
func answered(t *testing.T, s *harness.Server, asked []request) []request {
	sessions := map[string]harness.Line{}
	for _, l := range s.Log() {
		if l.Message() == "session" {
			sessions[l.String("peer")+" "+l.String("file")] = l
		}
	}
	for i, r := range asked {
		key := r.from.String() + " " + r.file
		line, ok := sessions[key]
		if !ok {
			t.Errorf("no session in the log for the request from %s", key)
		}
		asked[i].session = line
		delete(sessions, key)
	}
	for key := range sessions {
		t.Errorf("a session in the log that was not asked for: %s", key)
	}
	return asked
}
