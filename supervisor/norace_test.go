//go:build !race

package supervisor

// raceEnabled says that this program was built with the race detector.
const raceEnabled = false
