package explore

import (
	"cmp"
	"fmt"
	"strings"
)

// Symptom is how a broken rule shows, the same for equal causes. It is data: findings are grouped,
// named, weighed and recognised by it. The words for it are the subject's, and only String has them.
type Symptom struct {
	Rule  int    `json:"rule"`            // number in the subject's list of rules; RulePanic: a panic
	Kind  string `json:"kind"`            // key of Subject.Kinds
	Op    string `json:"op,omitempty"`    // the operation, region or field that it is about
	When  string `json:"when,omitempty"`  // keys of Subject.Moments, joined with "+": after what it shows
	Error string `json:"error,omitempty"` // name of the error that the software returned
}

// RulePanic is broken by software that panics, whatever it is judged by.
const RulePanic = 0

// kindPanic is the kind of a panic, for every subject.
const kindPanic = "panic"

// String says in plain words what is wrong.
func (s Symptom) String() string {
	text, ok := kinds[s.Kind]
	if !ok {
		text = s.Kind + " {op} {error}"
	}
	var when strings.Builder
	if s.When != "" {
		for m := range strings.SplitSeq(s.When, "+") {
			when.WriteString(moments[m])
		}
	}
	return strings.NewReplacer("{op}", word(s.Op), "{when}", when.String(), "{error}", s.Error).Replace(text)
}

// After is the symptom at a further moment.
func After(when, moment string) string {
	switch {
	case when == "":
		return moment
	case moment == "":
		return when
	}
	return when + "+" + moment
}

// Violation is one rule that a run broke.
type Violation struct {
	Symptom  Symptom `json:"symptom"`
	Expected string  `json:"expected"`         // in this very case, for people
	Seen     string  `json:"seen"`             // likewise
	Error    string  `json:"error,omitempty"`  // name of the error behind it, where the symptom does not have it
	Second   bool    `json:"second,omitempty"` // a second cut came in between: where the first one was does not matter
}

// Place is where in a run a violation shows, as far as it matters for the cause. Both are keys of
// Subject.Words, or stand for themselves.
type Place struct {
	Op   string `json:"op"`   // "set", "download", "install" ...
	Part string `json:"part"` // what the step changes
}

func (p Place) String() string { return word(p.Op) + ", " + word(p.Part) }

// PartWords says in words what the step changes.
func (p Place) PartWords() string { return word(p.Part) }

// Subject is a kind of software under test: its rules, and the words for what breaks them.
type Subject struct {
	Name     string            // "KVStore"
	Rules    []string          // the text of rule 1 and of those that follow
	Kinds    map[string]string // by Symptom.Kind: a sentence with {op}, {when} and {error}
	Moments  map[string]string // by part of Symptom.When
	Words    map[string]string // by Symptom.Op and the fields of Place; what is missing stands for itself
	Severity func(s Symptom, modes []string) string
	Remedies []Remedy // that cases of this subject know, the most specific ones first
}

var (
	subjects = map[string]*Subject{}
	kinds    = map[string]string{kindPanic: "a panic: {error}"}
	moments  = map[string]string{}
	words    = map[string]string{}
	remedies = map[string]*Remedy{}
)

// RegisterSubject adds a subject. It is called while packages are initialised.
func RegisterSubject(s *Subject) {
	subjects[s.Name] = s
	for i := range s.Remedies {
		remedies[s.Remedies[i].Name] = &s.Remedies[i]
	}
	for _, m := range []struct{ to, from map[string]string }{{kinds, s.Kinds}, {moments, s.Moments}, {words, s.Words}} {
		for key, text := range m.from {
			if old, ok := m.to[key]; ok && old != text {
				panic(fmt.Sprintf("explore: %q is registered as %q and as %q", key, old, text))
			}
			m.to[key] = text
		}
	}
}

// Remedy is a change that may make what a case shows vanish: of what the software runs on, or of the software. What
// it removes goes by its name.
type Remedy struct {
	Name        string // in kebab case
	Environment bool   // it changes what the software runs on, and nothing in the software
	What        string // what goes wrong without it, in a sentence
	Cure        string // what to change, in a sentence
	// For is the remedy of the environment that removes the same; the repair is the cause of nothing else. "": any.
	For string
}

