package plan

import (
	"context"
	"strings"
	"testing"

	"dualbank/bench"
	"dualbank/model"
	"dualbank/results"
)

// TestPlanWithExternalCandidate: a store shares the external flash with the candidate. It is behind the store, or where the
// scenario has it: then no store reaches into it. Updates wear the candidate's units.
func TestPlanWithExternalCandidate(t *testing.T) {
	s := planned(10, 500)
	s.Store.Type, s.Update.Candidate = "TDB_EXTERNAL", bench.ExternalCandidate
	all, err := candidates(s)
	if err != nil || all[len(all)-1].out.Bytes != 512<<10 {
		t.Fatalf("%d stores, %v", len(all), err)
	}
	s.Update.ExternalAddress = 40 << 10
	all, err = candidates(s)
	if err != nil || all[len(all)-1].out.Bytes != 32<<10 {
		t.Fatalf("%d stores, %v", len(all), err)
	}
	s.Plan.Sizes = []uint32{32 << 10}
	r, err := run(context.Background(), s, "out", nil, brief)
	if err != nil {
		t.Fatal(err)
	}
	if err := results.Check(r); err != nil {
		t.Error(err)
	}
	c := &r.Plan.Candidates[0]
	s.Store.ExternalBytes = 32 << 10
	d, err := s.Device("mbed", model.Typ)
	if err != nil {
		t.Fatal(err)
	}
	if !c.Ran || c.Update == 0 || c.Image != min(d.SlotRooms()[0], d.Layout.Config.MaxAppSize) || !c.External || c.Sector >= 32<<10 {
		t.Errorf("%+v", c)
	}
	erased := 0
	for _, w := range r.Wear {
		if w.Region == "external candidate" && w.Erases > 0 {
			// Four updates a year for ten years.
			if erased++; w.Erases != 40 {
				t.Errorf("%+v", w)
			}
		}
	}
	if erased != 26 { // 100 KiB and a header
		t.Errorf("updates erase %d units", erased)
	}
	for _, c := range []struct {
		at, size uint32
		want     string
	}{
		{40 << 10, 48 << 10, "plan.kvstore_bytes: 49152: mx25r6435f has 40960 bytes for a store in erase units of 4096: give an even number of them"},
		{4 << 10, 0, "store.external: mx25r6435f has 4096 bytes for a store from 0x0 on, which needs two erase units of 4096: move the store or the candidate"},
	} {
		s.Update.ExternalAddress, s.Plan.Sizes = c.at, nil
		if c.size > 0 {
			s.Plan.Sizes = []uint32{c.size}
		}
		if _, err := Run(context.Background(), s, "out", nil); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	if !strings.Contains(r.Board, "storage TDB_EXTERNAL and candidate on Macronix") {
		t.Errorf("board %s", r.Board)
	}
}
