package top

import (
	"fmt"
	"strings"
)

// headHeight is how many lines stand above the rows: three about the server, and the
// names of columns.
const headHeight = 4

// View is what the screen shows: lines, with what colours and emphasises them. No line
// is longer than the screen is wide, and there are not more of them than it has.
func (m *Model) View() string {
	if m.seen == nil || m.width < 1 || m.height < 1 {
		return ""
	}
	var lines []string
	if m.helping {
		lines = m.help()
	} else {
		lines = append(m.head(), m.table()...)
		for len(lines) < m.height-1 {
			lines = append(lines, "")
		}
		lines = append(lines[:max(0, m.height-1)], m.foot())
	}
	for i := range lines {
		lines[i] = m.method.Truncate(lines[i], m.width, "")
	}
	return strings.Join(lines[:min(len(lines), m.height)], "\n")
}

// table is what stands between head and foot.
func (m *Model) table() []string {
	if m.past != nil {
		return m.pastTable()
	}
	l := newLayout(m.width, m.client)
	lines := []string{m.names(l)}
	for i := m.list.top; i < min(len(m.shown), m.list.top+m.list.height); i++ {
		lines = append(lines, m.line(l, m.shown[i], i == m.list.cursor))
	}
	if len(m.shown) == 0 {
		text := "nobody is served, and nobody waits"
		if len(m.rows) > 0 {
			text = "none is as the filter wants it"
		}
		lines = append(lines, strings.Repeat(" ", signsWidth)+text)
	}
	return lines
}

// names are those of the columns; what is sorted by stands out.
func (m *Model) names(l layout) string {
	line := strings.Repeat(" ", signsWidth-1)
	for _, c := range l.columns {
		name := fit(m.method, c.head, c.width+l.extra(c), c.left)
		if c.name == columns[m.order.by].name {
			name = bold.Styled(name)
		}
		line += " " + name
	}
	return strings.TrimRight(line, " ")
}

// line is that of a session.
func (m *Model) line(l layout, r *row, marked bool) string {
	cursor := " "
	if marked {
		cursor = ">"
	}
	line := cursor + r.signs()
	for _, c := range l.columns {
		line += " "
		if extra := l.extra(c); extra > 0 {
			drawn := bar(r, l.bar)
			line += fit(m.method, drawn, l.bar, r.done() >= 0) + " "
		}
		line += fit(m.method, c.text(r), c.width, c.left)
	}
	return dressed(line, r, marked, !m.link.since.IsZero())
}

// pastTable is a client's history.
func (m *Model) pastTable() []string {
	const least = 20 // of the file
	used := 1
	shown := pastColumns[:0:0]
	for _, c := range pastColumns {
		if used+c.width+1+least > m.width {
			break
		}
		used += c.width + 1
		shown = append(shown, c)
	}
	row := func(cell func(pastColumn) string, file string) string {
		line := " "
		for _, c := range shown {
			line += fit(m.method, cell(c), c.width, c.left) + " "
		}
		return line + file
	}
	lines := []string{
		bold.Styled(cut(m.method, m.past.title(), m.width)),
		row(func(c pastColumn) string { return c.head }, "FILE"),
	}
	p := m.past
	for _, e := range p.rows[p.list.top:min(len(p.rows), p.list.top+p.list.height)] {
		lines = append(lines, row(func(c pastColumn) string { return c.text(e) }, m.file(e, m.width-used)))
	}
	if p.known && len(p.rows) == 0 {
		lines = append(lines, " the server remembers nothing")
	}
	return lines
}

// foot is what is asked or said, or how the list is, and which keys there are.
func (m *Model) foot() string {
	switch {
	case m.question != nil:
		return bold.Styled(cut(m.method, m.asked(), m.width))
	case m.filter.typing:
		typed := "filter: " + m.filter.text + "_"
		return m.method.TruncateLeft(typed, max(0, m.method.StringWidth(typed)-m.width), "")
	case m.notice.text != "":
		return bold.Styled(cut(m.method, m.notice.text, m.width))
	case m.past != nil:
		return join(m.method, m.width, where(&m.past.list), "esc back", "? help", "q quit")
	}
	filter := ""
	if m.filter.text != "" {
		filter = fmt.Sprintf("filter %s", m.filter.text)
	}
	return join(m.method, m.width, where(&m.list)+" "+m.order.String(), filter, "? help", "q quit", "/ filter", "< > sort", "enter history")
}

// where is which rows are in the window.
func where(l *list) string {
	if l.rows == 0 {
		return "0 of 0"
	}
	return fmt.Sprintf("%d-%d of %d", l.top+1, min(l.rows, l.top+l.height), l.rows)
}
