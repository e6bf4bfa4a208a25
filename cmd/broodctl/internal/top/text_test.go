package top

import (
	"testing"

	"github.com/charmbracelet/x/ansi"

	"brood/protocol"
)

func TestLongNamesLoseSomethingOfTheirMiddle(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		width int
		want  string
	}{
		{"pxelinux.0", 10, "pxelinux.0"},
		{"pxelinux.0", 9, "px…inux.0"},
		{"pxelinux.0", 2, "…0"},
		{"pxelinux.0", 1, "…"},
		{"pxelinux.0", 0, ""},
		{"固件/启动映像.img", 17, "固件/启动映像.img"},
		{"固件/启动映像.img", 16, "固件/…动映像.img"},
		{"固件/启动映像.img", 15, "固件…动映像.img"},
		{"固件/启动映像.img", 5, "….img"},
	} {
		if got := cut(ansi.WcWidth, tt.name, tt.width); got != tt.want {
			t.Errorf("%q in %d is %q, want %q", tt.name, tt.width, got, tt.want)
		}
	}
}

func FuzzCut(f *testing.F) {
	f.Add("images/vmlinuz", 7)
	f.Add("固件/启动映像.img", 6)
	f.Add("e\u0301\u0301e 👩‍👩‍👧👩‍👩‍👧", 3)
	f.Fuzz(func(t *testing.T, name string, width int) {
		name = protocol.Printable(name)
		width %= 100
		for _, m := range []ansi.Method{ansi.WcWidth, ansi.GraphemeWidth} {
			short := cut(m, name, width)
			if got := m.StringWidth(short); got > max(0, width) {
				t.Fatalf("%q in %d is %q, %d wide", name, width, short, got)
			}
			if m.StringWidth(name) <= width && short != name {
				t.Fatalf("%q fits in %d and is %q", name, width, short)
			}
			if got := m.StringWidth(fit(m, name, width, true)); width >= 0 && got != width {
				t.Fatalf("%q made fit for %d is %d wide", name, width, got)
			}
		}
	})
}
