package plan

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"dualbank/bench"
	"dualbank/boot/layout"
	"dualbank/internal/long"
	"dualbank/kvstore"
	"dualbank/kvstore/storage"
	"dualbank/model"
	"dualbank/model/cell"
	"dualbank/model/part"
	"dualbank/model/random"
	"dualbank/results"
)

// planned is a scenario for planning: keys of 16 to 600 bytes, so many sets a day.
func planned(keys int, perDay float64) *bench.Scenario {
	s := bench.Guide()
	s.Title = ""
	s.Workload = bench.Workload{SetsPerHour: 1, Hours: 1}
	for i := range keys {
		s.Workload.Keys = append(s.Workload.Keys, bench.Key{Name: fmt.Sprintf("a_key_as_long_as_most_%02d", i), Bytes: [2]uint32{16, 600}, Weight: 1})
	}
	s.Plan.SetsPerDay = perDay
	s.Update.Bytes = 100 << 10
	return s
}

// wornPart is the guide's part with another rating.
func wornPart(t testing.TB, erases int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "worn.toml")
	text := fmt.Sprintf("name = 'worn'\ntitle = 'Worn'\nextends = 'stm32f429zi'\nendurance = { erases = %d, mark = 'A', from = 'a test' }\n", erases)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// brief is a plan of little effort, for what does not depend on it.
var brief = effort{0.03, 16, []float64{0.1, 0.4, 0.8}}

// lifeOf simulates a store until a sector has been erased as often as it is rated for, and returns
// after how many years that is.
func lifeOf(t testing.TB, c *candidate, dm *demand, seed uint64) float64 {
	t.Helper()
	d, err := c.s.Device(c.s.Board.Driver, model.Typ)
	if err != nil {
		t.Fatal(err)
	}
	st, err := settle(context.Background(), d, dm, seed, func(s *longRun) bool { return s.whole })
	if err != nil {
		t.Fatal(err)
	}
	return float64(st.lifeOps) / dm.perDay / 365.25
}

// lifeError is by how many percent the plan's life of each store is beside that of a simulation of the
// whole life.
func lifeError(t testing.TB, s *bench.Scenario, e effort) (worst float64) {
	t.Helper()
	r, err := run(context.Background(), s, "out", nil, e)
	if err != nil {
		t.Fatal(err)
	}
	dm, err := demandOf(s)
	if err != nil {
		t.Fatal(err)
	}
	all, err := candidates(s)
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, o := range r.Plan.Candidates {
		for i := range all {
			if all[i].out.Name != o.Name || !o.Ran {
				continue
			}
			whole := lifeOf(t, &all[i], dm, s.Seed+77)
			off := 100 * math.Abs(o.Years/whole-1)
			worst = max(worst, off)
			compared++
			if off > o.Uncertain+0.5 {
				t.Errorf("%s: %.2f %% off, %.2f %% are stated", o.Name, off, o.Uncertain)
			}
			t.Logf("%s: planned %.3f years ± %.2f %% from %d sets, whole life %.3f years: %.2f %% off", o.Name, o.Years, o.Uncertain, o.Simulated, whole, off)
		}
	}
	if compared == 0 {
		t.Fatal("nothing compared")
	}
	return worst
}

// The plan agrees with a simulation of the whole life, with other random draws, of a part that wears out early.
func TestPlanAgreesWithWholeLife(t *testing.T) {
	long.Test(t)
	s := planned(12, 500)
	for i := range s.Workload.Keys {
		s.Workload.Keys[i].Bytes = [2]uint32{200, 300} // alike, so that little is enough to be sure
	}
	s.Board.Part = wornPart(t, 600)
	s.Plan.Sizes = []uint32{32 << 10}
	s.Plan.Updates = 0
	if off := lifeError(t, s, effort{0.005, 32, nil}); off > 1 {
		t.Errorf("%.2f %% off, stated is at most 1 %%", off)
	}
}

// BenchmarkPlanWholeLife plans the device and simulates the whole life of what it recommends, some
// three million sets. error-% is how far the plan is off.
func BenchmarkPlanWholeLife(b *testing.B) {
	s := planned(40, 500)
	s.Plan.Sizes = []uint32{128 << 10}
	s.Plan.Updates = 0
	off := 0.0
	for b.Loop() {
		off = lifeError(b, s, thorough)
	}
	if off > 1 {
		b.Errorf("%.2f %% off", off)
	}
	b.ReportMetric(off, "error-%")
}

