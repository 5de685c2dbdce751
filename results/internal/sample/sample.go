// Package sample makes reports for the tests of results and its rooms. Only tests import it.
//
// The tests use it in these steps:
//
//  1. Report is what a run on the porting guide's board leaves, with some of every record, computed from the
//     typical times of the part. Planned is the same for a capacity plan.
//  2. Crowded and EdgePlans are reports that are hard to draw: 512 pages, long names, times of zero, lives
//     far apart.
//  3. Drawn is any report that results.Check accepts, drawn by rapid for property tests.
//  4. WellFormed reads a picture or a page as strict XML and counts its elements.
//
// Each call makes the report anew, so a test may change it. Random values come from generators with a fixed
// seed, so the same function returns the same report every time.
package sample

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"dualbank/results"
)

// Report is a report with the figures that a run on the guide's board has, by arithmetic on the
// typical times of the part: enough of everything for pictures, tables and pages to be judged.
func Report() *results.Report {
	rng := rand.New(rand.NewPCG(429, 2))
	r := &results.Report{
		Title:    "KVStore and firmware update on NUCLEO-F429ZI",
		Board:    "NUCLEO-F429ZI, STM32F429ZI at 180 MHz, 3.3 V, driver mbed",
		Command:  "dualbank run scenario.toml --out out",
		Scenario: scenario,
		Config:   []results.Setting{{Key: "pkg", Value: "dualbank/bench"}, {Key: "board", Value: "NUCLEO_F429ZI"}, {Key: "seed", Value: "1"}},
		Sources: []results.Source{
			{Fact: "erase 16 KiB, x32, typ", Value: "250 ms", Mark: "C2", From: "uliano/brio docs/stm32f4/flash.md, citing DocID024030 table 48"},
			{Fact: "erase 128 KiB, x32, typ", Value: "1 s", Mark: "C2", From: "uliano/brio docs/stm32f4/flash.md; 973 to 1056 ms measured on STM32F411CE"},
			{Fact: "program one unit, any width, typ", Value: "16 µs", Mark: "C2", From: "uliano/brio; nvrecord.h"},
			{Fact: "wait states at 180 MHz, 2.7 to 3.6 V", Value: "5", Mark: "C", From: "ST stm32f4xx_flash.c, FLASH_SetLatency"},
			{Fact: "endurance", Value: "10,000 erases a sector", Mark: "C2", From: "DS10314 table 47"},
			{Fact: "retention at 85 °C", Value: "30 years after 1,000 erases", Mark: "R", From: "recalled"},
			{Fact: "SHA-256 on Cortex-M4", Value: "26 cycles a byte", Mark: "A", From: "assumption, switchable"},
		},
	}
	r.Wear = Wear()
	r.Sets = []results.SetLatency{sets(rng, "driver mbed", 16e-6, 4000), sets(rng, "driver word", 4e-6, 4000)}
	r.Timeline, r.Updates = updates()
	r.Application, r.Collections = application()
	r.Cuts = Cuts()
	r.Findings = findings()
	r.Findings[0].Film = film()
	r.Facts = []results.Fact{
		{Name: "Findings", Value: "3", Note: "2 of high severity: a cut can lose a key that was stored with success"},
		{Name: "Years at 500 sets a day", Value: "26.3 years", Note: "until the first sector passes 10,000 erases, typical times"},
		{Name: "Slowest set", Value: "1.31 s", Note: "with garbage collection; half of the sets take 1.96 ms"},
		{Name: "Update, 400 KiB", Value: "2 min 35 s", Note: "of which the application cannot run for 14.1 s"},
		{Name: "Interrupts masked at a stretch", Value: "1 s", Note: "driver mbed masks them for each whole sector erase"},
		{Name: "Power cuts judged", Value: "391,268", Note: "every step of the KVStore workload in three modes"},
	}
	r.Bench = bench(r)
	return r
}

const scenario = `# The guide's board with a device-management client's keys.
part = "stm32f429zi"
driver = "mbed"
layout = "guide"

[store]
profile = "MbedCE"
base = 0x08100000
size = 0x20000

[workload]
keys = 40
values = [16, 600]
sets = 4000
seed = 1
`

