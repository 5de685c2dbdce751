package bench

import (
	"fmt"

	"dualbank/boot/layout"
	"dualbank/model/part"
)

// HalfLayout is the layout of the porting guide on any flash: bootloader, header and application in the
// lower half, KVStore and candidate in the upper one. A KVStore at the end of the lower half leaves the
// upper one to the candidate.
type HalfLayout struct {
	Name   string // what it is called in benchmark names
	Target string
	KVBase uint32 // address of the KVStore
	KVSize uint32 // bytes
}

const (
	bootloaderSize = 32 << 10 // bytes that the guide's bootloader needs
	headerRegion   = 1024     // bytes from the active header to the application, which its vector table needs
)

// Layout is the configuration files of the layout for a part whose driver has a program unit of unit
// bytes, as layout.Example has them for the guide's board. Whether they make a layout shows when it is
// computed; the error says only what there is no text for: a KVStore neither in the upper half nor at the
// end of the lower one.
func (h *HalfLayout) Layout(part *part.Part, unit uint32) (Layout, error) {
	base := uint64(part.Base)
	half, end := base+uint64(part.Size())/2, base+uint64(part.Size())
	kv, kvEnd := uint64(h.KVBase), uint64(h.KVBase)+uint64(h.KVSize)
	header := uint64(0)
	for _, s := range part.Sectors() {
		if header >= bootloaderSize {
			break
		}
		header += uint64(s.Size)
	}
	lower := kvEnd == half && kv > base+header+headerRegion
	if h.KVSize == 0 || !lower && kv < half || kvEnd > end {
		return Layout{}, fmt.Errorf("a KVStore of %d bytes at 0x%08X: give one in the upper half of the flash, 0x%08X to 0x%08X, or one that ends there", h.KVSize, h.KVBase, half, end)
	}
	// The candidate has the larger of what the KVStore leaves.
	from, to, code := kvEnd, end, half
	switch {
	case lower:
		code = kv
	case kv-half > end-kvEnd:
		from, to = half, kv
	}
	common := fmt.Sprintf(`"update-client.firmware-header-version": "2",
            "update-client.application-details": "0x%X",
            "update-client.storage-address": "0x%X",
            "update-client.storage-size": "0x%X",
            "update-client.storage-locations": 1,
            "update-client.storage-page": %d`, base+header, from, to-from, unit)
	l := Layout{Name: h.Name, Target: h.Target, Bootloader: h.Name + "/bootloader_app.json", Application: h.Name + "/mbed_app.json"}
	l.BootloaderText = fmt.Sprintf(`{
    "macros": ["MBED_CLOUD_CLIENT_UPDATE_STORAGE=ARM_UCP_FLASHIAP"],
    "target_overrides": {
        "%s": {
            "target.restrict_size": "0x%X",
            "mbed-bootloader.use-kvstore-rot": 0,
            "mbed-bootloader.bootloader-size": "APPLICATION_SIZE",
            "mbed-bootloader.application-start-address": "0x%X",
            "mbed-bootloader.max-application-size": "0x%X",
            %s
        }
    }
}
`, h.Target, header, base+header+headerRegion, code-base-header-headerRegion, common)
	l.ApplicationText = fmt.Sprintf(`{
    "macros": ["MBED_CLOUD_CLIENT_UPDATE_STORAGE=ARM_UCP_FLASHIAP"],
    "target_overrides": {
        "%s": {
            "target.bootloader_img": "mbed-bootloader.bin",
            "target.header_offset": "0x%X",
            "target.app_offset": "0x%X",
            "storage.storage_type": "TDB_INTERNAL",
            "storage_tdb_internal.internal_base_address": "0x%X",
            "storage_tdb_internal.internal_size": "0x%X",
            %s
        }
    }
}
`, h.Target, header, header+headerRegion, h.KVBase, h.KVSize, common)
	return l, nil
}

// BoardScenario is the guide's scenario on a board of `dualbank parts`, or a board file: its part, clock
// and supply, and its default layout. The error is one line.
func BoardScenario(name string) (*Scenario, error) {
	b, err := part.BoardByName(name)
	if err != nil {
		return nil, err
	}
	part, unit, err := PartAndUnit(b.PartName, b.DriverName)
	if err != nil {
		return nil, fmt.Errorf("board %s: %w", b.Name, err)
	}
	s := Guide()
	s.Title = "KVStore and firmware update on " + b.Title
	s.Board.Name, s.Board.Part, s.Board.Driver, s.Board.Hz, s.Board.MV = b.Title, b.PartName, b.DriverName, b.Clock.Hz, b.Supply.MV
	s.Board.States = b.WaitStates.Value
	h := HalfLayout{Name: b.Layout, Target: b.Target, KVBase: b.KVStore.Base, KVSize: b.KVStore.Bytes}
	if s.Layout, err = h.Layout(part, unit); err != nil {
		return nil, fmt.Errorf("board %s: %w", b.Name, err)
	}
	return s, nil
}

// PartAndUnit is a part with the program unit in bytes that a driver offers on it.
func PartAndUnit(name, driver string) (*part.Part, uint32, error) {
	p, err := part.ByName(name)
	if err != nil {
		return nil, 0, err
	}
	d, err := part.DriverByName(driver)
	if err != nil {
		return nil, 0, err
	}
	f, err := d.For(p.Family)
	if err != nil {
		return nil, 0, err
	}
	return p, f.Unit.Value, nil
}

// BootLayout is the layout of the scenario's device. An error is a *ScenarioError.
func (s *Scenario) BootLayout() (*layout.Layout, error) {
	part, unit, err := PartAndUnit(s.Board.Part, s.Board.Driver)
	if err != nil {
		return nil, &ScenarioError{fmt.Errorf("board: %w", err)}
	}
	l, _, err := s.Layout.plan(part, unit)
	if err != nil {
		return nil, &ScenarioError{err}
	}
	return l, nil
}
