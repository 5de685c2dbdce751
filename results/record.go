// Package results defines the records of a run, and the files that keep them. It knows records and units. It
// knows no pictures, no stores and no bootloaders, so whatever makes records can import it cheaply.
//
// Records go through these steps:
//
//  1. Package bench (a run, a plan, update times) and package fuzz (CutMap, Finding) fill a Report. Times are
//     seconds of virtual time.
//  2. Check refuses what no run leaves: times that are not finite, intervals out of order, a unit with two
//     meanings. Its error is one line that names the record, as in "wear[3].erases".
//  3. Write leaves records.json, scenario.toml and bench.txt in a folder. bench.txt is in the Go benchmark
//     format, with a Unit line for each unit, so that benchstat reads it.
//  4. Read takes the records back from such a folder. Whatever else is in the folder is drawn from them.
//  5. The methods of the records (CutMap.Outcomes, SetLatency.Merge, UpdateTime.Total, Plan.Verdict) give the
//     figures that pictures, tables and pages share.
//
// The rooms of this folder: unit prints quantities, table lays out text tables, plot draws pictures, page
// writes the HTML report and the terminal's summary, compare compares two bench.txt. Imports run one way:
// unit and table, results, plot, page; compare needs results, table and unit.
//
// Invariants:
//
//   - The same Report gives the same bytes in every file.
//   - A file appears under its name whole or not at all (WriteFile).
//   - An error on bad input is one line with the file, the line where there is one, and what to do.
//   - records.json has a format number. A newer one is refused, an unknown field too.
package results

// Report is everything that one run leaves. It is stored as records.json beside bench.txt, so that
// the plots and the page can be made again from the folder alone. Times are in seconds of virtual
// time unless a name says otherwise; nothing in here depends on the host but what is named host.
type Report struct {
	Title    string       `json:"title"`
	Made     string       `json:"made,omitempty"` // by which program: "dualbank v1.2.3, sources 0123456789abcdef"
	Board    string       `json:"board"`          // in words: "NUCLEO-F429ZI, STM32F429ZI at 180 MHz, 3.3 V, driver mbed"
	Command  string       `json:"command"`        // the command that makes this report again
	Scenario string       `json:"scenario"`       // TOML, as run
	Config   []Setting    `json:"config"`         // configuration lines of bench.txt, in order
	Sources  []Source     `json:"sources"`        // the facts the model used, with their marks
	Facts    []Fact       `json:"facts"`          // the summary at the top, most important first
	Bench    []Benchmark  `json:"bench"`
	Wear     []SectorWear `json:"wear"`
	Sets     []SetLatency `json:"sets"`
	Timeline *Timeline    `json:"timeline,omitempty"`
	Updates  []UpdateTime `json:"updates"`
	Cuts     []CutMap     `json:"cuts"`
	Findings []Finding    `json:"findings"`
	Causes   []Cause      `json:"causes,omitempty"` // of the findings; unknown ones first

	Application []Application `json:"application,omitempty"`
	Collections []Collection  `json:"collections,omitempty"`
	Plan        *Plan         `json:"plan,omitempty"` // of capacity planning; such a report has no power cuts
}

// Setting is one configuration line of bench.txt, "key: value". The key starts with a lower-case
// letter and has no space, upper-case letter or colon. What differs from host to host or from run
// to run does not belong here: benchstat compares only results with equal settings.
type Setting struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Source is one fact of the model with where it comes from. Mark is the confidence: C, C2, M, R, D
// as in a part file, or A for an assumption.
type Source struct {
	Fact  string `json:"fact"`
	Value string `json:"value"`
	Mark  string `json:"mark"`
	From  string `json:"from"`
}

// Fact is one line of the summary: what, how much, and what it means for the reader.
type Fact struct {
	Question string `json:"question,omitempty"` // that it answers, if it is one of the few to begin with
	Name     string `json:"name"`
	Value    string `json:"value"`
	Note     string `json:"note"`
}

