package machines

import (
	"slices"
	"time"
)

// State is how a boot stands.
type State string

// The states.
const (
	Loading State = "loading" // a session runs
	Stuck   State = "stuck"   // one runs, and nothing new was acknowledged for ten seconds
	Between State = "between" // none runs, and the last has ended within a minute
	Booted  State = "booted"  // it has got a kernel, and all of what kernels and initrds it asked for, and asks for nothing
	Left    State = "left"    // it got the last thing that it asked for, which was no kernel: it went on elsewhere, or hangs
	GaveUp  State = "gave-up" // it did not get the last thing that it asked for, and asks for nothing more
	Unseen  State = "unseen"  // what came of the last thing is not known
)

// How long it takes until silence means something.
const (
	stuckAfter  = 10 * time.Second
	bootedAfter = 5 * time.Second
	leftAfter   = time.Minute
)

// Why is what a boot is told by from the one before.
type Why string

// The reasons.
const (
	First Why = "first" // nothing is known of the machine from before
	Again Why = "again" // it has begun anew
	Pause Why = "pause" // it was silent for ten minutes
)

const (
	pause    = 10 * time.Minute
	newAsk   = time.Second      // silence before a boot: DHCP
	reloaded = 30 * time.Second // silence between a kernel and another loader
	maxSteps = 256
)

// Boot is what a machine did from one start to the next.
type Boot struct {
	Number  int       `json:"number"` // 1 is the first that is known
	Began   time.Time `json:"began"`
	Why     Why       `json:"why"`
	State   State     `json:"state"`
	LeftOut int       `json:"left-out"` // oldest steps that are not remembered
	Steps   []Step    `json:"steps"`
}

// boot is one that may go on.
type boot struct {
	number  int
	began   time.Time
	why     Why
	leftOut int
	steps   []*step

	first     string // file that it has begun with
	loader    string // first loader
	loaderGot bool   // whole
	past      bool   // something else was asked for since
	kernelGot bool   // one
}

// begins says whether a request is another boot's first, and why.
func (b *boot) begins(file string, stage Stage, silence time.Duration) (Why, bool) {
	switch {
	case b == nil:
		return First, true
	case silence >= pause:
		return Pause, true
	case silence < newAsk:
		return "", false
	case file == b.loader && (b.loaderGot || b.past),
		b.kernelGot && file == b.first,
		b.kernelGot && stage == Loader && silence >= reloaded:
		return Again, true
	}
	return "", false
}

// add appends a step that has begun. It returns the oldest if that makes too many.
func (b *boot) add(s *step) (out *step) {
	if b.first == "" {
		b.first = s.File
	}
	switch {
	case b.loader == "" && s.name == Loader:
		b.loader = s.File
	case b.loader != "" && s.File != b.loader:
		b.past = true
	}
	b.steps = append(b.steps, s)
	if len(b.steps) <= maxSteps {
		return nil
	}
	out = b.steps[0]
	b.steps = b.steps[1:]
	b.leftOut++
	return out
}

// got notes that something was got whole.
func (b *boot) got(s *step) {
	b.loaderGot = b.loaderGot || s.File == b.loader
	b.kernelGot = b.kernelGot || s.name == Kernel
}

// latest is the step that says most of now: the latest that runs, or else the latest.
func (b *boot) latest() *step {
	for _, s := range slices.Backward(b.steps) {
		if s.Outcome == "" {
			return s
		}
	}
	return b.steps[len(b.steps)-1]
}

// state is how it stands when its machine was silent for so long. That of a boot that
// was followed by another is final.
func (b *boot) state(now time.Time, silence time.Duration, final bool) State {
	last := b.latest()
	switch {
	case last.Outcome == "" && now.Sub(last.moved) >= stuckAfter:
		return Stuck
	case last.Outcome == "":
		return Loading
	case b.whole() && (final || silence >= bootedAfter):
		return Booted
	case !final && silence < leftAfter:
		return Between
	case last.Outcome == Unknown:
		return Unseen
	case last.Outcome == complete:
		return Left
	}
	return GaveUp
}

// whole says whether a kernel or an initrd was got, and none was left in the middle.
// Loaders look for several that there may be, and take the first that there is; they
// read a file again from its beginning: what counts is how it ended at last.
func (b *boot) whole() bool {
	seen, got := make(map[string]bool), make(map[Stage]bool)
	for _, s := range slices.Backward(b.steps) {
		switch {
		case s.name != Kernel && s.name != Initrd, s.Outcome == declined, seen[s.File], s.missed() && got[s.name]:
			continue
		case s.Outcome != complete:
			return false
		}
		seen[s.File], got[s.name] = true, true
	}
	return len(got) > 0
}

// tell is what others may keep.
func (b *boot) tell(now time.Time, silence time.Duration, final bool) Boot {
	told := Boot{Number: b.number, Began: b.began, Why: b.why, State: b.state(now, silence, final), LeftOut: b.leftOut, Steps: make([]Step, len(b.steps))}
	for i, s := range b.steps {
		told.Steps[i] = s.tell(now)
	}
	return told
}

func (s *step) tell(now time.Time) Step {
	told := s.Step
	if told.Outcome == "" {
		told.Duration = max(0, now.Sub(told.Received).Seconds())
	}
	return told
}
