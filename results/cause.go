package results

import (
	"cmp"
	"slices"
)

// Cause is what removes the findings that it lists: a repair of the software, or another environment.
type Cause struct {
	Name         string        `json:"name"`
	Known        bool          `json:"known"` // false: nothing removes them
	Severity     string        `json:"severity"`
	What         string        `json:"what"`             // goes wrong, a sentence or two
	Cure         string        `json:"cure"`             // likewise
	Within       string        `json:"within,omitempty"` // name of what removes them in the environment, too
	Count        uint64        `json:"count"`            // cuts that show it
	Consequences []Consequence `json:"consequences"`     // the gravest first
	Findings     []string      `json:"findings"`         // IDs; the first one is the gravest
}

// Consequence is what a cause leads to.
type Consequence struct {
	Text     string `json:"text"` // plain words
	Severity string `json:"severity"`
	Count    uint64 `json:"count"` // cuts that show it
}

// Add adds a finding to the cause.
func (c *Cause) Add(id, severity, consequence string, count uint64) {
	c.Findings = append(c.Findings, id)
	c.Count += count
	if c.Severity == "" || Graver(severity, c.Severity, 0, 0) < 0 {
		c.Severity = severity
	}
	for i := range c.Consequences {
		if o := &c.Consequences[i]; o.Text == consequence && o.Severity == severity {
			o.Count += count
			return
		}
	}
	c.Consequences = append(c.Consequences, Consequence{consequence, severity, count})
}

// severities, the gravest first.
var severities = []string{"high", "medium", "low"}

// Graver orders by severity, the gravest first, and by count, the most first: below 0 if a comes first.
func Graver(a, b string, countA, countB uint64) int {
	return cmp.Or(slices.Index(severities, a)-slices.Index(severities, b), cmp.Compare(countB, countA))
}