func Wear() []results.SectorWear {
	sizes := []uint32{16, 16, 16, 16, 64, 128, 128, 128, 128, 128, 128, 128}
	var out []results.SectorWear
	addr := uint32(0x08000000)
	for bank := range 2 {
		for i, s := range sizes {
			w := results.SectorWear{Addr: addr, Size: s << 10, Bank: bank, Endurance: 10000}
			switch {
			case bank == 0 && i < 2:
				w.Region = "bootloader"
			case bank == 0:
				w.Region = "application"
				if i <= 7 {
					w.Erases = 2
				}
			case i < 5:
				w.Region = "KVStore"
				w.Erases = 38
				if i == 4 {
					w.Erases = 37
				}
			default:
				w.Region = "candidate"
				if i <= 8 {
					w.Erases = 2
				}
			}
			out = append(out, w)
			addr += w.Size
		}
	}
	return out
}

func sets(rng *rand.Rand, name string, perByte float64, n int) results.SetLatency {
	s := results.SetLatency{Name: name}
	room := 0.0
	for range n {
		bytes := 24 + 12 + 16 + math.Floor(584*rng.Float64()*rng.Float64()*rng.Float64())
		t := 0.9e-3 + bytes*perByte + 40e-6*rng.Float64()
		if room += bytes; room > 52<<10 {
			room = 0
			s.GC = append(s.GC, t+0.55+0.45*float64(len(s.GC)%2)+9000*perByte*(0.8+0.4*rng.Float64()))
			continue
		}
		s.Plain = append(s.Plain, t)
	}
	slices.Sort(s.Plain)
	slices.Sort(s.GC)
	return s
}

func updates() (*results.Timeline, []results.UpdateTime) {
	const firmware = 400 << 10
	update := func(name string, program float64) results.UpdateTime {
		return results.UpdateTime{Name: name, Size: firmware, Phases: []results.Phase{
			{Name: "prepare", Seconds: 4.02, Masked: 4 * boolTo(program > 5e-6)},
			{Name: "download", Seconds: 128.6 + firmware*program, Masked: 0.3 * boolTo(program > 5e-6)},
			{Name: "verify", Seconds: 0.241},
			{Name: "install", Seconds: 4.05 + firmware*program + 0.31, Stall: 4.05 + firmware*program, Masked: 4.05 * boolTo(program > 5e-6)},
			{Name: "boot", Seconds: 0.0384},
		}}
	}
	updates := []results.UpdateTime{update("driver mbed", 16e-6), update("driver word", 4e-6)}
	t := &results.Timeline{Title: "One update, 400 KiB, driver mbed"}
	at := 0.0
	tracks := make([]results.Track, 4)
	for i, n := range []string{"bank 1 busy", "bank 2 busy", "CPU stalled", "interrupts masked"} {
		tracks[i].Name = n
	}
	add := func(k int, start, end, share float64) {
		tracks[k].Spans = append(tracks[k].Spans, results.Span{Start: start, End: end, Share: share})
	}
	for _, ph := range updates[0].Phases {
		end := at + ph.Seconds
		t.Phases = append(t.Phases, results.Span{Name: ph.Name, Start: at, End: end, Share: 1})
		switch ph.Name {
		case "prepare":
			for k := range 4 {
				add(1, at+float64(k)*1.004, at+float64(k)*1.004+1, 1)
				add(3, at+float64(k)*1.004, at+float64(k)*1.004+1, 1)
			}
		case "download":
			for k := range 400 {
				s := at + ph.Seconds*float64(k)/400
				add(1, s, s+1024*16e-6, 1)
			}
		case "install":
			e := at
			for _, d := range []float64{0.25, 0.25, 0.55, 1, 1, 1} {
				add(0, e, e+d, 1)
				add(2, e, e+d, 0.98)
				add(3, e, e+d, 1)
				e += d
			}
			add(0, e, e+firmware*16e-6, 0.93)
			add(2, e, e+firmware*16e-6, 0.93)
		}
		at = end
	}
	t.Tracks = tracks
	return t, updates
}

