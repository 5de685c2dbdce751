package layout

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"dualbank/boot"
	bootlayout "dualbank/boot/layout"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/internal/randominput"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/update"
	"dualbank/internal/long"
	"dualbank/kvstore"
)

// input is the case of an input.
func input(data []byte) *Case { return Target.Decode(explore.NewChoices(data)).(*Case) }

// TestInputs: random inputs are layouts without errors often enough, and break no rule.
func TestInputs(t *testing.T) {
	clean := 0
	for seed := range uint64(300) {
		var o explore.Outcome
		if err := input(randominput.Bytes(seed, 60)).Run(&o); err != nil {
			t.Fatal(err)
		}
		if len(o.Bad) > 0 {
			t.Errorf("input %d: %+v", seed, o.Bad)
		}
		if o.Interesting {
			clean++
		}
	}
	if clean < 30 {
		t.Errorf("%d of 300 inputs are layouts without errors", clean)
	}
}

// example is the project's example, which is right.
func example() *Case { return input([]byte{byte(len(smallFlashes))}) }

// TestApart: the layout of the example is right, and one that is not is told from it, whatever reports it as
// right.
func TestApart(t *testing.T) {
	region := func(l *bootlayout.Layout, name string) *bootlayout.Region {
		return &l.Regions[slices.IndexFunc(l.Regions, func(r bootlayout.Region) bool { return r.Name == name })]
	}
	for want, change := range map[string]func(l *bootlayout.Layout){
		"regions that overlap are not reported: KVStore and candidate storage": func(l *bootlayout.Layout) { region(l, bootlayout.RegionKVStore).Size += 1 << 17 },
		"a region off an erase boundary is not reported: KVStore":              func(l *bootlayout.Layout) { region(l, bootlayout.RegionKVStore).Size-- },
		"a region off an erase boundary is not reported: active header":        func(l *bootlayout.Layout) { region(l, bootlayout.RegionHeader).Start += 8 },
		"a region outside the flash is not reported: candidate storage":        func(l *bootlayout.Layout) { region(l, bootlayout.RegionCandidate).Size += 1 << 17 },
	} {
		c := example()
		chip, err := c.chip()
		if err != nil {
			t.Fatal(err)
		}
		l, ps := bootlayout.New(c.sources(), c.Target, chip)
		if ps.Err() != nil {
			t.Fatal(ps)
		}
		tr := &trial{c: &c.Config, chip: chip, o: new(explore.Outcome), l: l}
		if tr.apart(); len(tr.o.Bad) > 0 {
			t.Fatalf("%+v", tr.o.Bad)
		}
		change(l)
		tr.apart()
		if !slices.ContainsFunc(tr.o.Bad, func(b explore.Breach) bool { return b.Symptom.Rule == RuleReported && b.Symptom.String() == want }) {
			t.Errorf("%s: found %+v", want, tr.o.Bad)
		}
	}
}

// TestEdges: layouts at edges show nothing, and some of them overlap, share an erase unit, or are right. Without the
// problems that are reported of them each of both kinds is a finding.
func TestEdges(t *testing.T) {
	most := uint64(100)
	if long.Enabled() {
		most = 0
	}
	s, err := Edges(context.Background(), nil, most)
	if err != nil || len(s.Findings) > 0 || s.Stats.Judged < 100 {
		t.Fatalf("%+v, %v, %v", s.Stats, s.Findings, err)
	}
	seen, right, n := map[string]bool{}, 0, 0
	for c := range edges {
		if n++; n%37 != 1 {
			continue
		}
		chip, err := c.chip()
		if err != nil {
			t.Fatal(err)
		}
		l, ps := bootlayout.New(c.sources(), c.Target, chip)
		if l == nil {
			continue
		}
		if len(ps) == 0 {
			right++
		}
		tr := &trial{c: &c.Config, chip: chip, o: new(explore.Outcome), l: l}
		tr.named()
		for _, b := range tr.o.Bad {
			seen[b.Symptom.Kind] = true
		}
	}
	if !seen["overlap-unnamed"] || !seen["shared-unnamed"] || right == 0 {
		t.Errorf("%v, %d of %d without a problem", seen, right, n/37)
	}
}

