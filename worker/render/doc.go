// Package render serves documents that are made for the machine which asks for
// them: grub.cfg, pxelinux.cfg/01-MAC, boot.ipxe, kickstart files. Each is a
// template in the language of package text/template, and what is known of the
// machine comes from an inventory (package inventory).
//
// # One line per kind of document
//
//	templates: /etc/brood/templates
//	inventory: /etc/brood/hosts.yaml
//	documents:
//	  - {file: "pxelinux.cfg/01-{mac}", template: pxelinux.tmpl}
//	  - {file: "pxelinux.cfg/{uuid}", template: pxelinux.tmpl}
//	  - {file: "**grub.cfg-01-{mac}", template: grub.tmpl, unknown: discover.tmpl}
//	  - {file: "ks/{release}/{name}.ks", template: kickstart.tmpl}
//	  - {file: boot.ipxe, template: boot.tmpl}
//
// The first line whose pattern is the whole of a requested name makes the
// document. Names are compared with regard to case, with "/" for each "\", and
// without leading, doubled or "." parts. {mac}, {ip}, {uuid}, {serial} and {name}
// are what the machine is looked up by; of these, {mac}, {ip} and {uuid} match
// only what is one, in any notation, so that the names which PXELINUX tries one
// after the other find their line. A pattern with none of them is for the client:
// the machine that has the MAC of the neighbour table, else its address.
//
// A client that is on link with a MAC which the machine of its address does not
// list is not that machine. Otherwise anybody who can reach the port gets any
// machine's document by its name, as TFTP knows no users: what must be secret has
// no place in one.
//
// # Machines that nobody knows
//
// Who is not in the inventory gets ERROR 1, so that its boot loader goes on to
// the next name; or, where a document or the options name a template as unknown,
// what that makes. Without an inventory every document is made for everybody.
//
// # Behind a route
//
// With no documents at all, a requested name is the path of a template, and the
// machine is the client: package route, which has conditions of its own, rewrites
// the name to the template that it wants. What is to be known of the request
// stands behind it:
//
//	grub.tmpl?mac=52-54-00-12-34-56&release=13
//
// is grub.tmpl for the machine with that MAC, and .match.release is 13. The parts
// are taken as they stand, without any % encoding. menu.tmpl?anyone is made for
// unknown machines, too. Paths with a part that begins with "_" or "." are not
// served: name partials so. As a rule:
//
//	rules:
//	  - match: {regexp: ['grub\.cfg-01-(?P<mac>[0-9a-f-]+)$']}
//	    handler: render
//	    try-files: ['grub.tmpl?mac=${mac}', 'menu.tmpl?anyone']
//
// # What a template sees
//
//	.console, .network.vlan      the machine's variables, over those of the options
//	.name .uuid .serial .groups  as the inventory has them
//	.macs .ips                   lists, as 52:54:00:12:34:56 and 10.0.0.7
//	.mac .ip                     the one that was looked up, else the client's own,
//	                             else the first
//	.known                       whether the inventory has the machine
//	.match.x                     what stood for {x} in the name
//	.request.file .request.ip    the name and the client's address
//	.request.mac                 the client's MAC, if it is on link
//	.request.server              our address, as the client has asked it
//
// For an unknown machine there are .known, .match, .request, the options'
// variables, and what it was looked up by: .mac for example.
//
// # What is missing
//
// A key that is missing is an error with template, line and key, wherever it
// stands: in {{.console}}, in {{if .console}}, in {{index .disks 3}}. The client
// gets ERROR 0 in place of the document, and the log says why:
//
//	render "pxelinux.cfg/01-52-54-00-12-34-56": for machine "web1": template:
//	pxelinux.tmpl:3:20: executing "pxelinux.tmpl" at <.console>: map has no entry
//	for key "console"
//
// Two functions take what may be missing, as .a.b, $x.a or (index .a "b"), and
// nothing else does:
//
//	{{.console | default "tty0"}}
//	{{if exists .console}}console={{.console}}{{end}}
//
// An empty text, 0 and false are values, which default leaves alone. Printing a
// map or a list is an error, too. A template that fails says nothing: a document
// is made as a whole before it is sent, and its size is known (tsize).
//
// # Functions
//
//	include "p" .       what the template at the path p makes; {{template "p" .}} is
//	                    the same, and both find {{define}}d ones; p may be computed
//	default d v, exists v
//	macColon m          52:54:00:12:34:56   each from any notation, in lower case:
//	macDash m           52-54-00-12-34-56   {{macDash .mac | upper}}
//	macDot m            5254.0012.3456
//	macBare m           525400123456
//	macPxe m            01-52-54-00-12-34-56
//	hexIP a             0A000007, as PXELINUX names files
//	urlHost a           IPv6 in brackets, all else as it is
//	cidr a n            10.0.0.7/24 of 10.0.0.7 and 24 or 255.255.255.0
//	network p           10.0.0.0 of 10.0.0.7/24
//	broadcast p         10.0.0.255
//	netmask p           255.255.255.0
//	prefixLen p         24
//	host p n            the nth address of the network; -1 is the last, -2 the one
//	                    before
//	hostNumber p        7, its place in the network
//	shellQuote v        one word of a POSIX shell
//	grubQuote v         one word of grub.cfg; an end of line in v is an error
//	kickstartQuote v    one word of a kickstart file; likewise
//	ipxeWord v          v, if it is one word to iPXE, which has no quotes
//	toJson v            JSON on one line, of anything
//	join s list         the items with s in between
//	indent n v          n spaces before each line that is not empty
//	upper v, lower v, base64 v
//
// and those of text/template, which are strict here: to them, too, what is missing
// or does not fit is an error.
//
// # What is read, and when
//
// A template is read when a session asks for it, with what it includes and
// nothing else. Replace a file by rename (mv, not cp or an editor that writes in
// place) and the next session has the new one, whole. To change several at once,
// let the directory's path be a symbolic link, turn that to another tree, and
// reload: a worker keeps the directory that it has opened at its birth. What is
// read are regular files in the directory, by whatever links inside it lead to
// them (package files says how).
//
// Inventory, documents and variables are compiled into the configuration, of
// which every worker has the one of its generation: an inventory that changes
// during a storm is that of the next generation, which SIGHUP makes. Each document
// is made of the old or of the new one, and none of both.
//
// # Bounds
//
// MaxSize bounds a document, each template, and each text that is made on the
// way. The context of Open, which is Options.OpenTimeout of the worker, ends every
// loop. Templates include each other 20 deep at most.
package render
