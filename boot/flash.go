package boot

// Flash is what the bootloader and the update client need of the internal flash, as Mbed OS'
// FlashIAP offers it. Addresses are absolute. Erased bytes read as 0xFF. Any error ends the
// operation; a power cut is one of them, and every later call then fails too.
type Flash interface {
	// Start is the address of the first byte, Size the number of bytes.
	Start() uint32
	Size() uint32
	// PageSize is the program unit in bytes: 1 on STM32F4 with Mbed OS' driver, 8 on STM32L4.
	PageSize() uint32
	// SectorSize is the size of the erase unit that holds addr, or 0xFFFFFFFF outside the flash.
	SectorSize(addr uint32) uint32
	Read(addr uint32, p []byte) error
	// Program programs p at addr, both multiples of the page size. A call that does not lie wholly
	// in the flash fails before its first step.
	Program(addr uint32, p []byte) error
	// Erase erases the erase units from addr to addr+size; both lie on their boundaries.
	Erase(addr, size uint32) error
}

// CPU is notified of the processor's work, so that a simulation can put it on its clock. It may be nil.
type CPU interface {
	// CRC32 is called when n bytes go through a CRC-32, SHA256 when n bytes go through a SHA-256.
	CRC32(n int)
	SHA256(n int)
}
