package results

import (
	"fmt"
	"strings"

	"dualbank/results/unit"
)

// Plan is the outcome of capacity planning: which of several stores meets the wishes. Times are in seconds
// of virtual time, unless they are in years.
type Plan struct {
	Demand     string          `json:"demand"` // in words: "40 keys of 16 to 600 bytes, 500 sets a day"
	Wishes     string          `json:"wishes"` // in words: "10 years, firmware of 400 KiB"
	Years      float64         `json:"years"`  // wished
	Law        string          `json:"law"`    // title of the wear law that lives were drawn by; "" if none were
	Drawn      uint32          `json:"drawn"`  // devices
	Candidates []PlanCandidate `json:"candidates"`
	Assumed    []string        `json:"assumed,omitempty"` // what of demand and wishes is a default: "years", "updates_per_year", "firmware", "keys", "sets_per_day"
	Best       int             `json:"best"`              // index of the smallest candidate that meets the wishes; -1 if none does
	Shown      int             `json:"shown"`             // index of Best, or of the candidate that comes closest
	Drop       []PlanDrop      `json:"drop,omitempty"`    // if none meets the wishes: fewest of them without which one does
	Live       []PlanLive      `json:"live"`              // of candidate Shown, by how much it holds
}

// PlanCandidate is one store.
type PlanCandidate struct {
	Name    string   `json:"name"`    // "128 KiB at the start of the upper half"
	Place   string   `json:"place"`   // "start", "end", "lower", "external", or the layout's name
	Start   uint32   `json:"start"`   // address
	Bytes   uint32   `json:"bytes"`   // of the whole store
	Sectors string   `json:"sectors"` // "4 x 16 KiB + 1 x 64 KiB"
	Unmet   []string `json:"unmet"`   // wishes that it does not meet; empty if it meets all
	Ran     bool     `json:"ran"`     // it was simulated: it holds the demand

	Simulated uint64  `json:"simulated"` // sets and removes
	Rounds    int     `json:"rounds"`    // rounds through both areas that were measured
	Uncertain float64 `json:"uncertain"` // percent: standard error of Years and of the figures by the day
	Years     float64 `json:"years"`     // until the first sector reaches its rated erases; 0: never, or the rating is unknown
	Sector    uint32  `json:"sector"`    // address of that sector
	External  bool    `json:"external"`  // it is on a device beside the microcontroller
	Rated     uint32  `json:"rated"`     // rated erases of that sector
	P1        float64 `json:"p1"`        // years until the first sector has failed in 1 % of the devices; 0 if lives were not drawn
	P50       float64 `json:"p50"`       // in half of them
	GCPerDay  float64 `json:"gcPerDay"`

	P50Set  float64 `json:"p50Set"` // of all sets, with garbage collection and without
	P99Set  float64 `json:"p99Set"`
	P999Set float64 `json:"p999Set"`
	Worst   float64 `json:"worst"`

	PlainP50   float64 `json:"plainP50"` // of sets without garbage collection
	PlainP99   float64 `json:"plainP99"`
	PlainP999  float64 `json:"plainP999"`
	PlainWorst float64 `json:"plainWorst"`
	GCP50      float64 `json:"gcP50"` // of sets with it
	GCP99      float64 `json:"gcP99"`
	GCP999     float64 `json:"gcP999"`
	GCWorst    float64 `json:"gcWorst"`

	Busy          float64 `json:"busy"`   // seconds of a day that sets take
	Stall         float64 `json:"stall"`  // seconds of a day in which the application's code could not be fetched
	Masked        float64 `json:"masked"` // seconds of a day in which interrupts were masked
	LongestMasked float64 `json:"longestMasked"`

	EndErases   float64 `json:"endErases,omitempty"`   // of the store's most erased sector when the wished years are over; 0: not known
	Retention   string  `json:"retention,omitempty"`   // what the vendor promises of its data then at the wished temperature; empty: not asked for, or the store is external
	RetentionIs string  `json:"retentionIs,omitempty"` // "promised", "not promised", or "unknown" of a part without figures

	Energy       float64 `json:"energy,omitempty"`       // joule of a day that the flash draws for sets; 0: not known
	CoreEnergy   float64 `json:"coreEnergy,omitempty"`   // and the core that waits for it; 0: not known
	UpdateEnergy float64 `json:"updateEnergy,omitempty"` // joule of an update, flash and waiting core; 0: not known, or the firmware does not fit
	Battery      float64 `json:"battery,omitempty"`      // percent of the battery in a year, sets and updates; 0: not known, or there is none

	Live      float64 `json:"live"`      // bytes of live records, mean
	Fill      float64 `json:"fill"`      // share of an area that they take
	WorstFill float64 `json:"worstFill"` // share with each value at its longest and room for one more record; above 1 the store can run full
	OpenLeast float64 `json:"openLeast"` // seconds of opening the store right after a garbage collection
	OpenMost  float64 `json:"openMost"`  // and right before one
	Ready     float64 `json:"ready"`     // seconds from a reset to the application with its store open
	Table     uint32  `json:"table"`     // bytes of RAM that the key table takes
	TablePeak uint32  `json:"tablePeak"` // bytes of RAM while the table grows

	Image       uint32  `json:"image"`       // bytes of the largest firmware that can be updated to
	Update      float64 `json:"update"`      // seconds of one update; 0 if the firmware does not fit
	UpdateDown  float64 `json:"updateDown"`  // seconds of an update in which the application does not run
	UpdateStall float64 `json:"updateStall"` // seconds of an update in which its code could not be fetched
}

// PlanDrop is wishes without which a store meets the rest.
type PlanDrop struct {
	Wishes    []string `json:"wishes"`    // in words
	Candidate int      `json:"candidate"` // index of the store
	Text      string   `json:"text"`      // how far it meets them
}

// PlanLive is the time of sets in a store with Bytes of live records.
type PlanLive struct {
	Bytes float64 `json:"bytes"` // of live records, mean
	P50   float64 `json:"p50"`
	P99   float64 `json:"p99"`
	GC    float64 `json:"gc"` // median of sets with garbage collection
	Worst float64 `json:"worst"`
	Keys  int     `json:"keys"` // that make up the live records
	Open  float64 `json:"open"` // seconds of opening the store right before a garbage collection
}

// Meets reports whether the candidate was simulated and satisfies every wish.
func (c *PlanCandidate) Meets() bool { return c.Ran && len(c.Unmet) == 0 }

// Verdict returns the plan in one line, with its severity: "good", or "high" if no candidate meets the
// wishes.
func (p *Plan) Verdict() (text, severity string) {
	if p.Best < 0 {
		text = fmt.Sprintf("No store that was tried meets the wishes: %s", p.Wishes)
		if p.Shown >= 0 && p.Shown < len(p.Candidates) && p.Candidates[p.Shown].Ran && len(p.Candidates[p.Shown].Unmet) > 0 {
			c := &p.Candidates[p.Shown]
			text += fmt.Sprintf(". The closest is %s: %s", c.Name, strings.Join(c.Unmet, "; "))
		}
		return text, "high"
	}
	c := &p.Candidates[p.Best]
	if c.Years == 0 {
		return fmt.Sprintf("Smallest store that meets the wishes: %s", c.Name), "good"
	}
	return fmt.Sprintf("Smallest store that meets the wishes: %s, which lasts %s", c.Name, unit.Years(c.Years)), "good"
}
