// Package plan is capacity planning: which is the smallest key-value store that lasts as long as a device must, and
// what does it cost. `dualbank plan` calls Run, which works in these steps:
//
//  1. The demand is the scenario's workload, or a Trace of recorded sets (ParseTrace), at a rate of sets a day.
//  2. The candidates are stores: every place and size that [plan] names, or all that the flash can have and
//     whose sectors split into two equal areas. A layout of the user's own, or external flash, restricts them.
//     Each is a bench.Scenario of its own.
//  3. Each candidate's device is provisioned, booted again, and run. Wear is periodic: one pass over both areas
//     is a round. Rounds are simulated until their mean length is known to 0.3 % (three standard errors), or
//     until a sector reaches its rated erases. What depends on the time between sets is not simulated.
//  4. One firmware update is simulated on the same device. Erases of rounds and updates are extrapolated,
//     sector by sector, to the years until one reaches its rating. With a wear law the lives of many devices are
//     drawn as well.
//  5. Each candidate is compared with the wishes. The smallest that meets all of them is recommended; the one
//     shown is also simulated with more and with fewer keys.
//  6. The result is a results.Report: candidates, facts, benchmarks, wear.
//
// Candidates are simulated on several processors. Invariants: no figure depends on their number or order, every
// simulation draws from the scenario's seed, and a value that reads back wrong is an error.
package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"dualbank/bench"
	"dualbank/boot"
	"dualbank/model"
	"dualbank/model/part"
	"dualbank/model/random"
	"dualbank/results"
	"dualbank/results/unit"
)

// planner holds the state of one Run call.
type planner struct {
	s        *bench.Scenario
	demand   *demand
	all      []candidate
	law      *part.WearLaw
	axes     []any // keys and values of benchmark names
	effort   effort
	report   *results.Report
	progress bench.Progress

	one  sync.Mutex
	done uint64 // jobs of the present stage
}

// Run simulates the stores that the scenario's [plan] section allows and recommends the smallest that meets the
// wishes. out is the folder in which the report will be. An error is a *bench.ScenarioError if settings do not fit
// together, or ctx's. progress may be nil.
func Run(ctx context.Context, s *bench.Scenario, out string, progress bench.Progress) (*results.Report, error) {
	e := thorough
	if s.Plan.Quick {
		e = quick
	}
	return run(ctx, s, out, progress, e)
}

func run(ctx context.Context, s *bench.Scenario, out string, progress bench.Progress, e effort) (*results.Report, error) {
	p := &planner{s: s, effort: e, progress: progress}
	if err := p.prepare(out); err != nil {
		return nil, &bench.ScenarioError{Err: err}
	}
	if err := p.each(ctx, "stores", len(p.all), func(i int) error { return p.try(ctx, &p.all[i]) }); err != nil {
		return nil, err
	}
	p.forgetTooSmall()
	if err := p.choose(ctx); err != nil {
		return nil, err
	}
	p.bench()
	p.facts()
	return p.report, nil
}

// prepare makes demand, candidates and report. It reports settings that do not fit together before anything is
// simulated.
func (p *planner) prepare(out string) (err error) {
	s := p.s
	if p.demand, err = demandOf(s); err != nil {
		return err
	}
	if s.Board.Wear != "" {
		if p.law, err = part.WearLawByName(s.Board.Wear); err != nil {
			return fmt.Errorf("board.wear: %w", err)
		}
	}
	if p.all, err = candidates(s); err != nil {
		return err
	}
	// Building one device here reports mistakes in the board before the work begins.
	d, err := p.all[0].s.Device(s.Board.Driver, model.Corner(s.Board.Corner))
	if err != nil {
		return err
	}
	p.axes = slices.Clip(d.Axes(s.Layout.Name))
	mv := s.Board.MV
	if mv == 0 {
		mv = 3300
	}
	stored, _ := s.Stored()
	title := s.Title
	if title == "" {
		title = "Capacity plan for " + s.Board.Name
	}
	p.report = &results.Report{
		Title:   title,
		Board:   fmt.Sprintf("%s, %s at %g MHz, %g V, driver %s, %s times", s.Board.Name, d.Flash.Part().Title, float64(d.Flash.Hz())/1e6, float64(mv)/1000, d.Driver, bench.LongCorner(d.Corner)),
		Command: fmt.Sprintf("dualbank plan %s --out %s", filepath.Join(out, "scenario.toml"), out), Scenario: stored.TOML(),
		Config: []results.Setting{
			{Key: "board", Value: s.Board.Name},
			{Key: "clock-hz", Value: fmt.Sprint(d.Flash.Hz())},
			{Key: "supply-mv", Value: fmt.Sprint(mv)},
			{Key: "profile", Value: s.Store.Profile.String()},
			{Key: "seed", Value: fmt.Sprint(s.Seed)},
		},
		Sources: d.Sources(mv),
	}
	d.DescribeStorage(p.report)
	if p.law != nil {
		for _, f := range part.Facts(p.law) {
			p.report.Sources = append(p.report.Sources, results.Source{Fact: "wear law " + p.law.Name + ": " + f.Name, Value: f.Value, Mark: f.Mark, From: f.From})
		}
	}
	return nil
}

