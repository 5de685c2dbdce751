package fuzz

import (
	"context"
	"os"
	"slices"
	"testing"

	"dualbank/boot"
	"dualbank/fuzz/cause"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/internal/long"
	"dualbank/kvstore"
	"dualbank/results"
)

// repaired is a small default campaign of software with these repairs alone.
func repaired(cuts uint64, store kvstore.Repairs, loader boot.Repairs) Campaign {
	c := DefaultCampaign(kvstore.MbedCE, 1)
	c.Small(cuts)
	for _, sweeps := range [][]kv.Sweep{c.Live, c.Attacked, c.Failing, c.KV} {
		for i := range sweeps {
			sweeps[i].Repairs = store
		}
	}
	c.repair(loader)
	c.Guided, c.Stores, c.Installs, c.Edges = nil, nil, nil, nil
	return c
}

// attributed are the findings of a campaign, with their causes.
func attributed(t *testing.T, c Campaign) []explore.Finding {
	t.Helper()
	r, err := c.Sweep(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Attribute(context.Background(), nil, 0, nil)
	return r.Findings
}

// TestEachRepairIsOneRow: software with all repairs but one shows one cause, and it is the one that is left out.
func TestEachRepairIsOneRow(t *testing.T) {
	long.Test(t)
	cuts, every := uint64(5000), os.Getenv("DUALBANK_REPAIRS") != "" // every repair takes an hour under the race detector
	some := []string{kvstore.RepairLock.String(), kvstore.RepairTwoStores.String(), boot.RepairHeaderLast.String()}
	if every {
		cuts = 10000
	}
	var shown []string
	try := func(name string, store kvstore.Repairs, loader boot.Repairs) {
		if !every && !slices.Contains(some, name) {
			return
		}
		rows := cause.Rows(attributed(t, repaired(cuts, store, loader)))
		if len(rows) > 0 {
			shown = append(shown, name)
		}
		if len(rows) > 1 || len(rows) == 1 && rows[0].Name != name {
			t.Errorf("without %s: %v", name, names(rows))
		}
	}
	for r := range kvstore.AllRepairs.Each() {
		try(r.String(), kvstore.AllRepairs.Without(r), boot.AllRepairs)
	}
	for r := range boot.AllRepairs.Each() {
		try(r.String(), kvstore.AllRepairs, boot.AllRepairs.Without(r))
	}
	for _, name := range some {
		if !slices.Contains(shown, name) {
			t.Errorf("without %s the campaign finds nothing", name)
		}
	}
	t.Logf("shown by a small campaign: %v", shown)
}

func names(rows []results.Cause) (names []string) {
	for i := range rows {
		names = append(names, rows[i].Name)
	}
	return names
}

// TestRowsUniteNoCauses: no two cases of a row are such that one repair removes the first alone and another one the
// second alone; and no finding is in two rows.
func TestRowsUniteNoCauses(t *testing.T) {
	long.Test(t)
	cuts := uint64(5000)
	if os.Getenv("DUALBANK_REPAIRS") != "" {
		cuts = 20000
	}
	found := attributed(t, repaired(cuts, 0, 0))
	cures := make([][]string, len(found))
	for i := range found {
		f := &found[i]
		if !cause.Known(f.Cause) {
			t.Errorf("%s: %s: the cause is %s", f.ID, f.Symptom, f.Cause)
		}
		cures[i] = cause.Cures(f.Case, f.Symptom, explore.Env{})
	}
	// Any repair may move the step that a second cut hits. Of such a case those count that remove the same without one.
	second := func(i int) bool { return found[i].Place.Part == "second-cut" }
	for i := range found {
		if !second(i) {
			continue
		}
		likely := slices.DeleteFunc(slices.Clone(cures[i]), func(r string) bool {
			for k := range found {
				if !second(k) && found[k].Symptom.Kind == found[i].Symptom.Kind && found[k].Symptom.Error == found[i].Symptom.Error && slices.Contains(cures[k], r) {
					return false
				}
			}
			return true
		})
		if len(likely) > 0 {
			cures[i] = likely
		}
	}
	lacks := func(of []string) func(string) bool { return func(r string) bool { return !slices.Contains(of, r) } }
	for i := range found {
		for k := range i {
			if found[k].ID == found[i].ID {
				t.Errorf("two findings have the ID %s", found[i].ID)
			}
			if found[k].Cause == found[i].Cause && slices.ContainsFunc(cures[i], lacks(cures[k])) && slices.ContainsFunc(cures[k], lacks(cures[i])) {
				t.Errorf("row %s: %s (%v) is removed by %v, %s (%v) by %v",
					found[i].Cause, found[i].Symptom, found[i].Place, cures[i], found[k].Symptom, found[k].Place, cures[k])
			}
		}
	}
	if len(found) < 10 {
		t.Errorf("%d findings", len(found))
	}
}

// TestStages: a campaign tells its stages in order, cuts only grow, and what it has told of findings is what the result has.
// Causes that were looked for meanwhile are those of the end.
func TestStages(t *testing.T) {
	long.Test(t)
	c := pieces()
	c.Causes = &cause.Memo{}
	at, cuts, seen := 0, uint64(0), map[string]bool{}
	c.Tell = func(s Stage) {
		if s.At < at || s.At > at+1 || s.Cuts < cuts || s.Of != 7 || s.Name == "" {
			t.Errorf("%+v after stage %d with %d cuts", s, at, cuts)
		}
		cuts = s.Cuts
		if !s.Over {
			return
		}
		at = s.At
		for _, f := range s.Findings {
			seen[f.ID] = true
		}
		c.Causes.Attribute(context.Background(), s.Findings, explore.Env{}, 1, nil)
	}
	r, err := c.Sweep(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if at != 7 || cuts < r.Stats.Cuts {
		t.Errorf("%d stages with %d cuts, the campaign has %d", at, cuts, r.Stats.Cuts)
	}
	for _, f := range r.Findings {
		if !seen[f.ID] {
			t.Errorf("finding %s is not told", f.ID)
		}
	}
	without := *r
	r.Attribute(context.Background(), c.Causes, 0, nil)
	without.Attribute(context.Background(), nil, 0, nil)
	if a, b := findings(t, r), findings(t, &without); a != b {
		t.Errorf("causes that were known:\n%s\ncauses:\n%s", a, b)
	}
}
