package fuzz

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"dualbank/kvstore"
)

// shown is when a campaign shows something for the first time: after so many processor seconds of sweeps, at the end of
// the one that shows it.
type shown struct {
	spent float64
	sweep string
}

// firstFinds runs a campaign's sweeps in their order, on one worker, and returns when each cause shows for the first time:
// the first finding that the whole campaign has under this cause, on a device of its. spent is what all sweeps took. What
// finding the causes takes is not in it.
func firstFinds(tb testing.TB, c Campaign, seconds func() float64) (causes map[string]shown, spent float64) {
	tb.Helper()
	first := map[string]shown{} // by symptom, place and device
	r := &CampaignResult{}
	for _, t := range c.turns(c.tasks()) {
		start := seconds()
		s, err := t.run(context.Background(), setting{workers: 1, most: t.most})
		if err != nil {
			tb.Fatal(t.name, err)
		}
		spent += seconds() - start
		for i := range s.Findings {
			f := &s.Findings[i]
			for _, v := range f.Variants {
				key := fmt.Sprint(f.Symptom, f.Place, v.Device)
				if _, ok := first[key]; !ok {
					first[key] = shown{spent, t.name}
				}
			}
		}
		if t.most == 0 {
			r.add(s)
		}
	}
	r.Attribute(context.Background(), nil, 0, nil)
	causes = map[string]shown{}
	for i := range r.Findings {
		f := &r.Findings[i]
		for _, v := range f.Variants {
			at := first[fmt.Sprint(f.Symptom, f.Place, v.Device)]
			if was, ok := causes[f.Cause]; !ok || at.spent < was.spent {
				causes[f.Cause] = at
			}
		}
	}
	return causes, spent
}

// BenchmarkFirstFind prints, for each cause, the processor seconds of one worker until the default campaign shows it.
func BenchmarkFirstFind(b *testing.B) {
	for _, p := range []kvstore.Profile{kvstore.MbedCE, kvstore.MbedOS} {
		b.Run(p.String(), func(b *testing.B) {
			for b.Loop() {
				causes, total := firstFinds(b, DefaultCampaign(p, 1), func() float64 { return cpuSeconds(b) })
				last := 0.0
				for _, name := range slices.SortedFunc(maps.Keys(causes), func(x, y string) int {
					return cmp.Or(cmp.Compare(causes[x].spent, causes[y].spent), cmp.Compare(x, y))
				}) {
					at := causes[name]
					last = at.spent
					fmt.Printf("%7.2f s  %-36s %s\n", at.spent, name, at.sweep)
				}
				b.ReportMetric(last, "s/last-cause")
				b.ReportMetric(float64(len(causes)), "causes")
				b.ReportMetric(total, "s/campaign")
				fmt.Printf("%7.2f s  the whole campaign\n", total)
			}
		})
	}
}
