package sample

import "dualbank/results"

// Plan is a plan with the figures of the guide's board at 40 keys and 500 sets a day.
func Plan(law string) *results.Plan {
	p := &results.Plan{Demand: "40 keys of 16 to 600 bytes, 500 sets a day", Wishes: "10 years, firmware of 400 KiB", Years: 10, Law: law, Drawn: 10000, Best: 2, Shown: 2}
	add := func(name, place string, size uint32, years float64, unmet ...string) {
		c := results.PlanCandidate{
			Name: name, Place: place, Start: 0x0810_0000, Bytes: size, Sectors: "4 x 16 KiB + 1 x 64 KiB", Unmet: unmet, Ran: years > 0,
			Simulated: 170_000, Rounds: 608, Uncertain: 0.29, Years: years, Sector: 0x0810_0000, GCPerDay: 54 / max(years, 1),
			P50Set: 0.006, P99Set: 0.26, P999Set: 0.8, Worst: 0.85, PlainP50: 0.006, PlainP99: 0.26, PlainP999: 0.26, PlainWorst: 0.26, GCP50: 0.77, GCP99: 0.81, GCP999: 0.84, GCWorst: 0.85,
			Busy: 5.2, Masked: 2.7, LongestMasked: 0.55, Live: 14377, Fill: 0.22, WorstFill: 0.41, Table: 656, TablePeak: 1296, Image: 917_392, Update: 28.3, UpdateDown: 11.2,
		}
		if law != "" {
			c.P1, c.P50 = 0.67*years, 2*years
		}
		p.Candidates = append(p.Candidates, c)
	}
	add("32 KiB at the start", "start", 32<<10, 0, "it does not hold the keys")
	add("64 KiB at the start", "start", 64<<10, 5.58, "it lasts 5.58 of 10 years")
	add("128 KiB at the start", "start", 128<<10, 15.7)
	add("256 KiB at the start", "start", 256<<10, 35.9)
	add("256 KiB at the end", "end", 256<<10, 35.9)
	add("256 KiB beside the code", "lower", 256<<10, 35.8)
	add("512 KiB at the end", "end", 512<<10, 76.3)
	add("512 KiB beside the code", "lower", 512<<10, 76.3)
	for i := range 8 {
		live := float64(i+1) * 6500
		p.Live = append(p.Live, results.PlanLive{Bytes: live, P50: 0.006, P99: 0.26 + float64(i/5), GC: 0.3 + live/4e4, Worst: 0.6 + live/4e4})
	}
	return p
}

// Planned is the report of a plan, with wear of an external store too.
func Planned(law string) *results.Report {
	r := &results.Report{
		Title: "Capacity plan", Command: "dualbank plan out/scenario.toml", Config: []results.Setting{{Key: "seed", Value: "7"}},
		Plan: Plan(law), Wear: Wear(), Sets: Report().Sets[:1],
	}
	for i := range uint32(32) {
		r.Wear = append(r.Wear, results.SectorWear{Addr: i * 4096, Size: 4096, Region: "external KVStore", Erases: 30_000 - 100*i, Endurance: 100_000, External: true})
	}
	return r
}

// EdgePlans are plans by name that are hard to draw.
func EdgePlans() map[string]*results.Plan {
	one := Plan("")
	one.Candidates, one.Best, one.Shown, one.Live = one.Candidates[2:3], 0, 0, one.Live[:1]
	far := Plan("a law")
	far.Years = 1e-3
	far.Candidates[1].Years, far.Candidates[1].P1, far.Candidates[1].P50 = results.LongestTime, 1e-9, results.LongestTime
	far.Live[0] = results.PlanLive{}
	none := Plan("")
	none.Best = -1
	for i := range none.Candidates {
		none.Candidates[i].Ran = false
	}
	flat := Plan("")
	for i := range flat.Live {
		flat.Live[i] = results.PlanLive{}
	}
	return map[string]*results.Plan{"one": one, "far apart": far, "none ran": none, "draws": Plan("a law"), "nothing": {Best: -1}, "all zero": flat}
}
