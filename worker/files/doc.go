// Package files serves a directory: the handler behind `brood serve --root`.
//
// # What a request names
//
// Names are resolved below the root, byte for byte and with regard to case.
// "/" and "\" both separate, in any number and in front too, because boot ROMs
// send "/pxelinux.0", "//pxelinux.0" and `\Boot\BCD`; a file whose real name
// holds a backslash therefore can't be asked for. "." means nothing. ".." means
// what it means to the kernel: the directory really above, also behind a link,
// and only if what stands before it exists. Where a chroot would silently stay
// at its top, a ".." above the root is refused.
//
// A name that ends in a separator, in "." or in "..", and a name with nothing
// left in it, can only be a directory's and is refused unseen.
//
// # Where a link may lead
//
// Links are followed as deep as the kernel follows them (40), in each part of a
// name. Their targets are file system paths, so "\" is an ordinary byte there.
//
//   - A relative link leads where it really leads: within the root, out of it
//     into a follow tree, and back.
//   - An absolute link that names a place in the root or in a follow tree, by
//     the path given to Open or by that path with its own links resolved, leads
//     there: what `ls -L` shows on the server is what clients get.
//   - Any other absolute link is read as in a chroot, from the root: "/images/x"
//     is images/x there, which is what links written for `tftpd -s` mean. The
//     root must have the first part ("images"), else the link leads outside.
//   - A link that leads outside is refused. Places outside are compared as text
//     and never looked at, so a detour by a link outside isn't recognised: name
//     that path as a follow tree, too.
//
// A request reaches a follow tree through a link alone, never by its path, and
// its own ".." never leaves the tree that it stands in.
//
// # What is promised
//
// Nothing outside the root and the follow trees is ever opened, by any spelling
// or link, also while somebody swaps directories for links: every look and every
// open goes through an os.Root, part by part, and a place that was judged and
// then changed is judged again by it. Bind mounts and hard links inside are part
// of the tree; who can make those is trusted.
//
// Only regular files are served. Directories, FIFOs, sockets and devices are
// refused by what they are, without being opened, so that no writer wakes and no
// tape rewinds; one that takes a file's place after that look is opened without
// waiting, and closed.
//
// The process needs r on the files and r and x on the directories: os.Root opens
// each directory on the way for reading, so x alone is not enough.
//
// # Errors
//
// Each quotes the name as it was asked and says why. They are fs.ErrNotExist for
// what is missing, for a file in a directory's place and for names that no file
// can have (too long, a NUL); fs.ErrPermission for what may not be read, isn't a
// regular file, leads outside or goes round in links. Everything else (EIO,
// EMFILE, ...) is the system's trouble and neither of them.
package files
