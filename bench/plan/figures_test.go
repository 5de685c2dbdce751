package plan

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dualbank/bench"
	"dualbank/kvstore/storage"
	"dualbank/model"
	"dualbank/model/part"
	"dualbank/model/random"
	"dualbank/results"
)

// The figures of these tests are worked out by hand in the comments beside them.

// demandOfKeys is of keys with so many bytes at least and at most.
func demandOfKeys(perDay float64, keys map[string][2]uint32) *demand {
	d := &demand{w: &bench.Workload{}, perDay: perDay}
	for name, bytes := range keys {
		d.w.Keys = append(d.w.Keys, bench.Key{Name: name, Bytes: bytes, Weight: 1})
	}
	slices.SortFunc(d.w.Keys, func(a, b bench.Key) int { return strings.Compare(a.Name, b.Name) })
	return d
}

func TestRecordsOnFlash(t *testing.T) {
	for _, c := range []struct {
		unit  uint32
		key   string
		value uint32
		want  uint64
	}{
		{1, "abcde", 10, 24 + 15},
		{8, "abcde", 10, 24 + 16},
		{8, "abcde", 11, 24 + 16},
		{8, "abcde", 12, 24 + 24},
		{16, "abcde", 10, 32 + 16},
		{32, "a", 0, 32 + 32},
		{1, "a", 0, 25},
		{1, "a", 4_000_000_000, 4_000_000_025},
	} {
		if got := onFlash(c.unit, c.key, c.value); got != c.want {
			t.Errorf("unit %d, key %s, %d bytes: %d, want %d", c.unit, c.key, c.value, got, c.want)
		}
	}
	d := demandOfKeys(1, map[string][2]uint32{"ab": {1, 30}, "abc": {1, 50}})
	// The master record has 4 + 8 bytes: 24 + 16. Then 24 + 32 and 24 + 56, and the longest once more.
	if got := d.worst(8); got != 40+56+80+80 {
		t.Errorf("worst %d", got)
	}
	d.extra = 36
	// 36; 24 + 2 + 30 + 36 and 24 + 3 + 50 + 36, and the longest once more.
	if got := d.worst(1); got != 36+92+113+113 {
		t.Errorf("worst with a SecureStore %d", got)
	}
	internal, _ := bench.TableRAM(2, false)
	external, most := bench.TableRAM(2, true)
	if bytes, peak := d.tableRAM(); bytes != external || peak != most || bytes == internal {
		t.Errorf("table of %d bytes, at most %d; want %d and %d", bytes, peak, external, most)
	}
	d.extra = 0
	if bytes, _ := d.tableRAM(); bytes != internal {
		t.Errorf("table of %d bytes, want %d", bytes, internal)
	}
}

func TestDemands(t *testing.T) {
	s := planned(3, 0)
	s.Workload.SetsPerHour = 7
	d, err := demandOf(s)
	if err != nil || d.perDay != 168 || d.extra != 0 || d.String() != "3 keys of 16 to 600 bytes, 168 sets a day" {
		t.Errorf("%v sets a day, %d more bytes, %v, %v", d.perDay, d.extra, d, err)
	}
	s.Store.Type = bench.StorageType(storage.TDBExternal)
	if d, err := demandOf(s); err != nil || d.extra != bench.SecureBytes {
		t.Errorf("%d more bytes, %v", d.extra, err)
	}
	if text := demandOfKeys(0.5, map[string][2]uint32{"a": {8, 8}, "b": {8, 8}}).String(); text != "2 keys of 8 bytes, 0.5 sets a day" {
		t.Error(text)
	}
	// Two operations s seconds apart are 86400/s a day: 0.001 to 100 million may be.
	for seconds, ok := range map[string]bool{"86400000": true, "86500000": false, "0.000864": true, "0.000863": false, "60": true} {
		s.Plan.Trace, s.Plan.TraceFile = "t.csv", []byte("seconds,key,bytes\n0,a,1\n"+seconds+",a,3\n")
		d, err := demandOf(s)
		if (err == nil) != ok {
			t.Errorf("%s s: %v", seconds, err)
		}
		if seconds == "60" && (math.Abs(d.perDay-1440) > 1e-9 || d.String() != "1 key of 1 to 3 bytes, 1440 sets a day, from a trace of 2 min 00 s") {
			t.Errorf("%v: %v a day", d, d.perDay)
		}
	}
}

func TestScaledDemand(t *testing.T) {
	one := demandOfKeys(5, map[string][2]uint32{"k": {10, 30}})
	one.w.Removes, one.extra = 9, 1
	// A record with a name like k#0 has 24 + 3 + 20 + 1 = 48 bytes in the middle.
	for bytes, want := range map[float64]int{0: 1, 47: 1, 95: 1, 96: 2, 143: 2, 144: 3, 480: 10} {
		d := one.scaled(1, bytes)
		if len(d.w.Keys) != want || d.perDay != 5 || d.w.Removes != 9 || d.extra != 1 || d.trace != nil {
			t.Errorf("%v bytes: %d keys, want %d; %+v", bytes, len(d.w.Keys), want, d)
		}
	}
	two := demandOfKeys(5, map[string][2]uint32{strings.Repeat("a", 127): {1, 1}, "b": {2, 2}})
	two.w.Keys[0].Weight, two.w.Keys[1].Weight = 0, 0
	d := two.scaled(1, 400)
	var got []string
	for _, k := range d.w.Keys {
		got = append(got, fmt.Sprintf("%d %s %d", len(k.Name), k.Name[len(k.Name)-3:], k.Weight))
	}
	// 24 + 122 + 1 = 147 and 24 + 3 + 2 = 29, twice: 352.
	if d := cmp.Diff([]string{"122 a#0 1", "3 b#1 0", "122 a#2 0", "3 b#3 0"}, got); d != "" {
		t.Error(d)
	}
	if two.w.Keys[0].Weight != 0 {
		t.Error("the demand itself has changed")
	}
	if d := one.scaled(1, 1e12); len(d.w.Keys) != bench.MaxKeys {
		t.Errorf("%d keys", len(d.w.Keys))
	}
}