func TestPlanRecommends(t *testing.T) {
	s := planned(40, 500)
	s.Plan.Sizes = []uint32{32 << 10, 64 << 10, 128 << 10, 256 << 10}
	one, err := run(context.Background(), s, "out", nil, brief)
	if err != nil {
		t.Fatal(err)
	}
	if err := results.Check(one); err != nil {
		t.Error(err)
	}

	p := one.Plan
	var names []string
	for _, c := range p.Candidates {
		names = append(names, c.Name)
	}
	want := []string{"32 KiB at the start", "64 KiB at the start", "128 KiB at the start", "256 KiB at the start", "256 KiB at the end", "256 KiB beside the code"}
	if d := cmp.Diff(want, names); d != "" {
		t.Error(d)
	}
	if p.Best != 2 || p.Shown != 2 {
		t.Errorf("recommends %d: %+v", p.Best, p.Candidates)
	}
	if c := p.Candidates[0]; c.Ran || len(c.Unmet) != 1 || c.Unmet[0] != tooSmall {
		t.Errorf("%+v", c)
	}
	for i, c := range p.Candidates[1:] {
		// By hand: a set takes 24 + 24 + 308 bytes on the average; what an area has beside its live data
		// goes by before it is collected, and each area every other time.
		mean := 24.0 + 24 + 308
		perDay := 500 * mean / (float64(c.Bytes)/2 - 108 - c.Live)
		if math.Abs(c.GCPerDay/perDay-1) > 0.03 {
			t.Errorf("%s: %.3f garbage collections a day, by hand %.3f", c.Name, c.GCPerDay, perDay)
		}
		if years := 10000 / (perDay / 2) / 365.25; math.Abs(c.Years/years-1) > 0.03 {
			t.Errorf("%s: %.3f years, by hand %.3f", c.Name, c.Years, years)
		}
		if !(c.PlainP50 <= c.PlainP99 && c.PlainP99 <= c.PlainP999 && c.PlainP999 <= c.PlainWorst && c.PlainP50 <= c.P99Set && c.P50Set <= c.P99Set && c.P99Set <= c.P999Set && c.P999Set <= c.Worst && c.PlainWorst <= c.Worst && c.GCP50 <= c.GCP99 && c.GCP99 <= c.GCP999 && c.GCP999 <= c.GCWorst && c.GCWorst == c.Worst) {
			t.Errorf("%s: times out of order: %+v", c.Name, c)
		}
		// Beside the code the application waits for every erase and program.
		if c.Masked <= 0 || (c.Stall > c.Masked) != (c.Place == "lower") || c.Place != "lower" && c.Stall != 0 || c.LongestMasked < 0.25 || c.Uncertain > 4 || c.Table != 41*16 || c.TablePeak != 81*16 {
			t.Errorf("%s: %+v", c.Name, c)
		}
		if i > 0 && c.Years < p.Candidates[i].Years*0.999 {
			t.Errorf("%s lasts less than the smaller %s", c.Name, p.Candidates[i].Name)
		}
		image := min(1<<20-c.Bytes-112, 0x100000-0x8400)
		if c.Place == "lower" {
			image = 0x100000 - 0x8400 - c.Bytes
		}
		if c.Image != image || c.Update < 5 {
			t.Errorf("%s: firmware up to %d, an update of %v s", c.Name, c.Image, c.Update)
		}
	}
	// Erases of a round, a sector at a time, are masked: driver mbed. Five sectors in 128 KiB, a round takes two collections.
	c := p.Candidates[2]
	if want := c.GCPerDay / 2 * (4*0.25 + 0.55); math.Abs(c.Masked/want-1) > 0.03 {
		t.Errorf("masked %v s a day, by hand %v", c.Masked, want)
	}
	if len(p.Live) != 3 || p.Live[len(p.Live)-1].GC < 2*p.Live[0].GC {
		t.Errorf("live %+v", p.Live)
	}
	for _, w := range one.Wear {
		want := uint32(0)
		switch w.Region {
		case "KVStore":
			want = uint32(10000 * 10 / c.Years)
		case "application", "candidate":
			want = 40 // updates, if they reach as far
		}
		if w.Erases != 0 && math.Abs(float64(w.Erases)/float64(want)-1) > 0.05 {
			t.Errorf("sector 0x%08X (%s): %d erases in 10 years, want %d", w.Addr, w.Region, w.Erases, want)
		}
	}
}

