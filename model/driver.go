package model

import "fmt"

// Driver is how software works the flash: which accesses it makes, when it masks interrupts, what it
// costs around each operation. It decides what an application feels. One data file in drivers/ may
// describe it for several families of parts.
type Driver struct {
	Name     string         `toml:"name"`
	Title    string         `toml:"title"`
	Families []DriverFamily `toml:"family"`
}

// DriverFamily is a driver's behaviour on one or more families of parts.
type DriverFamily struct {
	Parts             []string `toml:"parts"`
	Unit              Count    `toml:"unit"`          // program unit that the driver offers, bytes
	ProgramWidth      Count    `toml:"program_width"` // bytes of one program access; smaller ones at unaligned ends
	EraseWidth        Count    `toml:"erase_width"`   // parallelism of erase, bytes
	EraseMasked       BoolFact `toml:"erase_masked"`
	ProgramMasked     BoolFact `toml:"program_masked"`
	ReadCall          Cycles   `toml:"read_call"`
	ProgramCall       Cycles   `toml:"program_call"`
	ProgramAccess     Cycles   `toml:"program_access"`
	EraseCall         Cycles   `toml:"erase_call"`
	EraseSector       Cycles   `toml:"erase_sector"`
	ProgramCacheReset Cycles   `toml:"program_cache_reset"`
	EraseCacheReset   Cycles   `toml:"erase_cache_reset"`
}

// Count is a number with its source.
type Count struct {
	Value uint32 `toml:"value"`
	Source
}

// Cycles is a number of core cycles with its source.
type Cycles struct {
	Cycles uint64 `toml:"cycles"`
	Source
}

// PerByte is a number of core cycles for each byte, with its source.
type PerByte struct {
	Cycles float64 `toml:"cycles_per_byte"`
	Source
}

// Core is what a processor needs for the work beside the flash.
type Core struct {
	Name   string  `toml:"name"`
	Title  string  `toml:"title"`
	Call   Cycles  `toml:"call"`
	Copy   PerByte `toml:"copy"`
	CRC32  PerByte `toml:"crc32"`
	SHA256 PerByte `toml:"sha256"`
	AES    PerByte `toml:"aes"`
	AESKey Cycles  `toml:"aes_key"`
}

// For returns the driver's behaviour on a family of parts.
func (d *Driver) For(family string) (*DriverFamily, error) {
	for i := range d.Families {
		for _, p := range d.Families[i].Parts {
			if p == family {
				return &d.Families[i], nil
			}
		}
	}
	return nil, fmt.Errorf("driver %s: nothing is known of it on %s parts: choose another driver or add a [[family]] to its file", d.Name, family)
}

func (d *Driver) check() error {
	if d.Name == "" {
		return fmt.Errorf("name: is missing: give the driver a name")
	}
	if len(d.Families) == 0 {
		return fmt.Errorf("family: is missing: a driver serves at least one family of parts")
	}
	for _, f := range d.Families {
		for _, c := range []struct {
			key string
			v   uint32
		}{{"unit", f.Unit.Value}, {"program_width", f.ProgramWidth.Value}, {"erase_width", f.EraseWidth.Value}} {
			if c.v == 0 || c.v&(c.v-1) != 0 || c.v > 256 {
				return fmt.Errorf("family.%s: %d is no width: give a power of two of bytes up to 256", c.key, c.v)
			}
		}
		for _, c := range []Cycles{f.ReadCall, f.ProgramCall, f.ProgramAccess, f.EraseCall, f.EraseSector, f.ProgramCacheReset, f.EraseCacheReset} {
			if c.Cycles > 1e9 {
				return fmt.Errorf("family: %d cycles around one operation is more than a second of any core: give cycles", c.Cycles)
			}
		}
	}
	return nil
}

func (c *Core) check() error {
	if c.Name == "" {
		return fmt.Errorf("name: is missing: give the core a name")
	}
	for _, b := range []PerByte{c.Copy, c.CRC32, c.SHA256, c.AES} {
		if !(b.Cycles >= 0 && b.Cycles <= 1e5) {
			return fmt.Errorf("cycles_per_byte: %v is no cost: give 0 to 100000", b.Cycles)
		}
	}
	if c.Call.Cycles > 1e9 || c.AESKey.Cycles > 1e9 {
		return fmt.Errorf("cycles: more than a second of any core for one call: give cycles")
	}
	return nil
}