// LifeFact is the name of the fact that says how long the store lasts.
const LifeFact = "Life of the store"

// Benchmark is one line of benchfmt: the name without "Benchmark", and its metrics in the order
// they are printed.
type Benchmark struct {
	Name    string   `json:"name"`
	N       int      `json:"n"`
	Metrics []Metric `json:"metrics"`
}

// Metric is one value of a benchmark. Exact metrics come from virtual time and counts and are the
// same on every machine; the others are host time.
type Metric struct {
	Unit   string  `json:"unit"`
	Value  float64 `json:"value"`
	Exact  bool    `json:"exact"`
	Better string  `json:"better"` // "lower", "higher" or "" where there is no better
}

// SectorWear is the wear of one sector in address order over the whole flash, then of a store and of candidates on
// external flash.
type SectorWear struct {
	Addr      uint32 `json:"addr"`
	Size      uint32 `json:"size"`
	Bank      int    `json:"bank"`   // from 0
	Region    string `json:"region"` // "bootloader", "application", "KVStore", "candidate", "" if none; "external KVStore", "external candidate"
	Erases    uint32 `json:"erases"`
	Endurance uint32 `json:"endurance"`          // rated erases
	External  bool   `json:"external,omitempty"` // an erase unit of a device beside the microcontroller, at its address there
}

// SetLatency is the latency of sets in virtual seconds, one value a set, for one workload run; GC
// holds those that collected garbage, Plain the others. Both sorted ascending.
type SetLatency struct {
	Name  string    `json:"name"` // "driver mbed"
	Plain []float64 `json:"plain"`
	GC    []float64 `json:"gc"`
}

// Timeline is one update over time: its phases, and for each track ("bank 1 busy", "bank 2 busy", "CPU
// stalled", "interrupts masked") the intervals in which that holds. Times are virtual seconds, sorted.
type Timeline struct {
	Title  string  `json:"title"`
	Phases []Span  `json:"phases"`
	Tracks []Track `json:"tracks"`
}

// Track is one row of a time line.
type Track struct {
	Name  string `json:"name"`
	Spans []Span `json:"spans"`
}

// Span is an interval of virtual time in seconds. Share is the part of it that is busy, from 0 to 1: less
// than 1 where byte programming leaves gaps.
type Span struct {
	Name  string  `json:"name,omitempty"`
	Start float64 `json:"start"`
	End   float64 `json:"end"`
	Share float64 `json:"share"`
}

// UpdateTime is the duration of one update by phase, in order, in virtual seconds.
type UpdateTime struct {
	Name   string  `json:"name"` // "driver mbed"
	Size   uint32  `json:"size"` // bytes of firmware
	Phases []Phase `json:"phases"`
}

// Phase is one phase of an update.
type Phase struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
	Stall   float64 `json:"stall"`          // seconds in which the application's code could not be fetched
	Masked  float64 `json:"masked"`         // seconds in which interrupts were masked
	Down    bool    `json:"down,omitempty"` // the application does not run in it
}

// Application is what one workload costs the application, for one flash driver and one place of the code.
// Times are virtual seconds.
type Application struct {
	Name          string             `json:"name"`  // "driver mbed"
	Hours         float64            `json:"hours"` // of virtual time that the workload ran
	Stall         float64            `json:"stall"` // the application's code could not be fetched
	LongestStall  float64            `json:"longest_stall"`
	Masked        float64            `json:"masked"` // interrupts were masked
	LongestMasked float64            `json:"longest_masked"`
	Resets        uint64             `json:"resets"` // by the watchdog
	Interrupts    []InterruptLatency `json:"interrupts"`
}

