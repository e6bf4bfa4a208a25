// Package files serves directories: the handler behind `brood serve --root`.
//
// # What a request names
//
// Names are resolved below a root, byte for byte and with regard to case unless
// Options say otherwise.
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
// # Where it is looked for
//
// Of several roots the first that has the file answers. What is missing from one
// is looked for in the next; everything else is an answer, also a refusal: a
// directory, a FIFO, a link that leads outside or a file that may not be read
// hides what later roots have by its name. Missing is also what lies below a file,
// and a link to nowhere.
//
// With Options.PerClient, what a client asks for is first looked for in
// directories of its own below each root: those of the first pattern, root by
// root, then those of the next, and at last in the roots themselves. A client's
// directory is a root to its requests: a ".." above it is refused. It may itself
// be a link, and links in it may lead wherever links may; those of a chroot mean
// the root that it lies below. It is a convenience and no protection: who knows
// its name gets what is in it by its path from the root.
//
// With Options.IgnoreCase, a root that has no file of the exact name is looked
// through part by part: each is the exact one if there is such, else the one in
// small letters, else the first in byte order that differs by the case of A to Z
// alone. What it is then holds for the rest of the name; no other is tried. So
// "boot" and "BOOT" are two directories still, and the file is looked for in one
// of them. What a link says is meant as it stands. A part that is found by its
// exact name or in small letters costs next to nothing, another one, and a
// missing one, the reading of its directory: 5 ms for 10,000 names. The seventeenth
// such part of a name is one too many, and missing.
//
// # Where a link may lead
//
// Links are followed as deep as the kernel follows them (40), in each part of a
// name. Their targets are file system paths, so "\" is an ordinary byte there.
//
//   - A relative link leads where it really leads: within the root, out of it
//     into another root or a follow tree, and back.
//   - An absolute link that names a place in a root or in a follow tree, by
//     the path given to Open or by that path with its own links resolved, leads
//     there: what `ls -L` shows on the server is what clients get.
//   - Any other absolute link is read as in a chroot, from the root that is being
//     looked through: "/images/x" is images/x there, which is what links written
//     for `tftpd -s` mean. That root must have the first part ("images"), else the
//     link leads outside.
//   - A link that leads outside is refused. Places outside are compared as text
//     and never looked at, so a detour by a link outside isn't recognised: name
//     that path as a follow tree, too.
//
// A request reaches a follow tree through a link alone, never by its path, and
// its own ".." never leaves the tree that it stands in.
//
// # What is promised
//
// Nothing outside the roots and the follow trees is ever opened, by any spelling
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
