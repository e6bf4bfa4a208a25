// Package feed tells any number of readers what happens at a brood server, which it
// hears over one connection. That is made when somebody wants to know for the first
// time, and made again whenever it is lost: after an upgrade, a restart, or because the
// server has cut it off.
//
// What readers are told are the server's events and two of the feed's own. EventLost
// says that the server can't be heard, and why, once each time; what happens from then
// on until the next admin.EventWatching nobody is told. EventEnd is the last: the
// console ends.
//
// Nobody waits for a reader: who has not taken the last 1024 messages is dropped, and
// counted.
package feed
