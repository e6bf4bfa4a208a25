// Package desk is where operators come: it owns a server's admin socket, and who is
// connected to it. What is said there is package admin's.
//
// Each client has a goroutine of its own, which asks the server and waits for it.
// The server never waits for a client: what happens goes into a queue of each that
// wants to know, and whose queue is full is cut off. All clients together get a
// bounded share of this process: so many at once, and so many requests and frames a
// second, in turns.
//
// Who may connect is what the socket's mode and the file system say. Who may do more
// than look is what the kernel says of the process at the other end: root, the
// server's own user, and members of a group.
package desk
