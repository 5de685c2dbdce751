package cause

import (
	"testing"

	"dualbank/fuzz/explore"
)

// TestLearnNothingElse: what another process tells is of this program's remedies.
func TestLearnNothingElse(t *testing.T) {
	const unknown = "unknown/cut/READ_FAILED/no ECC"
	for _, tt := range []struct {
		name string
		l    Lesson
		ok   bool
	}{
		{"sound", Lesson{Key: "k", Replays: true, Within: explore.WeakCells, Cause: unknown}, true},
		{"repair", Lesson{Key: "k", Cures: []string{"\x1b[2J"}, Cause: unknown}, false},
		{"pair", Lesson{Key: "k", Pair: []string{explore.WeakCells, "none"}, Cause: unknown}, false},
		{"environment", Lesson{Key: "k", Within: "none", Cause: unknown}, false},
		{"cause", Lesson{Key: "k", Cause: "<b>"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var m Memo
			if err := m.Learn(&tt.l, nil); (err == nil) != tt.ok {
				t.Errorf("error %v", err)
			}
			if _, known := m.get("k"); known != tt.ok {
				t.Errorf("learned: %v", known)
			}
		})
	}
}
