package part

import (
	"fmt"
	"math"
	"strings"

	"dualbank/model/random"
)

// WearLaw is how sectors age: how the time of an erase grows, when a sector fails, and how. Its data
// file is in wear/. Without one, sectors only count their erases.
type WearLaw struct {
	Name   string      `toml:"name"`
	Title  string      `toml:"title"`
	Life   LifeFact    `toml:"life"`
	Shape  NumberFact  `toml:"shape"` // of the Weibull distribution of lives
	Stuck  PercentFact `toml:"stuck"` // share of its life past its end that a sector needs for one more stuck bit
	Growth []Growth    `toml:"growth"`
}

// LifeFact is a life as a multiple of the rated erases, with its source.
type LifeFact struct {
	Times float64 `toml:"times"`
	Source
}

// NumberFact is a number with its source.
type NumberFact struct {
	Value float64 `toml:"value"`
	Source
}

// PercentFact is a share in percent with its source.
type PercentFact struct {
	Percent float64 `toml:"percent"`
	Source
}

// Growth says that the typical time of an erase has grown by Factor after Erases erases of a sector.
// Between two of them it grows evenly. It never grows beyond the part's maximum, which holds for a sector at the
// end of its rated life; where a vendor publishes maxima for more erases than that, the maximum grows by Max.
type Growth struct {
	Erases uint32  `toml:"erases"`
	Factor float64 `toml:"factor"`
	Max    float64 `toml:"max_factor"` // that the part's maximum has grown by; 0: it has not
	Source
}

func (f LifeFact) value() string    { return fmt.Sprintf("%v times the rating", f.Times) }
func (f NumberFact) value() string  { return fmt.Sprint(f.Value) }
func (f PercentFact) value() string { return fmt.Sprintf("%v %% of its life", f.Percent) }
func (g Growth) value() string      { return fmt.Sprintf("%v times", g.Factor) }
func (g Growth) label() string      { return fmt.Sprintf("after %d erases", g.Erases) }

// Check finds what cannot be true of any law. The error names the key.
func (l *WearLaw) Check() error {
	if l.Name == "" || strings.ContainsAny(l.Name, "/\\ \t\n") {
		return badKey("name", "%q is no name: give the law one without blanks or slashes", l.Name)
	}
	if t := l.Life.Times; !(t > 0 && t <= 1000) {
		return badKey("life.times", "%v is no multiple of the rating: give more than 0, up to 1000", t)
	}
	if s := l.Shape.Value; !(s >= 0.1 && s <= 100) {
		return badKey("shape.value", "%v is no shape of a Weibull distribution: give 0.1 to 100", s)
	}
	if p := l.Stuck.Percent; !(p >= 0.001 && p <= 1000) {
		return badKey("stuck.percent", "%v is no share of a life: give 0.001 to 1000 percent", p)
	}
	for i, g := range l.Growth {
		key := fmt.Sprintf("growth[%d]", i)
		if !(g.Factor >= 1 && g.Factor <= 1000) {
			return badKey(key+".factor", "%v is no growth: give 1 to 1000", g.Factor)
		}
		if !(g.Max == 0 || g.Max >= 1 && g.Max <= 1000) {
			return badKey(key+".max_factor", "%v is no growth: give 1 to 1000", g.Max)
		}
		if i > 0 && (g.Erases <= l.Growth[i-1].Erases || g.Factor < l.Growth[i-1].Factor) {
			return badKey(key, "erases and factors must rise from one [[growth]] to the next")
		}
	}
	return checkMarks(l)
}

// Factor is the growth of the typical time after erases in 1/1024.
func (l *WearLaw) Factor(erases uint32) uint64 {
	return l.grown(erases, func(g *Growth) float64 { return g.Factor })
}

// MaxFactor is the growth of the maximum time after erases in 1/1024.
func (l *WearLaw) MaxFactor(erases uint32) uint64 {
	return l.grown(erases, func(g *Growth) float64 { return max(g.Max, 1) })
}

// grown is a factor after erases in 1/1024, between two points evenly.
func (l *WearLaw) grown(erases uint32, factor func(*Growth) float64) uint64 {
	last, at := 1.0, uint32(0)
	for i := range l.Growth {
		g := &l.Growth[i]
		if erases < g.Erases {
			share := float64(erases-at) / float64(g.Erases-at)
			return uint64(float64((last+float64(share*(factor(g)-last)))*1024) + 0.5)
		}
		last, at = factor(g), g.Erases
	}
	return uint64(float64(last*1024) + 0.5)
}

// Draw draws after how many erases a sector of a part with that rating fails, at least 1. The median of the
// draws is Life times the rating.
func (l *WearLaw) Draw(rated uint32, r *random.Source) uint32 {
	u := 1 - r.Float64() // (0, 1]
	x := float64(rated) * l.Life.Times * math.Pow(-math.Log(u)/math.Ln2, 1/l.Shape.Value)
	return uint32(max(1, min(math.Round(x), math.MaxUint32)))
}

// StuckBits is the number of stuck bits in a sector with a life after erases, of which it has bits.
func (l *WearLaw) StuckBits(life, erases uint32, bits uint64) uint64 {
	if erases <= life {
		return 0
	}
	step := max(float64(life)*l.Stuck.Percent/100, 1)
	return min(1+uint64(float64(erases-life-1)/step), bits/8)
}
