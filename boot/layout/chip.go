package layout

import (
	"errors"
	"fmt"

	"dualbank/boot/layout/cexpr"
)

// noUnit is the size that Mbed OS returns for the erase unit of an address outside the flash.
const noUnit = 0xFFFFFFFF

// Chip describes the target's flash.
type Chip struct {
	Name    string
	Base    uint32   // address of the first byte
	Sectors []uint32 // sizes of the erase units in bytes, ascending by address
	Banks   []uint32 // address of each bank's first byte; one entry for a flash with one bank, none if not known
	Unit    uint32   // program unit of the flash driver in bytes
	Vectors int      // entries of the vector table, system exceptions included; 0 if not known
	Gap     Gap      // between two banks; the zero value: there is none
	Rest    string   // what has the flash behind these erase units, which the target may not use; "" if there is none
}

// Gap is addresses between two banks that are no flash. It is one of the chip's Sectors, and counts in its Size.
type Gap struct {
	Start uint32
	Size  uint32 // bytes
}

// meets reports whether some of the addresses from from to before to lie in the gap.
func (g Gap) meets(from, to uint64) bool {
	return g.Size > 0 && from < uint64(g.Start)+uint64(g.Size) && to > uint64(g.Start)
}

// Start returns the address of the first byte.
func (c *Chip) Start() uint32 { return c.Base }

// Size returns the number of bytes.
func (c *Chip) Size() uint32 {
	n := uint32(0)
	for _, s := range c.Sectors {
		n += s
	}
	return n
}

// SectorSize returns the size of the erase unit that holds addr, or 0xFFFFFFFF outside the flash and in its gap.
func (c *Chip) SectorSize(addr uint32) uint32 {
	if c.Gap.meets(uint64(addr), uint64(addr)+1) {
		return noUnit
	}
	at := uint64(c.Base)
	for _, s := range c.Sectors {
		if uint64(addr) >= at && uint64(addr) < at+uint64(s) {
			return s
		}
		at += uint64(s)
	}
	return noUnit
}

// bank returns the bank that holds addr, from 0.
func (c *Chip) bank(addr uint64) int {
	b := 0
	for i, a := range c.Banks {
		if addr >= uint64(a) {
			b = i
		}
	}
	return b
}

// check returns an error if the description itself is unusable.
func (c *Chip) check() error {
	size := uint64(0)
	for i, s := range c.Sectors {
		if s == 0 {
			return fmt.Errorf("erase unit %d has no size", i)
		}
		size += uint64(s)
	}
	switch {
	case size == 0:
		return fmt.Errorf("it has no erase units")
	case uint64(c.Base)+size > 1<<32 || size >= 1<<32:
		return fmt.Errorf("it does not fit the address space")
	case c.Unit == 0 || c.Unit > 8192:
		return fmt.Errorf("a program unit of %d bytes", c.Unit)
	case c.Gap.Size > 0 && (!c.boundary(uint64(c.Gap.Start)) || !c.boundary(uint64(c.Gap.Start)+uint64(c.Gap.Size))):
		return fmt.Errorf("its gap 0x%08X+0x%X is none of its erase units", c.Gap.Start, c.Gap.Size)
	case len(c.Banks) > 0 && c.Banks[0] != c.Base:
		return fmt.Errorf("its first bank does not begin where it does")
	}
	return nil
}

// boundary reports whether addr is an erase boundary; the flash's end is one.
func (c *Chip) boundary(addr uint64) bool {
	return addr >= uint64(c.Base) && addr <= uint64(c.Base)+uint64(c.Size()) && uint64(c.down(addr)) == addr
}

// down and up round an address in the flash or at its end to an erase boundary.
func (c *Chip) down(addr uint64) uint64 {
	at := uint64(c.Base)
	for _, s := range c.Sectors {
		if at+uint64(s) > addr {
			break
		}
		at += uint64(s)
	}
	return at
}

func (c *Chip) up(addr uint64) uint64 {
	at := uint64(c.Base)
	for _, s := range c.Sectors {
		if at >= addr {
			break
		}
		at += uint64(s)
	}
	return at
}

// units returns the sizes of the erase units that touch [from, to).
func (c *Chip) units(from, to uint64) (sizes []uint32) {
	at := uint64(c.Base)
	for _, s := range c.Sectors {
		if at < to && at+uint64(s) > from && !c.Gap.meets(at, at+uint64(s)) {
			sizes = append(sizes, s)
		}
		at += uint64(s)
	}
	return sizes
}

// describedChip returns the flash that the configuration itself describes: target.mbed_rom_start,
// target.mbed_rom_size and target.sectors, which lists [address, erase unit] where the size of the units
// changes. The program unit is the storage page, if that is set. The Problem says what was taken.
func describedChip(target string, files []*file, labels []string) (Chip, Problem, error) {
	var start, size, sectors, page *member
	var from *file
	for _, f := range files {
		for _, m := range f.matching(labels) {
			switch canonical(m.name) {
			case "target.mbed-rom-start":
				start, from = m, f
			case "target.mbed-rom-size":
				size = m
			case "target.sectors":
				sectors = m
			case "update-client.storage-page":
				page = m
			}
		}
	}
	if start == nil || size == nil || sectors == nil {
		return Chip{}, Problem{}, errors.New("") // the files describe none
	}
	number := func(v *value) uint64 {
		if n, err := cexpr.Evaluate(v.text, func(string) (string, bool) { return "", false }); err == nil && n > 0 && n < 1<<32 {
			return uint64(n)
		}
		return 0
	}
	c := Chip{Name: target, Base: uint32(number(&start.value)), Unit: 8}
	if page != nil {
		if n := number(&page.value); n > 0 {
			c.Unit = uint32(n)
		}
	}
	at, end := uint64(c.Base), uint64(c.Base)+number(&size.value)
	for i, run := range sectors.items {
		if len(run.items) != 2 {
			return Chip{}, Problem{}, fmt.Errorf(": target.sectors is no list of [address, size of the erase units]")
		}
		unit, until := number(&run.items[1]), end
		if i+1 < len(sectors.items) && len(sectors.items[i+1].items) == 2 {
			until = number(&sectors.items[i+1].items[0])
		}
		if unit == 0 || until > end || (until-min(until, at))/unit > 1<<20 {
			return Chip{}, Problem{}, fmt.Errorf(": target.sectors does not fit target.mbed_rom_size")
		}
		for ; at+unit <= until; at += unit {
			c.Sectors = append(c.Sectors, uint32(unit))
		}
	}
	if at != end || len(c.Sectors) == 0 {
		return Chip{}, Problem{}, fmt.Errorf(": target.sectors does not fill the flash from target.mbed_rom_start to its end")
	}
	return c, from.problem(start.at, start.name, fmt.Sprintf("the flash of %s is taken from this file: %d bytes in erase units of %d, programmed by %d; its banks are not known",
		target, end-uint64(c.Base), c.Sectors[0], c.Unit), "give the part with --part to check banks too"), nil
}
