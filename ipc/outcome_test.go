package ipc

import "testing"

func TestEveryOutcomeHasAWordOfItsOwn(t *testing.T) {
	t.Parallel()
	seen := make(map[string]Outcome)
	for o := OutcomeNone; o <= OutcomeKilled; o++ {
		if o == reportable {
			continue // a mark between the groups, and no outcome
		}
		word := o.String()
		if word == "" || word == "unknown" {
			t.Errorf("outcome %d is %q", o, word)
		}
		if other, ok := seen[word]; ok {
			t.Errorf("outcomes %d and %d are both %q", other, o, word)
		}
		seen[word] = o
	}
	if got := (OutcomeKilled + 1).String(); got != "unknown" {
		t.Errorf("the outcome after the last is %q", got)
	}
}

func TestAWorkerReportsOnlyWhatItCanKnow(t *testing.T) {
	t.Parallel()
	can := map[Outcome]bool{
		OutcomeComplete: true, OutcomeDeclined: true, OutcomeRefused: true, OutcomePeerError: true, OutcomePeerGone: true,
		OutcomeTimedOut: true, OutcomeOpenTimeout: true, OutcomeAborted: true, OutcomeStopped: true,
	}
	for o := OutcomeNone; o <= OutcomeKilled+1; o++ {
		if got := o.Reportable(); got != can[o] {
			t.Errorf("%v (%d): reportable %v, want %v", o, o, got, can[o])
		}
	}
}
