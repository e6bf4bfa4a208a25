// Package ipc is the private contract between the supervisor and one worker:
// the descriptors that a worker inherits, the messages on each of them, and
// what an end of file means. Both ends run the same executable image, so no
// message carries a version. Nothing here is for handler authors.
//
// A worker is born with these descriptors and no others:
//
//	0        /dev/null, or what is as empty where there is none
//	1, 2     the stderr pipe: panics and whatever a handler prints
//	Control  a SOCK_SEQPACKET socket on which jobs arrive, one a message, each
//	         with exactly one descriptor: the session's connected UDP socket.
//	         End of file: no more jobs will come; an idle worker exits with
//	         ExitOK, a serving one finishes first. A worker whose job was not
//	         the Last one says KindReady again after the session's final frame,
//	         unless the session left something behind in it: then it exits
//	         with ExitUnclean.
//	Stats    the write end of a pipe for frames, at most MaxFrame bytes each, so
//	         that the kernel never splits one (PIPE_BUF). A full pipe costs
//	         progress frames, never the session; EPIPE means that the
//	         supervisor is gone and is no reason to stop serving.
//	Config   a sealed memfd with the configuration of one generation, shared by
//	         all workers of that generation, which map it.
//	Helper   where the server has a helper that workers may ask: one end of a
//	         SOCK_SEQPACKET pair of the worker's own, which never blocks; package
//	         fetch says what goes there. The supervisor keeps the other end, and
//	         passes it to the helper when the worker has first written.
//
// To end a session early the supervisor shuts the receiving side of the
// session's socket down; the worker sees an end of file, tells its client, and
// reports OutcomeStopped. The supervisor keeps a descriptor of that socket until
// it has reaped the worker, so it can do so, and can speak for a worker that died.
//
// A helper is another executable, which the supervisor starts with these:
//
//	0        a sealed memfd with its configuration
//	1, 2     the stderr pipe
//	Control  a SOCK_SEQPACKET socket on which the supervisor's Words arrive. End of
//	         file: the supervisor is gone, and the helper ends when it has no more
//	         workers.
//	Listener where it is given one, a TCP socket that listens, which the supervisor
//	         keeps, too
//	Door     where it is an operator: there it Enters, and speaks package admin's
//	         protocol
//
// The worker believes the supervisor. The supervisor believes nothing: whatever
// it decodes is bounded before anything is allocated, of one fixed shape, and
// refused whole when a byte is missing, left over or of another type.
package ipc
