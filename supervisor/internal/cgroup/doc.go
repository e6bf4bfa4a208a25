// Package cgroup bounds what a server's workers take of memory and of the process
// table, all of them together, by a control group (version 2) that they are born
// into, beside the one of the process that starts them.
//
// It makes two groups below the one that was delegated to this process: "supervisor",
// for all who are there now, because the kernel allows nobody beside groups with
// bounds, and "workers", of which it has the descriptor to start processes with. It
// never removes them: who is in them may outlive this process, and the next one,
// which may start in "supervisor" without being root, finds them as they are.
//
// MemoryBound says what somebody else has bounded this process's own group to, and Kills
// whom the kernel has ended there; its version may be 1.
package cgroup
