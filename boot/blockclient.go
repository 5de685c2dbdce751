package boot

// BlockDevice is what candidates on external storage need of it. Addresses count from 0. An erased
// unit need not read as 0xFF.
type BlockDevice interface {
	// Size is the number of bytes.
	Size() uint32
	// ProgramUnit is the number of bytes that are programmed at once.
	ProgramUnit() uint32
	// EraseSize is the size of the erase unit that holds addr; the device has one size only.
	EraseSize(addr uint32) uint32
	Read(addr uint32, p []byte) error
	Program(addr uint32, p []byte) error
	Erase(addr, size uint32) error
}

// Storage is the storage side of an update client: *Client for internal flash, *BlockClient for a
// block device.
type Storage interface {
	Prepare(id uint32, d *Details) error
	Write(id, offset uint32, p []byte) error
	Finalize(id uint32) error
	Activate(id uint32) error
	Read(id, offset uint32, p []byte) error
	GetFirmwareDetails(id uint32, d *Details) error
	// Resume takes up a Prepare of the same image that a reset came after. It returns the offset to
	// write on from.
	Resume(id uint32, d *Details) (from uint32, err error)
	Reset()
}

// BlockClient is the storage side of the update client for candidates on a block device, with
// external headers. Config.StorageAddr and StorageSize count from the start of the device.
type BlockClient struct {
	cfg  Config
	dev  BlockDevice
	gen  Generation
	root RootOfTrust
	how  Derivation
	cpu  CPU
	page uint32
	unit uint32

	firmwareSize uint32
	header       []byte // rounded up to the page
	scratch      []byte // one page, or a header read back
}

// NewBlockClient returns a client of generation gen for candidates on dev. cpu may be nil.
// cfg.Locations must be at least 1.
func NewBlockClient(cfg Config, dev BlockDevice, gen Generation, root RootOfTrust, how Derivation, cpu CPU) *BlockClient {
	c := &BlockClient{cfg: cfg, dev: dev, gen: gen, root: root, how: how, cpu: cpu, page: dev.ProgramUnit(), unit: dev.EraseSize(0)}
	c.header = make([]byte, pageUp(ExternalHeaderSize, c.page))
	c.scratch = make([]byte, len(c.header))
	return c
}

// Reset sets the client's memory to its state after any reset of the device.
func (c *BlockClient) Reset() {
	c.firmwareSize = 0
	clear(c.header)
}

// headerFirst reports whether Prepare writes the header, rather than Activate.
func (c *BlockClient) headerFirst() bool {
	return c.gen == ClientOld && !c.cfg.Repairs.Has(RepairHeaderLast)
}

// Slots are the candidate slots on the device. Config.StorageSize must be at least two erase units, or one that
// begins at a multiple of it. A slot that rounding to erase units leaves nothing of has size 0.
func (c *BlockClient) Slots() []Slot {
	slots := make([]Slot, c.cfg.Locations)
	for i := range slots {
		slots[i], _ = c.slot(uint32(i))
	}
	return slots
}

// FirmwareOffset is the offset of the firmware in a slot, in bytes: its header comes before.
func (c *BlockClient) FirmwareOffset() uint32 { return c.headerSize() }

func (c *BlockClient) headerSize() uint32 { return pageUp(ExternalHeaderSize, c.page) }

// slot returns the slot with number id: start and end of the storage rounded to erase units, divided,
// each slot rounded down.
func (c *BlockClient) slot(id uint32) (Slot, bool) {
	if id >= c.cfg.Locations {
		return Slot{}, false
	}
	start := pageUp(c.cfg.StorageAddr, c.unit)
	end := (c.cfg.StorageAddr + c.cfg.StorageSize) / c.unit * c.unit
	each := (end - start) / c.cfg.Locations
	return Slot{Addr: start + id*each/c.unit*c.unit, Size: each / c.unit * c.unit}, true
}

// key is the device key, or an error if the device has no root of trust.
func (c *BlockClient) key() (key [32]byte, err error) {
	root, err := c.root()
	if err == nil && len(root) != rootSize {
		err = ErrInvalidParameter
	}
	if err != nil {
		return key, err
	}
	if c.cpu != nil {
		c.cpu.SHA256(len(root) + len(derivationText))
	}
	return DeviceKey(root, c.how), nil
}

// failed is the error of an operation of the device.
func (c *BlockClient) failed() error {
	if p, ok := c.dev.(powered); ok && p.Off() {
		return ErrPowerCut
	}
	return ErrInvalidParameter
}

