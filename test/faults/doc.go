// Package faults breaks what a server stands on, while clients that check every
// byte fetch files from it: its workers, itself, its limits, its files, its
// network. `go test` does so on a small scale; `make faults`, as root, on a large
// one, and prints the table that README.md keeps.
package faults
