package supervisor

import "time"

// demandWindow is the time in which idle workers that are taken count together.
const demandWindow = time.Second

// demand remembers how many idle workers the recent past has asked for: the most
// that were out at once within a window, halved with each window since. It also
// tells how many were never asked for.
type demand struct {
	out, peak int       // taken and not come back, in this window; the most of it
	past      int       // of the windows before
	spare     int       // the fewest that were idle in this window
	until     time.Time // the window's end
}

func (d *demand) take(left int) {
	d.out++
	d.peak = max(d.peak, d.out)
	d.spare = min(d.spare, left)
}

func (d *demand) back() { d.out = max(d.out-1, 0) }

// recent is how many should be idle, as far as that is known.
func (d *demand) recent() int { return max(d.peak, d.past) }

// turn begins a window and returns how many workers were idle throughout the
// last one. More than most need not be remembered.
func (d *demand) turn(now time.Time, idle, most int) (spare int) {
	spare = min(d.spare, idle)
	*d = demand{past: min(max(d.peak, d.past/2), most), spare: idle, until: now.Add(demandWindow)}
	return spare
}

// target is how many workers are to be idle: as many as were asked for of late,
// between the floor and the ceiling (as in Apache's MinSpareServers and
// MaxSpareServers, of which neither follows demand by itself).
func (s *Supervisor) target() int {
	return min(max(s.MinIdle, s.pool.demand.recent()), s.MaxIdle)
}

// shrink lets workers go that were idle throughout a window and beyond the
// target. One goes at a time, the one that was idle longest, since a start costs
// more than a second of waiting; above the ceiling, after a storm with reused
// workers, it is half of those. Refill keeps idle workers beside those that are
// out, so this must not count them again, or each would undo the other's work.
func (s *Supervisor) shrink(now time.Time) {
	spare := s.pool.demand.turn(now, len(s.pool.idle), s.MaxIdle)
	keep := max(s.target(), 1)
	if spare <= keep || s.phase != serving {
		return
	}
	for range max(1, (spare-max(s.MaxIdle, 1)+1)/2) {
		s.dismiss(now, s.pool.idle[0])
	}
}
