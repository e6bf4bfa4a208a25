// Package fetch is the private contract between a worker and the helper that
// fetches content for it from elsewhere (broodctl origin): the messages on the
// socket that the worker was born with, ipc.Helper. Nothing here is for handler
// authors.
//
// # Whose socket it is
//
// Each worker has a socket pair (SOCK_SEQPACKET) of its own, made by the
// supervisor before the worker's birth. The supervisor keeps the other end. When
// the worker writes for the first time, the supervisor passes that end on to the
// helper, and keeps a copy: a helper that is started in a dead one's place is
// given the ends of all workers that have asked before, says Hello on each, and is
// asked again. A worker never sees an end of file, and what it wrote while no
// helper lived is read by the next.
//
// One socket for all workers, with a descriptor in each request for the reply,
// was the other way. It would have needed sendmsg and socketpair in the workers'
// filter, which are the means to pass descriptors and to address others; and what
// all workers hold, one that was taken over can shut down, fill or set options of
// for all others, none of which a filter can tell from use. Here a worker reaches
// no descriptor but its own, its filter stays as it is, and who a message comes
// from needs no credential: it is whom the supervisor has given that socket.
//
// # What is said
//
// A worker has one file at a time: AskOpen ends what it asked for before. The
// helper answers AnswerOpened, with a descriptor, or AnswerFailed. The descriptor
// is of a regular file, open for reading only and with a position of its own, to
// which the helper may still append; what it holds is right as far as it goes,
// and not known to be all of it, or what was wanted, before AnswerOpened or
// AnswerWhole says Whole. The worker asks for more than it has by AskMore, which
// is answered once, by AnswerGrown, AnswerWhole or AnswerFailed. AskClose has no
// answer. Each answer carries the number of its question; one to a question that
// is not asked any more is passed over, and its descriptor closed.
//
// # Who believes whom
//
// The worker believes the helper. The helper believes nothing: a message is
// bounded, of one shape, refused whole with the socket when anything is left over
// or missing, and rights that come with it are dropped by the kernel, because the
// helper reads without room for them. A worker names a place that the helper was
// configured with (Base), so that it can't have it ask anybody else.
package fetch
