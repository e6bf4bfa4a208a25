// Command bench measures brood beside other TFTP servers on this machine and
// says for each goal whether it is met. `make bench` runs it.
//
// Every server has a network namespace of its own, where it listens on port 69
// of 127.0.0.1, and a control group of its own, so that what its children burn
// counts. The servers take turns in every case (A B C, A B C, ...): what the
// machine does meanwhile meets all of them alike. A table shows medians, with the
// lowest and highest round in parentheses.
//
// The client is one thread with raw sockets (client_linux.go). How busy that
// thread was is part of the table: near 100 %, a row measures the client.
package main
