package machines

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"brood/ipc/admin"
)

// Orders of requests as tcpdump and TFTP servers' logs have them.
const (
	bios play = `
		0.0  +0.02 pxelinux.0 probe
		0.05 +0.2  pxelinux.0 ok
		0.5  +0.1  ldlinux.c32 ok
		0.8  +0.01 pxelinux.cfg/b8945908-d6a6-41a9-611d-74a6ab80b83d miss
		0.9  +0.01 pxelinux.cfg/01-52-54-00-12-34-56 miss
		1.0  +0.01 pxelinux.cfg/C0000207 miss
		1.1  +0.01 pxelinux.cfg/C000020 miss
		1.2  +0.01 pxelinux.cfg/C00002 miss
		1.3  +0.01 pxelinux.cfg/C0000 miss
		1.4  +0.01 pxelinux.cfg/C000 miss
		1.5  +0.01 pxelinux.cfg/C00 miss
		1.6  +0.01 pxelinux.cfg/C0 miss
		1.7  +0.01 pxelinux.cfg/C miss
		1.8  +0.01 pxelinux.cfg/default ok
		9.0  +2.0  debian/linux ok
		11.0 +5.0  debian/initrd.gz ok`

	grub play = `
		0.0  +0.01 bootx64.efi probe
		0.1  +0.3  bootx64.efi ok
		0.5  +0.01 revocations.efi miss
		0.6  +0.01 grubx64.efi probe
		0.7  +0.5  grubx64.efi ok
		1.5  +0.01 grub/x86_64-efi/command.lst ok
		1.6  +0.01 grub/x86_64-efi/fs.lst ok
		1.7  +0.01 grub/x86_64-efi/crypto.lst ok
		1.8  +0.01 grub/x86_64-efi/terminal.lst ok
		1.9  +0.01 grub/grub.cfg-01-52-54-00-12-34-56 miss
		2.0  +0.01 grub/grub.cfg ok
		7.5  +0.01 grub/x86_64-efi/linux.mod ok
		7.8  +3.0  vmlinuz ok
		11.0 +9.0  initrd.img ok`

	ipxe play = `
		0.0  +0.3  undionly.kpxe ok
		4.0  +0.01 boot.ipxe ok
		4.2  +0.01 hosts/52-54-00-12-34-56.ipxe miss
		4.3  +0.01 hosts/default.ipxe ok
		5.0  +2.0  images/vmlinuz ok
		7.0  +4.0  images/initrd ok`

	// A Pi 3B+ asks for start.elf three times, and for config.txt seven.
	pi3 play = `
		0.0  +0.05 bootcode.bin ok
		0.06 +0.01 bootsig.bin miss
		0.2  +0.01 9f55bbfd/start.elf probe
		0.3  +0.01 9f55bbfd/start.elf probe
		0.35 +0.01 9f55bbfd/autoboot.txt miss
		0.4  +0.01 9f55bbfd/config.txt ok
		0.45 +0.01 9f55bbfd/recovery.elf miss
		0.5  +0.6  9f55bbfd/start.elf ok
		1.15 +0.01 9f55bbfd/fixup.dat ok
		1.2  +0.01 9f55bbfd/recovery.elf miss
		1.25 +0.01 9f55bbfd/config.txt ok
		1.3  +0.01 9f55bbfd/config.txt ok
		1.35 +0.01 9f55bbfd/dt-blob.bin miss
		1.4  +0.01 9f55bbfd/config.txt ok
		1.45 +0.01 9f55bbfd/bootcfg.txt miss
		1.5  +0.05 9f55bbfd/bcm2710-rpi-3-b-plus.dtb ok
		1.6  +0.01 9f55bbfd/config.txt ok
		1.7  +0.01 9f55bbfd/cmdline.txt ok
		1.8  +0.01 9f55bbfd/recovery8.img miss
		1.9  +0.01 9f55bbfd/kernel8.img miss
		2.0  +0.01 9f55bbfd/armstub8.bin miss
		2.1  +0.01 9f55bbfd/kernel7.img probe
		2.2  +1.0  9f55bbfd/kernel7.img ok`

	// A Pi 4 has its loader in flash, and gets the initrd before the kernel.
	pi4 play = `
		0.0  +0.01 d9780558/start4.elf probe
		0.02 +0.01 d9780558/config.txt ok
		0.05 +0.01 d9780558/pieeprom.sig miss
		0.1  +0.01 d9780558/recover4.elf miss
		0.15 +0.01 d9780558/recovery.elf miss
		0.2  +1.6  d9780558/start4.elf ok
		1.9  +0.02 d9780558/fixup4.dat ok
		2.0  +0.01 d9780558/config.txt ok
		2.1  +0.9  d9780558/rpi4-initrd.gz ok
		3.0  +0.4  d9780558/bcm2711-rpi-4-b.dtb ok
		3.5  +0.01 d9780558/config.txt ok
		3.6  +0.01 d9780558/overlays/vc4-fkms-v3d.dtbo ok
		4.0  +0.01 d9780558/cmdline.txt ok
		4.1  +3.0  d9780558/rpi4-vmlinuz ok`

	uboot play = `
		0.0  +0.01 boot.scr.uimg miss
		0.5  +0.01 pxelinux.cfg/01-52-54-00-12-34-56 miss
		0.6  +0.01 pxelinux.cfg/C0000207 miss
		0.7  +0.01 pxelinux.cfg/default-arm-bcm283x miss
		0.8  +0.01 pxelinux.cfg/default ok
		1.0  +2.0  Image ok
		3.0  +2.0  initramfs.uboot ok
		5.0  +0.1  board.dtb ok`

	windows play = `
		0.0  +0.1  boot\x64\wdsnbp.com ok
		2.5  +0.1  boot\x64\pxeboot.n12 ok
		3.0  +0.5  boot\x64\bootmgr.exe ok
		4.0  +0.1  \Boot\BCD ok
		4.5  +0.3  boot\boot.sdi ok
		5.0  +60   boot\x64\boot.wim ok`
)

