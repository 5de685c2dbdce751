package explore

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"dualbank/model"
	"dualbank/results"
)

// Finding is a group of violations of one symptom at one place, with one case that shows it. It is what a
// file in findings/ holds.
type Finding struct {
	ID       string
	Subject  string // name of a Subject
	Symptom  Symptom
	Severity string // High, Medium or Low
	Place    Place
	Count    uint64   // cuts, or states judged, in this group
	Modes    []string // of the faults with which it shows; none: it needs no fault
	Devices  []string // on which it shows
	Expected string   // in the case, for people
	Seen     string   // likewise
	Case     Case
	Cause    string // what removes it: see package cause; "": it was not looked for
	Within   string // the remedy of the environment that removes it, too; "": none does
	Variants []Variant
	Chance   *Chance // of one whose case has cells that read differently from time to time; nil: it was not weighed
	Time     uint64  // nanoseconds of the steps whose cuts show it, over all modes; 0: not known
}

// Variant is a finding on one device, with faults of the same modes. Count adds up to the finding's.
type Variant struct {
	Device string
	Modes  []string
	Count  uint64
	Case   func() Case // one that shows it
	Time   uint64      // nanoseconds of the steps that are cut; 0: not known
}

// Equal reports whether two variants are the same, but for their cases, which follow from the sweep.
func (v Variant) Equal(o Variant) bool {
	return v.Device == o.Device && slices.Equal(v.Modes, o.Modes) && v.Count == o.Count
}

// NoCut is the mode of what needs no cut.
const NoCut = "none"

// Hit is one cut of a sweep. Mode is NoCut where none is needed.
type Hit struct {
	Op   int    `json:"op"`   // index of the operation that is cut
	Step uint64 `json:"step"` // steps of it that complete
	Mode string `json:"mode"`
	Seed uint64 `json:"seed"`
	// Device is on which device it was, where a sweep has several.
	Device string `json:"device,omitempty"`
}

// Groups collects violations by symptom and place.
type Groups struct {
	order []*group
	by    map[groupKey]*group
}

// groupKey is what the violations of a group have in common.
type groupKey struct {
	symptom Symptom
	place   Place
}

// group is the violations that are one finding.
type group struct {
	V     Violation `json:"violation"` // the first one
	Place Place     `json:"place"`
	Shown []shown   `json:"shown"` // by modes; the first is that of V
}

// shown is how often a group shows with faults of the same modes.
type shown struct {
	Modes []string `json:"modes,omitempty"`
	At    Hit      `json:"at"` // the first of them
	Count uint64   `json:"count"`
	Time  uint64   `json:"ns,omitempty"` // nanoseconds of the steps that are cut
}

// NewGroups is an empty collection.
func NewGroups() *Groups { return &Groups{by: map[groupKey]*group{}} }

// Add takes the violations in the order of steps: the first of a group is its case. modes are those of
// the faults behind it. It reports whether the cut is kept, as the first one of its group on this device in these modes.
func (g *Groups) Add(v Violation, place Place, at Hit, modes ...string) (kept bool) {
	return g.AddFor(0, v, place, at, modes...)
}

// AddFor is Add of a cut that stands for steps of so many nanoseconds.
func (g *Groups) AddFor(time uint64, v Violation, place Place, at Hit, modes ...string) (kept bool) {
	// Nearly all are like one before.
	if gr := g.by[groupKey{v.Symptom, place}]; gr != nil && slices.IsSorted(modes) {
		for i := range gr.Shown {
			if s := &gr.Shown[i]; slices.Equal(s.Modes, modes) && s.At.Device == at.Device {
				s.Count++
				s.Time += time
				return false
			}
		}
	}
	return g.merge(&group{V: v, Place: place, Shown: []shown{{Modes: slices.Sorted(slices.Values(modes)), At: at, Count: 1, Time: time}}})
}

// All are the violations, one for each group.
func (g *Groups) All() []Violation {
	var all []Violation
	for _, gr := range g.order {
		all = append(all, gr.V)
	}
	return all
}

