package layout

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with a configuration or with the layout that comes out of it.
type Problem struct {
	Warning bool   // it works, but not as one may expect
	File    string // "" if no file is to blame
	Line    int    // from 1; 0 if no place is to blame
	Column  int    // in bytes, from 1
	Key     string // as the file spells it; "" if none
	Text    string // what is wrong, with the addresses involved
	Remedy  string // what to do about it
}

// String is the problem on one line: file:line:column: key: text; remedy.
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
		}
		b.WriteString(": ")
	}
	if p.Warning {
		b.WriteString("warning: ")
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

// Problems is everything that was found, in the order of the files and then of the flash.
type Problems []Problem

// Errors are those that keep the layout from working.
func (ps Problems) Errors() Problems { return ps.only(false) }

// Warnings are those that do not.
func (ps Problems) Warnings() Problems { return ps.only(true) }

func (ps Problems) only(warning bool) (out Problems) {
	for _, p := range ps {
		if p.Warning == warning {
			out = append(out, p)
		}
	}
	return out
}

// Err is nil if there is no error among the problems, else all errors, one a line.
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
