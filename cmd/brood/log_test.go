package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

// disk takes so many bytes, and then none.
type disk struct {
	bytes.Buffer
	room int
}

func (d *disk) Write(p []byte) (int, error) {
	n := min(len(p), d.room-d.Len())
	d.Buffer.Write(p[:n])
	if n < len(p) {
		return n, errors.New("no space left on device")
	}
	return n, nil
}

func TestLogLinesThatFindNoRoomAreCounted(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		for _, room := range []int{0, 1, 20, 150} { // bytes; a line has about a hundred
			d := &disk{room: room}
			log := newLog(d, format == "json", hclog.Info)
			for range 5 {
				log.Info("a line of some length, that does not fit where there is little room left", "n", 1)
			}
			d.room = 10_000
			log.Info("there is room again")
			lines := strings.Split(strings.TrimSpace(d.String()), "\n")
			if n := len(lines); n < 2 || !strings.Contains(lines[n-1], "there is room again") ||
				!strings.Contains(lines[n-2], "log lines were lost") || !strings.Contains(lines[n-2], "no space left on device") {
				t.Errorf("%s, room for %d bytes: the log is\n%s", format, room, d)
			}
			log.Info("and again")
			if n := strings.Count(d.String(), "log lines were lost"); n != 1 {
				t.Errorf("%s, room for %d bytes: it says %d times what was lost", format, room, n)
			}
		}
	}
}