// merge adds a group that was collected from later steps. It reports whether something of it is new.
func (g *Groups) merge(o *group) (fresh bool) {
	key := groupKey{o.V.Symptom, o.Place}
	gr := g.by[key]
	if gr == nil {
		c := *o
		c.Shown = slices.Clone(o.Shown)
		g.by[key] = &c
		g.order = append(g.order, &c)
		return true
	}
	for _, s := range o.Shown {
		i := slices.IndexFunc(gr.Shown, func(have shown) bool { return slices.Equal(have.Modes, s.Modes) && have.At.Device == s.At.Device })
		if i < 0 {
			gr.Shown, fresh = append(gr.Shown, s), true
			continue
		}
		gr.Shown[i].Count += s.Count
		gr.Shown[i].Time += s.Time
	}
	return fresh
}

// union adds what a does not have, and sorts.
func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
			slices.Sort(a)
		}
	}
	return a
}

// Findings are the groups, the gravest first. make is the case of a hit.
func (g *Groups) Findings(subject string, make func(at Hit) Case) []Finding {
	var out []Finding
	for _, gr := range g.order {
		f := Finding{
			Subject: subject, Symptom: gr.V.Symptom, Place: gr.Place,
			Expected: gr.V.Expected, Seen: gr.V.Seen, Case: make(gr.Shown[0].At),
		}
		device := f.Case.Device()
		for _, s := range gr.Shown {
			f.Variants = append(f.Variants, Variant{cmp.Or(s.At.Device, device), s.Modes, s.Count, func() Case { return make(s.At) }, s.Time})
		}
		f.Sum()
		out = append(out, f)
	}
	SortFindings(out)
	return out
}

// Sum makes count, modes, devices, severity and identity of the finding what its variants and its cause say.
func (f *Finding) Sum() {
	f.Count, f.Modes, f.Devices = 0, nil, nil
	f.Time = 0
	for _, v := range f.Variants {
		f.Time += v.Time
		f.Count += v.Count
		f.Modes = union(f.Modes, v.Modes)
		if !slices.Contains(f.Devices, v.Device) {
			f.Devices = append(f.Devices, v.Device)
		}
	}
	f.Severity = severity(f.Subject, f.Symptom, f.Modes)
	f.lower()
	f.ID = f.identity()
}

// identity names the finding: the same symptom at the same place of the same software, by the same
// cause, has the same name.
func (f *Finding) identity() string {
	s := &f.Symptom
	text := fmt.Sprintf("%d|%s|%s|%s|%s|%s|%s|%s", s.Rule, s.Kind, s.Op, s.When, s.Error, f.Place.Op, f.Place.Part, f.Case.Variant())
	if f.Cause != "" {
		text += "|" + f.Cause
	}
	sum := xxhash.Sum64String(text)
	return fmt.Sprintf("%s-rule%d-%08x", strings.ToLower(f.Subject), s.Rule, uint32(sum))
}

// SortFindings puts the gravest first, and keeps the order of equally grave ones.
func SortFindings(fs []Finding) {
	grave := []string{High, Medium, Low}
	slices.SortStableFunc(fs, func(a, b Finding) int {
		if d := slices.Index(grave, a.Severity) - slices.Index(grave, b.Severity); d != 0 {
			return d
		}
		return a.Symptom.Rule - b.Symptom.Rule
	})
}

// Merge adds the variants of another finding of the same identity.
func (f *Finding) Merge(o *Finding) {
	for _, v := range o.Variants {
		i := slices.IndexFunc(f.Variants, func(have Variant) bool { return have.Device == v.Device && slices.Equal(have.Modes, v.Modes) })
		if i < 0 {
			f.Variants = append(f.Variants, v)
			continue
		}
		f.Variants[i].Count += v.Count
		f.Variants[i].Time += v.Time
	}
	f.Sum()
}

// Chance is with how many seeds of its faults a case shows its symptom.
type Chance struct {
	Shows int `json:"shows"`
	Seeds int `json:"seeds"`
}

// String is the chance in words.
func (c *Chance) String() string { return fmt.Sprintf("%d of %d seeds", c.Shows, c.Seeds) }

// chanceSeeds is how many seeds Weigh tries beside that of the case.
const chanceSeeds = 40

