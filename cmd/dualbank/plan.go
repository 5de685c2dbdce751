package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"dualbank/bench"
	"dualbank/bench/plan"
	"dualbank/kvstore"
	"dualbank/model"
)

type planCommand struct {
	Scenario string `arg:"" optional:"" help:"Scenario file; without one, the porting guide's NUCLEO-F429ZI."`
	Board    string `without:"scenario" placeholder:"NAME" help:"A board that comes with the program, or a .toml file, in place of the scenario's."`
	Driver   string `placeholder:"NAME" help:"The flash driver, in place of the board's."`
	Corner   string `placeholder:"typ|max|sampled" help:"The data sheet's typical or maximum times, or times and lives of sectors drawn at random."`

	Storage string `placeholder:"TYPE" help:"Where the keys are: TDB_INTERNAL, TDB_EXTERNAL or TDB_EXTERNAL_NO_RBP, in place of the scenario's."`

	KV    []uint32 `without:"exec" name:"kv" type:"bytes" range:"1..1G" placeholder:"SIZE" help:"Sizes of the KVStore to try, such as 64K,128K; without it, all that the flash can have."`
	Place []string `without:"exec" placeholder:"PLACE" help:"Where it may lie: at the start or the end of the upper half of the flash (start, end), or at the end of the lower one, beside the code (lower)."`

	Keys           int      `range:"1..10000" without:"trace" placeholder:"N" help:"Keys of the workload, all written equally often, in place of the scenario's."`
	Size           string   `default:"16-600" needs:"keys" placeholder:"BYTES" help:"Bytes of their values, one number or from-to (${default})."`
	KeyBytes       int      `default:"24" range:"2..127" needs:"keys" placeholder:"N" help:"Characters in a key (${default})."`
	WritesPerDay   float64  `range:"0.001..100000000" without:"trace" placeholder:"N" help:"Sets and removes in a day."`
	Trace          string   `placeholder:"FILE" help:"A CSV file of recorded sets, in place of the workload: seconds,key,bytes."`
	UpdatesPerYear *float64 `range:"0..100000" placeholder:"N" help:"Firmware updates in a year."`
	Image          uint32   `type:"bytes" range:"1..256M" placeholder:"SIZE" help:"Size of the firmware, such as 400K."`

	Years      float64       `range:"0.001..1000" placeholder:"N" help:"How long the device must last."`
	LongestSet time.Duration `range:"1us..1h" placeholder:"TIME" help:"How long a set may take, such as 1500ms."`

	Celsius  *float64 `range:"-60..200" placeholder:"T" help:"Mean temperature in degrees Celsius: what the vendor promises of the data at the end is told."`
	BatteryJ *float64 `name:"battery-j" range:"0..1000000000" placeholder:"N" help:"Energy of the battery in joule, a CR2032 has 2400: the share that storage draws in a year is told."`

	Out       string `default:"out/plan" without:"print" placeholder:"DIR" help:"Folder for the results (${default})."`
	Quick     bool   `help:"Simulate less: lives within 1 %, fewer points of live data."`
	Print     bool   `help:"Print the scenario as it would be planned, and end."`
	FailUnmet bool   `without:"print,exec" help:"Exit with code 1 if no store meets the wishes."`
	storeFlag
	quiet
}

// Help says what comes out.
func (c *planCommand) Help() string {
	return "Simulates stores of several sizes until they are steady, and says of each how long it lasts, how long its sets take, and what it leaves for " +
		"firmware; names the smallest that meets the wishes."
}

func (c *planCommand) Run(t terminal) (failed error) {
	s, err := c.scenario()
	if err != nil {
		return badInput(err)
	}
	if c.Print {
		return printed(t.out, s)
	}
	if c.Exec != "" {
		return c.beside(t, s)
	}
	ctx, stop := t.interruptible()
	defer stop()
	out, err := folder(c.Out, "plan")
	if err != nil {
		return err
	}
	defer closing(out, &failed)
	show, end := progress(t.err)
	report, err := plan.Run(ctx, s, c.Out, show)
	end()
	if err != nil {
		if ctx.Err() != nil {
			return failure{errors.New("interrupted before the plan was made"), exitInterrupt}
		}
		return blamed(err)
	}
	if err := leave(out, s, report, nil); err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(t.out, report.Plan)
	} else {
		err = c.summary(t.out, report, filepath.Join(c.Out, "report.html"))
	}
	if err == nil && c.FailUnmet && report.Plan.Best < 0 {
		return failure{errors.New("no store that was tried meets the wishes: see the table above"), exitGate}
	}
	return err
}

// plannedSets is the number of sets from which the life of a store of your own is extrapolated.
const plannedSets = 100_000

// beside is the plan's workload on a store of your own and on TDBStore, in the KVStore's region of the layout.
func (c *planCommand) beside(t terminal, s *bench.Scenario) error {
	if s.Plan.Trace != "" {
		return badInput(errors.New("--exec: has no effect on a plan for a trace: leave one of them out"))
	}
	sets := uint32(plannedSets)
	if s.Plan.Quick {
		sets /= 5
	}
	s.Workload.Hours = max(sets/s.Workload.SetsPerHour, 1)
	return c.stores(t, s, s.Plan.SetsPerDay, "plan", c.Out, &c.quiet, nil)
}

