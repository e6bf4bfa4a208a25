package supervisor

import "runtime"

// cpus is how many CPUs this server may use, of those that the machine has. It is GOMAXPROCS:
// what the environment says; or fewer than there are where the process is kept to some of
// them, or where the quota of the control group that it was started in, such as a
// container's, is worth less (rounded up, and two at least).
func cpus() int { return runtime.GOMAXPROCS(0) }

// gomaxprocs is how the environment says it.
const gomaxprocs = "GOMAXPROCS"
