// Package supervisor owns the server's port and its workers. It reads requests,
// gives each one a worker process and a connected socket, and knows of every
// session how it ended, whether or not the worker lived to tell.
//
// One goroutine, the loop, owns the epoll set, the listeners, the session table,
// the pool and the counters; nothing of it is locked because nothing else
// touches it. Around it run a starter, which forks from a thread of its own so
// that the loop never waits for an exec, and a reporter, which writes the log
// and makes the callbacks so that the loop never waits for a disk or for user
// code. Operators are answered by package desk, each on a goroutine that waits for
// the loop; ADMIN.md says what they may. Helpers are programs of others that it keeps
// running beside itself; what a worker and a helper say to each other does not pass
// through here. No handler runs here, and the only network bytes that are read here
// are requests.
//
// Every worker is the same executable as the supervisor's own process, started
// through /proc/self/exe; its main must begin with worker.Dispatch.
package supervisor