// application is an hour of a control loop beside a store: with interrupts masked through erases,
// without, and with the store beside the code.
func application() ([]results.Application, []results.Collection) {
	const period, usual, n = 100e-6, 66.7e-9, 36_000_000
	loop := func(late uint64, points ...results.LatencyPoint) []results.InterruptLatency {
		last := points[len(points)-1]
		return []results.InterruptLatency{{Name: "control", Period: period, Deadline: period, Activations: n, Late: late, Lost: late, Worst: last.Seconds, Points: points}}
	}
	masked := []results.LatencyPoint{{Seconds: usual, Within: n - 2498}, {Seconds: 1e-3, Within: n - 2488}, {Seconds: 10e-3, Within: n - 2398}, {Seconds: 100e-3, Within: n - 1498}, {Seconds: 250e-3, Within: n}}
	beside := append([]results.LatencyPoint{{Seconds: usual, Within: n - 9000}, {Seconds: 8e-6, Within: n - 5700}, {Seconds: 16e-6, Within: n - 2498}}, masked[1:]...)
	apps := []results.Application{
		{Name: "driver mbed", Hours: 1, Masked: 0.25, LongestMasked: 0.25, Interrupts: loop(2497, masked...)},
		{Name: "driver word", Hours: 1, Interrupts: loop(0, results.LatencyPoint{Seconds: usual, Within: n})},
		{Name: "driver mbed, KVStore beside code", Hours: 1, Stall: 0.38, LongestStall: 0.25, Masked: 0.25, LongestMasked: 0.25, Interrupts: loop(2497, beside...)},
	}
	var out []results.Collection
	for _, stalled := range []bool{false, true} {
		c := results.Collection{Name: apps[0].Name, End: 0.384}
		busy := []results.Span{{Start: 0.0001, End: 0.2501, Share: 1}, {Start: 0.251, End: 0.384, Share: 0.97}}
		running, waiting := []results.Span{{Start: 0, End: 0.384, Share: 1}}, []results.Span{}
		loop := results.InterruptDelays{Name: "control", Period: period, Deadline: period, Usual: usual, Delays: []results.Delay{{First: 0.0001, Count: 2500, Until: 0.2501}}}
		if stalled {
			c.Name = apps[2].Name
			running, waiting = []results.Span{{Start: 0.251, End: 0.384, Share: 0.03}}, busy
			for at := 0.251; at < 0.383; at += period {
				loop.Delays = append(loop.Delays, results.Delay{First: at, Count: 1, Until: at + 16e-6*math.Mod(at*37e3, 1)})
			}
		}
		c.Tracks = []results.Track{{Name: "bank 1 busy", Spans: []results.Span{}}, {Name: "bank 2 busy", Spans: busy}, {Name: "CPU running", Spans: running}, {Name: "CPU stalled", Spans: waiting}, {Name: "interrupts masked", Spans: busy[:1]}}
		c.Interrupts = []results.InterruptDelays{loop}
		out = append(out, c)
	}
	return apps, out
}

