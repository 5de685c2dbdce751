package fuzz

import (
	"context"
	"fmt"
	"testing"

	"dualbank/fuzz/cause"
	"dualbank/fuzz/explore"
	"dualbank/kvstore"
)

// firstFinds runs a campaign's sweeps in their order, on one worker, until stop says so, and tells found how many seconds
// of the processor the sweeps had taken when a cause showed for the first time: at the end of the sweep that shows it.
// What finding the causes takes is not among them.
func firstFinds(tb testing.TB, c Campaign, seconds func() float64, stop func(spent float64) bool, found func(cause, sweep string, spent float64)) (spent float64) {
	tb.Helper()
	seen := map[string]bool{}
	for _, t := range c.turns(c.tasks()) {
		if stop(spent) {
			break
		}
		start := seconds()
		s, err := t.run(context.Background(), setting{workers: 1, most: t.most})
		if err != nil {
			tb.Fatal(t.name, err)
		}
		spent += seconds() - start
		for _, f := range cause.Attribute(context.Background(), s.Findings, explore.Env{}, 0, nil) {
			if !seen[f.Cause] {
				seen[f.Cause] = true
				found(f.Cause, t.name, spent)
			}
		}
	}
	return spent
}

// BenchmarkFirstFind prints, for each cause, the processor seconds of one worker until the default campaign shows it.
func BenchmarkFirstFind(b *testing.B) {
	for _, p := range []kvstore.Profile{kvstore.MbedCE, kvstore.MbedOS} {
		b.Run(p.String(), func(b *testing.B) {
			for b.Loop() {
				last, n := 0.0, 0
				total := firstFinds(b, DefaultCampaign(p, 1), func() float64 { return cpuSeconds(b) }, func(float64) bool { return false }, func(cause, sweep string, spent float64) {
					last = spent
					n++
					fmt.Printf("%7.2f s  %-36s %s\n", spent, cause, sweep)
				})
				b.ReportMetric(last, "s/last-cause")
				b.ReportMetric(float64(n), "causes")
				b.ReportMetric(total, "s/campaign")
				fmt.Printf("%7.2f s  the whole campaign\n", total)
			}
		})
	}
}