// The remedies of the environment, which all subjects have.
const (
	WeakCells     = "weak-cells"     // torn cells in their place
	BrownOut      = "brown-out"      // nothing is programmed in the place of stray data
	ECCErrors     = "ecc-errors"     // torn cells in the place of units that cannot be read
	SlowDriver    = "slow-driver"    // another driver
	ShortWatchdog = "short-watchdog" // none
)

var environment = []Remedy{
	{Name: WeakCells, Environment: true, What: "Cells whose change was cut read differently from time to time.", Cure: "Use a part whose vendor excludes that, or a supply that lasts until a program or an erase is over."},
	{Name: BrownOut, Environment: true, What: "The processor goes on while the supply falls, and programs something else than it was to.", Cure: "Switch the brown-out reset on, at the level that the wait states are for."},
	{Name: ECCErrors, Environment: true, What: "A unit that was being programmed or erased cannot be read: its ECC reports an error.", Cure: "Use a part without ECC, or a supply that lasts until a program or an erase is over."},
	{Name: SlowDriver, Environment: true, What: "Mbed's flash driver takes too long, or leaves interrupts masked for too long.", Cure: "Use a driver with the widest access of the part that leaves interrupts enabled."},
	{Name: ShortWatchdog, Environment: true, What: "The watchdog does not wait as long as the software takes between two feeds.", Cure: "Give the watchdog a longer period than the longest erase of a sector, and feed it between two of them."},
	{Name: BlindDriver, Environment: true, What: "The driver takes the bank of an erase from the address, and the part takes the bank of the chip: while the banks are swapped, an erase of the slot erases the image that runs.", Cure: "Let the driver look at the bit that swaps the banks (FB_MODE, SWAP_BANK) before it chooses the bank of an erase. Until then copy images in place of swapping banks."},
	{Name: OptionWrite, Environment: true, What: "A cut while option bytes are written leaves values that do not fit their complements, and the part locks itself. No software can keep it from that.", Cure: "Write them only where the supply lasts until the write is over: look at the supply (PVD, battery) before a swap. Or copy images in place of swapping banks, or use a part that keeps the old option bytes, such as an STM32H7."},
}

// RemedyByName finds a remedy of the environment, or one that a subject has registered; nil: there are no words for it.
func RemedyByName(name string) *Remedy {
	for i := range environment {
		if environment[i].Name == name {
			return &environment[i]
		}
	}
	return remedies[name]
}

// specific is the place of a remedy among those of its subject; 0: it is of none.
func specific(name string) int {
	for _, s := range subjects {
		for i := range s.Remedies {
			if s.Remedies[i].Name == name {
				return i + 1
			}
		}
	}
	return 0
}

// MoreSpecific orders two repairs, the more specific one first, ties by name.
func MoreSpecific(a, b string) int {
	return cmp.Or(specific(a)-specific(b), strings.Compare(a, b))
}

// Consequence says in plain words what it means to the device, whenever and with whatever error it shows.
func (s Symptom) Consequence() string {
	text, ok := kinds[s.Kind]
	if !ok {
		text = s.Kind
	}
	text, _, _ = strings.Cut(text, ": {error}")
	return strings.NewReplacer("{op}", word(s.Op), "{when}", "", "{error}", "an error").Replace(text)
}

// word is the words for a key, or the key.
func word(key string) string {
	if w, ok := words[key]; ok {
		return w
	}
	return key
}

// ruleText is the text of a rule.
func ruleText(subject string, rule int) string {
	if rule == RulePanic {
		return "nothing makes it panic"
	}
	s := subjects[subject]
	if s == nil || rule < 1 || rule > len(s.Rules) {
		return "unknown"
	}
	return s.Rules[rule-1]
}

// The severities, the gravest first.
const (
	High   = "high"   // data or the device is lost
	Medium = "medium" // something has to be repeated
	Low    = "low"    // something shows that should not
)

func severity(subject string, s Symptom, modes []string) string {
	if of := subjects[subject]; of != nil && of.Severity != nil {
		return of.Severity(s, modes)
	}
	return High
}
