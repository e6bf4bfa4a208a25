// Package link asks a brood server, at its admin socket, what many want to know at
// once. Each question has a connection of its own, which ends with the answer, so that
// an upgrade or a restart of the server is over with the next one.
//
// Who asks for the status or the sessions gets an answer that is at most half a second
// old, and all who ask while a question is under way share its answer, good or bad:
// however many ask here, the server hears two questions of a kind a second. An answer
// takes three seconds at most, or is an Error.
//
// What a server says no to is an admin.Error.
package link
