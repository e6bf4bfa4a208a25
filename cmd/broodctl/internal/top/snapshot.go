package top

import "brood/ipc/admin"

// Snapshot is what a server has said when it was asked once.
type Snapshot struct {
	Hello    admin.Hello
	Status   admin.Status
	Sessions []admin.Session
	Client   string        // whose history was asked for: Model.Client; empty: nobody's
	History  []admin.Ended // latest first
}

// rate is what all sessions get in a second.
func (s *Snapshot) rate() (sum float64) {
	for i := range s.Sessions {
		sum += s.Sessions[i].Rate
	}
	return sum
}
