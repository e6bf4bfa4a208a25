package sandbox

// Missing says, a phrase each, what of a level this machine's kernel can't give.
// abi is the version of Landlock and filter whether there are system call
// filters, as Probe found them.
func Missing(level Level, abi int, filter bool) []string {
	if level == Off {
		return nil
	}
	var missing []string
	if !filter {
		missing = append(missing, "system calls are not filtered (no seccomp)")
	}
	switch {
	case abi == 0:
		missing = append(missing, "files are not restricted (no Landlock: Linux 5.13 and lsm=landlock)")
	case abi < 3 && (level == Exec || !filter):
		missing = append(missing, "files that a worker may not write can be truncated (Landlock before Linux 6.2)")
	}
	// What a filter refuses altogether needs no second guard.
	if abi < 4 && !filter {
		missing = append(missing, "TCP is not restricted (Landlock before Linux 6.7)")
	}
	if abi < 6 && (level == Exec || !filter) {
		missing = append(missing, "processes of the workers' user can be signalled (Landlock before Linux 6.12)")
	}
	return missing
}

// Probe asks the kernel what it has.
func Probe() (abi int, filter bool) { return ABI(), canFilter() }
