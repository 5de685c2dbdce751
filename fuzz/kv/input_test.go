package kv

import (
	"slices"
	"testing"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
)

// walked performs a walk on a geometry and returns what it led to.
func walked(t *testing.T, sectors string, unit, size uint32, secure bool, planted kvstore.Defects, steps []script.Step) *explore.Outcome {
	t.Helper()
	in := &Input{Case{
		On: explore.Device{Sectors: sectors, Unit: unit, Size: size}, Profile: kvstore.MbedCE.String(), Secure: secure, Judge: JudgeWalk, Steps: steps,
	}}
	o := &explore.Outcome{Planted: explore.Planted{Planted: uint64(planted)}}
	if err := in.Run(o); err != nil {
		t.Fatal(err)
	}
	return o
}

func shown(o *explore.Outcome, s explore.Symptom) bool {
	return slices.ContainsFunc(o.Bad, func(b explore.Breach) bool { return b.Symptom == s })
}

// TestRevivedWithoutACut: removed keys are back after a reboot, in the reference, without any cut or error: a
// remove of a missing key after an unfinished set collects garbage, and nothing looks at what follows.
func TestRevivedWithoutACut(t *testing.T) {
	o := walked(t, "4x512", 16, 2048, false, 0, script.Steps([]script.Op{
		{Kind: script.Set, Key: "a", Size: 288},
		{Kind: script.Set, Key: "b", Size: 368},
		{Kind: script.Set, Key: "b"},
		{Kind: script.Set, Key: "a", Size: 64},
		{Kind: script.Reset},
		{Kind: script.Set, Key: script.LongestKey, Size: 212},
		{Kind: script.Abandon, Key: "a", Piece: 1},
		{Kind: script.Remove, Key: "a"},
	}))
	want := explore.Symptom{Rule: sut.RuleDurable, Kind: "back", Op: "key-removed", When: "clean-reopen"}
	if len(o.Hit) > 0 || !shown(o, want) || want.String() != "a key that was removed is back after a clean reopen" {
		t.Errorf("%v, %+v", o.Hit, o.Bad)
	}
}

// TestInteresting: a run in which nothing collects garbage, and no fault hits, is not interesting.
func TestInteresting(t *testing.T) {
	for _, secure := range []bool{false, true} {
		for sets, want := range map[int]bool{2: false, 200: true} {
			var ops []script.Op
			for i := range sets {
				ops = append(ops, script.Op{Kind: script.Set, Key: "n0", Size: 40, Seed: uint64(i)})
			}
			if o := walked(t, "24x512", 8, 12288, secure, 0, script.Steps(ops)); o.Interesting != want || len(o.Bad) > 0 {
				t.Errorf("secure %v, %d sets: interesting %v, %+v", secure, sets, o.Interesting, o.Bad)
			}
		}
	}
}

// TestSecureInputs: attacks that are harmless and such that are not, on a store of which each is known.
func TestSecureInputs(t *testing.T) {
	set := func(key string, seed uint64, flags kvstore.Flags) script.Step {
		return script.Step{Op: script.Op{Kind: script.Set, Key: key, Size: 40, Seed: seed, Flags: flags}}
	}
	attack := func(a script.Attack) script.Step { return script.Step{Attack: &a} }
	for _, tt := range []struct {
		name    string
		steps   []script.Step
		planted kvstore.Defects
		want    string // kind of symptom; "": none
	}{
		{"a replay of a key that nothing protects", []script.Step{set("n0", 1, 0), set("n0", 2, 0), attack(script.Attack{What: script.AttackReplay, Image: 1})}, 0, ""},
		{"a replay of a protected key", []script.Step{set("r0", 1, sut.Guards), set("n0", 2, 0), attack(script.Attack{What: script.AttackReplay})}, 0, ""},
		{
			"flags that are believed, of a value that is as it was",
			[]script.Step{set("r0", 1, kvstore.FlagReplayProtection), set("n0", 2, 0), attack(script.Attack{What: "clear the flags", Key: "r0"})},
			kvstore.DefectTrustedFlags | kvstore.DefectOptionalIntegrity, "",
		},
		{
			"a bit of a value",
			[]script.Step{set("n0", 1, 0), attack(script.Attack{What: "change a byte of the data", Key: "n0"})},
			kvstore.DefectOptionalIntegrity, "forged-believed",
		},
		{"a write-once key", []script.Step{set("n0", 1, kvstore.FlagWriteOnce), set("n0", 2, 0), attack(script.Attack{What: script.AttackErase})}, 0, ""},
		{"a removed key that nothing protects", []script.Step{set("n0", 1, 0), attack(script.Attack{What: "remove", Key: "n0"})}, 0, ""},
		{"a removed key that is protected", []script.Step{set("r0", 1, sut.Guards), set("n0", 2, 0), attack(script.Attack{What: "remove", Key: "r0"})}, 0, ""},
		{
			"a write-once key without an entry",
			[]script.Step{set("n0", 1, kvstore.FlagWriteOnce), attack(script.Attack{What: "remove", Key: "n0"})},
			kvstore.DefectWriteOnceUnguarded, "forged-missing",
		},
	} {
		o := walked(t, "24x512", 8, 12288, true, tt.planted, tt.steps)
		if got := shown(o, explore.Symptom{Rule: sut.RuleSecret, Kind: tt.want}); got != (tt.want != "") || tt.want == "" && len(o.Bad) > 0 {
			t.Errorf("%s: %+v, want %q", tt.name, o.Bad, tt.want)
		}
	}
}
