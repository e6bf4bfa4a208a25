package render

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestPatterns(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, name string
		want          string // "no", or the groups
	}{
		{"boot.ipxe", "boot.ipxe", ""},
		{"boot.ipxe", "bootxipxe", "no"},
		{"boot.ipxe", "Boot.ipxe", "no"},
		{"boot.ipxe", "a/boot.ipxe", "no"},
		{"boot.ipxe", "boot.ipxe\n", "no"},
		{"pxelinux.cfg/01-{mac}", "pxelinux.cfg/01-52-54-00-12-34-56", "mac=52-54-00-12-34-56"},
		{"pxelinux.cfg/01-{mac}", "pxelinux.cfg/01-52-54-00-12-34", "no"},
		{"pxelinux.cfg/01-{mac}", "pxelinux.cfg/01-", "no"},
		{"pxelinux.cfg/{mac}", "pxelinux.cfg/01-52-54-00-12-34-56", "mac=01-52-54-00-12-34-56"},
		{"pxelinux.cfg/{ip}", "pxelinux.cfg/0A000007", "ip=0A000007"},
		{"pxelinux.cfg/{ip}", "pxelinux.cfg/0A00000", "no"},
		{"pxelinux.cfg/{uuid}", "pxelinux.cfg/b8945908-d6a6-41a9-611d-74a6ab80b83d", "uuid=b8945908-d6a6-41a9-611d-74a6ab80b83d"},
		{"pxelinux.cfg/{uuid}", "pxelinux.cfg/default", "no"},
		{"ks/{release}/{name}.ks", "ks/13/web1.example.com.ks", "name=web1.example.com release=13"},
		{"ks/{release}/{name}.ks", "ks/13/x/web1.ks", "no"},
		{"ks/{release}/{name}.ks", "ks//web1.ks", "no"},
		{"{mac}.{serial}", "52-54-00-12-34-56.7XQ", "mac=52-54-00-12-34-56 serial=7XQ"},
		{"*/grub.cfg", "EFI/grub.cfg", ""},
		{"*/grub.cfg", "EFI/debian/grub.cfg", "no"},
		{"**grub.cfg", "EFI/debian/grub.cfg", ""},
		{"**grub.cfg", "grub.cfg", ""},
		{"**", "a\nb/c\xff", ""},
		{"{x}", "a\nb\xff", "x=a\nb\xff"},
		{"a*b*c", "a1b2c", ""},
		{"(a|b)[c].$", "(a|b)[c].$", ""},
		{"(a|b)[c].$", "ac.", "no"},
	} {
		p, err := parsePattern(tt.pattern)
		if err != nil {
			t.Error(err)
			continue
		}
		got := "no"
		match, err := p.match(tt.name)
		if err != nil {
			t.Error(err)
		}
		if _, ok := keysOf(match); ok && match != nil {
			got = ""
			for _, group := range slices.Sorted(maps.Keys(match)) {
				got += " " + group + "=" + match[group].(string)
			}
			got = strings.TrimPrefix(got, " ")
		}
		if got != tt.want {
			t.Errorf("%s on %q: %q, want %q", tt.pattern, tt.name, got, tt.want)
		}
	}
}

func TestMistakesInOptionsAreFoundAtTheStart(t *testing.T) {
	t.Parallel()
	dir := templates(t, nil)
	for want, o := range map[string]Options{
		"document 1: no file: want a pattern such as pxelinux.cfg/01-{mac}":                                {Documents: []Document{{Template: "t"}}},
		"document 1: no template: name one of the directory":                                               {Documents: []Document{{File: "x"}}},
		`document 1: both file "x" and regexp "y": want one`:                                               {Documents: []Document{{File: "x", Regexp: "y", Template: "t"}}},
		`document 1: by "colour": want mac, ip, uuid, serial, name or client`:                              {Documents: []Document{{File: "x", Template: "t", By: "colour"}}},
		`document 1: the name holds mac and ip: say with by which of them the machine is looked up by`:     {Documents: []Document{{File: "{ip}/{mac}", Template: "t"}}},
		`document 1: file "a/{x-y}": want {x} with a name of letters, digits and _ in place of "{x-y}"`:    {Documents: []Document{{File: "a/{x-y}", Template: "t"}}},
		`document 1: file "a/{x": want {x} with a name of letters, digits and _ in place of "{x"`:          {Documents: []Document{{File: "a/{x", Template: "t"}}},
		`document 1: file "{x}/{x}" has {x} twice`:                                                         {Documents: []Document{{File: "{x}/{x}", Template: "t"}}},
		"max-size -1: want bytes, or 0 for 4 MiB":                                                          {MaxSize: -1},
		"variable .mac: the name is taken: documents use it for what is no variable":                       {Vars: vars{"mac": "x"}},
		`templates: files: root "` + dir + `/gone": no such file or directory: create it, or name another`: {Templates: dir + "/gone"},
	} {
		if o.Templates == "" {
			o.Templates = dir
		}
		if h, err := Open(o, nil); err == nil || err.Error() != "render: "+want {
			t.Errorf("%+v: %v\nwant %s", h, err, want)
		}
	}
}

func TestCheckReadsWhatIsNamed(t *testing.T) {
	t.Parallel()
	dir := templates(t, map[string]string{
		"fine": `{{include "partial" .}}{{include (printf "%s" .x) .}}`, "partial": `{{template "broken" .}}{{template "gone" .}}`, "broken": "{{if}}",
	})
	h := open(t, Options{Templates: dir, Unknown: "unknown", Documents: []Document{
		{File: "x", Template: "fine"},
		{Regexp: "(x", Template: "fine", Unknown: "nowhere"},
	}}, nil)
	want := []string{
		`render: unknown: open "unknown": no such file or directory`,
		"render: document 2: error parsing regexp: missing closing ): `(?s)\\A(?:(x)\\z`",
		`render: document 2: open "nowhere": no such file or directory`,
		"render: include: template: broken:1: missing value for if",
		`render: include: open "gone": no such file or directory`,
	}
	if err := h.Check(); err == nil || err.Error() != strings.Join(want, "\n") {
		t.Errorf("got\n%v\nwant\n%s", err, strings.Join(want, "\n"))
	}
	if err := open(t, Options{Templates: dir, Documents: []Document{{File: "x", Template: "fine", Unknown: "fine"}}}, nil).Check(); err == nil {
		t.Error("a broken partial was not found")
	}
	if _, err := get(h, asks("y")); errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), `document "(x": error parsing regexp`) {
		t.Errorf("asked for what a broken regexp may be about: %v", err)
	}
}
