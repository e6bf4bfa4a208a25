package supervisor

import (
	"encoding/json"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// limitsChild lowers its own soft limit, raises it as a server does, and tells both.
func limitsChild() int {
	var told [2]unix.Rlimit
	low := unix.Rlimit{Cur: 64}
	unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &told[0])
	low.Max = told[0].Max
	if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, &low, nil); err != nil {
		return 1
	}
	raiseDescriptorLimit()
	unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &told[1])
	json.NewEncoder(os.Stdout).Encode(told)
	return 0
}

func TestDescriptorLimitIsRaisedToTheHardOne(t *testing.T) {
	t.Parallel()
	cmd, stderr := self(t, "limits")
	stdout, err := cmd.Output()
	var told [2]unix.Rlimit
	if err == nil {
		err = json.Unmarshal(stdout, &told)
	}
	if err != nil {
		t.Fatalf("%v: %s%s", err, stdout, stderr)
	}
	// The hard limit is the operator's word.
	if before, after := told[0], told[1]; after.Cur != before.Max || after.Max != before.Max {
		t.Errorf("from %+v to %+v, want %d of %[3]d", before, after, before.Max)
	}
}
