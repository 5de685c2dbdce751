// Package inspect looks at what was read out of a device's flash: the regions, the key-value store with
// its records, the firmware headers and slots, and what of it is damaged. It executes and writes
// nothing.
package inspect

import (
	"fmt"
	"math"

	"dualbank/boot/firmware"
	"dualbank/boot/layout"
	"dualbank/kvstore"
)

// Options say what is known of the device beside the dump.
type Options struct {
	Layout  *layout.Layout // where everything should lie; nil: it is guessed
	Chip    layout.Chip    // the flash, where there is no layout; without erase units nothing is known of it
	Profile kvstore.Profile
	Unit    uint32  // program unit of the store in bytes; 0: the chip's, or as the store tells
	Rated   uint32  // erases that a sector is rated for; 0: not known
	Age     float64 // of the device in years; 0: not known
}

// Report is what a dump shows. Addresses are those of the device, sizes are in bytes.
type Report struct {
	File     string   `json:"file"`
	Format   string   `json:"format"`
	Ranges   []Range  `json:"ranges"`   // that the dump has
	Layout   string   `json:"layout"`   // target and flash of the layout, or "guessed"
	Regions  []Region `json:"regions"`  // of the layout
	Stores   []Store  `json:"stores"`   // TDBStores
	Firmware []Image  `json:"firmware"` // active image and candidates
	Damage   []string `json:"damage"`   // one line each, in the order of addresses within store and firmware
}

// Range is a stretch of addresses.
type Range struct {
	Start uint32 `json:"start"`
	Size  uint32 `json:"size"`
}

// Region is a region of the layout.
type Region struct {
	Name    string `json:"name"`
	Start   uint32 `json:"start"`
	Size    uint32 `json:"size"`
	Missing uint32 `json:"missing"` // bytes that the dump does not have: they count as erased
	Written uint32 `json:"written"` // bytes that are not erased
}

// Inspect looks at a dump. The error says what of the options does not fit together; whatever the
// dump holds is no error.
func Inspect(d *Dump, o Options) (*Report, error) {
	r := &Report{
		File: d.Name, Format: d.Format, Layout: "guessed",
		Ranges: []Range{}, Regions: []Region{}, Stores: []Store{}, Firmware: []Image{}, Damage: append([]string{}, d.Damage...),
	}
	if !(o.Age >= 0 && o.Age <= 1000) {
		return nil, fmt.Errorf("an age of %v years: give up to 1000", o.Age)
	}
	if o.Unit > 4096 || o.Unit&(o.Unit-1) != 0 {
		return nil, fmt.Errorf("a program unit of %d bytes: give a power of two up to 4096", o.Unit)
	}
	l := look{dump: d, Options: o, report: r}
	if o.Layout != nil {
		l.Chip = o.Layout.Chip
	}
	for _, s := range d.Segments {
		// Only a dump of the whole address space has 2^32 bytes.
		r.Ranges = append(r.Ranges, Range{s.Addr, uint32(min(uint64(len(s.Data)), math.MaxUint32))})
		l.strayData(s)
	}
	if o.Layout != nil {
		r.Layout = fmt.Sprintf("%s, %s", o.Layout.Target, l.Chip.Name)
		l.regions()
	}
	l.stores()
	l.firmware()
	return r, nil
}

// look is an inspection on its way.
type look struct {
	dump *Dump
	Options
	report *Report
}

func (l *look) damage(format string, args ...any) {
	l.report.Damage = append(l.report.Damage, fmt.Sprintf(format, args...))
}

// strayData reports data outside the flash.
func (l *look) strayData(s firmware.Segment) {
	if len(l.Chip.Sectors) == 0 {
		return
	}
	base, limit := uint64(l.Chip.Base), uint64(l.Chip.Base)+uint64(l.Chip.Size())
	if uint64(s.Addr) < base || end(s) > limit {
		l.damage("the dump has data at 0x%08X to 0x%08X, the flash of %s is 0x%08X to 0x%08X: wrong base address, or not this part", s.Addr, end(s), l.Chip.Name, base, limit)
	}
}

func (l *look) regions() {
	for _, r := range l.Options.Layout.Regions {
		have, written := l.dump.count(r.Start, r.Size)
		l.report.Regions = append(l.report.Regions, Region{r.Name, r.Start, r.Size, r.Size - have, written})
	}
}
