// Package exec serves what a program writes: for each request it runs a command,
// and what that has written to standard output when it ends is the content.
//
// # What the program gets
//
// Its arguments are those of the configuration and nothing else; no shell reads
// them. Its working directory is "/", and its environment holds PATH (that of a
// login), what Options.Environment says, and the request:
//
//	TFTP_FILE        the file's name as the client sent it
//	TFTP_PEER        the client's address, as 10.0.0.7 or fe80::1%eth0
//	TFTP_PEER_PORT   its port
//	TFTP_LOCAL       the address that it asked
//	TFTP_LOCAL_PORT  the port that it is answered from
//	TFTP_MAC         its hardware address as 52:54:00:12:34:56; empty if not known
//	TFTP_MODE        octet or netascii
//	TFTP_OPTION_X    an option's value as asked: TFTP_OPTION_BLKSIZE
//
// Standard input is the same as one JSON object, and then ends:
//
//	{"file":"grub.cfg","peer":"10.0.0.7","peer_port":2070,"local":"10.0.0.1","local_port":40000,
//	 "mac":"52:54:00:12:34:56","mode":"octet","options":{"blksize":"1428"}}
//
// All of it is a stranger's text. In the environment it is inert: a shell that
// writes "$TFTP_FILE" in quotation marks is safe from what it says. But it may be
// "../../etc/shadow", or begin with "-" and look like an option (say: cat --
// "$TFTP_FILE"). A name that is not UTF-8 or has control characters in it is
// fs.ErrNotExist and runs nothing; an option of that kind is left out. So is, from
// the environment, one whose name is not of letters, digits, "-" and "_"; "-"
// becomes "_" there, and of two that become the same the first counts.
//
// # What is made of its end
//
//	exit status 0      the output is the content, all of it
//	exit status 101    there is no such file: ERROR 1, fs.ErrNotExist
//	exit status 102    this client may not have it: ERROR 2, fs.ErrPermission
//	anything else      ERROR 0: any other status, a signal, no such program
//
// 100 plus the ERROR's code: statuses that nothing else uses. 1 and 2, and what
// shells end with, are what broken programs end with too, and a machine that hears
// "not found" goes on to boot something else.
//
// The client hears nothing before the program has ended: it gets the right size
// (tsize), or an ERROR, and never a part of the output. When the program ends,
// what it started ends as well: what still runs in its process group is killed,
// and what was in the pipe by then is the content. The same happens, and the
// client gets ERROR 0, when the program takes longer than Options.Deadline or
// than the worker's OpenTimeout, or writes more than Options.MaxOutput.
//
// What it writes to standard error goes to the server's log, line by line with the
// program's name in front, the last 4 KiB of it; and never to the client.
//
// # What it may do
//
// It runs in the worker's sandbox, for which the server needs the level exec
// (worker.SandboxExec), under the worker's user and limits. It may
//
//   - execute and read what lies under /usr, /bin, /sbin, /lib, /lib64, /opt and
//     ReadPaths, so that shells, interpreters and shared libraries are there; a
//     script of your own needs its directory in ReadPaths;
//   - read /etc/ld.so.cache, /etc/passwd, /etc/group, /etc/alternatives, the files
//     that name lookups and TLS need, /dev/null, /dev/zero and /dev/urandom; nothing
//     in /proc, /sys or /tmp;
//   - use the network, and signal processes of the server's workers;
//   - write nothing, but to /dev/null and its two pipes. A shell's here-document
//     that is too long for a pipe needs a temporary file, and fails.
//
// It has the worker's 256 descriptors and MaxAddressSpace; programs that reserve
// much, as Java and Go do, may need more of the latter.
//
// # What is left behind
//
// Nothing, also when the worker is killed: the kernel then kills the program and
// its process group. Two things are outside of this promise:
//
//   - a process that has left the group (setsid, setpgid: daemons, timeout(1)
//     without --foreground, a shell's job control): it ends with its own work;
//   - if the worker is killed in the very moment of the start, what a program has
//     started before it read its request from standard input.
package exec
