package main

import (
	"path/filepath"
	"testing"
)

func TestExplainSaysWhatIsSentAndWhy(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"boot/images/linux": "a kernel\x00\x01", "boot/long": "line\nline\n",
		"templates/t": "console={{.console}}\n",
		"hosts.yaml":  "machines: [{name: web1, vars: {console: ttyS0}}, {name: web2}]\n",
		"brood.yaml": `
deny: [10.1.0.0/16]
content:
  boot: {files: {root: boot}}
  hosts: {render: {templates: templates, inventory: hosts.yaml, documents: [{file: "{name}.cfg", template: t}]}}
  script: {exec: {command: [/bin/sh, -c, "exit 1"]}}
default: boot
rules:
  - {match: {regexp: ['\\']}, replace: {with: /}, then: continue}
  - {name: secrets, match: {file: [secret/**]}, deny: true}
  - {match: {file: ["*.cfg"]}, handler: hosts}
  - {match: {file: [run]}, handler: script}
  - {match: {file: [vmlinuz]}, try-files: [none, images/linux], quirks: {max-blksize: 1428}}
`,
	})
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--peer", "10.1.0.7", "--mac", "52:54:00:12:34:56"}, "client    10.1.0.7, 52:54:00:12:34:56: is not served, by allow and deny: every request gets ERROR 2\n"},
		{[]string{"--peer", "10.2.0.7", "--file", `images\linux`, "--option", "tsize=0"}, `client    10.2.0.7: is served

request   "images\\linux" tsize=0
rule      1 (line 9) applies and goes on: the name is "images/linux"
rule      none ends it
handler   boot (files)
file      "images/linux" is there
answer    10 bytes
`},
		{[]string{"--peer", "10.2.0.7", "--file", "vmlinuz", "--file", "long"}, `client    10.2.0.7: is served

request   "vmlinuz"
rule      5 (line 13) applies
quirk     max-blksize: 1428
handler   boot (files)
file      open "none": no such file or directory
file      "images/linux" is there
answer    10 bytes

request   "long"
rule      none ends it
handler   boot (files)
file      "long" is there
answer    10 bytes
text      line
          line
`},
		{[]string{"--peer", "10.2.0.7", "--file", "run"}, `client    10.2.0.7: is served

request   "run"
rule      4 (line 12) applies
handler   script (exec)
file      "run"
answer    is not known here: a program would be run, or something fetched
`},
		{[]string{"--peer", "10.2.0.7", "--file", "secret/x"}, `client    10.2.0.7: is served

request   "secret/x"
rule      2 "secrets" (line 10) applies
answer    ERROR 2 "Access violation"
`},
		{[]string{"--peer", "10.2.0.7", "--file", "web1.cfg", "--file", "web2.cfg"}, `client    10.2.0.7: is served

request   "web1.cfg"
rule      3 (line 11) applies
handler   hosts (render)
file      "web1.cfg" is there
answer    14 bytes
text      console=ttyS0

request   "web2.cfg"
rule      3 (line 11) applies
handler   hosts (render)
file      render "web2.cfg": for machine "web2": template: t:1:10: executing "t" at <.console>: map has no entry for key "console"
answer    ERROR 0 "Template failed, see the server's log"
`},
	} {
		args := append([]string{"explain", filepath.Join(dir, "brood.yaml")}, tt.args...)
		if code, stdout, stderr := broodctl(t, "", args...); code != exitOK || stdout != tt.want || stderr != "" {
			t.Errorf("%q exits %d: %s\n%s\nwant:\n%s", tt.args, code, stderr, stdout, tt.want)
		}
	}
}