func TestTraffic(t *testing.T) {
	d := demandOfKeys(1, map[string][2]uint32{"a": {10, 10}})
	d.w.Removes = 1000
	tr := newTraffic(d, 1)
	for i := range 6 {
		key, size, remove := tr.next()
		if key != 0 || remove != (i%2 == 1) || size != uint32(10*(1-i%2)) {
			t.Errorf("operation %d: key %d, %d bytes, remove %v", i, key, size, remove)
		}
		if err := tr.do(sink{}, key, size, remove); err != nil {
			t.Fatal(err)
		}
		// The master record has 36 bytes, the other one 24 + 1 + 10.
		if want := uint64(36 + 35*(1-i%2)); tr.live(1) != want || tr.passed != uint64(i+1) {
			t.Errorf("operation %d: %d bytes are live, want %d; %d have passed", i, tr.live(1), want, tr.passed)
		}
	}
	d.w.Removes, d.extra = 0, 5
	for range 50 {
		if _, _, remove := tr.next(); remove {
			t.Fatal("a remove, of which there are none")
		}
	}
	if err := tr.do(sink{}, 0, 10, false); err != nil || tr.live(1) != 36+40 {
		t.Errorf("%d bytes are live, %v", tr.live(1), err)
	}
}

// onGuide is a planner of a demand, and the guide's device at 168 MHz.
func onGuide(t *testing.T, perDay float64) (*planner, *bench.Device) {
	t.Helper()
	s := planned(2, perDay)
	d, err := s.Device("mbed", model.Typ)
	if err != nil {
		t.Fatal(err)
	}
	dm, err := demandOf(s)
	if err != nil {
		t.Fatal(err)
	}
	return &planner{s: s, demand: dm, report: new(results.Report)}, d
}

const us, ms = 168, 168_000 // cycles

func TestRecordedFigures(t *testing.T) {
	p, d := onGuide(t, 100)
	st := &longRun{
		ops: 1000, rounds: 8, uncertain: 0.02, live: 8138, unit: 1, area: 16384, master: 108, openLeast: 3 * ms, openMost: 7 * ms,
		counters: model.Counters{Stall: 5000 * ms, Masked: 20_000 * ms, LongestMasked: 500 * ms, Busy: []uint64{0, 30_000 * ms}, Erasing: 20_000 * ms, Programming: 10_000 * ms},
	}
	for i := range uint64(990) {
		st.plain = append(st.plain, (i+1)*us)
	}
	for i := range uint64(10) {
		st.gc = append(st.gc, (i+1)*ms)
	}
	c := &candidate{}
	c.out.Name = "a store"
	p.record(c, d, st)
	// 1000 sets at 100 a day are 10 days. Ten of them collect. A share of n ascending values is the one at the share of n,
	// rounded up: of 990 plain ones 495 (half), 981 (99 %), 990.
	want := results.PlanCandidate{
		Name: "a store", Simulated: 1000, Rounds: 8, Uncertain: 2, GCPerDay: 1,
		P50Set: 500e-6, P99Set: 990e-6, P999Set: 9e-3, Worst: 10e-3,
		PlainP50: 495e-6, PlainP99: 981e-6, PlainP999: 990e-6, PlainWorst: 990e-6,
		GCP50: 5e-3, GCP99: 10e-3, GCP999: 10e-3, GCWorst: 10e-3,
		Busy:  (990*991/2*1e-6 + 55e-3) / 10,
		Stall: 0.5, Masked: 2, LongestMasked: 0.5,
		OpenLeast: 3e-3, OpenMost: 7e-3,
		Live: 8138, Fill: 0.5, WorstFill: float64(p.demand.worst(1)) / 16276,
	}
	e, ok := d.EnergyOf(&st.counters, &st.external)
	if !ok || e.Flash <= 0 || e.Core <= 0 {
		t.Fatalf("energy %+v, %v", e, ok)
	}
	want.Energy, want.CoreEnergy = e.Flash/10, e.Core/10
	if d := cmp.Diff(want, c.out, cmpopts.EquateApprox(1e-9, 0)); d != "" {
		t.Error(d)
	}
	if len(c.sets.Plain) == 0 || len(c.sets.GC) == 0 {
		t.Errorf("latencies %+v", c.sets)
	}
	st.whole = true
	if p.record(c, d, st); c.out.Uncertain != 0 {
		t.Errorf("a whole life is %v %% uncertain", c.out.Uncertain)
	}
}