func boolTo(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func Cuts() []results.CutMap {
	const steps = 130422
	kv := results.CutMap{Name: "KVStore workload, MbedCE", Steps: steps, Sampling: "every step"}
	for _, mode := range []string{"before", "after", "torn"} {
		row := results.CutRow{Mode: mode}
		at := uint64(0)
		fail := func(first, last uint64, rule int, text string) {
			if first > at {
				row.Runs = append(row.Runs, results.CutRun{First: at, Last: first - 1, Outcome: "ok"})
			}
			row.Runs = append(row.Runs, results.CutRun{First: first, Last: last, Rule: rule, Outcome: text})
			at = last + 1
		}
		if mode == "torn" {
			fail(12031, 12033, 3, "neither old nor new")
			fail(40220, 43100, 2, "stored key lost")
			fail(43101, 43400, 3, "neither old nor new")
			fail(90001, 90001, 7, "next set fails")
		}
		if mode == "before" {
			fail(43090, 43090, 2, "stored key lost")
		}
		row.Runs = append(row.Runs, results.CutRun{First: at, Last: steps - 1, Outcome: "ok"})
		kv.Rows = append(kv.Rows, row)
		kv.Explored += steps
	}
	for i, s := range []float64{21000, 43000, 65500, 88000, 110500} {
		kv.Marks = append(kv.Marks, results.Span{Name: fmt.Sprintf("GC %d", i+1), Start: s, End: s + 9200})
	}
	up := results.CutMap{Name: "Update, download and install", Steps: 819430, Sampling: "all erases, headers and chunk edges; of other byte steps every 257th"}
	for _, mode := range []string{"before", "after", "torn"} {
		row := results.CutRow{Mode: mode, Runs: []results.CutRun{{First: 0, Last: 819429, Cuts: 3200, Outcome: "ok"}}}
		up.Rows = append(up.Rows, row)
		up.Explored += 3200
	}
	up.Marks = []results.Span{{Name: "prepare", Start: 0, End: 4}, {Name: "download", Start: 4, End: 409716}, {Name: "install", Start: 409717, End: 819430}}
	return []results.CutMap{kv, up}
}

func findings() []results.Finding {
	return []results.Finding{
		{
			ID: "kv-2-gc-copy", Rule: 2, Subject: "KVStore", Severity: "high", Count: 2882,
			Title:    "A key that was stored with success is gone after a cut in garbage collection",
			Expected: "key \"lwm2m/sec/0\" reads back 128 bytes, CRC 5d2f0a11", Seen: "item not found",
			Where: "set 1,204 of \"reg/lifetime\", step 40,220 of 130,422, programming the master record", Command: "dualbank replay out/findings/kv-2-gc-copy.json",
		},
		{
			ID: "kv-3-torn", Rule: 3, Subject: "KVStore", Severity: "high", Count: 303,
			Title:    "The operation in flight reads as neither the old nor the new value",
			Expected: "old (24 bytes) or new (31 bytes)", Seen: "<31 bytes & a torn tail>",
			Where: "set 311 of \"net/apn\", step 12,031", Command: "dualbank replay out/findings/kv-3-torn.json",
		},
		{
			ID: "kv-7-next", Rule: 7, Subject: "KVStore", Severity: "low", Count: 1,
			Title:    "The first set after the reboot fails with media full; the second succeeds",
			Expected: "success", Seen: "media full", Where: "step 90,001", Command: "dualbank replay out/findings/kv-7-next.json",
		},
	}
}

func bench(r *results.Report) []results.Benchmark {
	var out []results.Benchmark
	for i, s := range r.Sets {
		l := s.Merge()
		sum := 0.0
		for _, v := range l.All {
			sum += v
		}
		driver := s.Name[len("driver "):]
		out = append(out, results.Benchmark{
			Name: "KVSet/part=stm32f429zi/driver=" + driver + "/layout=guide/size=16-600/keys=40", N: len(l.All),
			Metrics: []results.Metric{
				{Unit: "ns/op", Value: 1312.5 + 40*float64(i), Exact: false, Better: "lower"},
				{Unit: "sim-sec/op", Value: sum / float64(len(l.All)), Exact: true, Better: "lower"},
				{Unit: "p99-sim-sec", Value: l.Quantile(0.99), Exact: true, Better: "lower"},
				{Unit: "max-sim-sec", Value: l.Max(), Exact: true, Better: "lower"},
				{Unit: "erases/op", Value: 0.00925, Exact: true, Better: "lower"},
				{Unit: "write-amp", Value: 1.3721, Exact: true, Better: "lower"},
				{Unit: "stall-sec/op", Value: 0.000512, Exact: true, Better: "lower"},
				{Unit: "masked-sec/op", Value: 0.00621, Exact: true, Better: "lower"},
				{Unit: "worst-erases", Value: 38, Exact: true, Better: "lower"},
				{Unit: "gc-count", Value: float64(l.NGC), Exact: true, Better: ""},
			},
		})
	}
	for _, u := range r.Updates {
		b := results.Benchmark{Name: "Update/part=stm32f429zi/driver=" + u.Name[len("driver "):] + "/size=400KiB", N: 1}
		b.Metrics = append(b.Metrics, results.Metric{Unit: "total-sim-sec", Value: u.Total(), Exact: true, Better: "lower"})
		for _, ph := range u.Phases {
			b.Metrics = append(b.Metrics, results.Metric{Unit: ph.Name + "-sim-sec", Value: ph.Seconds, Exact: true, Better: "lower"})
		}
		out = append(out, b)
	}
	return append(out, results.Benchmark{Name: "Explore/subject=kvstore/profile=MbedCE", N: 391268, Metrics: []results.Metric{
		{Unit: "cuts/host-sec", Value: 18234.7, Exact: false, Better: "higher"}, {Unit: "findings", Value: 3, Exact: true, Better: "lower"},
	}})
}

// Crowded is a report that is hard to draw: a part with 512 pages, five workloads, phases with long
// and unknown names, updates of several sizes, many broken rules, marks side by side.
func Crowded() *results.Report {
	rng := rand.New(rand.NewPCG(476, 4))
	r := Report()
	r.Wear = nil
	for i := range 512 {
		w := results.SectorWear{Addr: 0x08000000 + uint32(i)<<11, Size: 2048, Bank: i / 256, Endurance: 10000}
		switch {
		case i < 16:
			w.Region = "bootloader"
		case i < 200:
			w.Region, w.Erases = "application", 3
		case i >= 256 && i < 272:
			w.Region, w.Erases = "KVStore", 8000+uint32(rng.IntN(4000))
		case i >= 272 && i < 280:
			w.Region, w.Erases = "a region of the user's own", uint32(rng.IntN(50))
		case i >= 300:
			w.Region, w.Erases = "candidate", 3
		}
		r.Wear = append(r.Wear, w)
	}
	for i, n := range []string{"driver ram-code", "driver word, cache flushed, x64 and external Vpp", "driver mbed at 1.8 V"} {
		r.Sets = append(r.Sets, sets(rng, n, 8e-6*float64(i+2), 900))
	}
	t := r.Timeline
	at := t.Phases[len(t.Phases)-1].End
	for _, n := range []string{"wait for the campaign window", "x", "first heartbeat after the update"} {
		t.Phases = append(t.Phases, results.Span{Name: n, Start: at, End: at + 0.7, Share: 1})
		at += 0.7
	}
	t.Tracks = append(t.Tracks, results.Track{Name: "radio on, waiting for the next block", Spans: []results.Span{{Start: 10, End: 120, Share: 0.4}}})
	for i, size := range []uint32{64 << 10, 400 << 10, 1000 << 10} {
		u := results.UpdateTime{Name: "driver word, cache flushed", Size: size}
		for _, ph := range t.Phases {
			u.Phases = append(u.Phases, results.Phase{Name: ph.Name, Seconds: (ph.End - ph.Start) * float64(i+1) / 2, Stall: 1, Masked: 1})
		}
		r.Updates = append(r.Updates, u)
	}
	m := results.CutMap{Name: "SecureStore on an L4 with ECC, depth 2, with a name that goes on", Steps: 5000, Explored: 40000, Sampling: "every 3rd step"}
	for _, mode := range []string{"before", "after", "torn", "prefix", "weak", "ecc"} {
		row := results.CutRow{Mode: mode}
		for s := uint64(0); s < 5000; s += 250 {
			row.Runs = append(row.Runs, results.CutRun{First: s, Last: s + 200, Outcome: "ok"}, results.CutRun{First: s + 201, Last: s + 201 + s/100, Rule: 1 + int(s/250)%12, Outcome: fmt.Sprintf("what happened %d", s/250%12)})
		}
		m.Rows = append(m.Rows, row)
		m.Marks = append(m.Marks, results.Span{Name: "garbage collection " + mode, Start: float64(len(m.Marks)) * 300, End: float64(len(m.Marks))*300 + 290})
	}
	r.Cuts = append(r.Cuts, m)
	return r
}

// Update is an update of n bytes with a phase in which the application runs and one in which it does not.
func Update(name string, n uint32, runs, down float64) results.UpdateTime {
	return results.UpdateTime{Name: name, Size: n, Phases: []results.Phase{
		{Name: "download", Seconds: runs, Masked: runs / 2},
		{Name: "copy", Seconds: down, Stall: down, Masked: down / 4, Down: true},
	}}
}

// film is a cut in a set of one key, and the open after it.
func film() *results.Film {
	return &results.Film{
		Base: 0x0810_0000, Sectors: []uint32{16 << 10, 16 << 10, 16 << 10, 16 << 10, 64 << 10}, Erased: 0xFF, Cut: 1,
		Start: []results.Patch{{Addr: 0x0810_0048, Data: []byte("a master record")}, {Addr: 0x0810_0100, Size: 512, Fill: 0x5A}},
		Frames: []results.Frame{
			{
				Scene: `set "key", 31 bytes`, Text: "Program 34 bytes at 0x08100400", Patches: []results.Patch{{Addr: 0x0810_0400, Data: []byte("key<31 bytes & a torn tail>")}},
				Boxes: []results.Box{
					{Addr: 0x0810_0048, Size: 36, Kind: "master", Text: "master record, version 1: active area"},
					{Addr: 0x0810_0100, Size: 512, Kind: "live", Text: `"key", 488 bytes`},
					{Addr: 0x0810_0400, Size: 27, Kind: "torn", Text: "unfinished record, 27 bytes not erased"},
				},
				Belief: []results.Belief{{Key: "key", Addr: 0x0810_0100}}, Keys: []results.Wanted{{Key: "key", Text: "the 488 bytes stored or the 31 bytes stored"}},
			},
			{Scene: `set "key", 31 bytes`, Text: "the power is cut", Closed: true},
			{Scene: "the device boots, and opens the store", Text: "it fails: read failed", Closed: true},
		},
	}
}
