package layout

import "fmt"

// noUnit is the size that Mbed OS returns for the erase unit of an address outside the flash.
const noUnit = 0xFFFFFFFF

// Chip describes the target's flash.
type Chip struct {
	Name    string
	Base    uint32   // address of the first byte
	Sectors []uint32 // sizes of the erase units in bytes, ascending by address
	Banks   []uint32 // address of each bank's first byte; one entry for a flash with one bank
	Unit    uint32   // program unit of the flash driver in bytes
	Vectors int      // entries of the vector table, system exceptions included; 0 if not known
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

// SectorSize returns the size of the erase unit that holds addr, or 0xFFFFFFFF outside the flash.
func (c *Chip) SectorSize(addr uint32) uint32 {
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
	case c.Unit == 0 || c.Unit > 4096:
		return fmt.Errorf("a program unit of %d bytes", c.Unit)
	case len(c.Banks) == 0 || c.Banks[0] != c.Base:
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
		if at < to && at+uint64(s) > from {
			sizes = append(sizes, s)
		}
		at += uint64(s)
	}
	return sizes
}