func TestLifeFigures(t *testing.T) {
	sectorOf := func(d *bench.Device, addr uint32) int {
		return slices.IndexFunc(d.Wear(), func(w bench.UnitWear) bool { return w.Addr == addr })
	}
	for _, c := range []struct {
		name      string
		erases    map[uint32]uint32 // in a year, by address
		perUpdate map[uint32]float64
		whole     int // years until the sector of the store is worn; 0: not simulated
		years     float64
		sector    uint32
		end       float64
	}{
		// At 100 operations a day a year has 36525. Each sector is rated for 10,000 erases; the store begins at 0x08100000.
		{name: "the worst sector", erases: map[uint32]uint32{0x08100000: 100, 0x08104000: 250, 0x08108000: 200}, years: 40, sector: 0x08104000, end: 2500},
		{name: "the first of equals", erases: map[uint32]uint32{0x08100000: 250, 0x08104000: 250}, years: 40, sector: 0x08100000, end: 2500},
		{name: "updates wear more", erases: map[uint32]uint32{0x08100000: 100}, perUpdate: map[uint32]float64{0x08120000: 125, 0x08100000: 10}, years: 20, sector: 0x08120000, end: 1400},
		{name: "both wear one", erases: map[uint32]uint32{0x08100000: 100}, perUpdate: map[uint32]float64{0x08100000: 100}, years: 20, sector: 0x08100000, end: 5000},
		{name: "nothing is erased"},
		{name: "a whole life", erases: map[uint32]uint32{0x08100000: 100, 0x08104000: 250}, whole: 7, years: 7, sector: 0x08100000, end: 10 * 10_000.0 / 7},
	} {
		p, d := onGuide(t, 100)
		p.s.Plan.Updates, p.s.Plan.Years = 4, 10
		sectors := d.Wear()
		st := &longRun{ops: 36525, erases: make([]uint32, len(sectors))}
		updates := make([]float64, len(sectors))
		for addr, n := range c.erases {
			st.erases[sectorOf(d, addr)] = n
		}
		for addr, n := range c.perUpdate {
			updates[sectorOf(d, addr)] = n
		}
		if c.whole > 0 {
			st.whole, st.lifeOps, st.worstSector = true, uint64(36525*c.whole), sectorOf(d, 0x08100000)
		}
		var o candidate
		p.life(&o, d, st, updates)
		if math.Abs(o.out.Years-c.years) > 1e-9 || o.out.Sector != c.sector || (o.out.Rated == 10_000) != (c.years > 0) || o.out.External || math.Abs(o.out.EndErases-c.end) > 1e-9 || o.out.P1 != 0 {
			t.Errorf("%s: %v years, sector 0x%08X rated %d, %v erases at the end; want %v, 0x%08X, %v", c.name, o.out.Years, o.out.Sector, o.out.Rated, o.out.EndErases, c.years, c.sector, c.end)
		}
		for _, w := range o.wear {
			want := float64(10*c.erases[w.Addr]) + 40*c.perUpdate[w.Addr]
			if c.whole > 0 && w.Addr == 0x08100000 {
				want = math.Round(c.end)
			}
			if float64(w.Erases) != want {
				t.Errorf("%s: 0x%08X is erased %d times, want %v", c.name, w.Addr, w.Erases, want)
			}
		}
	}
	p, d := onGuide(t, 100)
	law, err := part.WearLawByName("flat")
	if err != nil {
		t.Fatal(err)
	}
	p.law, p.s.Plan.Devices = law, 100
	var o candidate
	st := &longRun{ops: 36525, erases: make([]uint32, len(d.Wear()))}
	st.erases[12] = 100
	if p.life(&o, d, st, make([]float64, len(st.erases))); !(o.out.P1 > 0 && o.out.P1 < o.out.P50) {
		t.Errorf("with a law %v and %v years", o.out.P1, o.out.P50)
	}
	// perOp is per operation.
	if per := (&longRun{ops: 4, erases: []uint32{2, 0, 12}}).perOp(); !slices.Equal(per, []float64{0.5, 0, 3}) {
		t.Errorf("%v erases an operation", per)
	}
}

// The part's file promises 30 years at 85 °C and 10 at 105 after 1000 erases, and 20 at 55 after 10,000.
func TestRetentionFigures(t *testing.T) {
	for _, c := range []struct {
		erases, celsius float64
		is, text        string
	}{
		{1000, 85, "promised", "the vendor promises 30 years at 85 °C after 1,000 erases ("},
		{1000.5, 85, "not promised", "the nearest promise of the vendor is 20 years at 55 °C after 10,000 erases ("},
		{1000, 84.5, "promised", "the vendor promises 30 years"},
		{1000, 85.5, "promised", "the vendor promises 10 years at 105 °C"},
		{1, 105.5, "not promised", "the nearest promise of the vendor is 10 years at 105 °C"},
		{10_000, 55, "promised", "the vendor promises 20 years"},
		{10_001, 20, "not promised", "the vendor promises nothing after so many erases"},
		{1000, 0, "", ""},
		{0, 85, "", ""},
	} {
		p, d := onGuide(t, 100)
		p.s.Plan.Years, p.s.Plan.Celsius = 10, c.celsius
		sectors := d.Wear()
		rates := make([]float64, len(sectors))
		for i, w := range sectors {
			switch w.Addr {
			case 0x08104000:
				rates[i] = c.erases / 10
			case 0x08108000:
				rates[i] = c.erases / 20
			case 0x080E0000, 0x08120000: // before and behind the store
				rates[i] = 1e6
			}
		}
		sectors[0].External, sectors[0].Addr, rates[0] = true, 0x08100000, 1e6
		var o results.PlanCandidate
		p.retention(&o, d, sectors, rates)
		if o.RetentionIs != c.is || !strings.HasPrefix(o.Retention, c.text) || math.Abs(o.EndErases-c.erases) > 1e-9 {
			t.Errorf("%v erases, %v °C: %v, %s: %s", c.erases, c.celsius, o.EndErases, o.RetentionIs, o.Retention)
		}
	}
}

// One in a hundred of four devices is the first one, half of them are two.
func TestSharesOfDrawnLives(t *testing.T) {
	p, _ := onGuide(t, 100)
	law, err := part.WearLawByName("flat")
	if err != nil {
		t.Fatal(err)
	}
	p.law, p.s.Plan.Devices = law, 4
	sectors := make([]bench.UnitWear, 2)
	sectors[0].Rated, sectors[1].Rated = 1000, 5
	rng := random.New(p.s.Seed ^ 0x11FE)
	var lives []float64
	for range 4 {
		lives = append(lives, float64(law.Draw(1000, rng))/20)
	}
	slices.Sort(lives)
	if p1, p50 := p.draw(sectors, []float64{20, 0}); p1 != lives[0] || p50 != lives[1] {
		t.Errorf("%v and %v of %v", p1, p50, lives)
	}
}

