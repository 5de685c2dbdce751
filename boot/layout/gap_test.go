package layout

import (
	"slices"
	"strings"
	"testing"
)

// TestGap: a region behind a gap between two banks is in the second one; one that reaches into the gap is an error that
// names it; the map shows the gap, and nothing erases it.
func TestGap(t *testing.T) {
	chip := Chip{
		Name: "gap", Base: 0, Sectors: slices.Concat(slices.Repeat([]uint32{0x8000}, 8), []uint32{0x1C0000}, slices.Repeat([]uint32{0x8000}, 8)),
		Banks: []uint32{0, 0x200000}, Unit: 128, Gap: Gap{0x40000, 0x1C0000},
	}
	app := func(base string) []Source {
		return []Source{{Name: "mbed_app.json", Text: []byte(`{"target_overrides": {"*": {"storage.storage_type": "TDB_INTERNAL",
			"storage_tdb_internal.internal_base_address": "` + base + `", "storage_tdb_internal.internal_size": "0x10000"}}}`)}}
	}
	l, problems := New(app("0x230000"), "OWN", chip)
	if l == nil || len(problems.Errors()) > 0 {
		t.Fatalf("%v", problems)
	}
	for _, want := range []string{"512 KiB in 2 banks", "(no flash)   0x00040000  0x00200000"} {
		if !strings.Contains(l.String(), want) {
			t.Errorf("no %q in\n%s", want, l)
		}
	}
	if kv, ok := l.Region(RegionKVStore); !ok || l.Chip.bank(uint64(kv.Start)) != 1 || l.note(kv) != "two areas of 32 KiB" {
		t.Errorf("%+v\n%s", kv, l)
	}
	if n := l.Chip.SectorSize(0x100000); n != noUnit {
		t.Errorf("an erase unit of %d bytes in the gap", n)
	}
	if got := l.Chip.units(0x38000, 0x208000); !slices.Equal(got, []uint32{0x8000, 0x8000}) {
		t.Errorf("units %v", got)
	}
	for _, base := range []string{"0x38000", "0x80000", "0x1F8000"} {
		_, problems := New(app(base), "OWN", chip)
		if err := problems.Err(); err == nil || !strings.Contains(err.Error(), "of which 0x00040000-0x00200000 is a gap between two banks") {
			t.Errorf("%s: %v", base, problems)
		}
	}
	chip.Gap.Size = 1
	if _, problems := New(app("0x230000"), "OWN", chip); problems.Err() == nil {
		t.Error("a gap that is no unit is taken")
	}
}