// The scenario of a report makes the report again, on other processors too.
func TestPlanRepeats(t *testing.T) {
	long.Test(t)
	s := planned(40, 500)
	s.Plan.Sizes, s.Plan.Places, s.Update.Bytes, s.Cuts.Workers = []uint32{64 << 10}, []bench.Place{bench.PlaceStart}, 10<<10, 1
	one, err := run(context.Background(), s, "out", nil, brief)
	if err != nil {
		t.Fatal(err)
	}
	again, err := bench.Parse("again.toml", []byte(one.Scenario))
	if err != nil {
		t.Fatal(err)
	}
	again.Cuts.Workers = 2
	two, err := run(context.Background(), again, "out", nil, brief)
	if err != nil {
		t.Fatal(err)
	}
	two.Scenario = one.Scenario
	if !reflect.DeepEqual(one, two) {
		t.Errorf("a second run differs:\n%.2000s", cmp.Diff(one, two))
	}
}

// Every wish that is not met is said.
func TestPlanWishes(t *testing.T) {
	long.Test(t)
	for name, c := range map[string]struct {
		change func(s *bench.Scenario)
		unmet  string
	}{
		"none":     {func(s *bench.Scenario) {}, ""},
		"life":     {func(s *bench.Scenario) { s.Plan.Years = 20 }, "it lasts 15."},
		"full":     {func(s *bench.Scenario) { s.Workload.Keys[3].Bytes[1] = 40000; s.Workload.Keys[3].Weight = 0 }, "it can run full: all values at their longest take"},
		"firmware": {func(s *bench.Scenario) { s.Update.Bytes = 900 << 10 }, "the firmware does not fit: there is room for 895.9 KiB"},
		"slow":     {func(s *bench.Scenario) { s.Plan.LongestSet = bench.Duration(500 * time.Millisecond) }, "a set takes 8"},
		"busy":     {func(s *bench.Scenario) { s.Plan.SetsPerDay = 1e7 }, "sets take longer than there is time for"},
		"draws":    {func(s *bench.Scenario) { s.Board.Wear = "flat"; s.Plan.Years = 15 }, "1 % of the devices have a failed sector after 1"},
		"small":    {func(s *bench.Scenario) { s.Workload.Keys = planned(400, 1).Workload.Keys }, tooSmall},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := planned(40, 500)
			s.Plan.Sizes, s.Plan.Places, s.Plan.Updates = []uint32{128 << 10}, []bench.Place{bench.PlaceStart}, 0
			s.Update.Bytes = 10 << 10
			c.change(s)
			if name == "full" {
				s.Workload.Keys[3].Bytes[0] = 16
			}
			r, err := run(context.Background(), s, "out", nil, effort{brief.uncertain, brief.rounds, brief.fills[:1]})
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(r.Plan.Candidates[0].Unmet, "; ")
			if !strings.Contains(got, c.unmet) || (c.unmet == "") != (got == "") || (c.unmet == "") != (r.Plan.Best == 0) {
				t.Errorf("%q, best %d; want %q", got, r.Plan.Best, c.unmet)
			}
			if err := results.Check(r); err != nil {
				t.Error(err)
			}
		})
	}
}