// scenario is the file's, or the guide's, with what the flags say.
func (c *planCommand) scenario() (*bench.Scenario, error) {
	s, err := c.base()
	if err != nil {
		return nil, err
	}
	if c.Driver != "" {
		s.Board.Driver = c.Driver
	}
	if err := c.corner(s); err != nil {
		return nil, err
	}
	if c.Storage != "" {
		s.Store.Type = bench.StorageType(c.Storage)
	}
	if len(c.KV) > 0 {
		s.Plan.Sizes = nil
	}
	s.Plan.Sizes = append(s.Plan.Sizes, c.KV...)
	if len(c.Place) > 0 {
		s.Plan.Places = nil
	}
	for _, place := range c.Place {
		s.Plan.Places = append(s.Plan.Places, bench.Place(place))
	}
	if err := c.workload(s); err != nil {
		return nil, err
	}
	if c.UpdatesPerYear != nil {
		s.Plan.Updates = *c.UpdatesPerYear
	}
	if c.Image != 0 {
		if s.Update.Firmware != "" {
			return nil, errors.New("--image: has no effect: the scenario's firmware comes from a file, which has its size: leave one of them out")
		}
		s.Update.Bytes = c.Image
	}
	if c.Celsius != nil {
		s.Plan.Celsius = *c.Celsius
	}
	if c.BatteryJ != nil {
		s.Board.Battery = *c.BatteryJ
	}
	if c.Quick {
		s.Plan.Quick = true
	}
	if c.Years != 0 {
		s.Plan.Years = c.Years
	}
	if c.LongestSet != 0 {
		s.Plan.LongestSet = bench.Duration(c.LongestSet)
	}
	c.chosen(&s.Plan)
	// What the flags have made of it is checked as a file is; what came from files stays.
	checked, err := bench.Parse("plan", []byte(s.TOML()))
	if err != nil {
		return nil, errors.New(flagsPlace.ReplaceAllString(err.Error(), ""))
	}
	checked.Update.FirmwareFile, checked.Update.RunningFile, checked.Plan.TraceFile = s.Update.FirmwareFile, s.Update.RunningFile, s.Plan.TraceFile
	return checked, nil
}

// flagsPlace is where an error of the flags' text is said to be: no file of the user's has such lines.
var flagsPlace = regexp.MustCompile(`^plan(:\d+)*: `)

// base is the scenario before the flags.
func (c *planCommand) base() (*bench.Scenario, error) {
	if c.Scenario != "" {
		return bench.ReadPlan(c.Scenario)
	}
	s := bench.Guide()
	if c.Board != "" {
		var err error
		if s, err = bench.BoardScenario(c.Board); err != nil {
			return nil, err
		}
	}
	s.Title = ""
	s.Assume(nil)
	return s, nil
}

// chosen forgets what the flags choose: it is no default, though it may be the same.
func (c *planCommand) chosen(p *bench.Plan) {
	by := map[string]bool{
		bench.AssumedYears: c.Years != 0, bench.AssumedUpdates: c.UpdatesPerYear != nil, bench.AssumedFirmware: c.Image != 0,
		bench.AssumedKeys: c.Keys != 0 || c.Trace != "", bench.AssumedSets: c.WritesPerDay != 0 || c.Trace != "",
	}
	p.Assumed = slices.DeleteFunc(p.Assumed, func(name string) bool { return by[name] })
}

// corner applies --corner. "draws" is the older name of "sampled".
func (c *planCommand) corner(s *bench.Scenario) error {
	switch c.Corner {
	case "":
		return nil
	case "sampled", "draws":
		s.Board.Corner = bench.Corner(model.Sampled)
		if s.Board.Wear == "" {
			s.Board.Wear = "flat"
		}
		return nil
	}
	corner, ok := model.CornerByName(c.Corner)
	if !ok {
		return fmt.Errorf("--corner: %q: give typ, max or sampled", c.Corner)
	}
	s.Board.Corner = bench.Corner(corner)
	return nil
}

// workload is what the flags ask of the store.
func (c *planCommand) workload(s *bench.Scenario) error {
	if c.WritesPerDay != 0 {
		s.Plan.SetsPerDay = c.WritesPerDay
	}
	if c.Trace != "" {
		if err := s.Plan.ReadTrace(c.Trace); err != nil {
			return fmt.Errorf("--trace: %w", err)
		}
	}
	if c.Keys == 0 {
		return nil
	}
	if s.Plan.Trace != "" {
		return errors.New("--keys: has no effect: the scenario's trace says which keys there are: leave one of them out")
	}
	digits := len(strconv.Itoa(c.Keys - 1))
	if c.KeyBytes <= digits {
		return fmt.Errorf("--key-bytes: %d characters do not tell %d keys apart: give %d to %d", c.KeyBytes, c.Keys, digits+1, kvstore.MaxKey-1)
	}
	lo, hi, many := strings.Cut(c.Size, "-")
	if !many {
		hi = lo
	}
	from, err := parseSize("--size", lo)
	if err != nil {
		return err
	}
	to, err := parseSize("--size", hi)
	if err != nil {
		return err
	}
	s.Workload.Removes, s.Workload.Keys = 0, nil
	for i := range c.Keys {
		name := fmt.Sprintf("%s%0*d", strings.Repeat("k", c.KeyBytes-digits), digits, i)
		s.Workload.Keys = append(s.Workload.Keys, bench.Key{Name: name, Bytes: [2]uint32{from, to}, Weight: 1})
	}
	return nil
}

// parseSize reads a number of bytes, 0 included.
func parseSize(flag, text string) (uint32, error) {
	if text == "0" {
		return 0, nil
	}
	n, err := bench.ParseSize(text)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", flag, err)
	}
	return n, nil
}
