package top

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// What a terminal can do beside characters. Colours are those of its own palette, and
// nothing is said by them alone: they may be off.
var (
	reverse = ansi.NewStyle().Reverse(true)
	bold    = ansi.NewStyle().Bold()
	faint   = ansi.NewStyle().Faint()
	alarm   = ansi.NewStyle().ForegroundColor(ansi.Red)
	warning = ansi.NewStyle().ForegroundColor(ansi.Yellow)
)

// dressed is a row's line in the row's colours.
func dressed(line string, r *row, marked, old bool) string {
	style := ansi.NewStyle()
	switch {
	case old:
		style = faint
	case r.stuck:
		style = alarm
	case r.lossy:
		style = warning
	}
	if !marked {
		line = strings.TrimRight(line, " ")
	} else {
		style = append(style[:len(style):len(style)], reverse...)
	}
	if len(style) == 0 {
		return line
	}
	return style.Styled(line)
}
