package bench

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"dualbank/boot/layout"
	"dualbank/model/part"
)

// HalfLayout is the porting guide's layout on any flash: bootloader, header and application in the lower half, KVStore
// and candidate storage in the upper half. The KVStore may also lie at the end of the lower half; the candidate
// storage then has the whole upper half.
type HalfLayout struct {
	Name   string // in benchmark names
	Target string
	KVBase uint32 // address of the KVStore
	KVSize uint32 // bytes
}

const (
	bootloaderSize = 32 << 10 // bytes of the guide's bootloader, at most
	headerRegion   = 1024     // bytes from the active header to the application, for the alignment of its vector table
)

// Layout returns the [layout] section with the texts of both configuration files, for a part whose driver has a
// program unit of unit bytes. Problems of the layout show when it is computed. The error is one line: the KVStore
// lies neither in the upper half nor at the end of the lower half.
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
	// The candidate storage has the larger part of what the KVStore leaves.
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

// BoardScenario returns the guide's scenario with part, clock, supply and default layout of a board of `dualbank
// parts`, or of a board file. The error is one line.
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

// PartAndUnit returns a part and the program unit in bytes that a driver offers on it, both by name or file.
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

// BootLayout computes the layout of the scenario's device. An error is a *ScenarioError.
func (s *Scenario) BootLayout() (*layout.Layout, error) {
	part, unit, err := PartAndUnit(s.Board.Part, s.Board.Driver)
	if err != nil {
		return nil, &ScenarioError{fmt.Errorf("board: %w", err)}
	}
	l, _, err := s.Layout.compute(part, unit, s.Update.Candidate)
	if err != nil {
		return nil, &ScenarioError{err}
	}
	return l, nil
}

// Chip returns the flash of a part for package layout. unit is the driver's program unit in bytes.
func Chip(p *part.Part, unit uint32) layout.Chip {
	c := layout.Chip{Name: p.Name, Base: p.Base, Unit: unit, Vectors: p.Vectors}
	bank, end := -1, p.Base
	for _, s := range p.Sectors() {
		if s.Addr != end {
			if c.Gap.Size > 0 {
				break // a layout knows one gap, and ends at a second one
			}
			c.Gap = layout.Gap{Start: end, Size: s.Addr - end}
			c.Sectors = append(c.Sectors, c.Gap.Size)
		}
		end = s.Addr + s.Size
		if s.Bank != bank {
			bank = s.Bank
			c.Banks = append(c.Banks, s.Addr)
		}
		c.Sectors = append(c.Sectors, s.Size)
	}
	return c
}

// compute returns the layout and the warnings about it. The error is the first of its problems, on one line.
func (l *Layout) compute(part *part.Part, unit uint32, at Candidate) (*layout.Layout, layout.Problems, error) {
	var srcs []layout.Source
	for _, c := range [][2]string{{l.Bootloader, l.BootloaderText}, {l.Application, l.ApplicationText}} {
		if c[1] != "" {
			srcs = append(srcs, layout.Source{Name: c[0], Text: []byte(c[1])})
		}
	}
	if srcs == nil {
		srcs = layout.Example()
	}
	if err := l.checkTarget(srcs, part); err != nil {
		return nil, nil, err
	}
	lay := layout.New
	if at == ExternalCandidate {
		lay = layout.NewExternal
	}
	plan, problems := lay(srcs, l.Target, Chip(part, unit))
	if errs := problems.Errors(); len(errs) > 0 {
		more := ""
		if len(errs) > 1 {
			more = fmt.Sprintf(" (%d more: `dualbank layout` lists all)", len(errs)-1)
		}
		return nil, nil, fmt.Errorf("%v%s", errs[0], more)
	}
	if plan.FOTA {
		return nil, nil, errors.New("layout: the configurations are for the FOTA client, whose updates are not simulated: give ones with update-client options")
	}
	var names []string
	for _, s := range srcs {
		names = append(names, s.Name)
	}
	files := strings.Join(names, " and ")
	needed := []string{layout.RegionHeader, layout.RegionApplication, layout.RegionKVStore}
	switch {
	case !plan.BlockDevice:
		needed = append(needed, layout.RegionCandidate)
	case at == InternalCandidate:
		return nil, nil, fmt.Errorf("update.candidate: %q: %s have the candidates on a block device: leave the key out, or change MBED_CLOUD_CLIENT_UPDATE_STORAGE and the place there", at, files)
	}
	for _, name := range needed {
		if _, ok := plan.Region(name); !ok {
			return nil, nil, fmt.Errorf("layout: no %s on internal flash in %s: give the configurations of a bootloader and an application that have", name, files)
		}
	}
	return plan, problems.Warnings(), nil
}

// checkTarget returns an error for a mistyped target: one whose board has another flash than the part, or one that
// neither the program nor the configuration files know.
func (l *Layout) checkTarget(srcs []layout.Source, part *part.Part) error {
	same := func(dual bool) bool {
		c, err := layout.ChipOf(l.Target, dual)
		return err == nil && c.Base == part.Base && slices.Equal(c.Sectors, Chip(part, 1).Sectors)
	}
	if c, err := layout.ChipOf(l.Target, false); err == nil {
		// The same part in its other bank mode has other sectors.
		if !same(false) && !same(true) && !strings.HasPrefix(part.Name, strings.ToLower(c.Name)) {
			return fmt.Errorf("layout.target: %s has the flash of %s, not that of part %s: correct one of them", l.Target, c.Name, part.Name)
		}
		return nil
	}
	for _, s := range srcs {
		if bytes.Contains(s.Text, []byte(`"`+l.Target+`"`)) {
			return nil
		}
	}
	return fmt.Errorf("layout.target: %s is no target that is known, and none of the configuration files has it in target_overrides: correct its name", l.Target)
}
