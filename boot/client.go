package boot

// The two generations of the update client's storage layer that are in the field.
const (
	// ClientNew is mbed-cloud-client 4's: the header goes to the flash when the image is activated.
	ClientNew Generation = iota
	// ClientOld is the one bundled with mbed-bootloader 4: the header goes to the flash first.
	ClientOld
)

// Generation selects one of the two update clients.
type Generation int

func (g Generation) String() string {
	if g == ClientOld {
		return "old"
	}
	return "new"
}

// ParseGeneration finds a generation by what its String method says.
func ParseGeneration(name string) (Generation, bool) {
	for _, g := range []Generation{ClientNew, ClientOld} {
		if g.String() == name {
			return g, true
		}
	}
	return 0, false
}

// Fragment is the size in bytes of the pieces that the update client writes by default, half of
// ARM_UC_BUFFER_SIZE.
const Fragment = 512

// flashIAPRetries is how often FlashIAP, which the newer client writes through, tries a program or
// an erase (mbed-os drivers/source/FlashIAP.cpp, num_write_retries). The older client calls the HAL.
const flashIAPRetries = 16

// Client is the storage side of the update client for candidates on internal flash. Its fields are the
// client's static memory. Reset clears them, as a reset of the device does.
type Client struct {
	cfg   Config
	flash Flash
	cpu   CPU
	gen   Generation
	page  uint32
	head  uint32 // offset of the firmware in a slot
	slots []Slot

	firmwareSize uint64
	header       []byte // the newer client's, rounded up to the page
	scratch      []byte // the older client's buffer for it
}

// NewClient returns a client of generation gen. cpu may be nil. cfg.Locations must be at least 1.
func NewClient(cfg Config, flash Flash, gen Generation, cpu CPU) *Client {
	flash = cfg.Defects.flash(flash)
	c := &Client{cfg: cfg, flash: flash, cpu: cpu, gen: gen, page: flash.PageSize()}
	c.head = cfg.FirmwareOffset(c.page)
	c.slots = c.layer().slots(flash, &cfg)
	c.header = make([]byte, pageUp(HeaderSize, c.page))
	c.scratch = make([]byte, pageUp(HeaderSize, c.page))
	c.Reset()
	return c
}

// Reset puts the client's memory to what it is after any reset of the device.
func (c *Client) Reset() {
	c.firmwareSize = 0
	clear(c.header)
	// The reference's buffer has 112 bytes and a longer page reads on into whatever follows it;
	// here that is 0xFF.
	for i := HeaderSize; i < len(c.header); i++ {
		c.header[i] = 0xFF
	}
}

// headerFirst reports whether Prepare writes the header, rather than Activate.
func (c *Client) headerFirst() bool {
	return c.gen == ClientOld && !c.cfg.Repairs.Has(RepairHeaderLast) || c.cfg.Defects.Has(DefectHeaderFirst)
}

func (c *Client) layer() generation { return generation{pins: c.gen == ClientOld} }

// slot returns slot id.
func (c *Client) slot(id uint32) (Slot, bool) {
	if id >= uint32(len(c.slots)) || c.slots[id].Addr == invalid {
		return Slot{}, false
	}
	return c.slots[id], true
}

