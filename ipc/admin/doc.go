// Package admin is what operators' programs and a brood server say to each other on
// the server's admin socket: a Unix stream socket. supervisor/ADMIN.md has the same
// byte by byte, for programs that are not written in Go.
//
// Both sides send frames: four bytes of length, then as many of msgpack. The server
// begins with a Hello, which says what version of this contract it speaks. The
// client then sends Requests, one after the other; the server answers each with any
// number of items, and then with one end or one error. The items of KindEvents come
// until the server ends.
//
// A request is of one fixed shape. An item is a map: whoever reads it passes over
// keys that it does not know, and takes what is missing for zero, so that a later
// server can say more. What can't be said so takes another Version.
//
// The server believes nothing: a request is bounded before anything is allocated,
// and a connection that says anything else is closed. The client believes the
// server, but for the length of frames.
//
// Nothing here opens a socket, or waits for longer than whom it reads from.
package admin

// Version is the one that is spoken here.
const Version = 1
