package bench

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dualbank/boot/layout"
	"dualbank/internal/long"
	"dualbank/model"
	"dualbank/model/part"
)

// where is what of a layout other code depends on.
func where(l *layout.Layout) any {
	type region struct {
		Name        string
		Start, Size uint32
	}
	var regions []region
	for _, r := range l.Regions {
		regions = append(regions, region{r.Name, r.Start, r.Size})
	}
	return []any{l.Target, regions, l.Config, l.Slots, l.BlockDevice, l.StorageType}
}

// The guide's layout is the one of its example files.
func TestBoardLayoutIsTheGuides(t *testing.T) {
	want, err := Guide().BootLayout()
	if err != nil {
		t.Fatal(err)
	}
	s, err := BoardScenario("nucleo-f429zi")
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.BootLayout()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(where(want), where(got)); d != "" {
		t.Error(d)
	}
}

// Each board that comes with the program has a layout that stands, with its KVStore where its file says.
func TestBoardLayouts(t *testing.T) {
	for i, name := range part.BoardNames() {
		if i%3 != 1 && !long.Enabled() {
			continue
		}
		s, err := BoardScenario(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := Parse("printed", []byte(s.TOML())); err != nil {
			t.Error(err)
		}
		s.Update.Bytes = 50 << 10
		d, err := s.Device(s.Board.Driver, model.Typ)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		b, err := part.BoardByName(name)
		if err != nil {
			t.Fatal(err)
		}
		if kv, _ := d.Layout.Region(layout.RegionKVStore); kv.Start != b.KVStore.Base || kv.Size != b.KVStore.Bytes {
			t.Errorf("%s: KVStore at 0x%08X, %d bytes; its file has 0x%08X, %d", name, kv.Start, kv.Size, b.KVStore.Base, b.KVStore.Bytes)
		}
		if err := d.Store.Open(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBoardLayoutErrors(t *testing.T) {
	if _, err := BoardScenario("nucleo-f429"); err == nil || !strings.HasPrefix(err.Error(), `board "nucleo-f429" is unknown: choose one of`) {
		t.Error(err)
	}
	p, err := part.ByName("stm32f429zi")
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []HalfLayout{{KVBase: 0x0800_0000, KVSize: 1 << 17}, {KVBase: 0x081F_0000, KVSize: 1 << 17}, {KVBase: 0x0810_0000}} {
		if _, err := h.Layout(p, 1); err == nil || !strings.Contains(err.Error(), "give one in the upper half of the flash, 0x08100000 to 0x08200000") {
			t.Errorf("%+v: %v", h, err)
		}
	}
}