// again is a play that is played a second time, so much later.
func (p play) again(later float64) play {
	var b strings.Builder
	b.WriteString(string(p))
	for line := range strings.Lines(string(p)) {
		if when, rest, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			first, _ := strconv.ParseFloat(when, 64)
			fmt.Fprintf(&b, "\n%f %s", first+later, rest)
		}
	}
	return play(b.String())
}

// upTo is what was asked for before something.
func (p play) upTo(file string) play {
	before, _, _ := strings.Cut(string(p), file)
	return play(before[:strings.LastIndex(before, "\n")])
}

const (
	biosBooted = "booted: size-probe loader module config! config! config! config! config! config! config! config! config! config! config kernel initrd"
	grubBooted = "booted: size-probe loader loader! size-probe loader module module module module config! config module kernel initrd"
)

var boots = []struct {
	name string
	play play
	now  float64
	want string // see brief
}{
	{"PXELINUX of a BIOS", bios, 30, "first " + biosBooted},
	{"while it reads its configuration", bios.upTo("debian/linux"), 3, "first between: size-probe loader module config! config! config! config! config! config! config! config! config! config! config"},
	{"while it loads", bios.upTo("debian/initrd.gz") + "\n11 +0 debian/initrd.gz run", 12, strings.Replace("first "+biosBooted, "booted", "loading", 1) + "..."},
	{"that has its kernel, and is about to ask for the initrd", bios.upTo("debian/initrd.gz"), 11.5, strings.TrimSuffix(strings.Replace("first "+biosBooted, "booted", "between", 1), " initrd")},
	{"whose last ACK of the loader is lost, and which is started again", "0 +60 pxelinux.0 timed-out\n1 +0.1 pxelinux.cfg/default ok\n90 +0.1 pxelinux.0 ok", 91, "first left: loader! config\nagain between: loader"},
	{"that hangs in its initrd", bios.upTo("debian/initrd.gz") + "\n11 +0 debian/initrd.gz run", 21, strings.Replace("first "+biosBooted, "booted", "stuck", 1) + "..."},
	{"that is switched off in its initrd", bios.upTo("debian/initrd.gz") + "\n11 +60 debian/initrd.gz timed-out", 131, strings.Replace("first "+biosBooted, "booted", "gave-up", 1) + "!"},
	{"that has no initrd", bios.upTo("debian/initrd.gz") + "\n11 +0.1 debian/initrd.gz miss", 100, strings.Replace("first "+biosBooted, "booted", "gave-up", 1) + "!"},
	{"that has no configuration at all", bios.upTo("pxelinux.cfg/default") + "\n1.8 +0.01 pxelinux.cfg/default miss", 100, "first gave-up: size-probe loader module config! config! config! config! config! config! config! config! config! config! config!"},
	{"that is started again", bios.again(100), 130, "first " + biosBooted + "\nagain " + biosBooted},
	{"that is reset while it loads", (bios.upTo("debian/initrd.gz") + "\n11 +30 debian/initrd.gz superseded").again(20), 130, "first gave-up: size-probe loader module config! config! config! config! config! config! config! config! config! config! config kernel initrd!\n" +
		"again gave-up: size-probe loader module config! config! config! config! config! config! config! config! config! config! config kernel initrd!"},
	{"whose firmware asks again for a loader that did not come", "0 +20 pxelinux.0 timed-out\n30 +0.1 pxelinux.0 ok", 35, "first between: loader! loader"},

	{"shim and GRUB on EFI", grub, 60, "first " + grubBooted},
	{"that is started again", grub.again(300), 400, "first " + grubBooted + "\nagain " + grubBooted},
	{"where somebody looks at the menu for five minutes", grub.upTo("vmlinuz") + "\n310 +3 vmlinuz ok\n313 +3 initrd.img ok", 400, "first " + grubBooted},
	{"that reads a header first", grub.upTo("vmlinuz") + "\n7.7 +0.1 vmlinuz peer-error\n7.9 +3 vmlinuz ok\n11 +3 initrd.img ok", 60, strings.Replace("first "+grubBooted, "kernel", "kernel! kernel", 1)},

	{"iPXE behind undionly", ipxe, 60, "first booted: loader config config! config kernel initrd"},
	{"iPXE that loads itself over and over", "0 +0.3 undionly.kpxe ok\n5 +0.3 undionly.kpxe ok\n10 +0.3 undionly.kpxe ok", 11, "first left: loader\nagain left: loader\nagain between: loader"},
	{"that gets its kernel by HTTP", ipxe.upTo("images/vmlinuz"), 100, "first left: loader config config! config"},
	{"iPXE in a ROM, started twice", play("0 +0.1 boot.ipxe ok\n1 +1 vmlinuz ok\n2 +1 initrd ok").again(60), 80, "first booted: config kernel initrd\nagain booted: config kernel initrd"},

	{"a Raspberry Pi 3", pi3, 60, "first booted: loader other! size-probe size-probe config! config loader! loader module loader! config config module! config config! module config config other! kernel! module! size-probe kernel"},
	{"a Raspberry Pi 4", pi4, 60, "first booted: size-probe config other! loader! loader! loader module config initrd module config module config kernel"},
	{"U-Boot, with its own names", uboot, 60, "first booted: config! config! config! config! config kernel initrd module"},
	{"U-Boot, started again", uboot.again(90), 160, strings.Join([]string{
		"first booted: config! config! config! config! config kernel initrd module",
		"again booted: config! config! config! config! config kernel initrd module",
	}, "\n")},
	{"a kernel that is looked at, and another that is taken", "0 +0.1 kernel8.img probe\n1 +1 kernel7.img ok", 10, "first booted: size-probe kernel"},
	{"iPXE and wimboot", "0 +0.1 boot.ipxe ok\n1 +0.1 wimboot ok\n3 +0.5 bootmgr.exe ok\n4 +0.1 boot/BCD ok\n4.2 +0.1 boot/boot.sdi ok\n5 +9 sources/boot.wim ok", 20, "first booted: config kernel loader config module initrd"},
	{"Windows", windows, 120, "first booted: loader loader loader config module initrd"},

	{"an installer that reboots from another loader", bios + "\n100 +0.1 grubx64.efi ok", 101, "first " + biosBooted + "\nagain between: loader"},
	{"a machine that was silent for ten minutes", "0 +0.1 x ok\n700 +0.1 y ok", 701, "first left: other\npause between: other"},
	{"a request that nobody had time for", "0 +6 pxelinux.0 unserved", 70, "first gave-up: loader!"},
	{"a worker that crashed", "0 +0.1 vmlinuz crashed", 70, "first gave-up: kernel!"},
}

func TestMachinesThatBoot(t *testing.T) {
	t.Parallel()
	for _, tt := range boots {
		all := tt.play.sessions(t, "52:54:00:12:34:56", someone, 1)
		live := New()
		tell(live, all)
		if got := brief(live, at(tt.now), "52:54:00:12:34:56"); got != tt.want {
			t.Errorf("%s:\n%s\nwant:\n%s", tt.name, got, tt.want)
		}
		// Who comes later and is told what is remembered sees the same.
		late := New()
		now := at(tt.now)
		var runs []admin.Session
		for _, e := range all {
			if e.Outcome == "run" {
				runs = append(runs, *whileItRuns(&e, now))
			}
		}
		late.Resume(now, runs, latestFirst(all))
		if got := brief(late, now, "52:54:00:12:34:56"); got != tt.want {
			t.Errorf("%s, from the history:\n%s\nwant:\n%s", tt.name, got, tt.want)
		}
	}
}
