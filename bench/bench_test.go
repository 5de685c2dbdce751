package bench

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"dualbank/model"
	"dualbank/model/part"
	"dualbank/results"
)

// TestMain prints the Unit lines of the benchmarks' metrics before `go test -bench` prints results, and
// makes them short unless -benchtime says how long they run.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() != "" {
		said := false
		flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.benchtime" })
		if !said {
			short := quickTime
			if *wide {
				short = wideTime
			}
			if err := flag.Set("test.benchtime", short); err != nil {
				panic(err) // both are durations or counts
			}
		}
		d, err := Guide().Device("mbed", model.Typ)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		life := Life{Erases: 1, Rated: 1}
		for _, line := range results.UnitLines([]results.Benchmark{
			{Metrics: (&Sets{}).Metrics(d.Flash)},
			{Metrics: life.Metrics(1)},
			{Metrics: (&Sets{}).AppMetrics(d.Flash)},
			{Metrics: (&Sets{}).LatencyMetrics(d.Flash, &model.Latency{})},
			{Metrics: (&UpdateRun{Bytes: 1, Restarts: 1}).Metrics(d.Flash)},
			{Metrics: []results.Metric{Exact("sets", 0, "higher")}},
			{Metrics: []results.Metric{{Unit: "sets/s", Better: "higher"}, {Unit: "cuts/s", Better: "higher"}}},
		}) {
			fmt.Println(line)
		}
	}
	os.Exit(m.Run())
}

// Report reports simulated metrics. Times go out in nanoseconds, of which the testing package prints
// more digits; benchmark tools turn them back into seconds.
func Report(b *testing.B, metrics []results.Metric) {
	for _, m := range metrics {
		unit, value := m.Unit, m.Value
		amount, per, isRate := strings.Cut(unit, "/")
		if time, ok := strings.CutSuffix(amount, "-sec"); ok {
			unit, value = time+"-ns", value*1e9
			if isRate {
				unit += "/" + per
			}
		}
		b.ReportMetric(value, unit)
	}
}

func guideDevice(tb testing.TB, driver string, corner model.Corner) *Device {
	tb.Helper()
	d, err := Guide().Device(driver, corner)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// lived is a guide's device on which a workload has run.
func lived(tb testing.TB, driver string, w *Workload) (*Device, *Sets) {
	tb.Helper()
	d := guideDevice(tb, driver, model.Typ)
	s, err := d.RunWorkload(context.Background(), w, 1, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return d, s
}

// each runs a benchmark for both drivers on the guide's board.
func each(b *testing.B, rest string, run func(b *testing.B, driver string)) {
	for _, driver := range []string{"mbed", "word"} {
		b.Run(strings.TrimPrefix(BenchName("", "part", "stm32f429zi", "driver", driver, "layout", "guide"), "/")+rest, func(b *testing.B) { run(b, driver) })
	}
}

// BenchmarkOpen opens the store as the guide's workload leaves it.
func BenchmarkOpen(b *testing.B) {
	each(b, "", func(b *testing.B, driver string) {
		d, _ := lived(b, driver, &Guide().Workload)
		took := uint64(0)
		for b.Loop() {
			began := d.Flash.Now()
			if err := d.Store.Open(); err != nil {
				b.Fatal(err)
			}
			took = d.Flash.Now() - began
		}
		Report(b, []results.Metric{Less("sim-sec/op", d.Flash.Seconds(took))})
	})
}

// BenchmarkWorkload runs the guide's workload, 30 days of a device's life. Simulated metrics are per
// set.
func BenchmarkWorkload(b *testing.B) {
	each(b, "", func(b *testing.B, driver string) {
		var d *Device
		var sets *Sets
		for b.Loop() {
			d, sets = lived(b, driver, &Guide().Workload)
		}
		Report(b, append(sets.Metrics(d.Flash), sets.Life.Metrics(d.Flash.Hz())...))
	})
}

// BenchmarkUpdate updates a device over the guide's link, by size, corner, link, slots, and by a delta.
// What is not in a name is as in the guide's scenario. With the board's own driver it runs on every board.
func BenchmarkUpdate(b *testing.B) {
	for _, board := range part.BoardNames() {
		s, err := BoardScenario(board)
		if err != nil {
			b.Fatal(err)
		}
		s.Update.Bytes = 100 << 10
		b.Run(strings.TrimPrefix(BenchName("", "board", board, "part", s.Board.Part, "driver", s.Board.Driver, "layout", s.Layout.Name, "bytes", s.Update.Bytes, "corner", model.Typ), "/"), func(b *testing.B) {
			benchUpdate(b, s, s.Board.Driver, model.Typ)
		})
	}
	type axes struct {
		size          uint32
		corner        model.Corner
		slots         uint32
		link          string
		delta         bool
		interruptions uint32
		candidate     Candidate
	}
	for _, c := range []axes{
		{size: 50 << 10},
		{size: 100 << 10},
		{size: 200 << 10},
		{size: 400 << 10},
		{size: 800 << 10},
		{size: 400 << 10, corner: model.Max},
		{size: 400 << 10, link: "none"},
		{size: 400 << 10, link: "wifi"},
		{size: 400 << 10, link: "nb-iot"},
		{size: 400 << 10, delta: true},
		{size: 200 << 10, slots: 2},
		{size: 200 << 10, slots: 3},
		{size: 400 << 10, interruptions: 3},
		{size: 400 << 10, candidate: ExternalCandidate},
	} {
		name := BenchName("", "bytes", c.size, "corner", c.corner)
		s := Guide()
		u := &s.Update
		u.Bytes, u.Slots, u.Delta, u.Interruptions, u.Candidate = c.size, c.slots, c.delta, c.interruptions, c.candidate
		if c.slots > 0 {
			name += BenchName("", "slots", c.slots)
		}
		if c.link != "" {
			name += BenchName("", "link", c.link)
			l, err := u.Link.Named(c.link)
			if err != nil {
				b.Fatal(err)
			}
			u.Link = l.Link
		}
		if c.delta {
			name += BenchName("", "delta", "yes")
		}
		if c.interruptions > 0 {
			name += BenchName("", "interruptions", c.interruptions)
		}
		if c.candidate != "" {
			name += BenchName("", "candidate", c.candidate)
		}
		each(b, name, func(b *testing.B, driver string) {
			benchUpdate(b, s, driver, c.corner)
		})
	}
}

// benchUpdate benchmarks the scenario's update, each on a new device.
func benchUpdate(b *testing.B, s *Scenario, driver string, corner model.Corner) {
	var d *Device
	var run *UpdateRun
	for b.Loop() {
		var err error
		if d, err = s.Device(driver, corner); err != nil {
			b.Fatal(err)
		}
		if err := NewLoad(&s.Workload, 1).Provision(d.Store); err != nil {
			b.Fatal(err)
		}
		if run, err = d.RunUpdate(context.Background(), &s.Update, 1, nil); err != nil {
			b.Fatal(err)
		}
	}
	Report(b, run.Metrics(d.Flash))
}
