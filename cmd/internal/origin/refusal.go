package origin

import "brood/ipc/fetch"

// refusal is an error that a client may know the kind of.
type refusal struct {
	cause  fetch.Cause
	reason string
}

func (r *refusal) Error() string { return r.reason }

func refused(cause fetch.Cause, reason string) error { return &refusal{cause, reason} }
