package explore

import (
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"dualbank/fuzz/film"

	"dualbank/model"
)

// Target is one body of the guided search, for the native engine and for go-fuzz alike: it reads any
// string of bytes as a run, performs it, and judges.
type Target struct {
	Name    string // of the native engine's target, and of go-fuzz's function
	Subject string // whose rules it judges by, as in Finding.Subject
	Decode  func(*Choices) Input
}

// Input is a run that a target has read.
type Input interface {
	fmt.Stringer // the run, for people: a line for each step
	// Run performs the run. An error is of a run that cannot be performed.
	Run(o *Outcome) error
	// Case is the run as a case, on software with planted defects.
	Case(p Planted) Case
}

// Planted are defects of the past that the software under test shows: switches, by the package that has
// them.
type Planted map[string]uint64

// Outcome is what a run led to.
type Outcome struct {
	Planted     Planted
	Bad         []Breach
	Hit         []string // modes of the faults that hit
	Interesting bool     // worth following: the run got somewhere

	guided bool // note where the run got
	visits []visit
	steps  int // done so far

	Film *film.Camera // of a replay

	// For a replay: the flash as the software found it before the symptom showed.
	want  *Symptom
	base  uint32
	image []byte
}

// Breach is a violation, and where in the run it shows.
type Breach struct {
	Violation
	Place
}

// Replaying is the outcome of a replay that is to show a symptom; nil: any.
func Replaying(want *Symptom, p Planted) *Outcome { return &Outcome{Planted: p, want: want} }

// Note takes over what a judge has found at a place: each symptom once.
func (o *Outcome) Note(bad []Violation, at Place) {
	for _, v := range bad {
		if !o.has(v.Symptom) {
			o.Bad = append(o.Bad, Breach{v, at})
		}
	}
}

func (o *Outcome) has(s Symptom) bool {
	return slices.ContainsFunc(o.Bad, func(b Breach) bool { return b.Symptom == s })
}

// Take keeps the image of the flash from base on, until the symptom that is wanted has shown.
func (o *Outcome) Take(f *model.Flash, base, size uint32) {
	if o.want != nil && !o.has(*o.want) {
		o.base, o.image = base, make([]byte, size)
		f.Peek(base, o.image)
	}
}

// Hits notes a fault that hit.
func (o *Outcome) Hits(m model.Mode) {
	o.Interesting = true
	if !slices.Contains(o.Hit, m.String()) {
		o.Hit = append(o.Hit, m.String())
	}
}

// visit is a place that a run got to, after so many steps.
type visit struct {
	place uint64
	steps int
}

// Visit notes that a step brought the software to a place, told by small numbers.
func (o *Outcome) Visit(place ...uint64) {
	if !o.guided {
		return
	}
	h := uint64(len(place))
	for _, n := range place {
		h = (h ^ n) * 0x9E3779B97F4A7C15
		h ^= h >> 29
	}
	o.visits = append(o.visits, visit{h, o.steps})
}

// Step notes that a step of the run is over. It reports whether the search wants to know where it led.
func (o *Outcome) Step() (guided bool) {
	o.steps++
	return o.guided
}

// Number is a small number that tells texts apart, for a place.
func Number(s string) (n uint64) {
	for _, c := range []byte(s) {
		n = n*31 + uint64(c)
	}
	return n
}

// Replayed is the outcome as a case gives it.
func (o *Outcome) Replayed() *Replayed {
	re := &Replayed{Base: o.base, Image: o.image, Moves: true, Modes: o.Hit}
	for i := range o.Bad {
		re.Bad = append(re.Bad, o.Bad[i].Violation)
	}
	re.Where = func(v Violation) (Place, bool) {
		for i := range o.Bad {
			if o.Bad[i].Symptom == v.Symptom {
				return o.Bad[i].Place, true
			}
		}
		return Place{}, false
	}
	return re
}

// Examine performs a run. A panic is what it leads to.
func Examine(in Input, o *Outcome) (err error) {
	defer func() {
		if p := recover(); p != nil {
			v := Violation{Symptom: Symptom{Rule: RulePanic, Kind: kindPanic, Error: fmt.Sprint(p)}, Expected: "none", Seen: panicPlace(debug.Stack())}
			o.Note([]Violation{v}, Place{Op: "panic", Part: v.Seen})
		}
	}()
	return in.Run(o)
}

// ReplayInput runs an input again, on software with planted defects, and tells w the run behind a line that says what
// it is, the faults that hit, and where the symptom shows that env wants.
func ReplayInput(w io.Writer, what string, in Input, p Planted, env Env) (*Replayed, error) {
	o := Replaying(env.Want, p)
	o.Film = env.Film
	if err := Examine(in, o); err != nil {
		return nil, err
	}
	fmt.Fprintln(w, what)
	for line := range strings.Lines(in.String()) {
		fmt.Fprintf(w, "         %s", line)
	}
	if len(o.Hit) > 0 {
		fmt.Fprintf(w, "faults   that hit: %s\n", strings.Join(o.Hit, ", "))
	}
	for i := range o.Bad {
		if b := &o.Bad[i]; env.Want != nil && b.Symptom == *env.Want {
			fmt.Fprintf(w, "shows    in: %v\n", b.Place)
		}
	}
	return o.Replayed(), nil
}

// panicPlace is the function that panicked.
func panicPlace(stack []byte) string {
	_, after, _ := strings.Cut(string(stack), "panic(")
	for line := range strings.Lines(after) {
		if name, _, ok := strings.Cut(line, "("); ok && strings.HasPrefix(name, "dualbank/") {
			return strings.TrimSpace(line[:strings.LastIndex(line, "(")])
		}
	}
	return "an unknown place"
}

// Run is the body: 1 for an input worth following, 0 for another. What breaks a rule is worth following; if news says
// of it that it is no known cause, it is a panic, so that the engine keeps the input. nil: nothing is.
func (t *Target) Run(data []byte, news func(c Case, s Symptom) bool) int {
	in := t.Decode(NewChoices(data))
	var o Outcome
	if err := in.Run(&o); err != nil {
		panic(err)
	}
	for i := range o.Bad {
		if b := &o.Bad[i]; news != nil && news(in.Case(nil), b.Symptom) {
			panic(fmt.Sprintf("%s rule %d is broken: %v (%v): expected %s, seen %s\n%v", t.Subject, b.Symptom.Rule, b.Symptom, b.Place, b.Expected, b.Seen, in))
		}
	}
	if o.Interesting || len(o.Bad) > 0 {
		return 1
	}
	return 0
}

// longestInput bounds an input in bytes; engines keep theirs below 1 MiB.
const longestInput = 1 << 20

// Crashers makes findings of inputs, one for each symptom at a place.
func (t *Target) Crashers(inputs [][]byte, planted Planted) ([]Finding, error) {
	g := NewGroups()
	for i, data := range inputs {
		if len(data) > longestInput {
			return nil, fmt.Errorf("input %d has %d bytes: give one of at most %d", i, len(data), longestInput)
		}
		o := Outcome{Planted: planted}
		if err := Examine(t.Decode(NewChoices(data)), &o); err != nil {
			return nil, err
		}
		for _, b := range o.Bad {
			g.Add(b.Violation, b.Place, Hit{Op: i, Mode: NoCut}, o.Hit...)
		}
	}
	return g.Findings(t.Subject, func(at Hit) Case { return t.Decode(NewChoices(inputs[at.Op])).Case(planted) }), nil
}
