// Package top is the screen of `broodctl top`: what a brood server does, as rows that
// move. It is a Model, which is told what the server has said (a Snapshot), which keys
// were pressed, how large the screen is and what time it is, and which says what the
// screen shows and what is to be done (an Action). It asks nobody, draws nowhere and
// reads no clock: whoever has the terminal and the socket does.
//
// Rows of one screen are of one Snapshot. A cursor is on a session, not on a line: it
// stays there while others pass.
package top