// Prepare erases the slot for an image of d.Size bytes. The older client then programs the header
// of d, the newer one keeps it for Activate. Errors: ErrInvalidParameter for a slot that is not
// there or a failing flash, ErrFirmwareTooLarge, ErrPowerCut. A refused Prepare erases nothing; as
// in the reference the check is a 32-bit sum, which a size near 4 GiB wraps.
func (c *Client) Prepare(id uint32, d *Details) error {
	s, ok := c.slot(id)
	if !ok {
		return ErrInvalidParameter
	}
	if c.cfg.Repairs.Has(RepairWideSizes) && (s.Size < c.cfg.FirmwareOffset(c.page) || d.Size > uint64(s.Size-c.cfg.FirmwareOffset(c.page))) {
		return ErrFirmwareTooLarge
	}
	total := pageUp(uint32(d.Size), c.page) + c.head
	end := c.cfg.Defects.prepared(c.flash, s, total, c.layer().align(c.flash, s.Addr+total, false))
	if end-s.Addr > s.Size && !c.cfg.Defects.Has(DefectOversize) {
		return ErrFirmwareTooLarge
	}
	for addr := s.Addr; addr < end; {
		size := c.flash.SectorSize(addr)
		if size == invalid {
			return ErrInvalidParameter
		}
		if err := c.erase(addr, size); err != nil {
			return err
		}
		addr += size
	}
	if c.cpu != nil {
		c.cpu.CRC32(headerCRC)
	}
	if c.headerFirst() {
		for i := range c.scratch {
			c.scratch[i] = 0xFF
		}
		EncodeHeader(c.scratch, d)
		if err := c.program(s.Addr, c.scratch); err != nil {
			return err
		}
	} else {
		EncodeHeader(c.header, d)
	}
	c.firmwareSize = d.Size
	return nil
}

// Resume continues an interrupted download of the image d: it finds the end of what is written, erases the
// unit that holds this end, whose last bytes may be half programmed, and returns the offset of the first
// byte to write. It falls back to Prepare if the end lies in the slot's first erase unit, or if the newer
// client has begun to program the header. The reference has no such function: its client starts over.
// Errors: those of Prepare, ErrFault.
func (c *Client) Resume(id uint32, d *Details) (from uint32, err error) {
	s, ok := c.slot(id)
	first := c.flash.SectorSize(s.Addr)
	head := c.head
	if !ok || first == invalid || first < head || d.Size > uint64(s.Size-min(s.Size, head)) {
		return 0, c.Prepare(id, d)
	}
	written, err := c.written(s, head, uint32(d.Size))
	if err != nil {
		return 0, err
	}
	// The last program unit that is written may be half written, also where it ends an erase unit.
	unit := s.Addr
	if written > 0 {
		unit = c.layer().align(c.flash, s.Addr+head+written-1, true)
	}
	begun, err := c.headerBegun(s)
	if err != nil {
		return 0, err
	}
	if unit == s.Addr || c.headerFirst() && c.headerDiffers(id, d) || !c.headerFirst() && begun {
		return 0, c.Prepare(id, d)
	}
	if err := c.erase(unit, c.flash.SectorSize(unit)); err != nil {
		return 0, err
	}
	if !c.headerFirst() {
		EncodeHeader(c.header, d)
	}
	c.firmwareSize = d.Size
	return unit - s.Addr - head, nil
}

// headerBegun reports whether the slot's header area is not erased. Parts with ECC then refuse to program
// another header there.
func (c *Client) headerBegun(s Slot) (bool, error) {
	var buf [HeaderSize]byte
	if err := read(c.flash, s.Addr, buf[:]); err != nil {
		return false, err
	}
	for _, b := range buf {
		if b != 0xFF {
			return true, nil
		}
	}
	return false, nil
}

// headerDiffers reports whether the slot's header is not that of d.
func (c *Client) headerDiffers(id uint32, d *Details) bool {
	var there Details
	return c.GetFirmwareDetails(id, &there) != nil || there != *d
}

// written returns the number of bytes of firmware up to the last one that is not erased.
func (c *Client) written(s Slot, head, size uint32) (uint32, error) {
	var buf [Fragment]byte
	for end := size; end > 0; {
		n := min(end, Fragment)
		if err := read(c.flash, s.Addr+head+end-n, buf[:n]); err != nil {
			return 0, err
		}
		for i := n; i > 0; i-- {
			if buf[i-1] != 0xFF {
				return end - n + i, nil
			}
		}
		end -= n
	}
	return 0, nil
}

