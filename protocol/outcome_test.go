package protocol

import "testing"

func TestOutcomeString(t *testing.T) {
	for outcome, want := range map[Outcome]string{
		OutcomeNone: "none", Complete: "complete", Declined: "declined",
		PeerError: "peer-error", TimedOut: "timed-out", PeerGone: "peer-gone", Refused: "refused", 99: "outcome 99",
	} {
		if got := outcome.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
