package ipc

import (
	"strings"
	"testing"
)

func TestAWorkersArgumentsLeaveRoomForItsTitle(t *testing.T) {
	t.Parallel()
	args := WorkerArgs()
	if len(args) != 2 || args[0] != "brood: worker (idle)" || strings.Trim(args[1], " ") != "" {
		t.Fatalf("WorkerArgs() = %q, want a title and blanks", args)
	}
	if got := len(args[0]) + len(args[1]); got != titleRoom {
		t.Errorf("room for %d bytes, want %d", got, titleRoom)
	}
}
