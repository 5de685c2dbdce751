package bench

import (
	"fmt"
	"slices"
	"time"

	"dualbank/internal/input"
	"dualbank/kvstore"
	"dualbank/model"
)

// Plan is the [plan] section: how long a device must last, what it does, and which stores may be tried. Package
// bench/plan answers it.
type Plan struct {
	Years      float64  `toml:"years" comment:"How long the device must last."`
	LongestSet Duration `toml:"longest_set" comment:"How long a set may take; 0s: any time."`
	Sizes      []uint32 `toml:"kvstore_bytes" comment:"Sizes of the KVStore to try, in bytes; none: all that the flash can have. Configuration files in [layout] fix it."`
	Places     []Place  `toml:"places" comment:"Where the KVStore may lie: at the start or the end of the upper half of the flash; lower: at the end of the lower half, beside the code. One on external flash lies there."`
	SetsPerDay float64  `toml:"sets_per_day" comment:"Sets and removes of the workload in a day; 0: as many as workload.sets_per_hour makes."`
	Trace      string   `toml:"trace" comment:"A CSV file of recorded sets, in place of the workload: seconds,key,bytes."`
	Updates    float64  `toml:"updates_per_year" comment:"Firmware updates of update.bytes in a year."`
	Celsius    float64  `toml:"celsius" comment:"Mean temperature in degrees Celsius for which the vendor's promise of retention is told; 0: it is not."`
	Quick      bool     `toml:"quick" comment:"Simulate less: lives within 1 %, fewer points of live data."`
	Devices    uint32   `toml:"devices" comment:"Devices whose sectors' lives are drawn, by the law of board.wear; without a law none are."`

	Assumed []string `toml:"assumed,omitempty" comment:"Which of the plan's questions are defaults that were not chosen: years, updates_per_year, firmware, keys, sets_per_day. Reports mark those that still have the default."`

	TraceFile []byte `toml:"-"` // contents of the file Trace
}

// question is one of a plan that has an answer without being asked.
type question struct {
	name string
	keys []string // of a scenario that ask it
	same func(a, b *Scenario) bool
}

// assumable are the questions that Assumed may name.
var assumable = []question{
	{AssumedYears, []string{"plan.years"}, func(a, b *Scenario) bool { return a.Plan.Years == b.Plan.Years }},
	{AssumedUpdates, []string{"plan.updates_per_year"}, func(a, b *Scenario) bool { return a.Plan.Updates == b.Plan.Updates }},
	{AssumedFirmware, []string{"update.bytes", "update.firmware"}, func(a, b *Scenario) bool { return a.Update.Bytes == b.Update.Bytes && a.Update.Firmware == "" }},
	{AssumedKeys, []string{"workload.keys", "plan.trace"}, func(a, b *Scenario) bool { return slices.Equal(a.Workload.Keys, b.Workload.Keys) && a.Plan.Trace == "" }},
	{AssumedSets, []string{"plan.sets_per_day", "workload.sets_per_hour", "plan.trace"}, func(a, b *Scenario) bool {
		return a.Plan.SetsPerDay == b.Plan.SetsPerDay && a.Workload.SetsPerHour == b.Workload.SetsPerHour && a.Plan.Trace == ""
	}},
}

// Names in Plan.Assumed.
const (
	AssumedYears    = "years"
	AssumedUpdates  = "updates_per_year"
	AssumedFirmware = "firmware" // its size
	AssumedKeys     = "keys"     // and the sizes of their values
	AssumedSets     = "sets_per_day"
)

// Assume notes in s.Plan which of a plan's questions were not chosen: neither by a key of the scenario in lines, which is
// nil if there is no file, nor otherwise, so that they are as in Guide.
func (s *Scenario) Assume(lines map[string]int) {
	guide, before := Guide(), s.Plan.Assumed
	s.Plan.Assumed = nil
	for _, a := range assumable {
		chosen := slices.ContainsFunc(a.keys, func(key string) bool { return lines[key] > 0 })
		if (!chosen || slices.Contains(before, a.name)) && a.same(s, guide) {
			s.Plan.Assumed = append(s.Plan.Assumed, a.name)
		}
	}
}

// Place is where a KVStore lies.
type Place string

// The places. The start of the upper half has the small sectors of parts whose banks begin with small ones. At the
// end of the lower half the store leaves the whole upper half to the candidate, but the application waits for the
// store's bank.
const (
	PlaceStart Place = "start"
	PlaceEnd   Place = "end"
	PlaceLower Place = "lower"
)

