package machines

import (
	"strings"
	"testing"
)

func TestWhatNamesTell(t *testing.T) {
	t.Parallel()
	c := NewClassifier()
	for stage, files := range map[Stage]string{
		Loader: `pxelinux.0 lpxelinux.0 /boot/pxelinux.0 undionly.kpxe ipxe.efi snponly.efi EFI/BOOT/BOOTX64.EFI grubx64.efi shimx64.efi.signed
			grub/i386-pc/core.0 bootcode.bin e6a1b2c3/start4.elf start.elf recovery.elf wdsnbp.com pxeboot.n12 boot\bootmgr.exe "boot\\bootmgr.exe"
			u-boot.img u-boot-spl.bin ipxe.lkrn revocations.efi am335x/MLO`,
		Config: `pxelinux.cfg/default pxelinux.cfg/01-52-54-00-12-34-56 pxelinux.cfg/C0A80107 boot/pxelinux.cfg/b8945908-d6a6-41a9-611d-74a6ab80b83d
			grub/grub.cfg grub.cfg-01-52-54-00-12-34-56 boot.ipxe autoexec.ipxe e6a1b2c3/config.txt cmdline.txt autoboot.txt boot.scr boot.scr.uimg
			extlinux/extlinux.conf preseed.cfg menu.lst \Boot\BCD linux/kernel.cfg uEnv.txt cloud/user-data.yaml winnt.sif`,
		Module: `ldlinux.c32 vesamenu.c32 ldlinux.e64 grub/x86_64-efi/linux.mod grub/x86_64-efi/command.lst unicode.pf2 bcm2711-rpi-4-b.dtb
			overlays/vc4-fkms-v3d.dtbo fixup4.dat dt-blob.bin armstub8-gic.bin boot.sdi splash.png`,
		Kernel: `vmlinuz linux debian-installer/amd64/linux images/vmlinuz-6.1 bzImage zImage uImage Image Image.gz kernel8.img kernel.img rpi4-vmlinuz
			wimboot memdisk memtest86 xen-4.17.gz fit/board.itb vmlinuz.efi`,
		Initrd: `initrd initrd.img initrd.gz debian-installer/amd64/initrd.gz rpi4-initrd.gz initramfs-linux.img ramdisk.uboot root.cpio.gz boot.wim live/filesystem.squashfs`,
		Other:  `bootsig.bin pieeprom.sig vl805.sig firmware.bin x "" SEP001122334455.cnf`,
	} {
		for _, file := range strings.Fields(files) {
			if got := c.StageOf(file); got != stage {
				t.Errorf("%s is a %s, want %s", file, got, stage)
			}
		}
	}
}
