package interop

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"brood/test/harness"
)

const examples = "../../cmd/brood/examples"

// asked is a request of a client's, and how what it gets begins; "" is an ERROR.
type asked struct{ file, want string }

// served says of each example what lies under /srv, and what clients get.
var served = map[string]struct {
	files map[string]string
	gets  []asked
}{
	"static.yaml": {
		map[string]string{"tftp/pxelinux.0": "loader"},
		[]asked{{"pxelinux.0", "loader"}, {"none", ""}, {"../../etc/passwd", ""}},
	},
	"pxe.yaml": {
		map[string]string{
			"tftp/bios/pxelinux.0": "pxelinux", "tftp/bios/pxelinux.cfg/default": "DEFAULT menu", "tftp/x64/shimx64.efi": "shim",
			"tftp/grub/grub.cfg": "menuentry", "tftp/images/linux": "kernel",
		},
		[]asked{
			{"bios/pxelinux.0", "pxelinux"},
			{`\x64\shimx64.efi`, "shim"},
			{"//bios//pxelinux.0", "pxelinux"},
			{"bios/pxelinux.cfg/01-52-54-00-12-34-56", ""},
			{"bios/pxelinux.cfg/default", "DEFAULT menu"},
			{"x64/grub/grub.cfg", "menuentry"},
			{"grub/grub.cfg", "menuentry"},
			{"grub/grub.cfg-01-52-54-00-12-34-56", ""},
			{"x64/autoexec.ipxe", "#!ipxe\n"},
			{"health", "ok "},
			{"images/linux", "kernel"},
		},
	},
	"machines.yaml": {
		map[string]string{"tftp/pxelinux.0": "pxelinux"},
		[]asked{
			{"pxelinux.0", "pxelinux"},
			{"pxelinux.cfg/01-52-54-00-12-34-56", "DEFAULT install\nLABEL install\n  KERNEL images/trixie/linux\n  INITRD images/trixie/initrd.gz\n  APPEND console=ttyS0,115200 hostname=web1 BOOTIF=01-52-54-00-12-34-56 ip=192.0.2.10::192.0.2.1:255.255.255.0\n"},
			{"pxelinux.cfg/01-52-54-00-12-34-58", "DEFAULT install\nLABEL install\n  KERNEL images/bookworm/linux"},
			{"pxelinux.cfg/01-00-00-00-00-00-01", "DEFAULT local\n"},
			{"pxelinux.cfg/C0000201", ""},
			{"grub/grub.cfg-01-52-54-00-12-34-56", "set timeout=0\nmenuentry 'Install web1' {\n  linux /images/trixie/linux console=ttyS0,115200 hostname=web1\n"},
			{"/ipxe/b8945908-d6a6-41a9-611d-74a6ab80b83d.ipxe", "#!ipxe\nkernel http://192.0.2.1/debian/dists/trixie/linux"},
			{"kickstart/db1.ks", "network --hostname='db1' --ip=192.0.2.11 --gateway=192.0.2.1\nclearpart --drives=nvme0n1\nclearpart --drives=nvme1n1\n"},
			{"kickstart/nobody.ks", ""},
		},
	},
	"programs.yaml": {
		map[string]string{"tftp/f": "a file"},
		[]asked{
			{"f", "a file"},
			{"boot.ipxe", "#!ipxe\n# for an unknown machine at 127.0.0.1\nkernel http://192.0.2.1/debian/dists/trixie/linux\nboot\n"},
			{"boot/52-54-00-12-34-56.ipxe", "#!ipxe\n# for 52-54-00-12-34-56 at 127.0.0.1\n"},
			{"boot/00-00-00-12-34-56.ipxe", ""},
			{"boot/$(id).ipxe", ""},
		},
	},
	"raspberry-pi.yaml": {
		map[string]string{"tftp/common/start4.elf": "firmware", "tftp/common/config.txt": "common", "tftp/4b2f9c1a/config.txt": "its own", "tftp/common/bootcode.bin": "bootcode"},
		[]asked{
			{"4b2f9c1a/start4.elf", "firmware"},
			{"4b2f9c1a/config.txt", "its own"},
			{"9d01c7e4/config.txt", "common"},
			{"bootcode.bin", "bootcode"},
			{"4b2f9c1a/cmdline.txt", "console=serial0,115200 root=/dev/nfs nfsroot=192.0.2.1:/srv/nfs/kiosk1,"},
			{"00000000/cmdline.txt", ""},
			{"4b2f9c1a/recovery.elf", ""},
		},
	},
	"origin.yaml": {
		map[string]string{"tftp/pxelinux.0": "pxelinux"},
		[]asked{{"pxelinux.0", "pxelinux"}, {"debian/debian-installer/amd64/linux", "a kernel of the origin"}, {"/debian/debian-installer/amd64/linux", "a kernel of the origin"}, {"debian/none", ""}},
	},
	"windows.yaml": {
		map[string]string{"tftp/Boot/BCD": "registry", "tftp/Boot/Fonts/wgl4_boot.ttf": "font", "tftp/bootmgr.exe": "manager", "tftp/sources/boot.wim": "image"},
		[]asked{
			{`\Boot\BCD`, "registry"},
			{`\boot\fonts\wgl4_boot.ttf`, "font"},
			{"/boot/bcd", "registry"},
			{"bootmgr", "manager"},
			{`\Sources\Boot.wim`, "image"},
			{`\Boot\BCD.LOG`, ""},
			{`\..\..\etc\passwd`, ""},
		},
	},
	"devices.yaml": {
		map[string]string{"tftp/switches/default-confg": "hostname new", "tftp/switches/ios.bin": "switch image", "tftp/phones/sip.ld": "phone image"},
		[]asked{{"network-confg", "hostname new"}, {"/cisconet.cfg", "hostname new"}, {"ios.bin", "switch image"}, {"sip.ld", ""}},
	},
}

