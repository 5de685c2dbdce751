// Package table lays out tables of text for a terminal; package page shows the same ones in HTML.
package table

import (
	"strings"
	"unicode/utf8"
)

// Table is a table for the page or the terminal; the first cell of each row is its heading.
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

// lines are the cell's lines on a terminal.
func (c Cell) lines() []string {
	if c.Note == "" {
		return strings.Split(c.Text, "\n")
	}
	return strings.Split(c.Text+"\n"+c.Note, "\n")
}

// Words are cells of plain text.
func Words(ss ...string) []Cell {
	out := make([]Cell, len(ss))
	for i, s := range ss {
		out[i].Text = s
	}
	return out
}

// Number is a cell that is aligned right.
func Number(s string) Cell { return Cell{Text: s, Num: true} }

// Text renders t for a terminal of the given width: columns as wide as their content, the last one
// broken at spaces where the width ends. A cell may have several lines.
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

// brokenAt breaks lines at spaces to at most w columns; a longer word stays whole, so that a command
// can be copied.
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
