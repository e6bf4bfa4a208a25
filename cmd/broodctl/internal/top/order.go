package top

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// order is how sessions are sorted.
type order struct {
	by     int // of columns
	turned bool
}

// SortNames are what sessions can be sorted by.
func SortNames() (names []string) {
	for _, c := range columns {
		names = append(names, c.name)
	}
	return names
}

// parseOrder reads the name of a column, with a minus before it to have its order turned
// round.
func parseOrder(text string) (order, error) {
	name, turned := strings.CutPrefix(text, "-")
	by := slices.Index(SortNames(), name)
	if by < 0 {
		return order{}, fmt.Errorf("%q: want one of %s, with a minus before it for the other direction", text, strings.Join(SortNames(), ", "))
	}
	return order{by, turned}, nil
}

// next is the order by a column further to the right, or to the left.
func (o order) next(by int) order {
	return order{by: (o.by + by + len(columns)) % len(columns)}
}

func (o order) falls() bool { return columns[o.by].falls != o.turned }

func (o order) String() string {
	if o.falls() {
		return "by " + columns[o.by].name + ", falling"
	}
	return "by " + columns[o.by].name + ", rising"
}

// sort sorts; of sessions that are the same the older one comes first.
func (o order) sort(rows []*row) {
	by, sign := columns[o.by].cmp, 1
	if o.falls() {
		sign = -1
	}
	slices.SortFunc(rows, func(a, b *row) int {
		return cmp.Or(sign*by(a, b), cmp.Compare(a.ID, b.ID))
	})
}