// flags are what a test on the loopback interface can't take from the example.
var flags = map[string][]string{
	"static.yaml":  {"--allow", "127.0.0.1"},
	"devices.yaml": {"--allow", "127.0.0.1"},
}

func TestTheExamplesServeWhatTheySay(t *testing.T) {
	t.Parallel()
	harness.Broodctl(t) // beside brood
	all, err := filepath.Glob(filepath.Join(examples, "*.yaml"))
	if err != nil || len(all) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, path := range all {
		name := filepath.Base(path)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		example, ok := served[name]
		if !ok {
			if strings.Contains(string(text), "machines:\n  - {") || strings.Contains(string(text), "machines:\n  - name") {
				continue // an inventory
			}
			t.Errorf("%s is served in no test", name)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := harness.NewTree(t)
			copyExamples(t, tree)
			for file, content := range example.files {
				tree.Write(filepath.Join("srv", file), []byte(content))
			}
			s := harness.Serve(t, append(flags[name], "--config", filepath.Join(tree.Dir, "etc", name))...)
			for _, client := range clients {
				if client.name != "curl" && client.name != "tftp-hpa" {
					continue
				}
				program := find(t, client.program)
				for _, ask := range example.gets {
					to := filepath.Join(t.TempDir(), "got")
					file := ask.file
					if client.name == "curl" { // it takes one slash for its own
						file = strings.NewReplacer(`\`, "%5C", "..", "%2E%2E", ":", "%3A").Replace(file)
					}
					out, err := run(program, client, s, file, to)
					got, _ := os.ReadFile(to)
					if ok := err == nil && !strings.Contains(out, "Error code"); ask.want != "" && (!ok || !strings.HasPrefix(string(got), ask.want)) || ask.want == "" && ok {
						t.Errorf("%s gets %q: %q, %v %s; want %q", client.name, ask.file, got, err, out, ask.want)
					}
				}
			}
		})
	}
	for name := range served {
		if !slices.Contains(all, filepath.Join(examples, name)) {
			t.Errorf("there is no example %s", name)
		}
	}
}

// origin stands for a distribution's server.
func origin(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/debian/debian-installer/amd64/linux" {
			http.NotFound(w, r)
			return
		}
		io.WriteString(w, "a kernel of the origin")
	}))
	t.Cleanup(s.Close)
	return s.URL + "/debian/"
}

// copyExamples puts the examples below etc, with the tree's srv for /srv, and the
// loopback network for that of the documentation.
func copyExamples(t *testing.T, tree *harness.Tree) {
	t.Helper()
	mirror, cache := origin(t), filepath.Join(tree.Dir, "cache")
	if err := os.Mkdir(cache, 0o700); err != nil {
		t.Fatal(err)
	}
	if harness.Root() {
		const helpers = 65531
		if err := os.Chown(cache, helpers, helpers); err != nil {
			t.Fatal(err)
		}
	}
	for _, pattern := range []string{"*.yaml", "*/*.tmpl", "bin/*"} {
		paths, err := filepath.Glob(filepath.Join(examples, pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("no %s: %v", pattern, err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			name, err := filepath.Rel(examples, path)
			if err != nil {
				t.Fatal(err)
			}
			if filepath.Ext(path) == ".yaml" {
				text = []byte(strings.NewReplacer(
					"root: /srv/", "root: "+tree.Dir+"/srv/",
					"client: [192.0.2.0/24", "client: [127.0.0.0/8",
					"dir: /var/cache/brood", "dir: "+cache,
					"https://deb.debian.org/debian/dists/trixie/main/installer-amd64/current/images/netboot/", mirror,
				).Replace(string(text)))
			}
			if strings.HasPrefix(name, "bin/") {
				tree.Program(filepath.Join("etc", name), string(text))
				continue
			}
			tree.Write(filepath.Join("etc", name), text)
		}
	}
}

// Phones are in a network of their own, which explain can be asked about.
func TestExplainSaysWhatAPhoneGets(t *testing.T) {
	t.Parallel()
	tree := harness.NewTree(t)
	copyExamples(t, tree)
	tree.Write("srv/tftp/switches/x", nil)
	tree.Write("srv/tftp/phones/sip.ld", []byte("phone image"))
	for _, tt := range []struct{ file, want string }{
		{"SEP001122334455.cnf.xml", "<featureLabel>kitchen</featureLabel><name>101</name>"},
		{"0004f2123456.cfg", `reg.1.address="100" reg.1.displayName="reception"`},
		{"sip.ld", "phone image"},
		{"0004f2000000.cfg", `ERROR 1 "File not found"`},
	} {
		out, err := exec.Command(harness.Broodctl(t), "explain", "--peer", "198.51.100.7", "--file", tt.file, filepath.Join(tree.Dir, "etc/devices.yaml")).CombinedOutput()
		if err != nil || !strings.Contains(string(out), tt.want) {
			t.Errorf("%s: %v, %s; want %q", tt.file, err, out, tt.want)
		}
	}
}
