// Package harness starts servers as their users do, as processes, and watches
// them from outside: by their log, by /proc and by the network. Tests wait for
// what they need to see; nothing sleeps.
package harness
