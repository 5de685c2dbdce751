package boot

// Geometry is the erase units of a flash. Flash has it.
type Geometry interface {
	Start() uint32
	Size() uint32
	// SectorSize is the size of the erase unit that holds addr, or 0xFFFFFFFF outside the flash.
	SectorSize(addr uint32) uint32
}

// invalid is the reference's value for an address or a size that does not exist.
const invalid = 0xFFFFFFFF

// Config is what bootloader and update client are built with. Both must be built with the same
// values. Addresses are absolute, sizes in bytes.
type Config struct {
	Details     uint32 // active metadata header (update-client.application-details)
	AppStart    uint32 // active application (mbed-bootloader.application-start-address)
	MaxAppSize  uint32 // mbed-bootloader.max-application-size
	StorageAddr uint32 // candidate storage (update-client.storage-address)
	StorageSize uint32 // update-client.storage-size
	Locations   uint32 // slots in it, at least 1 (update-client.storage-locations)
	StoragePage uint32 // update-client.storage-page; checked by the layout, the code asks the flash
	BootRetries uint8  // boots until an image counts as failing (mbed-bootloader.max-boot-retries, 3)
	CopyRetries uint32 // attempts of an install in total (mbed-bootloader.max-copy-retries, 1)
	ResetReason bool   // the target has a reset-reason driver (DEVICE_RESET_REASON)

	Swap bool `json:",omitempty"` // the candidate is stored where it runs from after a swap of the banks: see Swapping

	Defects Defects `json:",omitempty"` // known defects that are switched on in both
	Repairs Repairs `json:",omitempty"` // of defects of the reference, likewise
}

// Swapping returns c for updates that swap the banks in place of copying, on a flash of two equal banks: the one slot is
// the place of header and application in the other bank. Bootloader and header must be in the first bank; the application
// ends before the address end, from which on the bank holds something else. Both banks need the bootloader.
func (c Config) Swapping(f Geometry, end uint32) Config {
	half := f.Size() / 2
	c.Swap, c.Locations = true, 1
	c.MaxAppSize = min(c.MaxAppSize, end-c.AppStart, f.Start()+half-c.AppStart)
	c.StorageAddr, c.StorageSize = c.Details+half, c.AppStart+c.MaxAppSize-c.Details
	return c
}

// FirmwareOffset returns the offset of the firmware in a slot. page is the program unit in bytes, at least 1.
func (c *Config) FirmwareOffset(page uint32) uint32 {
	if c.Swap {
		return c.AppStart - c.Details
	}
	return FirmwareOffset(page)
}

// Slot is one place for a candidate: header, rounded up to the page, then firmware.
type Slot struct {
	Addr uint32
	Size uint32 // 0 if rounding to erase units left nothing
}

// generation selects the storage layer that rounds an address. The two layers in the field differ beyond
// the flash.
type generation struct{ pins bool }

// align rounds addr to an erase boundary. Beyond the flash the older layer pins to the flash's
// nearest end, the newer one returns invalid.
func (g generation) align(f Geometry, addr uint32, down bool) uint32 {
	at := f.Start()
	end := at + f.Size()
	if g.pins {
		if addr >= end {
			return end
		}
		if addr <= at {
			return at
		}
	} else if addr > end || addr < at {
		return invalid
	}
	var size uint32
	for at < addr {
		if size = f.SectorSize(at); size == invalid {
			return invalid
		}
		at += size
	}
	if down && at > addr {
		at -= size
	}
	return at
}

// slots computes all slots. A slot that cannot be computed has the address invalid. Sums wrap at 32 bits, as
// on the device.
func (g generation) slots(f Geometry, c *Config) []Slot {
	start := g.align(f, c.StorageAddr, false)
	end := g.align(f, c.StorageAddr+c.StorageSize, true)
	each := (end - start) / c.Locations
	slots := make([]Slot, c.Locations)
	for i := range slots {
		from := g.align(f, start+uint32(i)*each, true)
		to := g.align(f, from+each, true)
		if start == invalid || end == invalid || from == invalid || to == invalid {
			slots[i] = Slot{Addr: invalid}
			continue
		}
		slots[i] = Slot{Addr: from, Size: to - from}
	}
	return slots
}

// Slots returns the candidate slots of c on a flash with geometry f, as the newer storage layer
// computes them: the storage's start rounded up and its end rounded down to erase boundaries, the
// rest divided by the number of locations, each slot's start and end rounded down. ok is false if
// an address lies outside the flash. c.Locations must be at least 1.
func Slots(f Geometry, c *Config) (slots []Slot, ok bool) {
	slots = generation{}.slots(f, c)
	for _, s := range slots {
		if s.Addr == invalid {
			return nil, false
		}
	}
	return slots, true
}

// pageUp rounds size up to the page. Like the reference's it wraps at 32 bits.
func pageUp(size, page uint32) uint32 {
	if size != 0 {
		size = ((size-1)/page + 1) * page
	}
	return size
}