func TestWishesAreJudged(t *testing.T) {
	law := new(part.WearLaw)
	good := results.PlanCandidate{Years: 10, P1: 10, WorstFill: 1, Update: 1, Worst: 0.5, Busy: 86400, Image: 2048}
	for name, c := range map[string]struct {
		change func(o *results.PlanCandidate, p *planner)
		want   string
	}{
		"good":                {func(*results.PlanCandidate, *planner) {}, ""},
		"life":                {func(o *results.PlanCandidate, _ *planner) { o.Years = 9.99 }, "it lasts 9.99 of 10 years"},
		"no end":              {func(o *results.PlanCandidate, _ *planner) { o.Years = 0 }, ""},
		"law":                 {func(o *results.PlanCandidate, p *planner) { o.P1, p.law = 9.99, law }, "1 % of the devices have a failed sector after 9.99 of 10 years"},
		"law, met":            {func(_ *results.PlanCandidate, p *planner) { p.law = law }, ""},
		"law, none fails":     {func(o *results.PlanCandidate, p *planner) { o.P1, p.law = 0, law }, ""},
		"no law":              {func(o *results.PlanCandidate, _ *planner) { o.P1 = 1 }, ""},
		"life before the law": {func(o *results.PlanCandidate, p *planner) { o.Years, o.P1, p.law = 9, 1, law }, "it lasts 9 of 10 years"},
		"full":                {func(o *results.PlanCandidate, _ *planner) { o.WorstFill = 1.01 }, "it can run full: all values at their longest take 101 % of an area"},
		"firmware":            {func(o *results.PlanCandidate, _ *planner) { o.Update = 0 }, "the firmware does not fit: there is room for 2 KiB"},
		"slow":                {func(o *results.PlanCandidate, _ *planner) { o.Worst = 0.501 }, "a set takes 501 ms"},
		"any time":            {func(o *results.PlanCandidate, p *planner) { o.Worst, p.s.Plan.LongestSet = 99, 0 }, ""},
		"busy":                {func(o *results.PlanCandidate, _ *planner) { o.Busy = 86401 }, "sets take longer than there is time for"},
		"all": {
			func(o *results.PlanCandidate, _ *planner) {
				*o = results.PlanCandidate{Years: 1, WorstFill: 2, Worst: 9, Busy: 1e6}
			},
			"it lasts 1 of 10 years|it can run full: all values at their longest take 200 % of an area|the firmware does not fit: there is room for 0 B|a set takes 9 s|sets take longer than there is time for",
		},
	} {
		p := &planner{s: planned(1, 1)}
		p.s.Plan.Years, p.s.Plan.LongestSet = 10, bench.Duration(500*time.Millisecond)
		p.s.Update.Bytes, p.demand = 4096, demandOfKeys(100, map[string][2]uint32{"a": {1, 1}})
		one := candidate{out: good}
		c.change(&one.out, p)
		if p.judge(&one); strings.Join(one.out.Unmet, "|") != c.want {
			t.Errorf("%s: %q, want %q", name, one.out.Unmet, c.want)
		}
		if name == "all" {
			one.misses[2].by = 2 // of an image without room it is infinite
		}
		for i, m := range one.misses {
			factors := map[string]float64{wishYears: 10, wishRoom: 2, wishFirmware: 2, wishSet: 18, wishRate: 1e6 / 86400}
			if name == "all" && math.Abs(m.by-factors[m.wish]) > 1e-9 || m.by < 1 || m.has == "" || m.text != one.out.Unmet[i] {
				t.Errorf("%s: %+v, want by %v", name, m, factors[m.wish])
			}
		}
	}
	c := candidate{misses: []miss{{by: 2}, {by: 0.5}, {by: 8}}}
	if got := c.shortfall(); math.Abs(got-math.Log(16)) > 1e-9 {
		t.Errorf("shortfall %v, want that of a factor of 16", got)
	}
}

func TestChoice(t *testing.T) {
	type store = results.PlanCandidate
	bad := []string{"x"}
	for name, c := range map[string]struct {
		all         []store
		by          []float64 // factors by which the stores fail
		best, shown int
	}{
		"the smallest":           {[]store{{Ran: true, Bytes: 2}, {Ran: true, Bytes: 1, Worst: 9}, {Ran: true, Bytes: 3}}, nil, 1, 1},
		"that meets all":         {[]store{{Ran: true, Bytes: 1, Unmet: bad, Years: 99}, {Ran: true, Bytes: 2}}, nil, 1, 1},
		"with the faster set":    {[]store{{Ran: true, Bytes: 1, Worst: 2}, {Ran: true, Bytes: 1, Worst: 1, Stall: 9}}, nil, 1, 1},
		"with the shorter stall": {[]store{{Ran: true, Bytes: 1, Worst: 2, Stall: 2}, {Ran: true, Bytes: 1, Worst: 2, Stall: 1}}, nil, 1, 1},
		"the first of equals":    {[]store{{Ran: true, Bytes: 1, Years: 1}, {Ran: true, Bytes: 1, Years: 2}}, nil, 0, 0},
		"none: the closest":      {[]store{{Ran: true, Unmet: bad, Years: 9}, {Ran: true, Unmet: bad, Years: 1}}, []float64{3, 2}, -1, 1},
		"none: the longest life": {[]store{{Ran: true, Unmet: bad, Years: 1}, {Ran: true, Unmet: bad, Years: 2}}, []float64{2, 2}, -1, 1},
		"none: one that ran":     {[]store{{Unmet: bad}, {Ran: true, Unmet: bad}}, []float64{2, 9}, -1, 1},
		"none ran":               {[]store{{Unmet: bad}, {Unmet: bad}}, []float64{3, 2}, -1, 1},
	} {
		p := &planner{s: planned(1, 1), demand: demandOfKeys(1, map[string][2]uint32{"a": {1, 1}}), report: new(results.Report)}
		for i, o := range c.all {
			p.all = append(p.all, candidate{out: o, wear: []results.SectorWear{{Erases: uint32(i)}}, sets: results.SetLatency{Name: fmt.Sprint(i)}})
			if c.by != nil {
				p.all[i].misses = []miss{{by: c.by[i]}}
			}
		}
		if err := p.choose(context.Background()); err != nil {
			t.Fatal(err)
		}
		plan := p.report.Plan
		if plan.Best != c.best || plan.Shown != c.shown || len(plan.Candidates) != len(c.all) || plan.Law != "" || plan.Drawn != 0 {
			t.Errorf("%s: best %d, shown %d, want %d and %d", name, plan.Best, plan.Shown, c.best, c.shown)
		}
		if ran := c.all[c.shown].Ran; ran && (p.report.Wear[0].Erases != uint32(c.shown) || p.report.Sets[0].Name != fmt.Sprint(c.shown)) || !ran && p.report.Wear != nil {
			t.Errorf("%s: what is shown is of another store", name)
		}
	}
}

func TestTooSmallStores(t *testing.T) {
	of := func(bytes uint32, unmet ...string) candidate {
		return candidate{out: results.PlanCandidate{Bytes: bytes, Unmet: unmet}}
	}
	all := []candidate{of(1, tooSmall), of(2, tooSmall), of(2, tooSmall, "x"), of(1, "x", tooSmall), of(3)}
	for sizes, want := range map[int]string{0: "2 2 1 3", 1: "1 2 2 1 3"} {
		p := &planner{s: planned(1, 1), all: slices.Clone(all)}
		p.s.Plan.Sizes = make([]uint32, sizes)
		p.forgetTooSmall()
		var got []string
		for _, c := range p.all {
			got = append(got, fmt.Sprint(c.out.Bytes))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%d sizes are named: %v stay, want %s", sizes, got, want)
		}
	}
}

