// Package client reads files by TFTP: RFC 1350 with the options of RFC 2347, 2348,
// 2349 and 7440. It is protocol.Receiver with a socket, and the only such client
// here: tests of handlers and servers have it from package workertest, operators
// from broodctl get.
//
// It hears ICMP: a server whose host says that nobody listens has ended a transfer,
// what else the network says of unreachable hosts is told when nobody answers. Who
// gives up, because the context ended or the content can't be written, tells the
// server so.
package client
