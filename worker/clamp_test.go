package worker

import (
	"fmt"
	"testing"
)

func TestTheClampIsTheQuirksBeforeTheServers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		server bool
		quirk  Clamp
		want   bool
	}{
		{true, "", true},
		{false, "", false},
		{false, ClampOn, true},
		{true, ClampOff, false},
		{true, "sometimes", true},
		{false, "sometimes", false},
	} {
		t.Run(fmt.Sprintf("server %v, quirk %q", tt.server, tt.quirk), func(t *testing.T) {
			if got := tt.quirk.holds(tt.server); got != tt.want {
				t.Errorf("clamped %v, want %v", got, tt.want)
			}
		})
	}
}