// InterruptLatency is the time from a periodic interrupt's activation to its handler. Times are virtual
// seconds.
type InterruptLatency struct {
	Name        string         `json:"name"`
	Period      float64        `json:"period"`
	Deadline    float64        `json:"deadline"` // 0: none
	Activations uint64         `json:"activations"`
	Late        uint64         `json:"late"` // served after the deadline
	Lost        uint64         `json:"lost"` // came before the previous one was served, so that one call was missed
	Worst       float64        `json:"worst"`
	Points      []LatencyPoint `json:"points"` // rising; the last one has all activations
}

// LatencyPoint says that so many activations waited for Seconds at most.
type LatencyPoint struct {
	Seconds float64 `json:"seconds"`
	Within  uint64  `json:"within"`
}

// Collection is one set that collects garbage, over time: for each track ("bank 1 busy", "CPU running",
// "CPU stalled", "interrupts masked") the intervals in which that holds, and the activations of interrupts
// that had to wait. Times are virtual seconds from the start of the set.
type Collection struct {
	Name       string            `json:"name"` // "driver mbed"
	End        float64           `json:"end"`
	Tracks     []Track           `json:"tracks"`
	Interrupts []InterruptDelays `json:"interrupts"`
}

// InterruptDelays are the activations of an interrupt that had to wait; the others were served after
// Usual seconds.
type InterruptDelays struct {
	Name     string  `json:"name"`
	Period   float64 `json:"period"`
	Deadline float64 `json:"deadline"` // 0: none
	Usual    float64 `json:"usual"`
	Delays   []Delay `json:"delays"` // in order
}

// Delay is Count activations, from First on, one a period, that were all served at Until.
type Delay struct {
	First float64 `json:"first"`
	Count uint64  `json:"count"`
	Until float64 `json:"until"`
}

// CutMap is the outcome of one sweep of power cuts, by mode and step. Rows[i].Outcome is run-length
// coded: Runs of equal outcomes over consecutive explored steps.
type CutMap struct {
	Subject  string   `json:"subject,omitempty"` // "KVStore" or "update"
	Name     string   `json:"name"`              // "KVStore workload, MbedCE"
	Steps    uint64   `json:"steps"`             // steps of the recorded run
	Explored uint64   `json:"explored"`          // cuts judged, over all modes
	Sampling string   `json:"sampling"`          // "every step" or how steps were chosen
	Marks    []Span   `json:"marks"`             // operations worth naming below the map, in steps (GC 1, GC 2 ...)
	Rows     []CutRow `json:"rows"`
}

// CutRow is one mode of a sweep.
type CutRow struct {
	Mode string   `json:"mode"`
	Runs []CutRun `json:"runs"`
}

// CutRun is the outcome of the cuts from step First to step Last: "ok", or what broke a rule.
// Rule 0 is ok. Cuts is how many cuts of the run were judged; 0 means one at every step from First to Last.
type CutRun struct {
	First   uint64 `json:"first"`
	Last    uint64 `json:"last"`
	Cuts    uint64 `json:"cuts,omitempty"`
	Rule    int    `json:"rule"`
	Outcome string `json:"outcome"`
	Time    uint64 `json:"ns,omitempty"` // nanoseconds that the steps take for which the cuts of the run stand; 0: not known
}

// Finding is one group of equal findings.
type Finding struct {
	ID       string `json:"id"`                  // file name in findings/ without its extension
	Rule     int    `json:"rule"`                // number of the broken rule of the subject
	RuleText string `json:"rule_text,omitempty"` // in words
	Subject  string `json:"subject"`             // "KVStore" or "update"
	Title    string `json:"title"`               // plain words, one line
	Severity string `json:"severity"`            // "high", "medium", "low"
	Count    uint64 `json:"count"`               // cuts that show it
	Expected string `json:"expected"`
	Seen     string `json:"seen"`
	Where    string `json:"where"` // operation and step

	Share   float64 `json:"share,omitempty"` // of the time that the flash works in the sweep, in which a cut shows it; 0: not known
	Cause   string  `json:"cause,omitempty"` // name of a Cause; "": none was looked for
	Command string  `json:"command"`         // replays it
	Film    *Film   `json:"film,omitempty"`
}
