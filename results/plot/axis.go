package plot

import (
	"math"
	"strings"

	"gonum.org/v1/plot/vg"

	"dualbank/results/unit"
)

// tick is a labelled value on an axis.
type tick struct {
	value float64
	label string
}

// shortest is the shortest time that a picture has a scale for, in seconds. Shorter ones are drawn as 0.
const shortest = 1e-12

// timeTicks returns ticks from 0 to at most hi seconds, at most n after the first, at steps of a clock, all
// in one unit.
func timeTicks(hi float64, n int) []tick {
	if hi < shortest {
		return []tick{{0, "0"}}
	}
	step := clockStep(hi / float64(max(n, 1)))
	for part := 2.0; step > hi; part++ {
		step = clockStep(hi / part) // one tick too many is better than none
	}
	scale, name := 1.0, "s"
	switch {
	case step >= 86400:
		scale, name = 86400, "d"
	case step >= 3600:
		scale, name = 3600, "h"
	case step >= 60:
		scale, name = 60, "min"
	case step < 0.9e-6:
		scale, name = 1e-9, "ns"
	case step < 0.9e-3:
		scale, name = 1e-6, "µs"
	case step < 0.9:
		scale, name = 1e-3, "ms"
	}
	var out []tick
	for i := 0; float64(i)*step <= hi*(1+1e-9); i++ {
		v := float64(i) * step
		if i == 0 {
			out = append(out, tick{0, "0"})
			continue
		}
		out = append(out, tick{v, unit.Digits(v/scale, 4) + " " + name})
	}
	return out
}

// clockStep returns the smallest step of at least v seconds: 1, 2 or 5 times a power of ten up to ten seconds,
// then parts of a minute, an hour and a day.
func clockStep(v float64) float64 {
	if v > 10 {
		for _, s := range []float64{15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400} {
			if s >= v {
				return s
			}
		}
		return 86400 * decimalStep(v/86400)
	}
	return decimalStep(v)
}

// decimalStep returns the smallest of 1, 2 and 5 times a power of ten that is at least v.
func decimalStep(v float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*p >= v*(1-1e-9) {
			return m * p
		}
	}
	return 10 * p
}

// countTicks returns ticks for whole numbers from 0 to hi, at most n after the first.
func countTicks(hi uint64, n int) []tick {
	if hi == 0 {
		return []tick{{0, "0"}}
	}
	step := max(1, uint64(math.Round(decimalStep(float64(hi)/float64(max(n, 1))))))
	var out []tick
	for v := uint64(0); v <= hi; v += step {
		out = append(out, tick{float64(v), unit.Count(v)})
		if v > math.MaxUint64-step {
			break
		}
	}
	return out
}

// underneath writes the labels of ticks below y, with a short mark at each; at returns the x of a value. A
// label that would run out of the picture is moved, one that would touch the previous label is left out.
func (p pen) underneath(y vg.Length, ticks []tick, at func(v float64) vg.Length) {
	st := lettering(smallSize, false, muted)
	end := vg.Length(-1e9)
	for _, t := range ticks {
		x := at(t.value)
		wide := st.Width(t.label)
		lx := min(max(x-wide/2, 0), p.w-wide)
		if lx < end+8 || wide > p.w {
			continue
		}
		p.line(x, y, x, y+4, 1, muted)
		p.text(lx, y+16, left, st, t.label)
		end = lx + wide
	}
}

// byteTicks returns ticks from 0 to hi bytes at multiples of a power of two, at most n after the first.
func byteTicks(hi float64, n int) []tick {
	step := 1.0
	for step*float64(n) < hi {
		step *= 2
	}
	var out []tick
	for v := 0.0; v <= hi; v += step {
		label := "0"
		if v > 0 {
			label = strings.ReplaceAll(unit.Size(v), ".0 ", " ")
		}
		out = append(out, tick{v, label})
	}
	return out
}
