package top

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"brood/cmd/broodctl/internal/figures"
)

// column is one of the table of sessions.
type column struct {
	name  string // as --sort has it
	head  string
	width int  // 0: as wide as it may be
	left  bool // aligned so
	falls bool // sorted, what is largest comes first, unless it is turned round
	text  func(*row) string
	cmp   func(a, b *row) int
}

// columns are all that there are, as they stand on a wide screen. What may have wide
// characters is last: nothing can be shifted by a terminal that thinks otherwise of
// their width.
var columns = []column{
	{
		name: "client", head: "CLIENT", left: true,
		text: func(r *row) string { return r.Peer },
		cmp:  func(a, b *row) int { return cmp.Or(a.peer.Compare(b.peer), cmp.Compare(a.Peer, b.Peer)) },
	},
	{
		name: "mac", head: "MAC", width: 17, left: true,
		text: func(r *row) string { return cmp.Or(r.MAC, "-") },
		cmp:  func(a, b *row) int { return cmp.Compare(a.MAC, b.MAC) },
	},
	{
		name: "id", head: "ID", width: 8,
		text: func(r *row) string { return fmt.Sprint(r.ID) },
		cmp:  func(a, b *row) int { return cmp.Compare(a.ID, b.ID) },
	},
	{
		name: "state", head: "STATE", width: 7, left: true,
		text: func(r *row) string { return r.State },
		cmp:  func(a, b *row) int { return cmp.Compare(a.State, b.State) },
	},
	{
		name: "done", head: "DONE", width: percentWidth, falls: true,
		text: percent, // and a bar, where there is room
		cmp:  func(a, b *row) int { return cmp.Compare(a.done(), b.done()) },
	},
	{
		name: "rate", head: "RATE/s", width: 8, falls: true,
		text: func(r *row) string { return figures.Size(int64(r.Rate)) },
		cmp:  func(a, b *row) int { return cmp.Compare(a.Rate, b.Rate) },
	},
	{
		name: "rtt", head: "RTT", width: 7, falls: true,
		text: func(r *row) string {
			if r.RoundTrip <= 0 {
				return "-"
			}
			return figures.Span(seconds(r.RoundTrip))
		},
		cmp: func(a, b *row) int { return cmp.Compare(a.RoundTrip, b.RoundTrip) },
	},
	{
		name: "again", head: "AGAIN", width: 5, falls: true,
		text: func(r *row) string { return count(r.Retransmissions) },
		cmp:  func(a, b *row) int { return cmp.Compare(a.Retransmissions, b.Retransmissions) },
	},
	{
		name: "silent", head: "SILENT", width: 6, falls: true,
		text: func(r *row) string {
			if r.State == waiting {
				return "-"
			}
			return figures.Age(seconds(r.Silence))
		},
		cmp: func(a, b *row) int { return cmp.Compare(a.Silence, b.Silence) },
	},
	{
		name: "age", head: "AGE", width: 6, falls: true,
		text: func(r *row) string { return figures.Age(seconds(r.Age)) },
		cmp:  func(a, b *row) int { return cmp.Compare(a.Age, b.Age) },
	},
	{
		name: "size", head: "SIZE", width: 8, falls: true,
		text: func(r *row) string {
			if r.Size < 0 {
				return "-"
			}
			return figures.Size(r.Size)
		},
		cmp: func(a, b *row) int { return cmp.Compare(a.Size, b.Size) },
	},
	{
		name: "worker", head: "WORKER", width: 7,
		text: func(r *row) string {
			if r.Worker == 0 {
				return "-"
			}
			return fmt.Sprint(r.Worker)
		},
		cmp: func(a, b *row) int { return cmp.Compare(a.Worker, b.Worker) },
	},
	{
		name: "file", head: "FILE", left: true,
		text: func(r *row) string { return r.File },
		cmp:  func(a, b *row) int { return cmp.Compare(a.File, b.File) },
	},
}

// percentWidth is that of "100 %".
const percentWidth = 5

func percent(r *row) string {
	if done := r.done(); done >= 0 {
		return fmt.Sprintf("%d %%", int(100*done)) // 100 % is all of it
	}
	return "-"
}

// bar is how much is done, and how much is not, in so many characters. Where the size
// is not known it is how much was acknowledged.
func bar(r *row, width int) string {
	done := r.done()
	switch {
	case r.State == waiting:
		return ""
	case done < 0:
		return figures.Size(int64(r.Bytes))
	}
	full := int(done * float64(width))
	return strings.Repeat("=", full) + strings.Repeat(".", width-full)
}

// count is a number in five characters.
func count(n uint64) string {
	unit := ""
	for _, next := range []string{"k", "M", "G"} {
		if n < 10_000 || unit == "" && n < 100_000 {
			break
		}
		n, unit = n/1000, next
	}
	return fmt.Sprint(n) + unit
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
