package render_test

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"brood/worker"
	"brood/worker/render"
	"brood/worker/render/inventory"
	"brood/worker/route"
)

// What `broodctl compile` makes of an operator's inventory.
func fleet() *inventory.Table {
	table, err := inventory.Compile(&inventory.File{
		Defaults: map[string]any{"release": "trixie", "console": "ttyS0,115200", "network": map[string]any{"prefix": 24}},
		Machines: []inventory.Machine{
			{Name: "db1", MACs: []string{"52:54:00:12:34:56"}, IPs: []string{"10.0.0.7"}, Vars: map[string]any{"disks": []any{"sda", "sdb"}}},
			{Name: "web's", MACs: []string{"5254.0012.3457"}, IPs: []string{"10.0.0.8"}, Vars: map[string]any{"console": nil}},
		},
	})
	if err != nil {
		panic(err)
	}
	t, err := inventory.Open(table)
	if err != nil {
		panic(err)
	}
	return t
}

func directory(templates map[string]string) string {
	dir, err := os.MkdirTemp("", "templates")
	if err != nil {
		panic(err)
	}
	for name, text := range templates {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			panic(err)
		}
	}
	return dir
}

func show(h worker.Handler, file string) {
	fmt.Println("#", file)
	resp, err := h.Open(context.Background(), &worker.Request{
		File: file, Peer: netip.MustParseAddrPort("10.0.0.8:2070"), Local: netip.MustParseAddrPort("10.0.0.1:69"),
	})
	if err != nil {
		fmt.Println(err)
		fmt.Printf("→ ERROR %d\n", worker.ErrorFor(err).Code)
		return
	}
	defer resp.Close()
	content, _ := io.ReadAll(resp)
	fmt.Print(string(content))
}

// PXELINUX asks for pxelinux.cfg/01-MAC first, and for other names after ERROR 1.
func Example_pxelinux() {
	dir := directory(map[string]string{
		"pxelinux.tmpl": strings.Join([]string{
			`DEFAULT {{.release}}`,
			`LABEL {{.release}}`,
			`  KERNEL {{.release}}/linux`,
			`  APPEND initrd={{.release}}/initrd.gz hostname={{.name}}{{if exists .console}} console={{.console}}{{end}}`,
			`  SYSAPPEND 2`, ``,
		}, "\n"),
	})
	defer os.RemoveAll(dir)
	h, err := render.Open(render.Options{
		Templates: dir,
		Documents: []render.Document{{File: "pxelinux.cfg/01-{mac}", Template: "pxelinux.tmpl"}},
	}, fleet())
	if err != nil {
		panic(err)
	}
	defer h.Close()
	show(h, "pxelinux.cfg/01-52-54-00-12-34-56")
	show(h, "pxelinux.cfg/01-52-54-00-12-34-99")
	// Output:
	// # pxelinux.cfg/01-52-54-00-12-34-56
	// DEFAULT trixie
	// LABEL trixie
	//   KERNEL trixie/linux
	//   APPEND initrd=trixie/initrd.gz hostname=db1 console=ttyS0,115200
	//   SYSAPPEND 2
	// # pxelinux.cfg/01-52-54-00-12-34-99
	// render "pxelinux.cfg/01-52-54-00-12-34-99": no machine has the mac 52:54:00:12:34:99
	// → ERROR 1
}

// GRUB asks for grub.cfg-01-MAC below its prefix; here it may be anywhere.
func Example_grub() {
	dir := directory(map[string]string{
		"grub.tmpl": strings.Join([]string{
			`set timeout=5`,
			`menuentry {{grubQuote (print "Install " .name)}} {`,
			`  linux /{{.release}}/linux ip={{.ip}}::{{host (cidr .ip .network.prefix) 1}}:{{netmask (cidr .ip .network.prefix)}}`,
			`  initrd /{{.release}}/initrd.gz`,
			`}`, ``,
		}, "\n"),
		"discover.tmpl": "# {{.mac}} is nobody's\nset root=(tftp,{{.request.server}})\n",
		"kickstart.tmpl": strings.Join([]string{
			`{{range .disks}}clearpart --drives={{.}}`,
			`{{end}}network --hostname={{kickstartQuote .name}} --ip={{.ip}}`, ``,
		}, "\n"),
	})
	defer os.RemoveAll(dir)
	h, err := render.Open(render.Options{
		Templates: dir,
		Documents: []render.Document{
			{File: "**grub.cfg-01-{mac}", Template: "grub.tmpl", Unknown: "discover.tmpl"},
			{File: "ks.cfg", Template: "kickstart.tmpl"}, // for who asks, which is 10.0.0.8
		},
	}, fleet())
	if err != nil {
		panic(err)
	}
	defer h.Close()
	show(h, "/EFI/debian/grub.cfg-01-52-54-00-12-34-57")
	show(h, "grub.cfg-01-52-54-00-12-34-99")
	show(h, "ks.cfg")
	// Output:
	// # /EFI/debian/grub.cfg-01-52-54-00-12-34-57
	// set timeout=5
	// menuentry 'Install web'\''s' {
	//   linux /trixie/linux ip=10.0.0.8::10.0.0.1:255.255.255.0
	//   initrd /trixie/initrd.gz
	// }
	// # grub.cfg-01-52-54-00-12-34-99
	// # 52:54:00:12:34:99 is nobody's
	// set root=(tftp,10.0.0.1)
	// # ks.cfg
	// render "ks.cfg": for machine "web's": template: kickstart.tmpl:1:8: executing "kickstart.tmpl" at <.disks>: map has no entry for key "disks"
	// → ERROR 0
}

// A rule in front names the template, and says what it knows of the request.
func ExampleOpen_route() {
	dir := directory(map[string]string{
		"boot.ipxe": "#!ipxe\nkernel tftp://{{urlHost .request.server}}/{{.match.arch}}/linux disks={{join \",\" .disks}}\nboot\n",
		"menu.ipxe": "#!ipxe\n# {{.mac}} is new here\nmenu\n",
	})
	defer os.RemoveAll(dir)
	documents, err := render.Open(render.Options{Templates: dir}, fleet())
	if err != nil {
		panic(err)
	}
	defer documents.Close()
	rules, err := route.Compile([]route.Rule{{
		Match:    route.Match{Regexp: []string{`^(?P<arch>[a-z0-9]+)/(?P<mac>[0-9a-f-]+)\.ipxe$`}},
		TryFiles: []string{"boot.ipxe?mac=${mac}&arch=${arch}", "menu.ipxe?anyone&mac=${mac}"},
		Handler:  "render",
	}})
	if err != nil {
		panic(err)
	}
	h, err := route.Open(rules, map[string]worker.Handler{"render": documents})
	if err != nil {
		panic(err)
	}
	show(h, "arm64/52-54-00-12-34-56.ipxe")
	show(h, "arm64/52-54-00-12-34-99.ipxe")
	// Output:
	// # arm64/52-54-00-12-34-56.ipxe
	// #!ipxe
	// kernel tftp://10.0.0.1/arm64/linux disks=sda,sdb
	// boot
	// # arm64/52-54-00-12-34-99.ipxe
	// #!ipxe
	// # 52:54:00:12:34:99 is new here
	// menu
}