// Weigh finds out with how many other seeds a case with weak cells shows its symptom: what they read as is left to
// chance. One that no other seed shows is not grave.
func (f *Finding) Weigh(env Env) {
	c, ok := f.Case.(Curable)
	if !ok || !slices.Contains(c.Modes(), model.Weak.String()) {
		return
	}
	f.Chance = &Chance{Shows: f.repeats(c, chanceSeeds, env), Seeds: chanceSeeds}
	f.lower()
}

// lower takes a finding that chance alone showed for less than grave.
func (f *Finding) lower() {
	if f.Chance != nil && f.Chance.Shows == 0 && f.Severity == High {
		f.Severity = Medium
	}
}

// repeats is with how many of so many other seeds the case c shows the symptom.
func (f *Finding) repeats(c Curable, seeds uint64, env Env) (shows int) {
	env.Want = &f.Symptom
	for n := range seeds {
		re, err := c.Again(n+1).Replay(io.Discard, env)
		if err == nil && slices.ContainsFunc(re.Bad, func(v Violation) bool { return v.Symptom == f.Symptom }) {
			shows++
		}
	}
	return shows
}

// Repeats reports whether another seed of the faults shows the symptom as well, or nothing in the case is left to
// chance.
func (f *Finding) Repeats() bool {
	c, ok := f.Case.(Curable)
	if !ok {
		return true
	}
	random := slices.ContainsFunc(c.Modes(), func(mode string) bool {
		return mode != model.Before.String() && mode != model.After.String() && mode != model.Fail.String()
	})
	return !random || f.repeats(c, 8, Env{}) > 0
}

// Record is the finding as a report shows it.
func (f *Finding) Record() results.Finding {
	where, at := f.Place.String(), " ("
	if len(f.Modes) > 0 {
		where += "; modes " + strings.Join(f.Modes, ", ")
		at = " (cut: "
	}
	if f.Chance != nil {
		where += "; shows with " + f.Chance.String()
	}
	return results.Finding{
		RuleText: ruleText(f.Subject, f.Symptom.Rule),
		ID:       f.ID, Rule: f.Symptom.Rule, Subject: f.Subject, Title: f.Symptom.String() + at + f.Place.String() + ")", Severity: f.Severity, Count: f.Count,
		Expected: f.Expected, Seen: f.Seen, Where: where, Cause: f.Cause,
	}
}

// Replay runs the finding's case from nothing and tells w what happens. broken says whether the rule is
// broken again, in the same way.
func (f *Finding) Replay(w io.Writer) (broken bool, err error) {
	_, broken, err = f.ReplayIn(w, Env{})
	return broken, err
}

// ReplayIn is Replay with what no file holds, and returns what the case led to as well. An error of w ends the
// telling, not the replay, and is returned.
func (f *Finding) ReplayIn(to io.Writer, env Env) (re *Replayed, broken bool, err error) {
	w := &teller{to: to}
	fmt.Fprintf(w, "finding  %s\nrule     %d of the rules for the %s: %s\n", f.ID, f.Symptom.Rule, f.Subject, ruleText(f.Subject, f.Symptom.Rule))
	env.Want = &f.Symptom
	re, err = f.Case.Replay(w, env)
	if err != nil {
		return nil, false, err
	}
	if len(re.Bad) == 0 {
		fmt.Fprintln(w, "outcome  no rule is broken")
	}
	for _, v := range re.Bad {
		fmt.Fprintf(w, "outcome  rule %d is broken: %s\n         expected %s\n         seen     %s\n", v.Symptom.Rule, v.Symptom, v.Expected, v.Seen)
		broken = broken || v.Symptom == f.Symptom
	}
	return re, broken, w.failed
}

// teller keeps the first error of the writer below, so that cases need not look at each.
type teller struct {
	to     io.Writer
	failed error
}

func (t *teller) Write(p []byte) (int, error) {
	if t.failed == nil {
		_, t.failed = t.to.Write(p)
	}
	return len(p), t.failed
}

// Needs reports whether the case shows its symptom with the defects that are planted in its software,
// and does not without.
func (f *Finding) Needs() bool {
	broken, err := f.Replay(io.Discard)
	if err != nil || !broken {
		return false // a case that does not replay proves nothing
	}
	clean := *f
	clean.Case = f.Case.Clean()
	broken, err = clean.Replay(io.Discard)
	return err == nil && !broken
}
