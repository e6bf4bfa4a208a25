package route

import (
	"brood/protocol"
	"brood/worker"
)

// Decision is what a request comes to.
type Decision struct {
	Rule   int    // the number of the rule that ended it, from 1; 0: none did
	Name   string // that rule's name
	Passed []Step // the rules that applied before, and went on

	Err *protocol.Error // the ERROR that the client gets; nil: it gets a file

	Handler string        // the name of the handler that is asked
	Files   []string      // the names that it is asked for, until one exists
	Quirks  worker.Quirks // of all the rules that applied
}

// Step is a rule that applied and went on.
type Step struct {
	Rule int
	Name string
	File string // the name of the file after it
}
