package cause

import (
	"strings"
	"testing"

	"dualbank/fuzz/explore"
)

// TestKnownIn: a list names causes and findings; a campaign's own file knows all of its findings, and of a cause that is
// not known no others.
func TestKnownIn(t *testing.T) {
	findings := []explore.Finding{
		{ID: "kvstore-rule1-00000001", Severity: "high", Cause: explore.WeakCells, Count: 3},
		{ID: "kvstore-rule1-00000002", Severity: "high", Cause: "unknown/cut/READ_FAILED/no ECC"},
	}
	other := explore.Finding{ID: "kvstore-rule1-00000003", Cause: explore.WeakCells}
	fresh := explore.Finding{ID: "kvstore-rule1-00000004", Cause: "unknown/cut/READ_FAILED/no ECC"}
	text, err := JSON(findings)
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{string(text), "# a list\n weak-cells # one\n\nkvstore-rule1-00000002\n"} {
		k, err := KnownIn([]byte(list))
		if err != nil {
			t.Fatal(err)
		}
		if !k.Has(&findings[0]) || !k.Has(&findings[1]) || !k.Has(&other) || k.Has(&fresh) {
			t.Errorf("%s\n%v", list, k)
		}
	}
	for list, want := range map[string]string{
		"weak-cells\nnonsense":     `line 2: "nonsense" is neither a cause nor the ID of a finding`,
		`{"format": 7}`:            "format 7 is unknown",
		`{"causes": 3}`:            "give a campaign's causes.json",
		"weak-cells+nothing-known": "line 1:",
	} {
		if _, err := KnownIn([]byte(list)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", list, err, want)
		}
	}
}

// FuzzKnown: any text is a list or an error of one line.
func FuzzKnown(f *testing.F) {
	f.Add([]byte("weak-cells\n# x\nkvstore-rule1-00000002"))
	f.Add([]byte(`{"format":1,"causes":[{"name":"weak-cells","findings":["a"]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, err := KnownIn(text); err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%q", err)
		}
	})
}
