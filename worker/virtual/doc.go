// Package virtual serves small files that are nowhere on a disk: texts and base64
// blobs that stand in the configuration, and a health file for monitors.
//
// Names are compared as package files reads them: byte for byte and with regard
// to case, "/" and "\" both separate, in any number and in front too, and "."
// means nothing. There are no directories here, so no name with ".." is one, and
// neither is one that ends in a separator.
//
// What is not here is fs.ErrNotExist, whatever its name looks like, so that a
// route can go on to ask somebody else. There is no other error but for a base64
// text that isn't one, and for that New need not be waited for: see Options.Check.
//
// # The health file
//
// It is one line of text:
//
//	ok VERSION 2006-01-02T15:04:05Z
//
// with the time of the answer in UTC. Who gets it knows that a request was read
// from the port, that a worker was there for it with a configuration that it
// could take, and, by the time, that this happened now. It says nothing about the
// files of other handlers: fetch one of them for that. For a given version it
// always has the same size, which is what monitors compare that look at sizes.
//
//	curl -sf --max-time 5 tftp://server/health | grep -q '^ok '
package virtual
