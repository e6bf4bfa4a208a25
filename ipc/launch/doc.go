// Package launch starts workers: with the descriptors that package ipc names, in
// a Landlock domain, under another user, and with what package sandbox has them
// do to themselves. It does not look after them; whoever starts one reaps it.
package launch
