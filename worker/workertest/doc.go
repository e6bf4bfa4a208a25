// Package workertest is for the tests of handlers and servers: Get runs one
// handler through a real session, as httptest does for HTTP, and Client is a TFTP
// client to talk to a server with.
package workertest
