package document

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Position is a place in the text; both count from 1. The zero value is no place.
type Position struct{ Line, Column int }

// Fault is one thing that is wrong with a file.
type Fault struct {
	File string
	Position
	Err error
}

func (f *Fault) Error() string {
	if f.Line == 0 {
		return fmt.Sprintf("%s: %v", f.File, f.Err)
	}
	return fmt.Sprintf("%s:%d:%d: %v", f.File, f.Line, f.Column, f.Err)
}

func (f *Fault) Unwrap() error { return f.Err }

// Faults are all of them, in the order of the text.
type Faults []*Fault

// maxTold is how many faults are told.
const maxTold = 100

func (all Faults) Error() string {
	var lines []string
	for _, f := range all[:min(len(all), maxTold)] {
		lines = append(lines, f.Error())
	}
	if more := len(all) - maxTold; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// sorted is in the order of the text, and says once what several aliases say.
func (all Faults) sorted() Faults {
	slices.SortStableFunc(all, func(a, b *Fault) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.CompactFunc(all, func(a, b *Fault) bool { return a.Error() == b.Error() })
}
