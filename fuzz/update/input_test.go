package update

import (
	"testing"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/internal/randominput"
)

// TestInputCases: what an input breaks becomes a finding that replays, also through a file, is made smaller, and
// needs the defect.
func TestInputCases(t *testing.T) {
	for _, d := range []boot.Defects{boot.DefectNotResumed, boot.DefectIntentLost, boot.DefectSoftwareResets} {
		planted := explore.Planted{Planted: uint64(d), PlantedRepairs: uint64(boot.RepairHeaderLast)}
		var inputs [][]byte
		for seed := uint64(0); seed < 300 && len(inputs) < 3; seed++ {
			data := randominput.Bytes(seed, 300)
			o := explore.Outcome{Planted: planted}
			if err := explore.Examine(Target.Decode(explore.NewChoices(data)), &o); err != nil {
				t.Fatal(err)
			}
			if len(o.Bad) > 0 {
				inputs = append(inputs, data)
			}
		}
		found, err := Target.Crashers(inputs, planted)
		if err != nil || len(found) == 0 {
			t.Fatalf("defect %b: %d inputs, %d findings, %v", d, len(inputs), len(found), err)
		}
		f := &found[0]
		shows(t, f, explore.Env{})
		before := f.Case.Len()
		f.Minimize(300, explore.Env{})
		shows(t, f, explore.Env{})
		if f.Case.Len() > 7 || f.Case.Len() >= before || !f.Needs() {
			t.Errorf("defect %b: %d steps of %d are left; needs the defect: %v\n%v", d, f.Case.Len(), before, f.Needs(), f.Case.(*Case).Steps)
		}
	}
}

// TestSoundInputs: random runs break no rule where there is no defect but that of the older client, and none where that
// is repaired; some of them with cuts that hit.
func TestSoundInputs(t *testing.T) {
	hit := 0
	for seed := range uint64(200) {
		o := explore.Outcome{Planted: PlantRepairs(boot.RepairHeaderLast)}
		if err := explore.Examine(Target.Decode(explore.NewChoices(randominput.Bytes(seed, 300))), &o); err != nil {
			t.Fatal(err)
		}
		if len(o.Bad) > 0 {
			t.Errorf("input %d: %+v", seed, o.Bad)
		}
		if len(o.Hit) > 0 {
			hit++
		}
	}
	if hit < 50 {
		t.Errorf("cuts hit in %d of 200 runs", hit)
	}
}
