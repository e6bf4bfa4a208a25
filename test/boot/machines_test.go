//go:build boot

package boot

import (
	"fmt"

	"brood/test/harness"
)

// machine is one that boots, and what has to come of it.
type machine struct {
	name   string
	card   string            // its network card, and the ROM on that
	efi    bool              // OVMF in place of SeaBIOS
	dhcp   []string          // what dnsmasq tells it
	flags  []string          // of brood
	copies map[string]string // served files, and where Debian has them
	config map[string]string // served files, and what is in them
	want   []string          // outcome and name of each request for a file that there is
}

// mark is in the kernel's command line, wherever that comes from.
const mark = "served-by-brood"

// What is booted in the end, and how that is said to PXELINUX, iPXE and GRUB.
var (
	kernel    = "images/vmlinuz"
	initramfs = "images/initramfs"
	arguments = harness.GreeterArgs(mark)

	menu   = fmt.Sprintf("default linux\nlabel linux\nkernel /%s\ninitrd /%s\nappend %s\n", kernel, initramfs, arguments)
	script = fmt.Sprintf("#!ipxe\nkernel %s initrd=initramfs %s\ninitrd %s\nboot\n", kernel, arguments, initramfs)
	grub   = fmt.Sprintf("linux /%s %s\ninitrd /%s\nboot\n", kernel, arguments, initramfs)
)

var machines = []machine{
	{
		name: "BIOS: iPXE in ROM; PXELINUX", card: "virtio-net-pci",
		dhcp: []string{"--dhcp-boot=pxelinux.0"},
		copies: map[string]string{
			"pxelinux.0":  "usr/lib/PXELINUX/pxelinux.0",
			"ldlinux.c32": "usr/lib/syslinux/modules/bios/ldlinux.c32",
		},
		config: map[string]string{"pxelinux.cfg/default": menu},
		want: []string{
			"complete pxelinux.0", "complete ldlinux.c32", "complete pxelinux.cfg/default",
			"complete /images/vmlinuz", "complete /images/initramfs",
		},
	},
	{
		name: "BIOS: iPXE in ROM; its script; brood with `--single-port`", card: "e1000",
		dhcp:   []string{"--dhcp-boot=boot.ipxe"},
		flags:  []string{"--single-port"},
		config: map[string]string{"boot.ipxe": script},
		want:   []string{"complete boot.ipxe", "complete images/vmlinuz", "complete images/initramfs"},
	},
	{
		name: "UEFI: OVMF; GRUB", card: "virtio-net-pci,romfile=", efi: true,
		dhcp:   []string{"--dhcp-boot=grubx64.efi"},
		copies: map[string]string{"grubx64.efi": "usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed"},
		config: map[string]string{"grub/grub.cfg": grub},
		want: []string{
			"declined grubx64.efi", "complete grubx64.efi", "complete /grub/grub.cfg",
			"complete /images/vmlinuz", "complete /images/initramfs",
		},
	},
	{
		name: "UEFI: OVMF; iPXE; its script; brood with `--single-port`", card: "virtio-net-pci,romfile=", efi: true,
		dhcp:   []string{"--dhcp-match=set:ipxe,175", "--dhcp-boot=snponly.efi", "--dhcp-boot=tag:ipxe,boot.ipxe"},
		flags:  []string{"--single-port"},
		copies: map[string]string{"snponly.efi": "usr/lib/ipxe/snponly.efi"},
		config: map[string]string{"boot.ipxe": script},
		want: []string{
			"declined snponly.efi", "complete snponly.efi", "complete boot.ipxe",
			"complete images/vmlinuz", "complete images/initramfs",
		},
	},
}
