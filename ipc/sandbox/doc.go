// Package sandbox takes from a worker what its job does not need. It knows four
// levels; supervisor and worker each apply their part:
//
//   - The thread that starts workers enters a Landlock domain (Domain.Enter),
//     which they are born into: it says what they may open and execute.
//   - A worker lowers its limits and installs a system call filter in all of its
//     threads (Terms.Enter) before any handler's code runs.
//
// Ids and capabilities are dropped by the start itself, in package launch.
// Nothing here can be undone: a process can only become narrower.
package sandbox
