package part

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Driver is how software works the flash: which accesses it makes, when it masks interrupts, what it
// costs around each operation. It decides what an application feels. One data file in drivers/ may
// describe it for several families of parts.
type Driver struct {
	Name     string         `toml:"name"`
	Title    string         `toml:"title"`
	Common   DriverFamily   `toml:"common"` // holds for every family that does not say otherwise
	Families []DriverFamily `toml:"family"`
}

// DriverFamily is a driver's behaviour on one or more families of parts.
type DriverFamily struct {
	Parts             []string `toml:"parts"`
	Unit              Count    `toml:"unit"`             // program unit that the driver offers, bytes
	ProgramWidth      Count    `toml:"program_width"`    // bytes of one program access; smaller ones at unaligned ends
	EraseWidth        Count    `toml:"erase_width"`      // parallelism of an erase, bytes; and of a program whose access leaves a choice
	EraseMasked       BoolFact `toml:"erase_masked"`     // interrupts are masked for a whole sector
	ProgramMasked     BoolFact `toml:"program_masked"`   // interrupts are masked for a whole chunk
	EraseVerified     BoolFact `toml:"erase_verified"`   // a sector is read back, and must be blank
	ProgramVerified   BoolFact `toml:"program_verified"` // what was programmed is read back, and must be what was asked for
	InRAM             BoolFact `toml:"in_ram"`           // driver, vector table and interrupt handlers run from RAM
	Suspend           BoolFact `toml:"suspend"`          // an erase makes way for interrupts, on parts that can
	Burst             BoolFact `toml:"burst"`            // whole rows are programmed fast, on parts that can
	IgnoresSwap       BoolFact `toml:"ignores_swap"`     // the bank of an erase follows from the address, also while banks are swapped
	Tries             Count    `toml:"tries"`            // how often a failing operation is tried; 0: once
	ReadCall          Cycles   `toml:"read_call"`        // one call, whatever its length
	ProgramCall       Cycles   `toml:"program_call"`
	ProgramChunk      Cycles   `toml:"program_chunk"`  // one chunk: what a call programs in one sector
	ProgramAccess     Cycles   `toml:"program_access"` // around one access
	EraseCall         Cycles   `toml:"erase_call"`
	EraseSector       Cycles   `toml:"erase_sector"`
	ProgramCacheReset Cycles   `toml:"program_cache_reset"` // for each chunk
	EraseCacheReset   Cycles   `toml:"erase_cache_reset"`   // for each sector
}

// For returns the driver's behaviour on a family of parts.
func (d *Driver) For(family string) (*DriverFamily, error) {
	for i := range d.Families {
		if slices.Contains(d.Families[i].Parts, family) {
			return &d.Families[i], nil
		}
	}
	return nil, fmt.Errorf("driver %s: nothing is known of it on %s parts: choose another driver or add a [[family]] to its file", d.Name, family)
}

// inherit gives every family the common facts that it does not have itself.
func (d *Driver) inherit(keys map[string]int) {
	common := reflect.ValueOf(&d.Common).Elem()
	for i := range d.Families {
		family := reflect.ValueOf(&d.Families[i]).Elem()
		for j := range family.NumField() {
			if _, has := keys[fmt.Sprintf("family[%d].%s", i, family.Type().Field(j).Tag.Get("toml"))]; !has {
				family.Field(j).Set(common.Field(j))
			}
		}
	}
}

// Check finds what cannot be true of any driver. The error names the key.
func (d *Driver) Check() error {
	if d.Name == "" || strings.ContainsAny(d.Name, "/\\ \t\n") {
		return badKey("name", "%q is no name: give the driver one without blanks or slashes", d.Name)
	}
	if len(d.Families) == 0 {
		return badKey("family", "is missing: a driver serves at least one family of parts")
	}
	if len(d.Common.Parts) > 0 {
		return badKey("common.parts", "a common fact holds for all parts: name them in [[family]]")
	}
	if err := d.Common.checkCosts("common."); err != nil {
		return err
	}
	for i, f := range d.Families {
		key := fmt.Sprintf("family[%d].", i)
		if len(f.Parts) == 0 {
			return badKey(key+"parts", "is missing: name the families of parts that this holds for")
		}
		for _, p := range f.Parts {
			if first, _ := d.For(p); first != &d.Families[i] {
				return badKey(key+"parts", "%q stands in two families of the driver", p)
			}
		}
		for _, c := range []struct {
			key string
			v   uint32
		}{{"unit", f.Unit.Value}, {"program_width", f.ProgramWidth.Value}, {"erase_width", f.EraseWidth.Value}} {
			if !isWidth(c.v) {
				return badKey(key+c.key, "%d is no width: give a power of two of bytes up to %d", c.v, maxWidth)
			}
		}
		if f.Unit.Value > f.ProgramWidth.Value {
			return badKey(key+"unit", "a unit of %d bytes is programmed in accesses of %d: give a unit up to program_width", f.Unit.Value, f.ProgramWidth.Value)
		}
		if err := f.checkCosts(key); err != nil {
			return err
		}
	}
	return checkMarks(d)
}

// checkCosts finds numbers that cannot be.
func (f *DriverFamily) checkCosts(key string) error {
	if f.Tries.Value > 1000 {
		return badKey(key+"tries", "%d tries are more than any driver makes: give up to 1000", f.Tries.Value)
	}
	for _, c := range []struct {
		key string
		v   Cycles
	}{
		{"read_call", f.ReadCall},
		{"program_call", f.ProgramCall},
		{"program_chunk", f.ProgramChunk},
		{"program_access", f.ProgramAccess},
		{"erase_call", f.EraseCall},
		{"erase_sector", f.EraseSector},
		{"program_cache_reset", f.ProgramCacheReset},
		{"erase_cache_reset", f.EraseCacheReset},
	} {
		if c.v.Cycles > 1e9 {
			return badKey(key+c.key, "%d cycles around one operation is more than a second of any core: give cycles", c.v.Cycles)
		}
	}
	return nil
}

// label lists the families of parts.
func (f DriverFamily) label() string { return strings.Join(f.Parts, ", ") }