// The lives that are drawn are those of the law: the first of n like sectors fails as the smallest of n
// draws of a Weibull distribution does.
func TestDrawnLives(t *testing.T) {
	s := planned(4, 100)
	s.Plan.Devices = 20000
	law, err := part.WearLawByName("flat")
	if err != nil {
		t.Fatal(err)
	}
	p := &planner{s: s, law: law}
	rates := []float64{100, 0, 100, 100, 100, 0, 100}
	sectors := make([]bench.UnitWear, len(rates))
	for i := range rates[:6] {
		sectors[i].Rated = 10000 // of the last one nothing is known
	}
	p1, p50 := p.draw(sectors, rates)
	for _, c := range []struct{ share, got float64 }{{0.01, p1}, {0.5, p50}} {
		want := 10000 * law.Life.Times / 100 * math.Pow(-math.Log(1-c.share)/math.Ln2/4, 1/law.Shape.Value)
		if math.Abs(c.got/want-1) > 0.04 {
			t.Errorf("share %v fails after %.2f years, want %.2f", c.share, c.got, want)
		}
	}
	if p1, p50 := p.draw(sectors, []float64{0, 0}); p1 != 0 || p50 != 0 {
		t.Errorf("nothing is erased, and %v and %v", p1, p50)
	}
}

// What a record takes on flash, and when a store can run full, is what the store does.
func TestWorstCase(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		unit := rapid.SampledFrom([]uint32{1, 8, 32}).Draw(rt, "unit")
		dm := &demand{w: &bench.Workload{}, perDay: 1}
		for i := range rapid.IntRange(1, 12).Draw(rt, "keys") {
			n := rapid.Uint32Range(0, 120).Draw(rt, "bytes")
			dm.w.Keys = append(dm.w.Keys, bench.Key{Name: fmt.Sprintf("%0*d", rapid.IntRange(2, 20).Draw(rt, "name"), i), Bytes: [2]uint32{n, n}, Weight: 1})
		}
		f, err := model.New(model.Config{Part: part.Plain("x", 0, []uint32{1024, 1024}, cell.AND), Unit: unit})
		if err != nil {
			rt.Fatal(err)
		}
		region, err := f.Region(0, 2048)
		if err != nil {
			rt.Fatal(err)
		}
		store := kvstore.NewTDB(region, kvstore.Options{})
		tr := newTraffic(dm, 1)
		err = tr.l.Provision(store)
		if err == nil {
			err = store.Open()
		}
		for n := 0; n < 200 && err == nil; n++ {
			key, size, remove := tr.next()
			err = tr.do(store, key, size, remove)
		}
		// Whichever of the keys is longest, it will be drawn behind a full log.
		longest := 0
		for i, k := range dm.w.Keys {
			if onFlash(unit, k.Name, k.Bytes[1]) > onFlash(unit, dm.w.Keys[longest].Name, dm.w.Keys[longest].Bytes[1]) {
				longest = i
			}
		}
		for n := 0; n < 60 && err == nil; n++ {
			err = tr.do(store, longest, dm.w.Keys[longest].Bytes[1], false)
		}
		l := store.Layout()
		fits := dm.worst(unit) <= uint64(l.Size-l.First)
		if err != nil && !full(err) {
			rt.Fatal(err)
		}
		if fits != (err == nil) {
			rt.Fatalf("worst %d in %d bytes, unit %d: %v", dm.worst(unit), l.Size-l.First, unit, err)
		}
		if err == nil {
			// After a collection the log has the live records, and the one that was set.
			if tr.live(unit) > uint64(l.Free-l.First) {
				rt.Fatalf("%d live, the log has %d", tr.live(unit), l.Free-l.First)
			}
		}
	})
}

func TestUncertainty(t *testing.T) {
	if u := uncertainty(make([]float64, 5)); u != 1 {
		t.Errorf("of five rounds: %v", u)
	}
	rng := random.New(1)
	var sum float64
	for range 200 {
		rounds := make([]float64, 320)
		for i := range rounds {
			rounds[i] = 100 + 20*(rng.Float64()+rng.Float64()+rng.Float64()-1.5) // a standard deviation of 10
		}
		sum += uncertainty(rounds) / 200
	}
	if want := 3 * 0.1 / math.Sqrt(320); math.Abs(sum/want-1) > 0.06 {
		t.Errorf("%v, want about %v", sum, want)
	}
	if u := uncertainty([]float64{9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9}); u != leastUncertain {
		t.Errorf("of equal rounds: %v", u)
	}
}