// Write programs the fragment p at offset bytes into the firmware of the slot. Its address and
// size must be multiples of the page. A fragment that reaches the end of the firmware is padded up
// to the page if cap(p) has room; the bytes between len(p) and cap(p), which the caller has set to
// 0xFF, are programmed then. Errors: ErrInvalidParameter, ErrPowerCut.
func (c *Client) Write(id, offset uint32, p []byte) error {
	s, ok := c.slot(id)
	if !ok {
		return ErrInvalidParameter
	}
	addr := s.Addr + c.head + offset
	size := uint32(len(p))
	if size%c.page != 0 && uint64(offset+size) >= c.firmwareSize && uint64(pageUp(size, c.page)) <= uint64(cap(p)) {
		p = p[:pageUp(size, c.page)]
	}
	if uint32(len(p))%c.page != 0 || addr%c.page != 0 {
		return ErrInvalidParameter
	}
	return c.program(addr, p)
}

// Finalize ends the writing of an image. It performs no flash operation.
func (c *Client) Finalize(id uint32) error { return nil }

// Activate makes the image in the slot a candidate: the newer client programs the header that the
// last successful Prepare left in its memory, zeros after a reset. The older client does nothing.
// Errors: ErrInvalidParameter for a slot that is not there, ErrActivate, ErrPowerCut.
func (c *Client) Activate(id uint32) error {
	if c.headerFirst() {
		return nil
	}
	s, ok := c.slot(id)
	if !ok {
		return ErrInvalidParameter
	}
	if err := c.program(s.Addr, c.header); err != nil {
		if err == ErrInvalidParameter {
			return ErrActivate
		}
		return err
	}
	return nil
}

// Read fills p from offset bytes into the firmware of the slot on. Errors: ErrInvalidParameter for
// a slot that is not there, ErrFault, ErrPowerCut.
func (c *Client) Read(id, offset uint32, p []byte) error {
	s, ok := c.slot(id)
	if !ok {
		return ErrInvalidParameter
	}
	return read(c.flash, s.Addr+c.head+offset, p)
}

// GetFirmwareDetails reads the header of the slot into d by its CRC alone. Errors:
// ErrInvalidParameter for a slot that is not there and for a wrong CRC, ErrFault, ErrPowerCut.
func (c *Client) GetFirmwareDetails(id uint32, d *Details) error {
	s, ok := c.slot(id)
	if !ok {
		return ErrInvalidParameter
	}
	var buf [HeaderSize]byte
	return readHeader(c.flash, c.cpu, s.Addr, d, buf[:])
}

// GetActiveFirmwareDetails reads the active image's header into d. Errors: ErrNotReady for a wrong
// version or magic, ErrInvalidParameter for a wrong CRC, ErrFault, ErrPowerCut.
func (c *Client) GetActiveFirmwareDetails(d *Details) error {
	var buf [HeaderSize]byte
	return readActive(c.flash, c.cpu, c.cfg.Details, d, buf[:])
}

// erase erases one erase unit.
func (c *Client) erase(addr, size uint32) error {
	for try := 1; ; try++ {
		if c.flash.Erase(addr, size) == nil {
			return nil
		}
		if isOff(c.flash) {
			return ErrPowerCut
		}
		if c.gen == ClientOld || try == flashIAPRetries {
			return ErrInvalidParameter
		}
	}
}

// program programs p at addr. The older client checks the whole range first; the newer one calls
// FlashIAP for each page, so a range that leaves the flash is programmed up to its end, and a page
// that fails is tried again.
func (c *Client) program(addr uint32, p []byte) error {
	whole := true
	if c.gen == ClientNew {
		if len(p) == 0 {
			return ErrInvalidParameter
		}
		if left := c.flash.Start() + c.flash.Size() - addr; addr >= c.flash.Start() && uint32(len(p)) > left {
			p, whole = p[:left], false
		}
	}
	for try := 1; len(p) > 0; {
		err := c.flash.Program(addr, p)
		if err == nil {
			break
		}
		if isOff(c.flash) {
			return ErrPowerCut
		}
		part, ok := err.(progress)
		if c.gen == ClientOld || !ok {
			return ErrInvalidParameter
		}
		if done := part.Done() / c.page * c.page; done > 0 {
			addr += done
			p = p[done:]
			try = 1
		}
		if try++; try > flashIAPRetries {
			return ErrInvalidParameter
		}
	}
	if !whole {
		return ErrInvalidParameter
	}
	return nil
}