// small is a configuration of a small flash without errors.
func small(t *testing.T) *Case {
	t.Helper()
	for seed := range uint64(300) {
		c := input(randominput.Bytes(seed, 60))
		var o explore.Outcome
		if err := c.Run(&o); err != nil {
			t.Fatal(err)
		}
		if o.Interesting && c.small() && len(c.Files) == 2 && c.Files[0].Says != nil {
			return c
		}
	}
	t.Fatal("no input is a layout of two files without errors")
	return nil
}

// TestWanted: a layout that does not have the numbers that its files say breaks rule 3; one whose files say
// nothing, or say it in a file that does not decide, does not.
func TestWanted(t *testing.T) {
	for _, tt := range []struct {
		file int
		name string
		want bool
	}{
		{0, "storage-address", true},
		{1, "storage-address", false},
		{0, "max-application-size", true},
		{0, "application-start-address", true},
		{1, "internal-base-address", true},
		{0, "internal-base-address", false},
	} {
		c := small(t)
		c.Files[tt.file].Says[tt.name] += 16
		re, err := c.Replay(io.Discard, explore.Env{})
		if err != nil {
			t.Fatal(err)
		}
		got := len(re.Bad) == 1 && re.Bad[0].Symptom == explore.Symptom{Rule: RuleValues, Kind: "number-differs", Op: tt.name}
		if got != tt.want || !tt.want && len(re.Bad) > 0 {
			t.Errorf("%s of file %d: %+v", tt.name, tt.file, re.Bad)
		}
		c.forget()
		if re, err = c.Replay(io.Discard, explore.Env{}); err != nil || len(re.Bad) > 0 {
			t.Errorf("%s, forgotten: %+v, %v", tt.name, re.Bad, err)
		}
	}
}

// TestCases: what a configuration breaks with a defect becomes a finding that goes through a file, replays, is
// made smaller, and needs the defect.
func TestCases(t *testing.T) {
	for _, tt := range []struct {
		planted explore.Planted
		rule    int
		kind    string
	}{
		{explore.Planted{kv.Planted: uint64(kvstore.DefectOddSectors)}, RuleStore, "store-not-open"},
		{explore.Planted{update.Planted: uint64(boot.DefectIntentLost)}, RuleApart, "region-changed"},
	} {
		var inputs [][]byte
		for seed := uint64(0); seed < 300 && len(inputs) < 3; seed++ {
			data := randominput.Bytes(seed, 300)
			o := explore.Outcome{Planted: tt.planted}
			if err := explore.Examine(input(data), &o); err != nil {
				t.Fatal(err)
			}
			if len(o.Bad) > 0 {
				inputs = append(inputs, data)
			}
		}
		found, err := Target.Crashers(inputs, tt.planted)
		if err != nil || len(found) == 0 {
			t.Fatalf("%v: %d inputs, %d findings, %v", tt.planted, len(inputs), len(found), err)
		}
		f := &found[0]
		if f.Symptom.Rule != tt.rule || f.Symptom.Kind != tt.kind {
			t.Errorf("%v: %+v", tt.planted, f.Symptom)
		}
		shows(t, f)
		before := f.Case.Len()
		f.Minimize(300, explore.Env{})
		shows(t, f)
		if f.Case.Len() >= before || !f.Needs() {
			t.Errorf("%v: %d lines of %d are left; needs the defect: %v", tt.planted, f.Case.Len(), before, f.Needs())
		}
	}
}