func TestSites(t *testing.T) {
	p := bench.Guide().Plan
	for _, c := range []struct {
		part  string
		sizes []uint32
		want  string // place and KiB of each, or the error
	}{
		{"stm32f429zi", nil, "start 32, start 64, start 128, start 256, end 256, lower 256, start 512, end 512, lower 512"},
		{"stm32f769ni", nil, "start 512, lower 512"},
		{"stm32f429zi", []uint32{128 << 10, 64 << 10, 64 << 10}, "start 64, start 128"},
		{"stm32f429zi", []uint32{48 << 10}, "plan.kvstore_bytes: 49152: at the end of the upper half it does not end with a sector: give another size"},
		{"stm32f429zi", []uint32{384 << 10}, "plan.kvstore_bytes: 393216: at the end of the upper half the store would use 262144 bytes of it: give that size"},
		{"stm32f429zi", []uint32{2 << 20}, "plan.kvstore_bytes: 2097152: the upper half of the flash has 1048576 bytes: give a smaller size"},
	} {
		part, unit, err := bench.PartAndUnit(c.part, "mbed")
		if err != nil {
			t.Fatal(err)
		}
		p.Sizes = c.sizes
		all, err := sites(&p, part, unit)
		var got []string
		for _, s := range all {
			got = append(got, fmt.Sprintf("%s %d", s.place, s.size>>10))
		}
		text := strings.Join(got, ", ")
		if err != nil {
			text = err.Error()
		}
		if text != c.want {
			t.Errorf("%s %v:\n got  %s\n want %s", c.part, c.sizes, text, c.want)
		}
	}
}

// A plan can be of a layout that configuration files give, and of a recorded trace.
func TestPlanOfFilesAndTraces(t *testing.T) {
	s, err := bench.BoardScenario("nucleo-g474re")
	if err != nil {
		t.Fatal(err)
	}
	s.Layout.ApplicationText = "// Our own.\n" + s.Layout.ApplicationText
	var text strings.Builder
	text.WriteString("seconds,key,bytes\n")
	for i := range 200 {
		fmt.Fprintf(&text, "%d,key%d,%d\n", i*432, i%5, 20+i%7)
	}
	s.Plan.Trace, s.Plan.TraceFile = "some/trace.csv", []byte(text.String())
	s.Update.Bytes = 60 << 10
	r, err := run(context.Background(), s, "out", nil, brief)
	if err != nil {
		t.Fatal(err)
	}
	p := r.Plan
	if len(p.Candidates) != 1 || p.Candidates[0].Name != "32 KiB of layout guide" || p.Best != 0 || !strings.Contains(p.Demand, "5 keys of 20 to 26 bytes, 200 sets a day, from a trace of") {
		t.Errorf("%+v", p)
	}
	stored, files := s.Stored()
	if stored.Plan.Trace != "trace.csv" || string(files["trace.csv"]) != text.String() || !strings.Contains(r.Scenario, "trace = 'trace.csv'") {
		t.Errorf("trace %s, files %v", stored.Plan.Trace, len(files))
	}
}

func TestPlanErrorsAreTheScenarios(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *bench.Scenario)
		want   string
	}{
		"part":  {func(s *bench.Scenario) { s.Board.Part = "stm32" }, `board: part "stm32" is unknown`},
		"law":   {func(s *bench.Scenario) { s.Board.Wear = "steep" }, `board.wear: wear law "steep" is unknown`},
		"size":  {func(s *bench.Scenario) { s.Plan.Sizes = []uint32{100} }, "plan.kvstore_bytes: 100: "},
		"trace": {func(s *bench.Scenario) { s.Plan.Trace, s.Plan.TraceFile = "t.csv", []byte("x") }, `t.csv:1: no column "seconds"`},
		"rate": {func(s *bench.Scenario) {
			s.Plan.Trace, s.Plan.TraceFile = "t.csv", []byte("seconds,key,bytes\n0,a,1\n1e12,a,1\n")
		}, "t.csv: "},
		"clock":  {func(s *bench.Scenario) { s.Board.Hz = 1e9 }, "board: part stm32f429zi: a clock of 1000000000 Hz"},
		"target": {func(s *bench.Scenario) { s.Layout.Target = "K64F" }, "layout.target: K64F has the flash of"},
		"files": {func(s *bench.Scenario) {
			s.Layout.BootloaderText = string(layout.Example()[0].Text)
			s.Layout.ApplicationText = string(layout.Example()[1].Text)
			s.Plan.Sizes = []uint32{1 << 17}
		}, "plan.kvstore_bytes: the configuration files"},
		"image": {func(s *bench.Scenario) { s.Update.Bytes = 2 << 20 }, "update.bytes: 2097152 bytes of firmware"},
	} {
		s := planned(4, 100)
		c.change(s)
		_, err := Run(context.Background(), s, "out", nil)
		if _, ok := errors.AsType[*bench.ScenarioError](err); !ok || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %T %v, want one line: %s", name, err, err, c.want)
		}
	}
}

