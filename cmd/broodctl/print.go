package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// printJSON prints a value for programs. The keys are those of package admin, which
// do not change.
func printJSON(cmd *cobra.Command, v any) error {
	e := json.NewEncoder(cmd.OutOrStdout())
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return failure{err}
	}
	return nil
}

// table prints rows of columns, the first one of which is the head. Columns whose head
// ends in a space are aligned to the left.
type table struct {
	rows [][]string
}

func (t *table) row(cells ...any) {
	var row []string
	for _, c := range cells {
		row = append(row, fmt.Sprint(c))
	}
	t.rows = append(t.rows, row)
}

func (t *table) print(w io.Writer) error {
	var b strings.Builder
	tab := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(strings.TrimSpace(cell))))
		}
	}
	for _, row := range t.rows {
		for i, cell := range row {
			cell = strings.TrimSpace(cell)
			if !strings.HasSuffix(t.rows[0][i], " ") { // a number
				cell = strings.Repeat(" ", widths[i]-len([]rune(cell))) + cell
			}
			if i < len(row)-1 {
				cell += "\t"
			}
			io.WriteString(tab, cell)
		}
		io.WriteString(tab, "\n")
	}
	tab.Flush()
	var clean strings.Builder
	for line := range strings.Lines(b.String()) {
		clean.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	if _, err := io.WriteString(w, clean.String()); err != nil {
		return failure{err}
	}
	return nil
}

// orDash is a text, or a mark that there is none.
func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
