package fuzz

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"dualbank/results"
)

// Finding is a group of cuts that break the same rule in the same way at the same place, with one
// case that shows it. It is what a file in findings/ holds.
type Finding struct {
	ID       string        `json:"id"`
	Subject  string        `json:"subject"` // "KVStore", "update" or "layout"
	Rule     int           `json:"rule"`
	Severity string        `json:"severity"`
	Symptom  string        `json:"symptom"`
	Place    Place         `json:"place"`
	Count    uint64        `json:"count"`   // cuts of the sweep in this group
	Modes    []string      `json:"modes"`   // in which it shows
	Devices  []string      `json:"devices"` // on which it shows
	Expected string        `json:"expected"`
	Seen     string        `json:"seen"`
	KV       *KVCase       `json:"kv,omitempty"`
	Update   *UpdateCase   `json:"update,omitempty"`
	Life     *LifeCase     `json:"life,omitempty"`
	Input    *InputCase    `json:"input,omitempty"`
	Watchdog *WatchdogCase `json:"watchdog,omitempty"`
	Known    bool          `json:"known,omitempty"` // of an input: the guided search does not stop at it (docs/findings.md)
}

// Place is where in a run a cut hits, as far as it matters for the cause.
type Place struct {
	Op   string `json:"op"`   // "set", "set that collects garbage", "download", "install" ...
	Part string `json:"part"` // what the step changes: "erase of the standby area", "record header" ...
}

func (p Place) String() string { return p.Op + ", " + p.Part }

// noCut is the mode of a case that needs no cut.
const noCut = "none"

// CutCase is one cut. Mode is "none" where no cut is needed.
type CutCase struct {
	Op   int    `json:"op"`   // index of the operation that is cut
	Step uint64 `json:"step"` // steps of it that complete
	Mode string `json:"mode"`
	Seed uint64 `json:"seed"`
}

// groups collects violations: by rule, symptom and place.
type groups struct {
	order []*group
	by    map[string]*group
}

// group is the violations that are one finding.
type group struct {
	V     Violation `json:"violation"` // the first one
	Place Place     `json:"place"`
	At    CutCase   `json:"at"` // its cut
	Count uint64    `json:"count"`
	Modes []string  `json:"modes"`
}

func newGroups() *groups { return &groups{by: map[string]*group{}} }

// add takes the violations in the order of steps: the first of a group is its case.
func (g *groups) add(v Violation, place Place, at CutCase) {
	gr := &group{V: v, Place: place, At: at, Count: 1}
	if at.Mode != noCut {
		gr.Modes = []string{at.Mode}
	}
	g.merge(gr)
}

// groupKey is what the violations of a group have in common.
func groupKey(v Violation, at Place) string { return fmt.Sprint(v.Rule, "|", v.Symptom, "|", at) }

// merge adds a group that was collected from later steps.
func (g *groups) merge(o *group) {
	key := groupKey(o.V, o.Place)
	gr := g.by[key]
	if gr == nil {
		c := *o
		c.Modes = slices.Clone(o.Modes)
		g.by[key] = &c
		g.order = append(g.order, &c)
		return
	}
	gr.Count += o.Count
	for _, m := range o.Modes {
		if !slices.Contains(gr.Modes, m) {
			gr.Modes = append(gr.Modes, m)
			slices.Sort(gr.Modes)
		}
	}
}

// findings are the groups, the gravest first. describe fills in subject and case.
func (g *groups) findings(describe func(f *Finding, at CutCase)) []Finding {
	var out []Finding
	for _, gr := range g.order {
		f := Finding{
			Rule: gr.V.Rule, Symptom: gr.V.Symptom, Place: gr.Place, Count: gr.Count, Modes: gr.Modes,
			Expected: gr.V.Expected, Seen: gr.V.Seen,
		}
		describe(&f, gr.At)
		switch {
		case f.KV != nil:
			f.Devices = []string{f.KV.Device.String()}
		case f.Update != nil:
			f.Devices = []string{f.Update.Device.String()}
		case f.Life != nil:
			f.Devices = []string{f.Life.Device.String()}
		case f.Input != nil:
			f.Devices = []string{f.Input.Story[0]}
		case f.Watchdog != nil:
			f.Devices = []string{fmt.Sprintf("%v, driver %s, %s", &f.Watchdog.Device, f.Watchdog.Driver, f.Watchdog.Corner)}
		}
		f.Severity = severity(&f)
		f.ID = fmt.Sprintf("%s-rule%d-%08x", strings.ToLower(f.Subject), f.Rule,
			uint32(xxhash.Sum64String(fmt.Sprint(f.Rule, f.Symptom, f.Place, f.variant()))))
		out = append(out, f)
	}
	slices.SortStableFunc(out, graver)
	return out
}

// graver orders findings, the gravest first.
func graver(a, b Finding) int {
	grave := []string{"high", "medium", "low"}
	if d := slices.Index(grave, a.Severity) - slices.Index(grave, b.Severity); d != 0 {
		return d
	}
	return a.Rule - b.Rule
}

// variant is the profile or generation of the software that the finding is of.
func (f *Finding) variant() string {
	switch {
	case f.KV != nil:
		return f.KV.Profile
	case f.Update != nil:
		return f.Update.Client
	case f.Life != nil:
		return f.Life.Client
	case f.Input != nil:
		return f.Input.Target
	case f.Watchdog != nil:
		return f.Watchdog.Client + f.Watchdog.Profile
	}
	return ""
}

// severity says how bad a broken rule is in the field: data or the device lost is high, a write that
// has to be repeated is medium, a listing that shows too much is low.
func severity(f *Finding) string {
	if f.Subject == "KVStore" {
		switch {
		case f.Rule == RuleNoMore && len(f.Modes) == 0:
			return "low"
		case f.Rule == RuleNoMore, f.Rule == RuleWorks && strings.Contains(f.Symptom, "fails once"), f.Rule == RuleRegion && strings.Contains(f.Symptom, "not erased"):
			return "medium" // what a program that is refused leads to is a finding of its own
		}
	}
	return "high"
}

// Record is the finding as a report shows it.
func (f *Finding) Record() results.Finding {
	where, at := f.Place.String(), " ("
	if len(f.Modes) > 0 {
		where += "; modes " + strings.Join(f.Modes, ", ")
		at = " (cut: "
	}
	return results.Finding{
		ID: f.ID, Rule: f.Rule, Subject: f.Subject, Title: f.Symptom + at + f.Place.String() + ")", Severity: f.Severity, Count: f.Count,
		Expected: f.Expected, Seen: f.Seen, Where: where,
	}
}
