package named

import (
	"slices"
	"testing"
)

type set uint64

var names = []string{"a", "b", "c"}

func (s set) String() string { return String(s, names) }

func TestNames(t *testing.T) {
	for text, want := range map[string]set{"": 0, "a": 1, "a,c": 5, "all": 7} {
		if s, err := Parse[set]("bit", text, names); err != nil || s != want {
			t.Errorf("%q: %d, %v", text, s, err)
		}
	}
	if s, err := Parse[set]("bit", "a,d", names); err == nil || err.Error() != `bit "d" is unknown: use all or some of a,b,c` {
		t.Errorf("%d, %v", s, err)
	}
	if got := set(1<<3 | 2).String(); got != "b,1<<3" {
		t.Errorf("a bit without a name: %s", got)
	}
}

func TestCases(t *testing.T) {
	var labels []string
	var sets []set
	for name, s := range Cases(set(5)) {
		labels, sets = append(labels, name), append(sets, s)
	}
	if !slices.Equal(labels, []string{"none", "a", "c", "all"}) || !slices.Equal(sets, []set{0, 1, 4, 5}) {
		t.Errorf("%v %v", labels, sets)
	}
	for name := range Cases(set(5)) {
		if name == "a" {
			break // it ends there
		}
	}
}