func TestEnough(t *testing.T) {
	e := effort{uncertain: 0.01, rounds: 32}
	for _, c := range []struct {
		s    longRun
		want bool
	}{
		{longRun{rounds: 32, uncertain: 0.01}, true},
		{longRun{rounds: 32, uncertain: 0.0101}, false},
		{longRun{rounds: 31, uncertain: 0.01}, false},
		{longRun{rounds: 16, uncertain: 0.01}, false},
		{longRun{rounds: 33, uncertain: 0.01}, false},
		{longRun{rounds: 48, uncertain: 0.01}, true},
		{longRun{rounds: 48, uncertain: 1, ops: mostOps}, true},
		{longRun{rounds: 48, uncertain: 1, ops: mostOps - 1}, false},
		{longRun{whole: true}, true},
	} {
		if got := e.enough(&c.s); got != c.want {
			t.Errorf("%d rounds, %v, %d operations, whole %v: %v", c.s.rounds, c.s.uncertain, c.s.ops, c.s.whole, got)
		}
	}
	// Sixteen rounds of 9 and 11 in turns have a mean of 10 and a variance of 16/15: three errors of the mean are
	// 3 x sqrt(16/15/16) = 0.7746. Two rounds a batch, 9 and 11 each, have no variance; what is left over does not count.
	var turns []float64
	for i := range 33 {
		turns = append(turns, float64(9+2*(i%2)))
	}
	for n, want := range map[int]float64{15: 1, 16: 0.3 / math.Sqrt(15), 32: leastUncertain, 33: leastUncertain} {
		if got := uncertainty(turns[:n]); math.Abs(got-want) > 1e-9 {
			t.Errorf("%d rounds: %v, want %v", n, got, want)
		}
	}
}

// TestSettledFigures: a key of one byte with 200 bytes has records of 24 + 1 + 200 = 225 bytes; the master record has 24 +
// 4 + 8 = 36. In an area of 16384 bytes, of which the first 108 are the master's, a collection and the set that needs it
// take 36 + 225 + 225 of 16276 bytes. What is left holds 70 more sets, the next one collects: a round is 142.
func TestSettledFigures(t *testing.T) {
	s := planned(0, 500)
	s.Workload.Keys = []bench.Key{{Name: "k", Bytes: [2]uint32{200, 200}, Weight: 1}}
	s.Plan.Sizes, s.Plan.Places = []uint32{32 << 10}, []bench.Place{bench.PlaceStart}
	settled := func(until func(*longRun) bool) (*longRun, *bench.Device) {
		t.Helper()
		dm, err := demandOf(s)
		if err != nil {
			t.Fatal(err)
		}
		all, err := candidates(s)
		if err != nil || len(all) != 1 {
			t.Fatalf("%d stores, %v", len(all), err)
		}
		d, err := all[0].s.Device(s.Board.Driver, model.Typ)
		if err != nil {
			t.Fatal(err)
		}
		st, err := settle(context.Background(), d, dm, 1, until)
		if err != nil {
			t.Fatal(err)
		}
		return st, d
	}
	st, d := settled(func(st *longRun) bool { return st.rounds >= 3 })
	if st.rounds != 3 || st.ops != 3*142 || len(st.gc) != 6 || len(st.plain) != 3*140 || st.live != 36+225 || st.unit != 1 || st.area != 16384 || st.master != 108 || st.whole || len(st.all()) != 3*142 {
		t.Errorf("%d rounds of %d operations, %d of them collect and %d do not, %v bytes live, unit %d, area %d, master %d", st.rounds, st.ops, len(st.gc), len(st.plain), st.live, st.unit, st.area, st.master)
	}
	for i, w := range d.Wear() {
		want := uint32(0)
		if w.Addr == 0x08100000 || w.Addr == 0x08104000 {
			want = 3
		}
		if st.erases[i] != want {
			t.Errorf("0x%08X: %d erases, want %d", w.Addr, st.erases[i], want)
		}
	}
	// In three rounds each set programs 225 bytes, each collection another 36 + 225 and the master's 36 bytes at three places.
	if c := &st.counters; c.Erases != 6 || c.Masked == 0 || c.LongestMasked < 250*ms {
		t.Errorf("counters %+v", c)
	}
	// A collection erases 16 KiB, 0.25 s; a set programs 225 bytes at 16 µs.
	if !slices.IsSorted(st.gc) || st.gc[0] < 250*ms || st.gc[5] > 300*ms || st.plain[0] < 225*16*us || st.plain[len(st.plain)-1] > 8*ms {
		t.Errorf("collections take %d to %d cycles, other sets %d to %d", st.gc[0], st.gc[5], st.plain[0], st.plain[len(st.plain)-1])
	}
	if !(0 < st.openLeast && st.openLeast < st.openMost) {
		t.Errorf("opening takes %d to %d cycles", st.openLeast, st.openMost)
	}
	// The device is as before the opening: the next set of a full area was not one.
	if l := d.DataStore().Layout(); l.Free-l.First != 36+225+225 {
		t.Errorf("%d bytes are used", l.Free-l.First)
	}
	if st.uncertain != 1 {
		t.Errorf("three rounds are %v uncertain", st.uncertain)
	}

	// The first area begins with 16276 bytes free: the value that is provisioned and 71 more fill it, and the 72nd set
	// collects; then every 71st does. The first area is erased when the store is made, and by every second collection:
	// for the fifth time by the eighth, 72 + 7 x 71 = 569.
	s.Board.Part = wornPart(t, 5)
	whole, worn := settled(func(st *longRun) bool { return st.whole })
	w := worn.Wear()[whole.worstSector]
	if w.Addr != 0x08100000 || w.Erases != 5 || w.Rated != 5 || whole.lifeOps != 569 || whole.rounds != 3 || whole.ops != 3*142 {
		t.Errorf("%+v after %d operations", w, whole.lifeOps)
	}
	ended, stop := context.WithCancel(context.Background())
	stop()
	dm, _ := demandOf(s)
	if _, err := settle(ended, d, dm, 1, func(*longRun) bool { return false }); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}

