// Package origin serves content from an HTTP(S) repository: kernels, initrds,
// distribution trees. It does no HTTP. It asks the server's helper (broodctl
// origin) over the worker's own socket (package fetch), which fetches each file
// once for any number of workers, and serves the descriptor that it gets: a file
// that is there goes as fast as one of package files, and one that still arrives
// goes as far as it is there.
//
// # What a request names
//
// Names are added to the URL, part by part. "/" and "\" both separate, in any
// number and in front too; "." means nothing. ".." is refused, also at the end:
// what lies above the URL is not served, and where it would lead only the origin
// knows. So is a name that can only be a directory's, and one with a NUL. Every
// other byte stands for itself and is escaped as a URL has it: "?", "#" and "%" are
// bytes of a name and never a query, a fragment or an escape, so "%2e%2e" is a file
// of that name and not the way up.
//
// # What is promised
//
// A client gets the bytes that the origin has, whole, or an ERROR. The last block
// is withheld until the length is the one that the origin had told, and the digest
// the one that was pinned, if one was: what was cut short, or is another file than
// at the beginning, never looks complete. If the origin tells no length there is
// no tsize. A file that changes at the origin while it is fetched ends its sessions
// with an ERROR; the next get the new one.
//
// While a client waits for the origin it is told that the server is there (the last
// block again, each Timeout of the server's); when nothing came for a long time it
// gets an ERROR. A helper that dies is asked again when the next one has come up:
// sessions go on where what it has is the same file.
//
// # Errors
//
// 404 and 410 of the origin are fs.ErrNotExist, 401, 403 and a name that is refused
// are fs.ErrPermission. Everything else is neither, and its reason is for the log.
package origin