// each runs job 0 to n-1 on several processors. The error is that of the lowest job that failed: it does not depend
// on their order.
func (p *planner) each(ctx context.Context, stage string, n int, job func(i int) error) error {
	workers := p.s.Cuts.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	errs := make([]error, n)
	next := make(chan int, n)
	for i := range n {
		next <- i
	}
	close(next)
	p.done = 0
	var group sync.WaitGroup
	for range min(workers, n) {
		group.Go(func() {
			for i := range next {
				if errs[i] = ctx.Err(); errs[i] == nil {
					errs[i] = job(i)
				}
				p.one.Lock()
				p.done++
				if p.progress != nil {
					p.progress(stage, p.done, uint64(n))
				}
				p.one.Unlock()
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// try simulates one store and its update.
func (p *planner) try(ctx context.Context, c *candidate) error {
	o := &c.out
	d, err := c.s.Device(c.s.Board.Driver, model.Corner(c.s.Board.Corner))
	if no, ok := errors.AsType[*bench.NoRoomError](err); ok {
		o.Image = no.Room
		c.miss(p.noFirmware(o.Image))
		return nil
	}
	if err != nil {
		return err
	}
	o.Table, o.TablePeak = p.demand.tableRAM()
	o.Image = largestImage(d)
	st, err := settle(ctx, d, p.demand, c.s.Seed, p.effort.enough)
	switch {
	case full(err):
		c.miss(miss{wish: wishKeys, text: tooSmall, by: math.Inf(1)})
		return nil
	case errors.Is(err, errNeverCollects):
		c.miss(miss{wish: wishKeys, text: err.Error(), by: math.Inf(1)})
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", o.Name, err)
	}
	o.Ran = true
	p.record(c, d, st)
	perUpdate, err := p.update(ctx, c, d)
	if err != nil {
		return fmt.Errorf("%s: %w", o.Name, err)
	}
	ready, err := d.Ready()
	if err != nil {
		return fmt.Errorf("%s: %w", o.Name, err)
	}
	o.Ready = d.Flash.Seconds(ready)
	p.life(c, d, st, perUpdate)
	p.judge(c)
	return nil
}

// largestImage returns the size in bytes of the largest firmware that fits both the first slot and the application's
// region.
func largestImage(d *bench.Device) uint32 {
	rooms := d.SlotRooms()
	if len(rooms) == 0 {
		return 0
	}
	return min(rooms[0], d.Layout.Config.MaxAppSize)
}

// forgetTooSmall drops candidates that are too small for the keys, but for the largest of them. Sizes that the
// scenario names all stay.
func (p *planner) forgetTooSmall() {
	if len(p.s.Plan.Sizes) > 0 {
		return
	}
	largest := uint32(0)
	small := func(c candidate) bool { return len(c.out.Unmet) > 0 && c.out.Unmet[0] == tooSmall }
	for _, c := range p.all {
		if small(c) {
			largest = max(largest, c.out.Bytes)
		}
	}
	p.all = slices.DeleteFunc(p.all, func(c candidate) bool { return small(c) && c.out.Bytes < largest })
}

// record fills in what was measured of a store.
func (p *planner) record(c *candidate, d *bench.Device, st *longRun) {
	o, f, all := &c.out, d.Flash, st.all()
	days := float64(st.ops) / p.demand.perDay
	seconds := func(permille int, v []uint64) float64 { return f.Seconds(bench.Quantile(permille, v)) }
	o.Simulated, o.Rounds, o.Uncertain = st.ops, st.rounds, 100*st.uncertain
	if st.whole {
		o.Uncertain = 0
	}
	o.GCPerDay = float64(len(st.gc)) / days
	o.P50Set, o.P99Set, o.P999Set, o.Worst = seconds(500, all), seconds(990, all), seconds(999, all), seconds(1000, all)
	o.PlainP50, o.PlainP99, o.PlainP999, o.PlainWorst = seconds(500, st.plain), seconds(990, st.plain), seconds(999, st.plain), seconds(1000, st.plain)
	o.GCP50, o.GCP99, o.GCP999, o.GCWorst = seconds(500, st.gc), seconds(990, st.gc), seconds(999, st.gc), seconds(1000, st.gc)
	sum := uint64(0)
	for _, v := range all {
		sum += v
	}
	o.Busy = f.Seconds(sum) / days
	o.Stall, o.Masked = f.Seconds(st.counters.Stall)/days, f.Seconds(st.counters.Masked)/days
	o.LongestMasked = f.Seconds(st.counters.LongestMasked)
	if e, ok := d.EnergyOf(&st.counters, &st.external); ok {
		o.Energy, o.CoreEnergy = e.Flash/days, e.Core/days
	}
	o.OpenLeast, o.OpenMost = f.Seconds(st.openLeast), f.Seconds(st.openMost)
	room := float64(st.area - st.master)
	o.Live, o.Fill = st.live, st.live/room
	o.WorstFill = float64(p.demand.worst(st.unit)) / room
	c.sets = (&bench.Sets{Plain: st.plain, GC: st.gc}).SetRecord(o.Name, f)
}

// update simulates one firmware update and returns the erases of each sector. A firmware that does not fit erases
// nothing.
func (p *planner) update(ctx context.Context, c *candidate, d *bench.Device) ([]float64, error) {
	before := erasesOf(d.Wear())
	out := make([]float64, len(before))
	u, err := d.RunUpdate(ctx, &c.s.Update, c.s.Seed, nil)
	if errors.Is(err, boot.ErrFirmwareTooLarge) {
		return out, nil
	}
	if err != nil {
		return nil, fmt.Errorf("update: %w", err)
	}
	c.out.Update, c.out.UpdateDown, c.out.UpdateStall = d.Flash.Seconds(u.Cycles()), d.Flash.Seconds(u.Down()), d.Flash.Seconds(u.Counters.Stall)
	if e, ok := d.UpdateEnergy(u); ok {
		c.out.UpdateEnergy = e.All()
	}
	if b := c.s.Board.Battery; b > 0 && c.out.Energy > 0 {
		year := float64((c.out.Energy+c.out.CoreEnergy)*365.25) + float64(c.out.UpdateEnergy*c.s.Plan.Updates)
		c.out.Battery = 100 * year / b
	}
	for i, w := range d.Wear() {
		out[i] = float64(w.Erases - before[i])
	}
	return out, nil
}

// life extrapolates the wear of every sector to the years until one reaches its rated erases.
func (p *planner) life(c *candidate, d *bench.Device, st *longRun, perUpdate []float64) {
	o := &c.out
	opsPerYear := p.demand.perDay * 365.25
	perYear := st.perOp()
	for i := range perYear {
		perYear[i] = float64(perYear[i]*opsPerYear) + float64(perUpdate[i]*p.s.Plan.Updates)
	}
	sectors := d.Wear()
	if st.whole {
		perYear[st.worstSector] = float64(sectors[st.worstSector].Rated) / float64(st.lifeOps) * opsPerYear
	}
	for i, rate := range perYear {
		rated := sectors[i].Rated
		if rate <= 0 || rated == 0 {
			continue
		}
		if years := float64(rated) / rate; o.Years == 0 || years < o.Years {
			o.Years, o.Sector, o.Rated, o.External = years, sectors[i].Addr, rated, sectors[i].External
		}
	}
	p.retention(o, d, sectors, perYear)
	if p.law != nil && o.Years > 0 {
		o.P1, o.P50 = p.draw(sectors, perYear)
	}
	c.wear = d.WearRecord()
	for i := range c.wear {
		c.wear[i].Erases = uint32(min(math.Round(perYear[i]*p.s.Plan.Years), math.MaxUint32))
	}
}

// retention says what the vendor promises of the data in the store's most erased sector at the end.
func (p *planner) retention(o *results.PlanCandidate, d *bench.Device, sectors []bench.UnitWear, perYear []float64) {
	end := 0.0
	for i, rate := range perYear {
		if w := sectors[i]; !w.External && w.Addr-d.KVStore.Start < d.KVStore.Size {
			end = max(end, rate*p.s.Plan.Years)
		}
	}
	o.EndErases = end
	if p.s.Plan.Celsius == 0 || end == 0 {
		return
	}
	erases := uint32(min(math.Ceil(end), math.MaxUint32))
	r, ok := d.Flash.Part().Retained(erases, int(math.Ceil(p.s.Plan.Celsius)))
	promise := fmt.Sprintf("%g years at %d °C after %s erases (%s)", r.Years, r.Celsius, unit.Count(uint64(r.Erases)), r.From)
	switch {
	case len(d.Flash.Part().Retention) == 0:
		o.RetentionIs, o.Retention = "unknown", "the part's file has no promise of the vendor"
	case ok:
		o.RetentionIs, o.Retention = "promised", "the vendor promises "+promise
	case r.Years > 0:
		o.RetentionIs, o.Retention = "not promised", "the nearest promise of the vendor is "+promise
	default:
		o.RetentionIs, o.Retention = "not promised", "the vendor promises nothing after so many erases"
	}
}

// draw draws the lives of the sectors of many devices. It returns the years after which 1 % and half of the devices
// have a failed sector, 0 for never. perYear is erases a year by sector.
func (p *planner) draw(sectors []bench.UnitWear, perYear []float64) (p1, p50 float64) {
	rng := random.New(p.s.Seed ^ 0x11FE)
	lives := make([]float64, p.s.Plan.Devices)
	for k := range lives {
		lives[k] = math.Inf(1)
		for i, rate := range perYear {
			if rate > 0 && sectors[i].Rated > 0 {
				lives[k] = min(lives[k], float64(p.law.Draw(sectors[i].Rated, rng))/rate)
			}
		}
	}
	slices.Sort(lives)
	at := func(share float64) float64 {
		v := lives[min(int(math.Ceil(share*float64(len(lives))))-1, len(lives)-1)]
		if math.IsInf(v, 1) {
			return 0
		}
		return v
	}
	return at(0.01), at(0.5)
}

// closest returns the index of the store that is recommended, or of the one that comes closest.
func (p *planner) closest() (best int) {
	better := func(x, y *candidate) bool {
		a, b := &x.out, &y.out
		if a.Meets() != b.Meets() {
			return a.Meets()
		}
		if a.Meets() {
			return cmp.Or(cmp.Compare(a.Bytes, b.Bytes), cmp.Compare(a.Worst, b.Worst), cmp.Compare(a.Stall, b.Stall)) < 0
		}
		if a.Ran != b.Ran {
			return a.Ran
		}
		return cmp.Or(cmp.Compare(x.shortfall(), y.shortfall()), -cmp.Compare(a.Years, b.Years)) < 0
	}
	for i := range p.all {
		if better(&p.all[i], &p.all[best]) {
			best = i
		}
	}
	return best
}

// choose recommends the smallest store that meets the wishes; ties go to the shorter slowest set, then to the shorter
// stall. If none meets them, the report shows the one that comes closest.
func (p *planner) choose(ctx context.Context) error {
	plan := &results.Plan{Demand: p.demand.String(), Wishes: strings.Join(p.wishes(), ", "), Years: p.s.Plan.Years, Assumed: p.s.Plan.Assumed, Best: -1}
	if p.law != nil {
		plan.Law, plan.Drawn = p.law.Title, p.s.Plan.Devices
	}
	p.report.Plan = plan
	plan.Drop = p.drop()
	for i := range p.all {
		plan.Candidates = append(plan.Candidates, p.all[i].out)
	}
	plan.Shown = p.closest()
	shown := &p.all[plan.Shown]
	if !shown.out.Ran {
		return nil
	}
	if shown.out.Meets() {
		plan.Best = plan.Shown
	}
	p.report.Wear = shown.wear
	p.report.Sets = []results.SetLatency{shown.sets}
	return p.live(ctx, shown, plan)
}

// live simulates the shown store with more and with fewer keys of the same sizes.
func (p *planner) live(ctx context.Context, c *candidate, plan *results.Plan) error {
	fills := p.effort.fills
	points := make([]results.PlanLive, len(fills))
	err := p.each(ctx, "live data", len(fills), func(i int) error {
		d, err := c.s.Device(c.s.Board.Driver, model.Corner(c.s.Board.Corner))
		if err != nil {
			return err
		}
		unit := d.Flash.PageSize()
		room := fills[i] * float64(c.out.Bytes/2)
		demand := p.demand.scaled(unit, room)
		st, err := settle(ctx, d, demand, c.s.Seed, func(s *longRun) bool { return s.rounds >= 8 && s.ops >= 2000 })
		if full(err) || errors.Is(err, errNeverCollects) {
			return nil // the values are too long for so many keys: leave the point out
		}
		if err != nil {
			return fmt.Errorf("%s, %.0f %% full: %w", c.out.Name, 100*fills[i], err)
		}
		all := st.all()
		f := d.Flash
		points[i] = results.PlanLive{
			Bytes: st.live, P50: f.Seconds(bench.Quantile(500, all)), P99: f.Seconds(bench.Quantile(990, all)),
			GC: f.Seconds(bench.Quantile(500, st.gc)), Worst: f.Seconds(bench.Quantile(1000, all)),
			Keys: len(demand.w.Keys), Open: f.Seconds(st.openMost),
		}
		return nil
	})
	if err != nil {
		return err
	}
	points = slices.DeleteFunc(points, func(l results.PlanLive) bool { return l.Bytes == 0 })
	slices.SortFunc(points, func(a, b results.PlanLive) int { return cmp.Compare(a.Bytes, b.Bytes) })
	// With few long values two shares may give the same keys.
	plan.Live = slices.CompactFunc(points, func(a, b results.PlanLive) bool { return a == b })
	return nil
}