func TestBenchmarksOfAPlan(t *testing.T) {
	p := &planner{s: planned(1, 1), report: new(results.Report), axes: []any{"part", "x"}}
	p.all = []candidate{
		{out: results.PlanCandidate{Place: "start", Bytes: 7}},
		{out: results.PlanCandidate{
			Ran: true, Place: "end", Bytes: 8, Simulated: 9, P50Set: 1, P99Set: 2, P999Set: 3, Worst: 4, GCPerDay: 5, Stall: 6, Masked: 7, Fill: 8, OpenMost: 9, Years: 10, Update: 11,
		}},
		{out: results.PlanCandidate{Ran: true, Place: "lower", Bytes: 9, Simulated: math.MaxUint64}},
	}
	p.bench()
	var got []string
	for _, b := range p.report.Bench {
		text := fmt.Sprint(b.Name, " ", b.N)
		for _, m := range b.Metrics {
			text += fmt.Sprintf(" %s=%v(%s)", m.Unit, m.Value, m.Better[:2])
		}
		got = append(got, text)
	}
	want := []string{
		"Plan/part=x/corner=typ/place=end/kv=8 9 sim-p50-sec=1(lo) sim-p99-sec=2(lo) sim-p999-sec=3(lo) sim-worst-sec=4(lo) GCs/day=5(lo) stall-sec/day=6(lo) masked-sec/day=7(lo) fill=8(lo) open-sec=9(lo) years=10(hi) update-sec=11(lo)",
		"Plan/part=x/corner=typ/place=lower/kv=9 2147483647 sim-p50-sec=0(lo) sim-p99-sec=0(lo) sim-p999-sec=0(lo) sim-worst-sec=0(lo) GCs/day=0(lo) stall-sec/day=0(lo) masked-sec/day=0(lo) fill=0(lo) open-sec=0(lo)",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// factsOf are the facts of a plan, a line each.
func factsOf(p *planner) string {
	var b strings.Builder
	for _, f := range p.report.Facts {
		fmt.Fprintf(&b, "%s: %s: %s\n", f.Name, f.Value, f.Note)
	}
	return b.String()
}

func TestFactsOfAPlan(t *testing.T) {
	p := &planner{s: planned(1, 1), report: new(results.Report)}
	p.s.Plan.Years, p.s.Plan.Celsius, p.s.Update.Bytes = 10, 40, 2048
	o := results.PlanCandidate{Name: "N", Start: 0x08100000, Bytes: 4096, Sectors: "S", Ran: true, OpenMost: 2e-3, OpenLeast: 1e-3, Ready: 3e-3, Worst: 4, P999Set: 3, P50Set: 2, PlainWorst: 1, GCPerDay: 0.5, GCP50: 5, GCWorst: 6, Live: 1024.4, Fill: 0.25, WorstFill: 0.5, Table: 160, TablePeak: 320, Image: 1024}
	plan := &results.Plan{Demand: "D", Wishes: "W", Candidates: []results.PlanCandidate{{}, o}, Best: -1, Shown: 1}
	p.report.Plan = plan
	plan.Candidates[1].Unmet = []string{"a", "b"}
	p.facts()
	want := `Smallest store: none: of 2 that were tried meets the wishes: W; what follows is of the one that comes closest, N: a; b
Life of the store: unknown: the part has no rating, or no sector is erased; D
Slowest set: 4 s: 99.9 % take at most 3 s, half of them 2 s; without garbage collection the slowest takes 1 s
Garbage collections: 0.5 a day: each takes 5 s, 6 s at the most
Interrupts masked: never: by the store's sets
Application stalled: never: by the store's sets: its code can be read while they write
Live data: 1 KiB: 25.0 % of an area; with each value at its longest, and room for one more record, 50.0 %
Opening the store: 2 ms: with an area as full as it gets, 1 ms right after a garbage collection; 3 ms from a reset to the application with its store open
RAM for the keys: 160 B: 320 B for a moment while the table grows
Largest firmware: 1 KiB: less than the 2 KiB that are wished
`
	if d := cmp.Diff(want, factsOf(p)); d != "" {
		t.Error(d)
	}
	c := &plan.Candidates[1]
	c.Unmet, c.Years, c.Uncertain, c.Simulated, c.Sector, c.Rated = nil, 12, 0.5, 1000, 0x08104000, 10_000
	c.RetentionIs, c.Retention, c.EndErases = "promised", "R", 8333.6
	c.Masked, c.LongestMasked, c.Stall, c.Energy, c.CoreEnergy, c.UpdateEnergy, c.Battery, c.Update, c.UpdateDown = 2, 0.5, 3, 1e-3, 2e-3, 3e-3, 40, 9, 8
	plan.Best, plan.Law, plan.Drawn, c.P1, c.P50 = 1, "L", 1000, 11, 13
	plan.Live = []results.PlanLive{{Keys: 1}, {Keys: 77, Open: 4e-3}}
	p.report.Facts = nil
	p.facts()
	want = `Smallest store: 4 KiB: of 2 that were tried, which meets the wishes: W; at 0x08100000, sectors S
Life of the store: 12 years: until the sector at 0x08104000 has been erased 10,000 times, as often as it is rated for; D; within 0.5 %, from 1,000 sets
1 % of the devices fail: 11 years: half of them after 13 years: the first sector that fails, of 1,000 devices that were drawn (L)
Retention at 40 °C: promised: after 10 years the store's most erased sector has had 8,334 erases; R
Slowest set: 4 s: 99.9 % take at most 3 s, half of them 2 s; without garbage collection the slowest takes 1 s
Garbage collections: 0.5 a day: each takes 5 s, 6 s at the most
Interrupts masked: 2 s a day: 500 ms at a stretch, when a set erases a sector
Application stalled: 3 s a day: waiting for code from the bank that is written
Energy: 1 mJ a day: by the flash for sets; the core that waits for it draws 2 mJ more; an update takes 3 mJ, waiting included; 40 % of the battery a year
Live data: 1 KiB: 25.0 % of an area; with each value at its longest, and room for one more record, 50.0 %
Opening the store: 2 ms: with an area as full as it gets, 1 ms right after a garbage collection; with 77 keys of the same sizes 4 ms; 3 ms from a reset to the application with its store open
RAM for the keys: 160 B: 320 B for a moment while the table grows
Update, 2 KiB: 9 s: with what the store leaves to it; for 8 s of it the application does not run
Largest firmware: 1 KiB: that the slot and the application's region hold
`
	if d := cmp.Diff(want, factsOf(p)); d != "" {
		t.Error(d)
	}
	// What is less than 1 of its unit is said, too; so is the one row of a table.
	c.Years, c.Masked, c.Stall, c.Battery, c.Update, plan.Live = 0.5, 0.25, 0.125, 0.4, 0.75, plan.Live[1:]
	p.report.Facts = nil
	p.facts()
	for _, want := range []string{"Life of the store: 0.5 years: ", "Interrupts masked: 250 ms a day: ", "Application stalled: 125 ms a day: ", "; 0.4 % of the battery a year\n", "; with 77 keys of the same sizes 4 ms; ", "Update, 2 KiB: 750 ms: "} {
		if !strings.Contains(factsOf(p), want) {
			t.Errorf("no %q in\n%s", want, factsOf(p))
		}
	}
	c.Uncertain, c.Place, c.CoreEnergy, c.UpdateEnergy, c.Battery = 0, "external", 0, 0, 0
	p.report.Facts = nil
	p.facts()
	for _, want := range []string{"at 0x08100000 of the external flash, sectors S\n", "; simulated to its end, 1,000 sets\n", "Energy: 1 mJ a day: by the flash for sets\n"} {
		if !strings.Contains(factsOf(p), want) {
			t.Errorf("no %q in\n%s", want, factsOf(p))
		}
	}
	c.Ran, c.Unmet, plan.Best = false, []string{"x"}, -1
	p.report.Facts = nil
	if p.facts(); factsOf(p) != "Smallest store: none: of 2 that were tried can be used: D; N, x\n" {
		t.Error(factsOf(p))
	}
	p.s.Plan.Updates, p.s.Plan.LongestSet = 0, 0
	if w := strings.Join(p.wishes(), ", "); w != "10 years, firmware of 2 KiB" {
		t.Error(w)
	}
	p.s.Plan.Updates, p.s.Plan.LongestSet = 4, bench.Duration(time.Second)
	if w := strings.Join(p.wishes(), ", "); w != "10 years, 4 updates a year, firmware of 2 KiB, no set longer than 1s" {
		t.Error(w)
	}
}

// TestPreparedPlan: what a report says of the board before anything is simulated.
func TestPreparedPlan(t *testing.T) {
	p := &planner{s: planned(2, 10)}
	p.s.Board.MV, p.s.Board.Wear = 0, "flat"
	if err := p.prepare("folder"); err != nil {
		t.Fatal(err)
	}
	r := p.report
	if r.Title != "Capacity plan for NUCLEO-F429ZI" || !strings.HasPrefix(r.Board, "NUCLEO-F429ZI, ") || !strings.Contains(r.Board, " at 168 MHz, 3.3 V, driver mbed, typical times") || r.Command != "dualbank plan folder/scenario.toml --out folder" {
		t.Errorf("%s; %s; %s", r.Title, r.Board, r.Command)
	}
	got := map[string]string{}
	for _, c := range r.Config {
		got[c.Key] = c.Value
	}
	if d := cmp.Diff(map[string]string{"board": "NUCLEO-F429ZI", "clock-hz": "168000000", "supply-mv": "3300", "profile": "MbedCE", "seed": "1"}, got, cmpopts.IgnoreMapEntries(func(k, _ string) bool {
		return !slices.Contains([]string{"board", "clock-hz", "supply-mv", "profile", "seed"}, k)
	})); d != "" {
		t.Error(d)
	}
	if !slices.ContainsFunc(r.Sources, func(s results.Source) bool { return strings.HasPrefix(s.Fact, "wear law flat: ") }) || p.law == nil {
		t.Error("no source of the wear law")
	}
	for i := range p.all {
		if p.all[i].s.Board.Wear != "" {
			t.Error("the sectors of a store age while it is planned")
		}
	}
	p.s.Title, p.s.Board.MV = "T", 3000
	if err := p.prepare("folder"); err != nil || p.report.Title != "T" || !strings.Contains(p.report.Board, ", 3 V, ") {
		t.Errorf("%s, %v", p.report.Board, err)
	}
}

func TestLargestImage(t *testing.T) {
	_, d := onGuide(t, 1)
	slot := &d.Layout.Slots[0]
	most := d.Layout.Config.MaxAppSize
	for size, want := range map[uint32]uint32{0: 0, 111: 0, 112: 0, 113: 1, 112 + most: most, 113 + most: most} {
		if slot.Size = size; largestImage(d) != want {
			t.Errorf("a slot of %d bytes holds %d, want %d", size, largestImage(d), want)
		}
	}
	if d.Layout.Slots = nil; largestImage(d) != 0 {
		t.Error("an image without a slot")
	}
}

// TestEach: every job runs once, progress counts them, and the error is that of the lowest that fails.
func TestEach(t *testing.T) {
	for _, workers := range []uint32{0, 1, 3} {
		p := &planner{s: planned(1, 1)}
		p.s.Cuts.Workers = int(workers)
		var seen []string
		p.progress = func(stage string, done, total uint64) { seen = append(seen, fmt.Sprint(stage, done, total)) }
		ran := make([]int, 4)
		err := p.each(context.Background(), "s", 4, func(i int) error {
			ran[i]++
			if i == 1 || i == 3 {
				return fmt.Errorf("job %d", i)
			}
			return nil
		})
		if err == nil || err.Error() != "job 1" || !slices.Equal(ran, []int{1, 1, 1, 1}) || !slices.Equal(seen, []string{"s1 4", "s2 4", "s3 4", "s4 4"}) {
			t.Errorf("%v, %v, %v", err, ran, seen)
		}
		seen = nil
		if err := p.each(context.Background(), "s", 1, func(int) error { return nil }); err != nil || !slices.Equal(seen, []string{"s1 1"}) {
			t.Errorf("%v, %v", err, seen)
		}
		ended, stop := context.WithCancel(context.Background())
		stop()
		if err := p.each(ended, "s", 2, func(int) error { return errors.New("it runs") }); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	}
}

func TestCandidates(t *testing.T) {
	chip, err := part.ByName("stm32f429zi")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		base, size uint32
		want       string
	}{
		{0x08000000, 0x20000, "4 x 16 KiB + 1 x 64 KiB"}, {0x0800C000, 0x10000, "1 x 16 KiB + 1 x 64 KiB"}, {0x080E0000, 0x28000, "1 x 128 KiB + 2 x 16 KiB"}, {0x08100000, 0x4001, "2 x 16 KiB"}, {0, 0, ""},
	} {
		if got := sectorsOf(chip, c.base, c.size); got != c.want {
			t.Errorf("0x%08X, %d bytes: %s, want %s", c.base, c.size, got, c.want)
		}
	}
	s := planned(1, 1)
	s.Board.Wear = "flat"
	for _, c := range []struct {
		at          site
		name, place string
	}{
		{site{place: bench.PlaceStart, base: 0x08100000, size: 65536}, "64 KiB at the start", "start"},
		{site{place: bench.PlaceLower, base: 0x080E0000, size: 131072}, "128 KiB beside the code", "lower"},
		{site{place: placeExternal, size: 65536, unit: 4096}, "64 KiB external", "external"},
		{site{place: placeFixed, base: 0x08100000, size: 65536}, "64 KiB of layout guide", "guide"},
	} {
		got := newCandidate(s, chip, c.at)
		if got.out.Name != c.name || got.out.Place != c.place || got.out.Start != c.at.base || got.out.Bytes != c.at.size || got.s.Board.Wear != "" || got.s == s || got.out.Unmet == nil {
			t.Errorf("%+v", got.out)
		}
		if c.at.place == placeExternal && (got.out.Sectors != "16 x 4 KiB" || got.s.Store.ExternalBytes != 65536) {
			t.Errorf("%+v", got.out)
		}
	}
	if half, err := halfLayout(s, chip); !half || err != nil {
		t.Errorf("the guide's layout is one of a scenario's own, %v", err)
	}
	board, err := bench.BoardScenario("nucleo-g474re")
	if err != nil {
		t.Fatal(err)
	}
	g474, _, err := bench.PartAndUnit(board.Board.Part, board.Board.Driver)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		boot, app string // behind what the board has
		half      bool
	}{"the board's": {"", "", true}, "another bootloader": {" ", "", false}, "another application": {"", " ", false}} {
		own := *board
		own.Layout.BootloaderText += c.boot
		own.Layout.ApplicationText += c.app
		if half, err := halfLayout(&own, g474); half != c.half || err != nil {
			t.Errorf("%s: %v, %v, want %v", name, half, err, c.half)
		}
	}
	// One file alone is a layout of one's own, if it is any.
	for _, change := range []func(*bench.Scenario){
		func(s *bench.Scenario) { s.Layout.BootloaderText = "" }, func(s *bench.Scenario) { s.Layout.ApplicationText = "" },
	} {
		own := *board
		change(&own)
		if half, _ := halfLayout(&own, g474); half {
			t.Error("one file of the two is taken for none")
		}
	}
	s.Store.Type = bench.StorageType(storage.TDBExternal)
	s.Plan.Sizes = nil
	all, err := candidates(s)
	var sizes []uint32
	for _, c := range all {
		sizes = append(sizes, c.out.Bytes>>10)
	}
	// Powers of two from two erase units of 4 KiB on, and half way between where that is an even number of them.
	if err != nil || !slices.Equal(sizes, []uint32{8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512}) {
		t.Errorf("%v KiB, %v", sizes, err)
	}
	s.Plan.Sizes = []uint32{8192, 8192, 24 << 10}
	if all, err = candidates(s); err != nil || len(all) != 2 {
		t.Errorf("%d stores, %v", len(all), err)
	}
	for _, size := range []uint32{4096, 12 << 10, 8<<20 + 8192} {
		s.Plan.Sizes = []uint32{size}
		if _, err := candidates(s); err == nil {
			t.Errorf("%d bytes are taken", size)
		}
	}
	s.Plan.Sizes = []uint32{8 << 20}
	if _, err := candidates(s); err != nil {
		t.Errorf("the whole of the device: %v", err)
	}
}

