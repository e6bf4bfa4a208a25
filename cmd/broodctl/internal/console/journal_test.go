package console

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestNoMoreIsLoggedThanSomebodyReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var lines []string
		j := newJournal(func(message string, pairs ...any) { lines = append(lines, fmt.Sprint(message, pairs)) })
		for range 2 * maxLines {
			j.say("the same", "n", 1)
		}
		if len(lines) != maxLines {
			t.Errorf("%d lines in a minute, want %d", len(lines), maxLines)
		}
		time.Sleep(time.Minute)
		fmt.Fprintf(j, "http: panic serving\ngoroutine 1\n")
		if want := "console: http[line http: panic serving suppressed 30]"; len(lines) != maxLines+1 || lines[maxLines] != want {
			t.Errorf("then %q, want %q", lines[maxLines:], want)
		}
		newJournal(nil).say("to nobody")
	})
}
