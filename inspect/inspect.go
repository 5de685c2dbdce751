// Package inspect reads a dump of a device's flash, and reports what is on it: the regions of the layout, the
// key-value store with its records, firmware headers and slots, and all damage. It executes and writes nothing.
//
// An inspection runs in these steps:
//
//  1. Read takes the bytes out of a file: Intel HEX, ELF (an image, a core dump, an object made by objcopy), or
//     plain binary from a base address. The result is a Dump, segments at addresses.
//  2. The caller gives Options: a layout (package boot/layout) or at least the chip, the store's profile, and
//     what is known of age and endurance. Everything is optional.
//  3. Inspect counts each region of the layout, and reports data outside the flash.
//  4. Stores are found in the layout's region, and elsewhere by their master records: kvstore.FindMasters gives
//     candidates, which are paired to areas (guess.go). kvstore.Inspect then reads each store as the device
//     would, through a block device that refuses writes (device.go).
//  5. Firmware headers are found in the layout's places, and elsewhere by their magic. The hash of each image is
//     checked, and the bootloader's choice is predicted (firmware.go).
//  6. Report.Print shows the result to a person, Report.JSON to a program.
//
// Invariants:
//
//   - Whatever the dump holds is a result, not an error. Errors concern the file format and the Options; they
//     are one line with the remedy.
//   - Bytes that the dump does not have count as erased, and are counted as missing.
//   - What is guessed is marked as guessed.
//   - Damage names the address and the consequence: what the device would do at its next boot.
package inspect

import (
	"fmt"
	"math"

	"dualbank/boot/firmware"
)

// Inspect reports on a dump. The error is one line on an option that is out of range. Whatever the dump holds
// is not an error.
func Inspect(d *Dump, o Options) (*Report, error) {
	r := &Report{
		File: d.Name, Format: string(d.Format), Layout: "guessed",
		Ranges: []Range{}, Regions: []Region{}, Stores: []Store{}, Firmware: []Image{}, Damage: append([]string{}, d.Damage...),
	}
	if !(o.Age >= 0 && o.Age <= 1000) {
		return nil, fmt.Errorf("an age of %v years: give up to 1000", o.Age)
	}
	if o.Unit > 8192 || o.Unit&(o.Unit-1) != 0 {
		return nil, fmt.Errorf("a program unit of %d bytes: give a power of two up to 8192", o.Unit)
	}
	l := inspection{dump: d, Options: o, report: r}
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
		if o.Layout.FOTA {
			r.Layout += "; the FOTA client's headers are not read"
		}
		l.regions()
	}
	l.stores()
	l.firmware()
	return r, nil
}

// strayData reports data outside the flash.
func (l *inspection) strayData(s firmware.Segment) {
	if len(l.Chip.Sectors) == 0 {
		return
	}
	base, limit := uint64(l.Chip.Base), uint64(l.Chip.Base)+uint64(l.Chip.Size())
	if uint64(s.Addr) < base || s.End() > limit {
		l.damage("the dump has data at 0x%08X to 0x%08X, the flash of %s is 0x%08X to 0x%08X: wrong base address, or not this part", s.Addr, s.End(), l.Chip.Name, base, limit)
	}
}

func (l *inspection) regions() {
	for _, r := range l.Options.Layout.Regions {
		have, written := l.dump.count(r.Start, r.Size)
		l.report.Regions = append(l.report.Regions, Region{r.Name, r.Start, r.Size, r.Size - have, written})
	}
}
