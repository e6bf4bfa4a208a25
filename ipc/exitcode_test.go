package ipc

import "testing"

// TestExitCodes holds the numbers, which operators and their scripts see.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	for number, want := range map[ExitCode]string{
		0:   "exit 0",
		1:   "exit 1",
		2:   "exit 2 (panic)",
		70:  "exit 70 (broken job or descriptor)",
		75:  "exit 75 (Open outlived its deadline)",
		76:  "exit 76 (its session left something behind)",
		78:  "exit 78 (configuration refused)",
		255: "exit 255",
	} {
		if got := number.String(); got != want {
			t.Errorf("%d is %q, want %q", int(number), got, want)
		}
	}
}
