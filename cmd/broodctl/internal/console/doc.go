// Package console is the HTTP side of brood: metrics, health, and JSON for whoever
// watches servers and the machines that boot from them. It is another program than the
// server, which it asks at the admin socket as any operator does: what happens here is
// nothing to a TFTP client.
//
// Whoever can connect may look. What changes the server needs a token, and without
// one configured nobody may.
//
// Everything is bounded: connections (further ones wait in the listener's backlog), the
// time that a client may take for its request and for reading the answer, what the
// server is asked for (package link), and who reads events. A server that does not
// answer is an answer: 504, or 503 when it can't be asked, and why.
package console
