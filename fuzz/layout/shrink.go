package layout

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"dualbank/boot"
	"dualbank/fuzz/explore"
)

// Shrink offers cases with fewer lines, smaller numbers in them, and a simpler update.
func (c *Case) Shrink(try func(explore.Case) bool) {
	s := &shrinker{Shrinker: explore.Shrinker[*Case]{Now: c, Try: try, Copy: (*Case).clone}}
	for again := true; again; {
		again = s.update()
		again = s.lines() || again
		again = s.numbers() || again
	}
}

// shrinker makes a case smaller, step by step.
type shrinker struct{ explore.Shrinker[*Case] }

// update makes the update simpler.
func (s *shrinker) update() (smaller bool) {
	if client := boot.ClientNew.String(); s.Now.Client != client {
		smaller = s.With(func(c *Case) { c.Client = client })
	}
	for _, of := range []func(c *Case) *uint32{
		func(c *Case) *uint32 { return &c.Slot },
		func(c *Case) *uint32 { return &c.Size },
	} {
		now := *of(s.Now)
		for _, n := range []uint32{0, now / 2} {
			if n < now && s.With(func(c *Case) { *of(c) = n }) {
				smaller = true
				break
			}
		}
	}
	return smaller
}

// edit offers the case with a change of a file's lines.
func (s *shrinker) edit(file int, change func(lines []Line) []Line) bool {
	return s.With(func(c *Case) {
		c.forget()
		c.Files[file].Lines = change(slices.Clone(c.Files[file].Lines))
	})
}

// lines leaves out lines of the files.
func (s *shrinker) lines() (smaller bool) {
	for i := range s.Now.Files {
		smaller = explore.Shorten(len(s.Now.Files[i].Lines), func(from, to int) bool {
			return s.edit(i, func(l []Line) []Line { return slices.Delete(l, from, to) })
		}) || smaller
	}
	return smaller
}

// numeral is a number as configurations have it.
var numeral = regexp.MustCompile(`\b(0[xX][0-9A-Fa-f]+|[0-9]+)\b`)

// numbers makes the numbers in the files smaller.
func (s *shrinker) numbers() (smaller bool) {
	for i := range s.Now.Files {
		for k := range s.Now.Files[i].Lines {
			smaller = s.number(i, k) || smaller
		}
	}
	return smaller
}

// number makes the numbers in one line smaller.
func (s *shrinker) number(file, line int) (smaller bool) {
	for n := 0; ; n++ {
		text := string(s.Now.Files[file].Lines[line])
		at := numeral.FindAllStringIndex(text, -1)
		if n >= len(at) {
			return smaller
		}
		from, to := at[n][0], at[n][1]
		now, err := strconv.ParseUint(text[from:to], 0, 64)
		if err != nil {
			continue
		}
		format := "%d"
		if strings.HasPrefix(strings.ToLower(text[from:to]), "0x") {
			format = "0x%X"
		}
		for _, v := range []uint64{0, now / 2} {
			shorter := fmt.Sprintf(format, v)
			if v < now && s.edit(file, func(l []Line) []Line {
				l[line] = Line(text[:from] + shorter + text[to:])
				return l
			}) {
				smaller = true
				break
			}
		}
	}
}
