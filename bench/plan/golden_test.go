package plan

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"dualbank/bench"
	"dualbank/internal/golden"
	"dualbank/internal/long"
	"dualbank/kvstore/storage"
)

// TestPlansStay: what plans of some boards and demands say of each store that was tried stays as it is unless a change means to
// change it.
func TestPlansStay(t *testing.T) {
	long.Alone(t)
	var b strings.Builder
	for _, c := range []struct {
		name   string
		change func(s *bench.Scenario)
	}{
		{"guide", func(s *bench.Scenario) {}},
		{"worn", func(s *bench.Scenario) { s.Board.Part, s.Plan.Years = wornPart(t, 40), 15 }},
		{"removes", func(s *bench.Scenario) { s.Workload.Removes, s.Plan.SetsPerDay = 300, 0 }},
		{"large", func(s *bench.Scenario) { s.Plan.SetsPerDay, s.Update.Bytes = 20_000, 900<<10 }},
		{"external", func(s *bench.Scenario) { s.Store.Type = bench.StorageType(storage.TDBExternal) }},
		{"trace", func(s *bench.Scenario) {
			var text strings.Builder
			text.WriteString("seconds,key,bytes,op\n")
			for i := range 200 {
				fmt.Fprintf(&text, "%d,key%d,%d,%s\n", i*432, i%5, 20+i%7, []string{"set", "set", "set", "remove"}[i%4])
			}
			s.Plan.Trace, s.Plan.TraceFile = "trace.csv", []byte(text.String())
		}},
	} {
		s := planned(4, 300)
		s.Board.Wear = "flat"
		s.Plan.Sizes = []uint32{32 << 10, 64 << 10}
		c.change(s)
		r, err := run(context.Background(), s, "out", nil, brief)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		p := r.Plan
		fmt.Fprintf(&b, "%s: best %d, shown %d, %s; %s\n", c.name, p.Best, p.Shown, p.Wishes, p.Demand)
		for i := range p.Candidates {
			o := &p.Candidates[i]
			fmt.Fprintf(&b, "  %s: %.4g years, %.4g and %.4g, slowest set %.4g s, %.4g collections a day, fill %.4g, opens in %.4g s, firmware of %d bytes; %q\n", o.Name, o.Years, o.P1, o.P50, o.Worst, o.GCPerDay, o.Fill, o.OpenMost, o.Image, o.Unmet)
		}
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		facts, err := json.Marshal(r.Facts)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "  all %08x, facts %08x\n", crc32.ChecksumIEEE(text), crc32.ChecksumIEEE(facts))
	}
	golden.Compare(t, "plans.golden", b.String())
}
