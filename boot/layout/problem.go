package layout

import (
	"fmt"
	"strings"
)

// Problem is one finding about a configuration or the layout computed from it.
type Problem struct {
	Warning bool   // the layout works, but not as expected
	Note    bool   // for information: nothing is wrong
	File    string // "" if it concerns no single file
	Line    int    // from 1; 0 without a place in the file
	Column  int    // in bytes, from 1
	Key     string // as the file spells it; "" if none
	Text    string // what is wrong, with the addresses involved
	Remedy  string // what to do about it
}

// String returns the problem on one line: file:line:column: key: text; remedy.
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
		}
		b.WriteString(": ")
	}
	switch {
	case p.Warning:
		b.WriteString("warning: ")
	case p.Note:
		b.WriteString("note: ")
	}
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Text)
	if p.Remedy != "" {
		b.WriteString("; " + p.Remedy)
	}
	return b.String()
}

// Problems are all findings, in the order of the files and then of the flash.
type Problems []Problem

// Errors returns those that keep the layout from working.
func (ps Problems) Errors() Problems {
	return ps.only(func(p *Problem) bool { return !p.Warning && !p.Note })
}

// Warnings returns those with which the layout works, but not as expected.
func (ps Problems) Warnings() Problems { return ps.only(func(p *Problem) bool { return p.Warning }) }

// Notes returns those that only inform.
func (ps Problems) Notes() Problems { return ps.only(func(p *Problem) bool { return p.Note }) }

func (ps Problems) only(want func(*Problem) bool) (out Problems) {
	for _, p := range ps {
		if want(&p) {
			out = append(out, p)
		}
	}
	return out
}

// Err returns nil if no problem is an error, else all errors, one on each line.
func (ps Problems) Err() error {
	if e := ps.Errors(); len(e) > 0 {
		return e
	}
	return nil
}

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}
