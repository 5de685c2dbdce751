package fuzz

import (
	"fmt"
	"strings"

	"dualbank/boot"
	"dualbank/kvstore"
	"dualbank/model"
)

// Target is one body of the guided search, for the native engine and for go-fuzz alike: it takes any
// string of bytes as a run, performs it, and judges.
type Target struct {
	Name    string // of the native engine's target, and of go-fuzz's function
	Subject string // whose rules it judges by, as in Finding.Subject
	decode  func(*choices) input
	known   []knownDefect
}

// Targets are the bodies of the guided search.
var Targets = []Target{
	{"FuzzKV", "KVStore", func(c *choices) input { return decodeKV(c) }, kvKnown},
	{"FuzzSecure", "KVStore", func(c *choices) input { return decodeSecure(c) }, secureKnown},
	{"FuzzUpdate", "update", func(c *choices) input { return decodeUpdate(c) }, nil},
	{"FuzzLayout", "layout", func(c *choices) input { return decodeLayout(c) }, nil},
}

// TargetByName finds a target.
func TargetByName(name string) (*Target, error) {
	var names []string
	for i := range Targets {
		if Targets[i].Name == name {
			return &Targets[i], nil
		}
		names = append(names, Targets[i].Name)
	}
	return nil, fmt.Errorf("target %q is unknown: use %s", name, strings.Join(names, ", "))
}

// input is what a string of bytes means to a target.
type input interface {
	fmt.Stringer // the run, for people: a line for each step
	run(o *outcome) error
}

// Planted are defects of the past that the software under test shows.
type Planted struct {
	KV   kvstore.Defects `json:"kv,omitempty"`
	Boot boot.Defects    `json:"boot,omitempty"`
}

// outcome is what the run of an input led to.
type outcome struct {
	planted     Planted
	bad         []breach
	hit         []string // modes of the faults that hit
	ecc         bool     // the flash has ECC, and programs nothing twice
	interesting bool     // worth following: the run got somewhere
	guided      bool     // tell where the run got
	visits      []visit
	steps       int // done so far

	// For a replay: the flash as the software finds it before the violation of rule and symptom shows.
	keep    bool
	rule    int
	symptom string
	base    uint32
	image   []byte
}

// breach is a violation, and where in the run it shows.
type breach struct {
	Violation
	Place
}

// note takes over what a judge has found at a place.
func (o *outcome) note(bad []Violation, at Place) {
	for _, v := range bad {
		if !o.has(v.Rule, v.Symptom) {
			o.bad = append(o.bad, breach{v, at})
		}
	}
}

// has tells whether a violation was noted.
func (o *outcome) has(rule int, symptom string) bool {
	for i := range o.bad {
		if o.bad[i].Rule == rule && o.bad[i].Symptom == symptom {
			return true
		}
	}
	return false
}

// take keeps the image of the flash from base on, until the violation asked for has shown.
func (o *outcome) take(f *model.Flash, base, size uint32) {
	if o.keep && !o.has(o.rule, o.symptom) {
		o.base, o.image = base, make([]byte, size)
		f.Peek(base, o.image)
	}
}

// hits notes a fault that hit.
func (o *outcome) hits(m model.Mode) {
	o.interesting = true
	for _, s := range o.hit {
		if s == m.String() {
			return
		}
	}
	o.hit = append(o.hit, m.String())
}

// Run is the body: 1 for an input worth following, 0 for another. What the reference is known for is worth
// following too; with strict anything else that is broken is a panic, so that the engine keeps the
// input.
func (t *Target) Run(data []byte, strict bool) int {
	in := t.decode(&choices{data: data})
	var o outcome
	if err := in.run(&o); err != nil {
		panic(err)
	}
	if strict {
		for _, b := range t.news(&o) {
			panic(fmt.Sprintf("%s rule %d is broken: %s (%v): expected %s, seen %s\n%v", t.Subject, b.Rule, b.Symptom, b.Place, b.Expected, b.Seen, in))
		}
	}
	if o.interesting || len(o.bad) > 0 {
		return 1
	}
	return 0
}

// choices reads an input byte by byte: what a fuzzer chose. Behind its end there are zeros.
type choices struct {
	data   []byte
	at     int
	starts []int // where steps begin
}

func (c *choices) next() int {
	if c.at >= len(c.data) {
		return 0
	}
	c.at++
	return int(c.data[c.at-1])
}

// of is a choice of n.
func (c *choices) of(n int) int { return c.next() % n }

// more tells whether there is a step left, and that it begins here.
func (c *choices) more() bool {
	if c.at >= len(c.data) {
		return false
	}
	c.starts = append(c.starts, c.at)
	return true
}

// Fault is a power cut or an error of the device.
type Fault struct {
	Mode model.Mode // nil: none
	At   uint64     // steps that complete before it
}

// fault reads a fault of one of modes.
func (c *choices) fault(modes []model.Mode) Fault {
	f := Fault{Mode: modes[c.of(len(modes))]}
	if f.Mode != nil {
		f.At = uint64(c.next()) | uint64(c.of(8))<<8
	}
	return f
}

// recovery reads the faults of the boots after a fault: mostly none.
func (c *choices) recovery(modes []model.Mode) (then []Fault) {
	for n := c.of(8) - 5; n > 0; n-- {
		then = append(then, Fault{Mode: modes[c.of(len(modes))], At: uint64(c.next())})
	}
	return then
}

func (f Fault) cut(seed uint64) model.Cut {
	return model.Cut{Step: f.At, Mode: f.Mode, Seed: seed<<16 | f.At}
}

// tell writes the faults of a step behind it.
func tell(b *strings.Builder, f Fault, then []Fault) {
	if f.Mode != nil {
		fmt.Fprintf(b, "; %v after %d steps", f.Mode, f.At)
		for _, t := range then {
			fmt.Fprintf(b, ", in the boot after it %v after %d", t.Mode, t.At)
		}
	}
	b.WriteByte('\n')
}