// Places lists the places in the order in which they are tried.
var Places = []Place{PlaceStart, PlaceEnd, PlaceLower}

// Site returns the address of a store of size bytes at the place on a flash. The error is one line: the sectors of a
// store must split into two equal areas that use all of it.
func (p Place) Site(f *model.Flash, size uint32) (base uint32, err error) {
	half, where := f.Size()/2, fmt.Sprintf("at the %s of the upper half", p)
	if size > half {
		return 0, fmt.Errorf("the upper half of the flash has %d bytes: give a smaller size", half)
	}
	base = f.Start() + half
	switch p {
	case PlaceEnd:
		base = f.Start() + f.Size() - size
	case PlaceLower:
		base, where = f.Start()+half-size, "at the end of the lower half"
		if size > half/2 {
			return 0, fmt.Errorf("%s it leaves too little to the application: give a smaller size", where)
		}
	}
	region, err := f.Region(base, size)
	if err != nil {
		return 0, fmt.Errorf("%s it does not end with a sector: give another size", where)
	}
	pic, err := kvstore.Inspect(region, kvstore.MbedCE)
	if err != nil {
		return 0, err
	}
	if area := pic.Areas[0].Size; 2*uint64(area) != uint64(size) {
		return 0, fmt.Errorf("%s the store would use %d bytes of it: give that size", where, 2*area)
	}
	return base, nil
}

// check returns an error unless the place is one of Places.
func (p Place) check() error {
	_, err := word("place", []byte(p), Places, func(p Place) string { return string(p) })
	return err
}

// Bounds of the section.
const (
	maxYears      = 1000
	MaxSetsPerDay = 1e8
	maxUpdates    = 1e5
	maxDevices    = 1_000_000
)

func (p *Plan) check() error {
	bad := func(key, format string, args ...any) error {
		return fmt.Errorf("plan.%s: %s", key, fmt.Sprintf(format, args...))
	}
	switch {
	case !(p.Years > 0 && p.Years <= maxYears):
		return bad("years", "%v: give more than 0, up to %d", p.Years, maxYears)
	case p.LongestSet < 0 || p.LongestSet > Duration(time.Hour):
		return bad("longest_set", "%v: give 0s to 1h", time.Duration(p.LongestSet))
	case len(p.Sizes) > 64:
		return bad("kvstore_bytes", "%d sizes: give at most 64", len(p.Sizes))
	case !(p.SetsPerDay == 0 || p.SetsPerDay >= 1e-3 && p.SetsPerDay <= MaxSetsPerDay):
		return bad("sets_per_day", "%v: give 0.001 to %g, or 0 for the workload's", p.SetsPerDay, MaxSetsPerDay)
	case !(p.Updates >= 0 && p.Updates <= maxUpdates):
		return bad("updates_per_year", "%v: give 0 to %g", p.Updates, maxUpdates)
	case !(p.Celsius >= -60 && p.Celsius <= 200):
		return bad("celsius", "%v: give -60 to 200, or 0 for none", p.Celsius)
	case p.Devices < 100 || p.Devices > maxDevices:
		return bad("devices", "%d: give 100 to %d", p.Devices, maxDevices)
	case len(p.Places) == 0:
		return bad("places", "is empty: name start, end or lower")
	}
	for i, name := range p.Assumed {
		if !slices.ContainsFunc(assumable, func(q question) bool { return q.name == name }) {
			return bad(fmt.Sprintf("assumed[%d]", i), "%q is no question of a plan: remove it", name)
		}
	}
	for i, place := range p.Places {
		if err := place.check(); err != nil {
			return bad(fmt.Sprintf("places[%d]", i), "%v", err)
		}
	}
	for i, size := range p.Sizes {
		if size == 0 || size > 1<<30 {
			return bad(fmt.Sprintf("kvstore_bytes[%d]", i), "%d: give bytes, up to %d", size, 1<<30)
		}
	}
	return nil
}

// ReadTrace reads a trace of sets from a file, in place of the workload. The error is one line.
func (p *Plan) ReadTrace(path string) (err error) {
	if p.TraceFile, err = input.ReadText(path, input.Trace); err != nil {
		return fmt.Errorf("%s: %w: give a CSV file with the columns seconds,key,bytes", path, err)
	}
	p.Trace = path
	return nil
}

// read reads the trace that the scenario at path names, if it names one.
func (p *Plan) read(path string) (err error) {
	if p.Trace != "" {
		p.TraceFile, err = readBeside(path, "plan.trace", p.Trace, input.Trace)
	}
	return err
}
