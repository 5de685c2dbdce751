package model

// FillErased programs the value of erased cells into n bytes at addr, as a probe does that does not skip the
// padding of an image (without time, step or trace). They read as before; on a part with ECC the check
// bits are no longer those of an erased unit, so that it takes them for programmed
// (github.com/ARMmbed/mbed-os pull 11349 on the STM32L4). It reports false outside the flash, and for
// cells that are not erased.
func (f *Flash) FillErased(addr, n uint32) bool {
	if !f.inside(addr, int(n)) || !f.cells.blank(addr-f.base, n) {
		return false
	}
	if f.ecc == 0 {
		return true
	}
	for off := (addr - f.base) &^ (f.ecc - 1); off < addr-f.base+n; off += f.ecc {
		f.cells.scarUnit(off, &unit{kind: filled})
	}
	return true
}