// TestTraceLimits: what a trace may have is taken, and no more.
func TestTraceLimits(t *testing.T) {
	long := strings.Repeat("k", 127)
	// With its spaces, which are left out, the line has so many bytes.
	padded := func(n int) string { return "1,a" + strings.Repeat(" ", n-5) + ",2" }
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "%d,k%d,1\n", i, i)
		}
		return b.String()
	}
	for _, c := range []struct{ name, lines, err string }{
		{"largest value", "0,a,1048576\n1,a,1\n", ""},
		{"too large", "0,a,1048577\n1,a,1\n", "t.csv:2: bytes"},
		{"longest key", "0," + long + ",1\n1,/kv/" + long + ",1\n", ""},
		{"too long", "0," + long + "k,1\n1,a,1\n", "t.csv:2: key"},
		{"first and last time", "-1e12,a,1\n1e12,a,1\n", ""},
		{"too early", "-1.1e12,a,1\n1e12,a,1\n", "t.csv:2: seconds"},
		{"longest line", "0,a,1\n" + padded(maxTraceLine) + "\n", ""},
		{"too long a line", "0,a,1\n" + padded(maxTraceLine+1) + "\n", "t.csv:3: a line of 65537 bytes"},
		{"a zero byte", "0,a,1\n1,\x00,1\n", "t.csv:3: a zero byte"},
		{"equal times", "0,a,1\n0,a,1\n1,a,1\n", ""},
		{"most keys", many(bench.MaxKeys), ""},
		{"too many keys", many(bench.MaxKeys + 1), "t.csv:10002: more than 10000 keys"},
	} {
		_, err := ParseTrace("t.csv", []byte("seconds,key,bytes\n"+c.lines))
		if (c.err == "") != (err == nil) || err != nil && !strings.HasPrefix(err.Error(), c.err) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	got, err := ParseTrace("t.csv", []byte("key,op,seconds,bytes,seconds\nb,remove,1,,x\nb,set,2,5,x\na,set,3,7,x\na,remove,4,9,x\n"))
	want := []bench.Key{{Name: "b", Bytes: [2]uint32{0, 5}, Weight: 1}, {Name: "a", Bytes: [2]uint32{7, 7}, Weight: 1}}
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got.Keys); d != "" || got.Ops[3].Bytes != 9 || got.Span != 4 {
		t.Errorf("%s: span %v", d, got.Span)
	}
}
