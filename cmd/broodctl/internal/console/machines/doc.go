// Package machines joins the sessions of one client into boots: what a machine has
// asked for in turn, how each of that ended, and where it stands. It decides without
// I/O: sessions and the time are handed in, so a test plays a day in a millisecond.
//
// # Which machine
//
// A machine is a MAC where the server knew it, or else an address. Who was known by the
// address alone and is then seen with a MAC, within ten minutes, is the same.
//
// # Which boot
//
// A step belongs to the boot before it, unless one of these is so:
//
//   - The machine was silent for ten minutes. That is longer than people look at a
//     menu, and than boot loaders wait for them.
//   - The first loader of the boot is asked for anew, after it was got whole or
//     something else was asked for. Firmware asks for it twice in a row, for its size
//     and for itself, and again when that failed: this is the same boot. iPXE that is
//     told to load iPXE makes a boot of each turn, and so the loop can be seen.
//   - A kernel was got, and what the boot has begun with is asked for anew, or, after
//     half a minute, any loader. A machine may get its loader from somewhere else (iPXE
//     in a ROM, U-Boot in flash) and begin with a configuration, which loaders also
//     read again and again before they get a kernel; and one that was installed may
//     begin with another loader than before.
//
// For the latter two the machine must have been silent for a second: whoever starts anew
// asks DHCP first, whereas a Raspberry Pi asks for start.elf three times and for
// config.txt seven times, milliseconds apart.
//
// # Which stage
//
// That is told by names, since TFTP has nothing else: see StageOf. A size probe is told
// by what the client did: it ended the session when it had learnt the size.
//
// # How much is remembered
//
// 4,096 machines, the last 4 boots of each, 256 steps of a boot, 65,536 steps of all.
// Of a boot the oldest steps go, and it says how many; of machines those go that were
// silent for longest, but first those that never acknowledged anything, unless they are
// fewer than 1,024: a flood from made up addresses does not push out machines, and one
// that is new has a place.
package machines