// shows fails the test unless a finding shows again when its case runs, before and after its way through a file.
func shows(t *testing.T, f *explore.Finding) {
	t.Helper()
	text, err := f.Text()
	if err != nil {
		t.Fatal(err)
	}
	read, err := explore.ParseFinding(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if d := cmp.Diff(f.Case, read.Case); d != "" {
		t.Errorf("%s: a case changes on its way through a file:\n%s", f.ID, d)
	}
	for _, f := range []*explore.Finding{f, read} {
		var story strings.Builder
		re, broken, err := f.ReplayIn(&story, explore.Env{})
		if err != nil || !broken || !strings.Contains(story.String(), "shows    in: "+f.Place.String()) {
			t.Errorf("%s (%v at %v): replayed: %v, %v\n%s", f.ID, f.Symptom, f.Place, broken, err, &story)
		} else if len(re.Image) == 0 {
			t.Errorf("%s: no image", f.ID)
		}
	}
}

// TestEveryCaseThroughAFile: the case of any input comes back from a file, whatever bytes its files hold.
func TestEveryCaseThroughAFile(t *testing.T) {
	binary := 0
	for seed := range uint64(200) {
		c := input(randominput.Bytes(seed, 300))
		text, err := (&explore.Finding{Subject: SubjectName, Case: c}).Text()
		if err != nil {
			t.Fatal(err)
		}
		f, err := explore.ParseFinding(text)
		if err != nil {
			t.Fatalf("input %d: %v", seed, err)
		}
		if d := cmp.Diff(explore.Case(c), f.Case); d != "" {
			t.Errorf("input %d:\n%s", seed, d)
		}
		for i := range c.Files {
			if !utf8.Valid(c.Files[i].text()) {
				binary++
			}
		}
	}
	if binary == 0 {
		t.Error("no file holds bytes that are not UTF-8")
	}
}

// TestBadCases: a case that cannot be tried is an error of one line that names the field.
func TestBadCases(t *testing.T) {
	good := small(t)
	for want, spoil := range map[string]func(c *Case){
		"layout.device: ":       func(c *Case) { c.On.Sectors = "8*512" },
		"use a flash of up to":  func(c *Case) { c.On.Sectors = "5x16384K" },
		"within 32 bits":        func(c *Case) { c.On.Start = 0xFFFFFF00 },
		"layout.banks":          func(c *Case) { c.Banks = 3 },
		"goes with target":      func(c *Case) { c.Target = bootlayout.ExampleTarget },
		"layout.client":         func(c *Case) { c.Client = "newest" },
		"layout.defects":        func(c *Case) { c.Planted = explore.Planted{"tv": 1} },
		"layout.files: ":        func(c *Case) { c.Files = []File{{Lines: []Line{Line(strings.Repeat(" ", longestText))}}} },
		"layout.files[0].says:": func(c *Case) { c.Files = []File{{Says: Numbers{"age": 7}}} },
	} {
		c := *good
		spoil(&c)
		if _, err := c.Replay(io.Discard, explore.Env{}); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want one line with %q", err, want)
		}
	}
	c := example()
	if c.Target = "NUCLEO_FOO"; c.Device() != "NUCLEO_FOO" {
		t.Errorf("device %q", c.Device())
	}
	if _, err := c.Replay(io.Discard, explore.Env{}); err == nil || !strings.Contains(err.Error(), "layout.device") {
		t.Errorf("a board that is unknown: %v", err)
	}
}

// TestLineText: a line comes back from its text, whatever bytes it holds, and its text is UTF-8.
func TestLineText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Line(strings.ReplaceAll(string(rapid.SliceOf(rapid.Byte()).Draw(t, "line")), "\n", `"`))
		text, err := want.MarshalText()
		if err != nil || !utf8.Valid(text) {
			t.Fatalf("%q, %v", text, err)
		}
		var got Line
		if err := got.UnmarshalText(text); err != nil || got != want {
			t.Fatalf("%q: %q, want %q, %v", text, got, want, err)
		}
	})
}

// TestNumberText: a number comes back from its text.
func TestNumberText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Number(rapid.Uint32().Draw(t, "number"))
		text, err := want.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var got Number
		if err := got.UnmarshalText(text); err != nil || got != want {
			t.Fatalf("%s: %d, want %d, %v", text, got, want, err)
		}
	})
	var n Number
	if err := n.UnmarshalText([]byte("0x100000000")); err == nil || !strings.Contains(err.Error(), "32 bits") {
		t.Errorf("33 bits: %v", err)
	}
}

// FuzzLine: any text is a line or an error of one line, and what a line's text becomes stays so.
func FuzzLine(f *testing.F) {
	for _, s := range []string{"", `	"macros": [],`, `"a\xff"`, `"open`, `"two\nlines"`, "two\nlines", "é", "\xFF", `""`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var l, again Line
		if err := l.UnmarshalText(text); err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %v", err)
			}
			return
		}
		out, err := l.MarshalText()
		if err == nil {
			err = again.UnmarshalText(out)
		}
		if err != nil || again != l {
			t.Errorf("%q: %q, then %q, %v", text, l, again, err)
		}
	})
}