// A board brings a layout, which planning may lay out anew; the scenario that it leaves says so too.
func TestPlanOfABoard(t *testing.T) {
	s, err := bench.Parse("b.toml", []byte("title = 'b'\n[board]\nname = 'nucleo-g474re'\n[update]\nbytes = 60000\n[plan]\nkvstore_bytes = [16384, 32768]\n"))
	if err != nil {
		t.Fatal(err)
	}
	s.Workload = planned(5, 1).Workload
	again, err := bench.Parse("again.toml", []byte(s.TOML()))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*bench.Scenario{s, again} {
		all, err := candidates(s)
		if err != nil || len(all) != 4 || all[0].out.Bytes != 16384 || all[2].s.Layout.ApplicationText == all[0].s.Layout.ApplicationText {
			t.Errorf("%d stores, %v", len(all), err)
		}
	}
}

func TestPlanStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	_, err := Run(ctx, planned(40, 500), "out", func(stage string, done, total uint64) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A plan of stores on external flash tries its erase units; a collection comes by when what a set takes has
// filled what is free of an area.
func TestPlanOfExternalFlash(t *testing.T) {
	long.Test(t)
	s := planned(40, 500)
	s.Store.Type = bench.StorageType(storage.TDBExternal)
	s.Plan.Sizes = []uint32{16 << 10, 64 << 10, 128 << 10}
	r, err := run(context.Background(), s, "out", nil, brief)
	if err != nil {
		t.Fatal(err)
	}
	if err := results.Check(r); err != nil {
		t.Error(err)
	}
	p := r.Plan
	if len(p.Candidates) != 3 || p.Candidates[0].Unmet[0] != tooSmall || p.Best != 1 || p.Candidates[1].Name != "64 KiB external" {
		t.Fatalf("%+v", p.Candidates)
	}
	for _, c := range p.Candidates[1:] {
		mean := 24.0 + 24 + 308 + bench.SecureBytes
		perDay := 500 * mean / (float64(c.Bytes)/2 - 108 - c.Live)
		if math.Abs(c.GCPerDay/perDay-1) > 0.03 {
			t.Errorf("%s: %.3f garbage collections a day, by hand %.3f", c.Name, c.GCPerDay, perDay)
		}
		if years := 100_000 / (perDay / 2) / 365.25; math.Abs(c.Years/years-1) > 0.03 || !c.External || c.Rated != 100_000 {
			t.Errorf("%s: %.3f years, by hand %.3f: %+v", c.Name, c.Years, years, c)
		}
		if c.Masked != 0 || c.Stall != 0 || c.Table != 41*16+256 || c.Update < 5 {
			t.Errorf("%s: %+v", c.Name, c)
		}
	}
	for sizes, want := range map[uint32]string{
		6 << 10:  "plan.kvstore_bytes: 6144: mx25r6435f has 8388608 bytes in erase units of 4096: give an even number of them",
		16 << 20: "plan.kvstore_bytes: 16777216: mx25r6435f has 8388608 bytes",
	} {
		s.Plan.Sizes = []uint32{sizes}
		if _, err := Run(context.Background(), s, "out", nil); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	s.Plan.Sizes = nil
	if all, err := candidates(s); err != nil || len(all) != 12 || all[0].out.Bytes != 8<<10 || all[11].out.Bytes != 512<<10 {
		t.Errorf("%d stores, %v", len(all), err)
	}
}

// TestClosest: of stores that miss different wishes the one is shown that is closest to them, not the one with the longest
// life or the fewest wishes unmet; and the wish is named without which one of them would do.
func TestClosest(t *testing.T) {
	p := &planner{s: planned(40, 500), demand: &demand{perDay: 500}}
	p.s.Plan.Years, p.s.Plan.LongestSet, p.s.Plan.Assumed = 20, bench.Duration(500*time.Millisecond), []string{bench.AssumedYears, bench.AssumedFirmware}
	p.report = new(results.Report)
	store := func(name string, years, worst float64, image uint32) candidate {
		c := candidate{s: p.s, out: results.PlanCandidate{Name: name, Ran: true, Years: years, Worst: worst, Image: image, Unmet: []string{}}}
		if image >= p.s.Update.Bytes {
			c.out.Update = 1
		}
		p.judge(&c)
		return c
	}
	for name, c := range map[string]struct {
		all     []candidate
		closest string
		drop    []string
	}{
		"one wish is far": {
			[]candidate{store("a", 2, 0.4, 1<<20), store("b", 19, 0.51, 1<<20), store("c", 90, 5, 1<<20)},
			"b",
			[]string{"20 years (default): a meets the rest; it lasts 2 years", "no set longer than 500ms: c meets the rest; it has a slowest set of 5 s"},
		},
		"the longest life has no room": {
			[]candidate{store("a", 18, 0.4, 1<<20), store("b", 90, 0.4, 10<<10)},
			"a",
			[]string{"20 years (default): a meets the rest; it lasts 18 years", "firmware of 100 KiB (default): b meets the rest; it has room for firmware of 10 KiB"},
		},
		"two wishes at once": {
			[]candidate{store("a", 10, 1, 1<<20), store("b", 12, 1, 1<<20)},
			"b",
			[]string{"20 years (default) and no set longer than 500ms: b meets the rest; it lasts 12 years, and has a slowest set of 1 s"},
		},
		"one fits": {[]candidate{store("a", 10, 1, 1<<20), store("b", 25, 0.1, 1<<20)}, "b", nil},
	} {
		p.all = c.all
		shown := p.closest()
		var got []string
		for _, d := range p.drop() {
			got = append(got, strings.Join(d.Wishes, " and ")+": "+d.Text)
		}
		slices.Sort(got)
		slices.Sort(c.drop)
		if d := cmp.Diff(c.drop, got); p.all[shown].out.Name != c.closest || d != "" {
			t.Errorf("%s: %s, want %s\n%s", name, p.all[shown].out.Name, c.closest, d)
		}
	}
}

// TestDefaultsAreMarked: wishes that neither flags nor the scenario choose are marked wherever they are told; the scenario
// that a plan leaves tells them again.
func TestDefaultsAreMarked(t *testing.T) {
	s, err := bench.Parse("s.toml", []byte("[update]\nbytes = 10240\n"))
	if err != nil {
		t.Fatal(err)
	}
	s.Assume(map[string]int{"update.bytes": 2})
	s.Plan.Sizes, s.Plan.Places = []uint32{64 << 10}, []bench.Place{bench.PlaceStart}
	want := []string{bench.AssumedYears, bench.AssumedUpdates, bench.AssumedKeys, bench.AssumedSets}
	r, err := run(context.Background(), s, "out", nil, effort{0.2, 4, brief.fills[:1]})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, r.Plan.Assumed); d != "" {
		t.Error(d)
	}
	if want := "10 years (default), 4 updates a year (default), firmware of 10 KiB"; r.Plan.Wishes != want {
		t.Errorf("wishes %q, want %q", r.Plan.Wishes, want)
	}
	if want := "40 keys of 16 to 600 bytes (default), 1440 sets a day (default)"; r.Plan.Demand != want {
		t.Errorf("demand %q, want %q", r.Plan.Demand, want)
	}
	again, err := bench.Parse("again.toml", []byte(r.Scenario))
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]int{"plan.years": 1, "plan.updates_per_year": 1, "update.bytes": 1, "workload.keys": 1, "plan.sets_per_day": 1}
	again.Assume(lines)
	if d := cmp.Diff(want, again.Plan.Assumed); d != "" {
		t.Error(d)
	}
	again.Plan.Years = 12 // changed by hand
	again.Assume(lines)
	if slices.Contains(again.Plan.Assumed, bench.AssumedYears) {
		t.Error("years that were changed are marked")
	}
}
