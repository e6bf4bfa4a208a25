package sandbox

import (
	"fmt"
	"strconv"
	"strings"
)

// Env is the environment variable that tells a worker its Terms.
const Env = "BROOD_SANDBOX"

// Terms are what a worker is told to do to itself.
type Terms struct {
	Level  Level
	Filter bool // the kernel has system call filters
	// AddressSpace bounds the worker's address space, in bytes; 0: no bound.
	AddressSpace uint64
}

// String is for Env; ParseTerms reads it.
func (t Terms) String() string {
	return fmt.Sprintf("%v %t %d", t.Level, t.Filter, t.AddressSpace)
}

// ParseTerms is the inverse of String.
func ParseTerms(s string) (t Terms, err error) {
	fields := strings.Fields(s)
	if len(fields) != 3 {
		return t, fmt.Errorf("%s=%q: want three fields", Env, s)
	}
	if t.Level, err = ParseLevel(fields[0]); err == nil {
		t.Filter, err = strconv.ParseBool(fields[1])
	}
	if err == nil {
		t.AddressSpace, err = strconv.ParseUint(fields[2], 10, 64)
	}
	if err != nil {
		return Terms{}, fmt.Errorf("%s=%q: %w", Env, s, err)
	}
	return t, nil
}
