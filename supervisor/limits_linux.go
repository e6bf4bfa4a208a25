package supervisor

import "golang.org/x/sys/unix"

// raiseDescriptorLimit takes what the hard limit gives: a session costs five
// descriptors. The hard limit is the operator's word. Running out later is met by
// waiting, so failing here is no error. Workers inherit it: the runtime restores
// what it found at its own start only until somebody calls prlimit.
func raiseDescriptorLimit() {
	var limit unix.Rlimit
	if unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &limit) == nil {
		limit.Cur = limit.Max
		unix.Prlimit(0, unix.RLIMIT_NOFILE, &limit, nil)
	}
}
