// Package boot has the boot ROMs of virtual machines load a Linux system from the
// built brood, until its first process speaks. What each of them asked, and what
// came of it, is in README.md; `make boot` runs the tests and prints that table.
//
// The tests have the build tag boot, because they need QEMU and minutes.
package boot
