//go:build boot

package boot

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"brood/test/harness"
)

// A step is a day, and an hour: more than --max-session-time.
const step = 25 * time.Hour

// In a guest the wall clock is set a day forward and back again while transfers
// are under way, requests wait and addresses have used up their credit. Nothing
// comes of it: every duration is what it was by a clock that nobody can set.
func TestTheWallClockMayBeSetByADay(t *testing.T) {
	t.Parallel()
	if !harness.Guest(t) {
		return
	}
	t.Run("brood", func(t *testing.T) {
		tree := harness.NewTree(t)
		cmd := exec.Command(harness.GuestBrood, "serve", "--root", tree.Dir, "--listen", "127.0.0.1:0", "--log-format", "json",
			"--stats-interval", "200ms", "--max-sessions-per-source", "2", "--retries", "20")
		c := &clock{T: t, tree: tree, start: time.Now(), Server: harness.Start(t, cmd)}
		c.forthAndBack(nil)
	})
	t.Run("a server of one's own", func(t *testing.T) {
		tree := harness.NewTree(t)
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), rootEnv+"="+tree.Dir)
		c := &clock{T: t, tree: tree, start: time.Now(), Server: harness.Start(t, cmd)}
		c.forthAndBack(c.withRecords)
		c.records()
	})
}

// set sets the wall clock of the guest.
func (c *clock) set(by time.Duration) {
	c.Helper()
	if os.Getpid() != 1 {
		c.Fatal("this is no guest: its clock stays as it is")
	}
	now := unix.NsecToTimespec(time.Now().Add(by).UnixNano())
	if err := unix.ClockSettime(unix.CLOCK_REALTIME, &now); err != nil {
		c.Fatal(err)
	}
	c.Logf("the clock was set by %v", by)
}

// forthAndBack is all that happens to one server. also has more begin before a
// step, and returns what there is to see of that after it.
func (c *clock) forthAndBack(also func(name string) (after func())) {
	for _, s := range []struct {
		name string
		by   time.Duration
	}{{"forward", step}, {"back", -step}} {
		after := []func(){c.begin(s.name)}
		if also != nil {
			after = append(after, also(s.name))
		}
		after = append(after, c.beginLast(s.name))
		c.set(s.by)
		for _, look := range after {
			look()
		}
	}
	c.drain()
	c.sessions()
}
