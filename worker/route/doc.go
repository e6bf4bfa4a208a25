// Package route decides by ordered rules what a client gets: under which name a
// file is looked for, which handler opens it, how the client must be dealt with
// (worker.Quirks), or which ERROR it gets. It opens nothing itself.
//
// Compile checks rules and makes a table of them, once, where YAML is read. Open
// makes a worker.Handler of the table without decoding it, and Handler.Decide
// tells what a request comes to without doing it. What follows is the reference;
// README.md translates the map files of tftpd-hpa.
//
// # How rules apply
//
// Rules are tried in their order. The first that applies decides, and the others
// are not looked at: that is what an empty then means, or "end". A rule with
// then: continue does its part and the rules below it go on with what it made of
// the name; with then: restart the first rule is next. A rule applies if
//
//   - each condition under match holds, and none of those under not. A condition
//     is a list, and holds if one entry matches; without conditions a rule applies
//     to every request. Two conditions under not are two refusals: not, {client: A,
//     file: B} is for requests that are neither from A nor for B.
//   - the request has every variable that its rewrite, its replace, or at least one
//     of its try-files names.
//
// A request that no rule ends goes to the handler "default" under the name that it
// has by then. Where there is no handler of that name it gets ERROR 1, and rules
// are a list of what is allowed.
//
// # Conditions
//
// file is a glob for the whole name:
//
//	?        any one character but /
//	*        any text without /, also none
//	**       any text
//	[a-z]    one of a set but /; [^a-z] and [!a-z] one that is not in it
//	\*       a * and nothing else; so for every character after a \
//
// Names are compared as they came, byte for byte: "/pxelinux.0" is not
// "pxelinux.0", though a directory serves both alike. A rule for \ and one for
// leading slashes, as in the first example, make them one. What is not UTF-8 is one
// character a byte to ? and sets.
//
// regexp is a regular expression as Go has them (RE2, https://golang.org/s/re2syntax)
// for a part of the name, or all of it where ^ and $ say so. Of alternatives the
// first that matches is taken, not the longest: write ab|a.
//
// ignore-case makes A to Z and a to z alike in both; a regexp then is one with the
// flag i.
//
// client is an address or prefix that the client's address is in, local one that
// the address is in that the client asked. 0.0.0.0/0 stands for IPv4 and ::/0 for
// IPv6. IPv4 in IPv6 (::ffff:192.0.2.7) is IPv4.
//
// mac is a MAC or its first octets, in any notation: 52:54:00:12:34:56,
// 52-54-00-12-34-56, 5254.0012.3456, 525400123456, 01-52-54-00-12-34-56; 52:54:00.
// The client's MAC is what the group "mac" of a regexp has found last, in this rule
// or in one that went on; without such a group it is the neighbour table's
// (worker.Request.MAC), which knows clients on link alone. A group whose text is no
// MAC means that there is none. What a client says in a path it may have made up.
//
// option is an option that the client asks for: a name, without regard to case, or
// name=value, where the value is compared as it stands. The server need not know it.
//
// # Changing the name
//
// In this order:
//
//   - rewrite, a template, is the new name; or replace: the template replace.with
//     takes the place of what the rule's regexp has matched. Of several regexps it
//     is the first that matches. replace.times is once, each (every match, from left
//     to right, once), or until-gone (the first match, again and again).
//   - backslash-to-slash: every \ becomes /.
//   - fold-case: lower or upper, for A to Z.
//
// A rule that makes a name empty or longer than 4096 bytes, and rules that still go
// on after 4096 steps, are an error: the client gets ERROR 0 with a fixed text, the
// log the rule.
//
// # Templates
//
//	${group}       what the named group of a regexp, (?P<group>...) or (?<group>...), has
//	               found, in this rule or in one that went on; the last one counts
//	${file}        the name as it is; in try-files as the rule has made it
//	${ip} \i       the client's address, 192.0.2.169 or 2001:db8::1
//	${ip-hex} \x   C00002A9, 20010DB8000000000000000000000001
//	${local}       the address that the client asked
//	${mac}         52:54:00:12:34:56
//	${mac-dashed}  52-54-00-12-34-56
//	${mac-plain}   525400123456
//	\0             all that the rule's own regexp has matched
//	\1 to \9       its groups; one that took no part is empty
//	\U \L \E       from here on upper case, lower case, as it is
//	\ and another  that character: \\ \$
//
// A group of a regexp that has taken no part, or a MAC that nobody knows, is a
// variable that the request has not. A rule that needs one for rewrite or replace
// does not apply, an entry of try-files that needs one is left out, and in the text
// of an error it is "?".
//
// In YAML write templates in single quotes, or plain: in double quotes \ means
// something of YAML's own.
//
// # Ending
//
// deny is ERROR 2, "Access violation"; error any ERROR with a text of yours.
//
// Otherwise handler, or "default", opens the name; with try-files the first of them
// that is there. Only fs.ErrNotExist leads from one to the next: a file that may not
// be read is the answer, and so is a server that has no memory left. If none is
// there, the last one's error is the answer.
//
// The handler gets a copy of the request, of which name and quirks are changed. The
// request itself, which logs see, stays as it came but for its quirks: they are
// those of all rules that applied and of the handler that answered.
//
// # Quirks
//
//	max-blksize, max-windowsize   caps
//	no-options                    DATA 1 without an OACK
//	ignore-options                options that are as if not asked
//	rollover                      the block after 65535, 0 or 1, if the client doesn't say
//	mtu-clamp                     on or off: blocks keep within the MTU of the route
//	mtu                           a smaller MTU, of a link that the route does not show
//
// See worker.Quirks. Those of all rules that applied hold together, the narrower of
// each: nothing loosens what a rule above has said, nor what the server allows.
//
// # What it costs
//
// The table has an index: by whole names, beginnings of globs and regexps that begin
// with ^, clients' addresses and prefixes, MACs and their beginnings. Of a rule's
// conditions the one is taken that the fewest others share. A request meets, in their
// order, the rules that the index has for it and those that it can't have: with no
// such condition, or with an entry of it that begins with * or without ^. A few
// microseconds are for 10,000 rules of the former, and each of the latter costs
// another tenth. A regexp is compiled when a name holds the text that it needs, and
// kept for the worker's life. Open reads a few hundred bytes. A name of 2,000 bytes that
// is made to look like many MACs costs up to 0.2 ms.
//
// # What is promised
//
// A table that was cut short is refused, one that was damaged refused or read as if
// what is damaged were not there; no table and no name makes it panic. A name that
// comes out of it is a name like any other: it is the handler that it is handed to
// which keeps it within its root.
package route
