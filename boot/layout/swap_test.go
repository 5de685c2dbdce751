package layout

import (
	"slices"
	"strings"
	"testing"

	"dualbank/boot"
)

// TestSwapping: the guide's layout for a swap has bootloader, header and application at the same place in both banks,
// and the KVStore at the end of the second one; what has no two equal banks is refused.
func TestSwapping(t *testing.T) {
	chip, err := ChipOf("NUCLEO_F429ZI", false)
	if err != nil {
		t.Fatal(err)
	}
	l, problems := New(Example(), "NUCLEO_F429ZI", chip)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	s, err := l.Swapping()
	if err != nil {
		t.Fatal(err)
	}
	half := chip.Size() / 2
	want := []Region{
		{Name: RegionBootloader, Start: 0x08000000, Size: 0x8000},
		{Name: RegionHeader, Start: 0x08008000, Size: boot.HeaderSize},
		{Name: RegionApplication, Start: 0x08008400, Size: 0xB7C00},
		{Name: RegionSwappedStore, Start: 0x080C0000, Size: 0x40000},
		{Name: RegionOtherBootloader, Start: 0x08100000, Size: 0x8000},
		{Name: RegionCandidate, Start: 0x08108000, Size: 0xB8000},
		{Name: RegionKVStore, Start: 0x081C0000, Size: 0x40000},
	}
	if !slices.Equal(s.Regions, want) {
		t.Errorf("regions %+v", s.Regions)
	}
	c := s.Config
	if !c.Swap || c.StorageAddr != c.Details+half || c.StorageAddr+c.StorageSize != c.AppStart+c.MaxAppSize+half || len(s.Slots) != 1 || s.Slots[0].Addr != c.StorageAddr {
		t.Errorf("%+v, slots %v", c, s.Slots)
	}
	if note := l.StoreAfterSwap(); !strings.Contains(note, "0x08100000, the KVStore, with those at 0x08000000, the bootloader:") {
		t.Errorf("%s", note)
	}
	if note := s.StoreAfterSwap(); !strings.Contains(note, "with those at 0x080C0000, nothing of this layout:") {
		t.Errorf("%s", note)
	}
	one := *l
	one.Chip.Banks = one.Chip.Banks[:1]
	if _, err := one.Swapping(); err == nil || one.StoreAfterSwap() != "" {
		t.Error("one bank is swapped")
	}
	far := *l
	far.Config.AppStart = 0x08100000
	if _, err := far.Swapping(); err == nil {
		t.Error("an application in the second bank is swapped")
	}
}
