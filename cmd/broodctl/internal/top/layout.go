package top

import "slices"

// Widths of a row's parts, in characters.
const (
	signsWidth  = 4 // the cursor, two signs and a blank
	clientLeast = 15
	clientMost  = 21 // what an IPv4 address takes; an IPv6 one has more where there is more
	fileLeast   = 10
	fileFair    = 24 // before there is room for what is useful to few
	fileEnough  = 30 // before a bar grows
	barLeast    = 8
	barMost     = 20
)

// barred is the bar's name among columns that may be left out: it is no column of its
// own.
const barred = "bar"

// keep are the columns besides client and file in the order in which they get room: the
// last one is the first to go.
var keep = []struct {
	name string
	file int // which the file has at least beside it
}{
	{"done", fileLeast},
	{"rate", fileLeast},
	{"again", fileLeast},
	{"age", fileLeast},
	{barred, fileLeast},
	{"rtt", fileLeast},
	{"silent", fileFair},
	{"state", fileFair},
	{"size", fileFair},
	{"id", fileFair},
	{"mac", fileFair},
	{"worker", fileFair},
}

// layout is which columns are on a screen, and how wide.
type layout struct {
	columns []column // each with its width
	bar     int      // its width, 0: none
}

// newLayout is the one of a screen whose widest client takes so much.
func newLayout(width, client int) layout {
	client = min(max(client, clientLeast), max(clientMost, width/4))
	used := signsWidth + client + 1
	shown := []string{"client", "file"}
	var l layout
	for _, k := range keep {
		more := barLeast + 1
		if k.name != barred {
			more = columns[slices.Index(SortNames(), k.name)].width + 1
		}
		if used+more+k.file > width {
			break
		}
		used += more
		shown = append(shown, k.name)
	}
	file := max(fileLeast, width-used)
	if slices.Contains(shown, barred) {
		grown := min(max(0, file-fileEnough), barMost-barLeast)
		l.bar = barLeast + grown
		file -= grown
	}
	for _, c := range columns {
		if !slices.Contains(shown, c.name) {
			continue
		}
		switch c.name {
		case "client":
			c.width = client
		case "file":
			c.width = file
		}
		l.columns = append(l.columns, c)
	}
	return l
}

// extra is how much wider a column is than what it says in words.
func (l layout) extra(c column) int {
	if c.name == "done" && l.bar > 0 {
		return l.bar + 1
	}
	return 0
}
