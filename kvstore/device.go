package kvstore

// BlockDevice is what a store needs of the medium below it. Addresses count from the start of the
// device. Erased bytes read as 0xFF. Any error of Read is a read failure to the store, any error of
// Program or Erase a write failure.
type BlockDevice interface {
	// Size is the number of bytes, at most 1<<31.
	Size() uint32
	// ProgramUnit is the number of bytes that are programmed at once: 1, 4, 8, 16, 32 ...
	ProgramUnit() uint32
	// EraseSize is the size of the erase unit that holds addr.
	EraseSize(addr uint32) uint32
	// Read fills p from addr on.
	Read(addr uint32, p []byte) error
	// Program programs p at addr; both are multiples of the program unit.
	Program(addr uint32, p []byte) error
	// Erase erases the erase units from addr to addr+size; both lie on their boundaries.
	Erase(addr, size uint32) error
}

// CPU is told of the processor's work beside the flash, so that a simulation can put it on its
// clock. On a device there is none: Options.CPU is then nil.
type CPU interface {
	// Call is one call of a store function, with its locks and checks.
	Call()
	// CRC32 is n bytes through the record CRC.
	CRC32(n int)
	// AES is n bytes of 16-byte blocks through AES (counter mode and CMAC alike).
	AES(n int)
	// AESKey is one AES key schedule.
	AESKey()
}
