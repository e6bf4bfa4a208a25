package supervisor

import (
	"net/netip"
	"slices"
	"time"

	"brood/ipc"
	"brood/ipc/admin"
	"brood/protocol"
)

// rules are what operators have said for a time about who is served. They come before
// the configuration: of those that a client is in the longest decides, and only who
// is in none is the configuration's. They survive reloads and upgrades.
type rules struct {
	all    []rule
	access access // made of them
}

type rule struct {
	prefix netip.Prefix
	allow  bool
	until  time.Time
}

// maxRules bounds them, and maxRuleTime how long one holds: what is to stay belongs
// into the configuration.
const (
	maxRules    = 256
	maxRuleTime = 366 * 24 * time.Hour
)

// rule makes one, changes one, or takes one back.
func (s *Supervisor) rule(now time.Time, r admin.Request) error {
	p, err := ParsePrefix(r.Text)
	if err != nil || p.Addr().Is4In6() { // which no source is in: it would be a rule that does nothing
		return failed(admin.CodeWrong, "%s: want a prefix such as 192.0.2.0/24, 2001:db8::/32, or an address", protocol.Printable(r.Text))
	}
	if r.Number > uint64(maxRuleTime/time.Millisecond) {
		return failed(admin.CodeWrong, "%d ms are too long: a rule holds for a year at most; say the rest in the configuration", r.Number)
	}
	allow, known := r.Kind == admin.KindAllow, s.gate.rules.index(p)
	if r.Number == 0 {
		if known < 0 || s.gate.rules.all[known].allow != allow {
			return failed(admin.CodeFailed, "there is no such rule: %s %v", r.Kind, p)
		}
		s.gate.rules.drop(func(r rule) bool { return r.prefix == p })
		return nil
	}
	if known < 0 && len(s.gate.rules.all) >= maxRules {
		return failed(admin.CodeFailed, "there are %d rules already: take some back, or say them in the configuration", maxRules)
	}
	until := now.Add(time.Duration(r.Number) * time.Millisecond)
	s.gate.rules.set(rule{p, allow, until})
	s.at(until)
	return nil
}

func (t *rules) index(p netip.Prefix) int {
	return slices.IndexFunc(t.all, func(r rule) bool { return r.prefix == p })
}

func (t *rules) set(r rule) {
	if i := t.index(r.prefix); i >= 0 {
		t.all[i] = r
	} else {
		t.all = append(t.all, r)
	}
	t.settle()
}

func (t *rules) drop(which func(rule) bool) {
	if before := len(t.all); before > 0 {
		if t.all = slices.DeleteFunc(t.all, which); len(t.all) < before {
			t.settle()
		}
	}
}

func (t *rules) expire(now time.Time) {
	t.drop(func(r rule) bool { return !now.Before(r.until) })
}

// next is when the first of them ends; the zero time: there is none.
func (t *rules) next() (first time.Time) {
	for _, r := range t.all {
		if first.IsZero() || r.until.Before(first) {
			first = r.until
		}
	}
	return first
}

// settle makes of the rules what is looked up for each request.
func (t *rules) settle() {
	var allow, deny []netip.Prefix
	for _, r := range t.all {
		if r.allow {
			allow = append(allow, r.prefix)
		} else {
			deny = append(deny, r.prefix)
		}
	}
	t.access = newAccess(allow, deny)
}

// decides says what the rules say of a source, if they say anything.
func (t *rules) decides(source netip.Addr) (allowed, ok bool) {
	if len(t.all) == 0 {
		return false, false
	}
	return t.access.decides(source)
}

func (t *rules) tell(now time.Time) []admin.Rule {
	said := []admin.Rule{}
	for _, r := range t.all {
		said = append(said, admin.Rule{Prefix: r.prefix.String(), Allow: r.allow, Until: r.until, Left: r.until.Sub(now).Seconds()})
	}
	return said
}

// passedRule is a rule that an upgrade passes on.
type passedRule struct {
	Prefix string
	Allow  bool
	Until  ipc.Instant
}

func (t *rules) pass() (passed []passedRule) {
	for _, r := range t.all {
		passed = append(passed, passedRule{r.prefix.String(), r.allow, ipc.InstantOf(r.until)})
	}
	return passed
}

func (t *rules) takeOver(passed []passedRule) {
	for _, r := range passed {
		if p, err := netip.ParsePrefix(r.Prefix); err == nil && len(t.all) < maxRules {
			t.set(rule{p, r.Allow, r.Until.Time()})
		}
	}
}
