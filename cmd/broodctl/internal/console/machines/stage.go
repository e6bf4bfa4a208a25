package machines

import (
	"path"
	"slices"
	"strings"
)

// Stage is what a file is for in a boot.
type Stage string

// The stages, as far as names tell.
const (
	SizeProbe Stage = "size-probe" // the client wanted to know the size, and ended the session then
	Loader    Stage = "loader"     // what firmware loads: pxelinux.0, *.efi, bootcode.bin
	Config    Stage = "config"     // pxelinux.cfg/*, grub.cfg, *.ipxe, config.txt
	Module    Stage = "module"     // what a loader loads for itself or the kernel: *.c32, *.mod, *.dtb
	Kernel    Stage = "kernel"
	Initrd    Stage = "initrd"
	Other     Stage = "other"
)

// kind tells files by parts of their names.
type kind struct {
	stage    Stage
	suffixes []string
	prefixes []string // of the last part
	parts    []string // anywhere in the path
}

// kinds are looked through in their order: grub.cfg is no kernel though it may lie in
// a directory called linux, and kernel.cfg is none either.
func kinds() []kind {
	return []kind{
		{
			Config,
			[]string{".cfg", ".conf", ".ipxe", ".txt", ".scr", ".scr.uimg", ".ini", ".sif", ".ks", ".xml", ".json", ".yaml", ".yml", "/bcd", "/menu.lst", ".menu"},
			[]string{"grub.cfg", "autoexec", "preseed"},
			[]string{"pxelinux.cfg/", "/machine.cfg"},
		},
		{
			Module,
			[]string{".c32", ".e32", ".e64", ".mod", ".lst", ".pf2", ".dtb", ".dtbo", ".dat", ".ko", ".sdi", ".ttf", ".png", ".bmp", ".jpg"},
			[]string{"armstub", "dt-blob"},
			nil,
		},
		{
			Initrd,
			[]string{".wim", ".cpio", ".cpio.gz", ".cpio.xz", ".cpio.zst", ".squashfs"},
			nil,
			[]string{"initrd", "initramfs", "ramdisk", "rootfs"},
		},
		{
			Kernel,
			[]string{".itb", ".fit"},
			[]string{"kernel", "linux", "image.", "image-", "xen", "memdisk", "memtest", "fitimage", "wimboot"},
			[]string{"vmlinuz", "vmlinux", "bzimage", "zimage", "uimage"},
		},
		{
			Loader,
			[]string{".0", ".efi", ".efi.signed", ".kpxe", ".kkpxe", ".pxe", ".lkrn", ".elf", ".com", ".n12", ".exe", "/mlo", "/spl"},
			[]string{"bootcode", "u-boot", "pxelinux"},
			nil,
		},
	}
}

// Classifier tells stages.
type Classifier struct{ kinds []kind }

// NewClassifier returns one, which is for any number of goroutines.
func NewClassifier() *Classifier { return &Classifier{kinds()} }

// StageOf is what a file is for, by its name as the server tells it. It is never
// SizeProbe.
func (c *Classifier) StageOf(file string) Stage {
	name := "/" + strings.ToLower(strings.ReplaceAll(strings.Trim(file, `"`), `\`, "/"))
	base := path.Base(name)
	if base == "image" {
		return Kernel
	}
	for _, k := range c.kinds {
		if slices.ContainsFunc(k.suffixes, func(s string) bool { return strings.HasSuffix(name, s) }) ||
			slices.ContainsFunc(k.prefixes, func(s string) bool { return strings.HasPrefix(base, s) }) ||
			slices.ContainsFunc(k.parts, func(s string) bool { return strings.Contains(name, s) }) {
			return k.stage
		}
	}
	return Other
}
