package export

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"dualbank/results"
)

// change is a value of a wire from a moment on.
type change struct {
	at    uint64 // ns
	wire  int
	value byte
}

// VCD writes the recordings of r as a value change dump (IEEE 1364): a scope for each, a wire of one bit for each track.
// The time scale is 1 ns; each recording begins at 0. An interval that is busy in part, as byte programming leaves it,
// is high as a whole.
func VCD(w io.Writer, r *results.Report) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "$version dualbank $end\n$timescale 1 ns $end\n")
	var changes []change
	wire := 0
	for _, rec := range recordings(r) {
		fmt.Fprintf(b, "$scope module %s $end\n", identifier(rec.name))
		used := map[string]bool{}
		for _, t := range rec.tracks {
			name := identifier(t.Name)
			for used[name] {
				name += "_"
			}
			used[name] = true
			fmt.Fprintf(b, "$var wire 1 %s %s $end\n", code(wire), name)
			changes = append(changes, edges(t, wire)...)
			wire++
		}
		fmt.Fprintf(b, "$upscope $end\n")
	}
	fmt.Fprintf(b, "$enddefinitions $end\n#0\n$dumpvars\n")
	for i := range wire {
		fmt.Fprintf(b, "0%s\n", code(i))
	}
	fmt.Fprintf(b, "$end\n")
	// A wire that falls and rises at the same moment stays high.
	slices.SortStableFunc(changes, func(x, y change) int {
		switch {
		case x.at != y.at && x.at < y.at, x.at == y.at && x.wire < y.wire:
			return -1
		case x.at != y.at || x.wire != y.wire:
			return 1
		}
		return int(x.value) - int(y.value)
	})
	now := uint64(0)
	for _, c := range changes {
		if c.at != now {
			now = c.at
			fmt.Fprintf(b, "#%d\n", now)
		}
		fmt.Fprintf(b, "%c%s\n", c.value, code(c.wire))
	}
	return b.Flush()
}

// edges are the changes of a track. Intervals that touch are one.
func edges(t results.Track, wire int) (out []change) {
	end := uint64(0)
	for _, s := range t.Spans {
		from, to := nanoseconds(s.Start), nanoseconds(s.End)
		if to <= from {
			to = from + 1 // what happened shows
		}
		if n := len(out); n > 0 && from <= end {
			end = max(end, to)
			out[n-1].at = end
			continue
		}
		out = append(out, change{from, wire, '1'}, change{to, wire, '0'})
		end = to
	}
	return out
}

func nanoseconds(s float64) uint64 { return uint64(math.Round(s * 1e9)) }

// identifier makes a name of letters, digits and underscores.
func identifier(s string) string {
	out := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			return c
		}
		return '_'
	}, s)
	if out == "" || out[0] >= '0' && out[0] <= '9' {
		return "_" + out
	}
	return out
}

// code is the short name of a wire, of printable characters.
func code(n int) string {
	s := string(rune('!' + n%94))
	for n /= 94; n > 0; n /= 94 {
		s += string(rune('!' + n%94))
	}
	return s
}
