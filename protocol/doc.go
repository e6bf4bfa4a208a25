// Package protocol is TFTP without a network: the packets of RFC 1350 and the
// options of RFC 2347, 2348, 2349 and 7440, the negotiation, netascii, and the
// Sender and Receiver state machines.
//
// It decides and never acts. Nothing here opens a socket, reads a clock, starts
// a goroutine or logs; time is passed in, and what to send comes back as a
// value. Encoders append to a buffer that the caller owns. Parsers check every
// length, allocate no more than a small multiple of what the input is long, and
// what they return aliases the input only where they say so.
//
// Nothing here is safe for use by several goroutines at once, and nothing
// needs to be closed.
package protocol
