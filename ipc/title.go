package ipc

import "strings"

// titleRoom is how many bytes a worker's title may grow to.
const titleRoom = 200

// IdleTitle is what ps shows of a worker without a session.
const IdleTitle = "brood: worker (idle)"

// WorkerArgs returns the arguments of a new worker: what ps shows while it is
// idle, and behind that room for what it writes there once it serves.
func WorkerArgs() []string {
	return []string{IdleTitle, strings.Repeat(" ", titleRoom-len(IdleTitle))}
}
