package sandbox

import "fmt"

// Level is how much a worker may do. A greater one is looser.
type Level uint8

const (
	// Strict leaves reading the files that were named, and answering the client
	// that the session's socket is connected to. No other socket, no other
	// program, no new process, no signal to another process, no writing.
	Strict Level = iota
	// Network allows internet sockets besides, for content from elsewhere.
	Network
	// Exec allows also to run programs, with all that these need. What remains
	// refused is writing, reading what was not named, and what only an
	// administrator's programs ask of the kernel.
	Exec
	// Off is no sandbox.
	Off
)

var levelNames = [...]string{Strict: "strict", Network: "network", Exec: "exec", Off: "off"}

func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return fmt.Sprintf("Level(%d)", uint8(l))
}

// ParseLevel is the inverse of String.
func ParseLevel(name string) (Level, error) {
	for l, n := range levelNames {
		if n == name {
			return Level(l), nil
		}
	}
	return 0, fmt.Errorf("sandbox level %q: want strict, network, exec or off", name)
}
