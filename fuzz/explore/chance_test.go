package explore_test

import (
	"io"
	"iter"
	"strings"
	"testing"

	"dualbank/fuzz/explore"
)

// dice is a case whose symptom shows with some seeds of its fault.
type dice struct {
	explore.Case
	mode  string
	seed  uint64
	shows func(seed uint64) bool
}

func (d *dice) Replay(io.Writer, explore.Env) (*explore.Replayed, error) {
	re := &explore.Replayed{}
	if d.shows(d.seed) {
		re.Bad = []explore.Violation{{Symptom: explore.Symptom{Rule: 1, Kind: "dice"}}}
	}
	return re, nil
}

func (d *dice) Again(n uint64) explore.Case              { o := *d; o.seed += n; return &o }
func (d *dice) Modes() []string                          { return []string{d.mode} }
func (d *dice) Remedies() []string                       { return nil }
func (d *dice) With([]string, bool) (explore.Case, bool) { return nil, false }
func (d *dice) Near() iter.Seq[explore.Case]             { return nil }
func (d *dice) ECC() bool                                { return false }

// TestChance: a finding of weak cells says with how many of 40 other seeds it shows. One that none shows is not grave,
// and no credit for a catalogue; a cut that leaves nothing to chance has no such figure.
func TestChance(t *testing.T) {
	for _, tt := range []struct {
		mode     string
		shows    func(seed uint64) bool
		want     string
		severity string
		repeats  bool
	}{
		{"weak", func(seed uint64) bool { return true }, "40 of 40 seeds", explore.High, true},
		{"weak", func(seed uint64) bool { return seed%4 == 0 }, "10 of 40 seeds", explore.High, true},
		{"weak", func(seed uint64) bool { return seed == 0 }, "0 of 40 seeds", explore.Medium, false},
		{"torn", func(seed uint64) bool { return seed == 0 }, "", explore.High, false},
		{"before", func(seed uint64) bool { return seed == 0 }, "", explore.High, true},
	} {
		f := explore.Finding{Severity: explore.High, Symptom: explore.Symptom{Rule: 1, Kind: "dice"}, Case: &dice{mode: tt.mode, shows: tt.shows}}
		f.Weigh(explore.Env{})
		got := ""
		if f.Chance != nil {
			got = f.Chance.String()
		}
		if got != tt.want || f.Severity != tt.severity || f.Repeats() != tt.repeats || strings.Contains(f.Record().Where, "seeds") != (tt.want != "") {
			t.Errorf("%s: %q, %s, repeats %v, want %q, %s, %v", tt.mode, got, f.Severity, f.Repeats(), tt.want, tt.severity, tt.repeats)
		}
	}
}
