package model

// CPU puts the processor's work beside the flash on a flash's clock. It is what kvstore and boot
// call a CPU.
type CPU struct{ f *Flash }

// CPU is the processor that runs at f's clock. Its work is free if f was made without a Core.
func (f *Flash) CPU() CPU { return CPU{f} }

// Call is one call into the storage software: locks, checks, string handling.
func (c CPU) Call() { c.f.now += c.f.timing.core.call }

// Copy is n bytes that are moved in memory.
func (c CPU) Copy(n int) { c.f.now += c.f.timing.read.copyByte.of(n) }

// CRC32 is n bytes through a CRC-32.
func (c CPU) CRC32(n int) { c.f.now += c.f.timing.core.crc32.of(n) }

// SHA256 is n bytes through a SHA-256.
func (c CPU) SHA256(n int) { c.f.now += c.f.timing.core.sha256.of(n) }

// AES is n bytes in blocks of 16 through AES-128.
func (c CPU) AES(n int) { c.f.now += c.f.timing.core.aes.of(n) }

// AESKey is one AES-128 key schedule.
func (c CPU) AESKey() { c.f.now += c.f.timing.core.aesKey }
