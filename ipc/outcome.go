package ipc

// Outcome is how a session ended. The first group is what a worker reports, the
// second what only the supervisor can know.
type Outcome uint8

const (
	OutcomeNone        Outcome = iota // not ended
	OutcomeComplete                   // the last block was acknowledged
	OutcomeDeclined                   // the peer answered the OACK with ERROR: a size probe
	OutcomeRefused                    // the handler gave an error, which was sent in place of content
	OutcomePeerError                  // the peer sent ERROR
	OutcomePeerGone                   // the peer's host says that nobody listens on its port (ICMP)
	OutcomeTimedOut                   // the peer fell silent
	OutcomeOpenTimeout                // the handler's Open outlived its deadline
	OutcomeAborted                    // the content failed after the first block: a read error, or not the promised size
	OutcomeStopped                    // the supervisor asked the session to end
	reportable

	OutcomeSuperseded // a later session of the same peer took over
	OutcomeDrained    // the server's shutdown ended it
	OutcomeStalled    // nothing was acknowledged for too long
	OutcomeOverdue    // it took too long as a whole
	OutcomeCrashed    // the worker died without a last word: panic, exit, signal
	OutcomeViolated   // the worker broke the contract with its supervisor, and was killed
	OutcomeUnserved   // no worker could be handed the job
	OutcomeKilled     // an operator ended it
)

// Reportable says whether a worker may claim o in its final stats.
func (o Outcome) Reportable() bool { return o > OutcomeNone && o < reportable }

func (o Outcome) String() string {
	switch o {
	case OutcomeNone:
		return "running"
	case OutcomeComplete:
		return "complete"
	case OutcomeDeclined:
		return "declined"
	case OutcomeRefused:
		return "refused"
	case OutcomePeerError:
		return "peer-error"
	case OutcomePeerGone:
		return "peer-gone"
	case OutcomeTimedOut:
		return "timed-out"
	case OutcomeOpenTimeout:
		return "open-timeout"
	case OutcomeAborted:
		return "aborted"
	case OutcomeStopped:
		return "stopped"
	case OutcomeSuperseded:
		return "superseded"
	case OutcomeDrained:
		return "drained"
	case OutcomeStalled:
		return "stalled"
	case OutcomeOverdue:
		return "overdue"
	case OutcomeCrashed:
		return "crashed"
	case OutcomeViolated:
		return "violated"
	case OutcomeUnserved:
		return "unserved"
	case OutcomeKilled:
		return "killed"
	default:
		return "unknown"
	}
}