// Prepare is Client.Prepare. Without a root of trust it is ErrInvalidParameter.
func (c *BlockClient) Prepare(id uint32, d *Details) error {
	key, err := c.key()
	if err != nil {
		return ErrInvalidParameter
	}
	s, ok := c.slot(id)
	if !ok {
		return ErrInvalidParameter
	}
	size := pageUp(c.headerSize()+uint32(d.Size), c.unit)
	if size > s.Size || d.Size > uint64(s.Size) {
		return ErrFirmwareTooLarge
	}
	if c.dev.Erase(s.Addr, size) != nil {
		return c.failed()
	}
	for i := range c.header {
		c.header[i] = 0xFF
	}
	EncodeExternalHeader(c.header, d, &key)
	if c.cpu != nil {
		c.cpu.SHA256(externalMAC)
	}
	if c.headerFirst() && c.dev.Program(s.Addr, c.header) != nil {
		return c.failed()
	}
	c.firmwareSize = uint32(d.Size)
	return nil
}

// Resume is Prepare: erased bytes need not read as 0xFF, so the end of what is written cannot be found.
func (c *BlockClient) Resume(id uint32, d *Details) (from uint32, err error) {
	return 0, c.Prepare(id, d)
}

// Write is Client.Write. The last fragment may have any size: its last page is filled up with what the
// buffer holds behind len(p). A fragment that goes past the firmware prepared for is
// ErrInvalidParameter; the reference then programs one page of it.
func (c *BlockClient) Write(id, offset uint32, p []byte) error {
	s, ok := c.slot(id)
	if !ok {
		return ErrInvalidParameter
	}
	end := uint64(offset) + uint64(len(p))
	if end > uint64(c.firmwareSize) || end < uint64(c.firmwareSize) && uint32(len(p))%c.page != 0 {
		return ErrInvalidParameter
	}
	addr := s.Addr + c.headerSize() + offset
	whole := uint32(len(p)) / c.page * c.page
	if whole > 0 && c.dev.Program(addr, p[:whole]) != nil {
		return c.failed()
	}
	if rest := p[whole:]; len(rest) > 0 {
		if uint32(cap(p)) < c.page {
			return ErrInvalidParameter
		}
		page := c.scratch[:c.page]
		copy(page, p[:c.page])
		copy(page, rest)
		if c.dev.Program(addr+whole, page) != nil {
			return c.failed()
		}
	}
	return nil
}

// Finalize ends the writing of an image. It performs no operation on the device.
func (c *BlockClient) Finalize(id uint32) error { return nil }

// Activate is Client.Activate: the newer client programs the header now.
func (c *BlockClient) Activate(id uint32) error {
	if c.headerFirst() {
		return nil
	}
	s, ok := c.slot(id)
	if !ok {
		return ErrInvalidParameter
	}
	if c.dev.Program(s.Addr, c.header) != nil {
		if err := c.failed(); err == ErrPowerCut {
			return err
		}
		return ErrActivate
	}
	return nil
}

// Read fills p from offset bytes into the firmware of the slot on, in whole pages as far as cap(p)
// goes. Errors: ErrInvalidParameter, also if the last page does not fit cap(p), ErrPowerCut.
func (c *BlockClient) Read(id, offset uint32, p []byte) error {
	s, ok := c.slot(id)
	n := uint64(pageUp(uint32(len(p)), c.page))
	if !ok || n > uint64(cap(p)) {
		return ErrInvalidParameter
	}
	if c.dev.Read(s.Addr+c.headerSize()+offset, p[:n]) != nil {
		return c.failed()
	}
	return nil
}

// GetFirmwareDetails reads the slot's header into d if its HMAC is right. Errors: ErrInvalidParameter
// for everything that is no such header, ErrPowerCut.
func (c *BlockClient) GetFirmwareDetails(id uint32, d *Details) error {
	s, ok := c.slot(id)
	if !ok {
		return ErrInvalidParameter
	}
	if c.dev.Read(s.Addr, c.scratch) != nil {
		return c.failed()
	}
	key, err := c.key()
	if err != nil {
		return ErrInvalidParameter
	}
	if c.cpu != nil {
		c.cpu.SHA256(externalMAC)
	}
	if !ParseExternalHeader(c.scratch, d, &key) {
		return ErrInvalidParameter
	}
	return nil
}

// The methods below make a BlockClient the bootloader's candidates.

func (c *BlockClient) count() int { return int(c.cfg.Locations) }

func (c *BlockClient) details(slot int, d *Details) error {
	return c.GetFirmwareDetails(uint32(slot), d)
}

func (c *BlockClient) read(slot int, offset uint32, buf []byte, n int) error {
	return c.Read(uint32(slot), offset, buf[:n])
}
