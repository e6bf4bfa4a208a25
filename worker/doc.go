// Package worker is what the author of a handler meets: Handler, Request,
// Response, and Dispatch, which turns an executable that was started as a worker
// into one session.
//
// A worker serves one client and knows nothing of the others. It inherits a
// configuration and, with each job, a UDP socket that the kernel has connected
// to that client; it opens no port, and what it learns goes to the supervisor as
// frames (package ipc) and to standard error as text. A handler that panics,
// exits, hangs or is killed ends its own session; the supervisor tells the
// client.
//
// The zero value of Options works. A handler runs on one goroutine, locked to
// its thread, in a process with GOMAXPROCS=1: it may block as it likes, up to
// the deadline that Open has. To be small, a worker keeps one frame of
// each stack in profiles of memory, locks and goroutines (GODEBUG=profstackdepth=1).
package worker
