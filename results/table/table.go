// Package table holds tables of text, and lays them out for a terminal.
//
// A table goes through these steps:
//
//  1. Package page or package compare builds a Table: a caption, a row of headings, and rows of cells. Words
//     makes cells of plain text, Number cells that are aligned right.
//  2. Text lays it out for a terminal of a given width. All columns are as wide as their content, only the
//     last one is broken at spaces. A cell with line breaks or a note takes several lines.
//  3. The HTML page shows the same Table through its template. Code, Link, Severity and ID matter only there.
//
// Invariants:
//
//   - The first cell of a row is its heading.
//   - A word is never broken, so that a command can be copied. A line may then be longer than the width.
//   - No line ends in a space.
package table

import (
	"strings"
	"unicode/utf8"
)

// Table is a table for page and terminal. The first cell of each row is its heading.
type Table struct {
	ID      string // on the page
	Caption string
	Head    []Cell
	Rows    [][]Cell
}

// Cell is one cell: plain text, code, a link within the page, or a severity.
type Cell struct {
	Text     string
	Note     string // below the text
	Num      bool   // aligned right
	Code     bool
	Link     string
	Severity string
}

// lines returns the cell's lines on a terminal.
func (c Cell) lines() []string {
	if c.Note == "" {
		return strings.Split(c.Text, "\n")
	}
	return strings.Split(c.Text+"\n"+c.Note, "\n")
}

// Words returns cells of plain text.
func Words(ss ...string) []Cell {
	out := make([]Cell, len(ss))
	for i, s := range ss {
		out[i].Text = s
	}
	return out
}

// Number returns a cell that is aligned right.
func Number(s string) Cell { return Cell{Text: s, Num: true} }

// Text lays t out for a terminal of width columns: table columns as wide as their content, the last one broken
// at spaces, but at least 24 wide. A table without rows and head is "".
func (t Table) Text(width int) string {
	const gap = 2
	rows := t.Rows
	if len(t.Head) > 0 {
		rows = append([][]Cell{t.Head}, rows...)
	}
	if len(rows) == 0 {
		return ""
	}
	n := 0
	for _, r := range rows {
		n = max(n, len(r))
	}
	wide := make([]int, n)
	for _, r := range rows {
		for i, c := range r {
			for _, line := range c.lines() {
				wide[i] = max(wide[i], utf8.RuneCountInString(line))
			}
		}
	}
	used := 0
	for _, w := range wide[:n-1] {
		used += w + gap
	}
	wide[n-1] = min(wide[n-1], max(width-used, 24))

	var b strings.Builder
	if t.Caption != "" {
		b.WriteString(t.Caption + "\n")
	}
	for k, r := range rows {
		cells := make([][]string, n)
		height := 1
		for i, c := range r {
			cells[i] = c.lines()
			if i == n-1 {
				cells[i] = brokenAt(cells[i], wide[i])
			}
			height = max(height, len(cells[i]))
		}
		for y := range height {
			var line strings.Builder
			for i, c := range r {
				s := ""
				if y < len(cells[i]) {
					s = cells[i][y]
				}
				pad := strings.Repeat(" ", max(0, wide[i]-utf8.RuneCountInString(s)))
				if c.Num {
					s = pad + s
				} else {
					s += pad
				}
				line.WriteString(s + strings.Repeat(" ", gap))
			}
			b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
		}
		if k == 0 && len(t.Head) > 0 {
			var rule []string
			for _, w := range wide {
				rule = append(rule, strings.Repeat("-", w))
			}
			b.WriteString(strings.TrimRight(strings.Join(rule, strings.Repeat(" ", gap)), " ") + "\n")
		}
	}
	return b.String()
}

// brokenAt breaks lines at spaces to at most w columns. A longer word stays whole, so that a command can be
// copied.
func brokenAt(lines []string, w int) []string {
	var out []string
	for _, l := range lines {
		line := ""
		for _, word := range strings.Fields(l) {
			switch {
			case line == "":
				line = word
			case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > w:
				out = append(out, line)
				line = word
			default:
				line += " " + word
			}
		}
		out = append(out, line)
	}
	return out
}
