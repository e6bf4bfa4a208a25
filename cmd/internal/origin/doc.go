// Package origin is the helper that workers ask for content from elsewhere, which
// `broodctl origin` runs: it fetches each file once for any number of workers,
// into a bounded cache on disk, and passes descriptors out of it. See package fetch
// for how it is asked, and brood/worker/origin for what it is to fetch.
//
// # What is whole
//
// A file counts as whole when as many bytes came as the origin had said, and their
// SHA-256 is the one that was pinned, or the one that they had when they came: what
// an earlier process has left is read through once before it counts. An answer
// without a length is whole where its encoding shows its end (chunks, HTTP/2); one
// that just ends is refused, unless a pinned digest can tell.
//
// What broke off is resumed by a range of the same version: If-Range with a strong
// ETag, or with a Last-Modified that is older than the answer. Without one, or when
// another version comes, whoever is being served gets an error. A pinned digest
// allows to resume anything.
//
// # The cache
//
// It is bounded by bytes. Files are appended to while they come, never changed, and
// replaced by another file, so who has a descriptor reads one version to its end.
// Least recently used files go first, none that is being served; where only such
// are left, what is new is refused. Beside each file lies what is known of it
// (JSON); a file without that, or of another length, is removed at the start. One
// process at a time has a directory (flock). One that is told to retire, because the
// server was upgraded, leaves it to the next and goes on with files of no name.
//
// A full disk, or one that fails, costs those files that come in; it is said once,
// and once more when it is over.
package origin
