package boot

import (
	"crypto/sha256"
	"hash"
)

// BufferSize is the size in bytes of the bootloader's one static buffer, and of its reads.
const BufferSize = 16 << 10

// The ways in which a boot ends.
const (
	// Jumped: control goes to the application at Config.AppStart.
	Jumped Result = iota
	// Halted: there is nothing to run; the device waits for a reset.
	Halted
	// Fault: a read outside the flash or of a damaged unit; the device is in its fault handler.
	Fault
	// PowerCut: the power went during the boot.
	PowerCut
	// Hang: the reference never comes back from where it is.
	Hang
	// Assert: an assertion of the reference failed; the device stands still.
	Assert
	// Locked: the option bytes do not match; the part does not start.
	Locked
)

// Result is how a boot ended.
type Result int

var resultNames = [...]string{"BOOT", "HALT", "FAULT", "CUT", "HANG", "ASSERT", "LOCKED"}

// String is the result's name in the recorded traces.
func (r Result) String() string { return resultNames[r] }

// The parts that a boot is made of, in their order. Those from Erase on are an install.
const (
	VerifyActive    Phase = "verify active"
	VerifyCandidate Phase = "verify candidate"
	EraseActive     Phase = "erase"
	WriteHeader     Phase = "write header"
	CopyFirmware    Phase = "copy"
	VerifyInstalled Phase = "verify"
	Done            Phase = "done"
)

// SwapBanks is the install where the banks are swapped: the option bytes are written and loaded, and the device boots again.
const SwapBanks Phase = "swap"

// Phase is a part of a boot or of a download, for measurements.
type Phase string

// Bootloader is mbed-bootloader 4. Its fields are the configuration that it was built with and its static
// memory, which each boot initialises.
type Bootloader struct {
	// Enter, if set, is called when a phase begins, and with Done when a boot ends, however it does.
	Enter func(Phase)
	// Feed, if set, is called by RepairFeedWatchdog while the bootloader works.
	Feed func()
	// Print, if set, is called with each line of the console, without its line end.
	Print func(string)
	// Known, if set, is asked before the firmware of d at addr is read and hashed: right reports whether it has d's
	// hash, sure whether that is known. It is for simulations, which look at the same firmware again and again.
	Known func(addr uint32, d *Details) (right, sure bool)
	// Restart, if set, is called when a boot has swapped the banks, which resets the device, before it begins anew.
	Restart func()

	cfg     Config
	flash   Flash
	banks   Banks // nil: they are not swapped
	cpu     CPU
	page    uint32
	slots   []Slot // on internal flash
	from    candidates
	digest  hash.Hash
	details Details // of the image being looked at
	best    Details
	active  Details // of the active image
	intact  bool    // it is whole, whatever it does when it runs
	sum     [sha256.Size]byte
	header  [HeaderSize]byte
	buffer  [BufferSize]byte
}

// NewBootloader returns a bootloader that was built with cfg for candidates on internal flash. cpu
// may be nil. cfg.Locations must be at least 1.
func NewBootloader(cfg Config, flash Flash, cpu CPU) *Bootloader {
	banks := cfg.banks(flash)
	flash = cfg.Repairs.repaired(cfg.Defects.flash(flash))
	b := &Bootloader{cfg: cfg, flash: flash, banks: banks, cpu: cpu, page: flash.PageSize(), digest: sha256.New()}
	b.slots = generation{pins: true}.slots(flash, &cfg)
	b.from = &internalCandidates{flash: flash, cpu: cpu, head: cfg.FirmwareOffset(b.page), slots: b.slots, magic: cfg.Repairs.Has(RepairHeaderMagic)}
	return b
}

// NewBlockBootloader returns a bootloader that was built with cfg for candidates on a block device,
// which it reads through store.
func NewBlockBootloader(cfg Config, flash Flash, cpu CPU, store *BlockClient) *Bootloader {
	flash = cfg.Repairs.repaired(cfg.Defects.flash(flash))
	return &Bootloader{cfg: cfg, flash: flash, cpu: cpu, page: flash.PageSize(), digest: sha256.New(), from: store}
}

// Slots are the candidate slots on internal flash, as the bootloader computes them.
func (b *Bootloader) Slots() []Slot { return b.slots }

// Outcome is what a boot did.
type Outcome struct {
	Result    Result
	Version   uint64 // of the image that is jumped to; 0 otherwise
	Slot      int    // that an image was installed from, or tried to; -1 if none was
	Installed bool   // the install was completed and verified
}

// maxRestarts bounds the swaps of one Boot. More than one happens where an image reads now as valid, now as broken.
const maxRestarts = 8

// Boot performs one boot after a reset for the given reason. ram holds the heap words, which it reads and
// writes. It returns when it jumps, halts, or can do nothing more; Outcome.Result says which. A swap of the banks resets
// the device: then the bootloader of the other bank begins anew, in the same call. Boot allocates nothing.
func (b *Bootloader) Boot(reason ResetReason, ram *RAM) Outcome {
	slot, version := -1, uint64(0)
	for range maxRestarts {
		out, again := b.bootOnce(reason, ram)
		if !again {
			if slot >= 0 {
				out.Slot, out.Installed = slot, out.Result == Jumped && out.Version == version
			}
			return out
		}
		slot, version, reason = out.Slot, b.best.Version, Software
		if b.Restart != nil {
			b.Restart()
		}
	}
	return Outcome{Result: Hang, Slot: slot}
}

// bootOnce is Boot until the banks are swapped; again says that they were.
func (b *Bootloader) bootOnce(reason ResetReason, ram *RAM) (out Outcome, again bool) {
	if b.banks != nil && b.banks.Locked() {
		return Outcome{Result: Locked, Slot: -1}, false
	}
	clear(b.buffer[:])
	b.details = Details{}
	b.best = Details{}
	b.print("") // the banner begins with a line end
	b.print("Mbed Bootloader")
	out.Slot = -1
	usable, err := b.upgrade(reason, ram, &out)
	switch {
	case err == errRestart:
		return out, true
	case err == ErrFault:
		out.Result = Fault
	case err == ErrPowerCut:
		out.Result = PowerCut
	case err == errHang:
		out.Result = Hang
	case err == errAssert:
		out.Result = Assert
	case usable:
		out.Version = b.details.Version
		if out.Slot >= 0 {
			out.Version = b.best.Version
		}
		b.print("booting...")
		b.print("")
	default:
		out.Result = Halted
		ram.Counter = 0
		b.print("Failed to jump to application!")
	}
	b.enter(Done)
	return out, false
}

func (b *Bootloader) enter(p Phase) {
	if b.Enter != nil {
		b.Enter(p)
	}
}

func (b *Bootloader) print(line string) {
	if b.Print != nil {
		b.Print(line)
	}
}

// upgrade checks the active image, looks for a better one, installs it, and reports whether there is
// an image to run. An error ends the boot without a decision: fault, power cut, hang, assertion.
func (b *Bootloader) upgrade(reason ResetReason, ram *RAM, out *Outcome) (usable bool, err error) {
	b.enter(VerifyActive)
	status, err := b.checkActive(&b.details)
	if err != nil {
		return false, err
	}
	b.active, b.intact = b.details, status == imageValid
	failing := b.countBoots(reason, ram) >= b.cfg.BootRetries
	switch {
	case status == imageValid && !failing:
		usable = true
		b.best.Version = b.details.Version
	case status == imageEmpty:
		b.print("[DBG ] Active firmware slot is empty")
	case failing:
		b.print("[DBG ] Failed to boot active application")
	default:
		b.print("[DBG ] Active firmware integrity check failed")
	}

	b.enter(VerifyCandidate)
	active := b.details.Version
	slot, err := b.choose(usable, ram.Version)
	if err != nil {
		return false, err
	}
	if b.cfg.Defects.Has(DefectNotResumed) && status == imageBroken {
		slot = -1
	}
	if slot < 0 {
		b.details.Version = active
		if usable {
			b.print("[DBG ] Active firmware up-to-date")
		} else {
			b.print("[ERR ] Active firmware invalid")
		}
		return usable, nil
	}

	out.Slot = slot
	for range b.cfg.CopyRetries {
		b.print("[DBG ] Update active firmware")
		if out.Installed, err = b.install(slot); err != nil {
			return false, err
		}
		if out.Installed {
			b.print("[DBG ] New active firmware is valid")
			return true, nil
		}
		b.print("[DBG ] Firmware update failed")
	}
	// A copy has erased what ran before; a swap that failed has not.
	if usable = usable && b.cfg.Swap; usable {
		b.best.Version = active
	}
	return usable, nil
}

// countBoots updates the heap words and returns how many boots in a row found the same active version
// after a reset that counts against it. It returns 0 after a reset that does not.
func (b *Bootloader) countBoots(reason ResetReason, ram *RAM) uint8 {
	if b.cfg.ResetReason && reason < b.cfg.Defects.countedFrom() {
		return 0
	}
	if ram.Version != b.details.Version {
		ram.Version = b.details.Version
		ram.Counter = 0
	} else {
		ram.Counter++
	}
	return ram.Counter
}

// What checkActive finds.
const (
	imageValid = iota
	imageBroken
	imageEmpty
)

// checkActive reads the active image's header into d and its firmware against the hash in it. d is
// untouched if the header cannot be read.
func (b *Bootloader) checkActive(d *Details) (status int, err error) {
	err = readActive(b.flash, b.cpu, b.cfg.Details, d, b.header[:])
	if b.stops(err) {
		return imageBroken, err
	}
	if err != nil {
		return imageBroken, nil
	}
	if d.Size == 0 {
		return imageEmpty, nil
	}
	if b.cfg.Repairs.Has(RepairWideSizes) && d.Size > uint64(b.cfg.MaxAppSize) {
		return imageBroken, nil
	}
	if right, sure, err := b.known(b.cfg.AppStart, d); err != nil || sure {
		if right {
			return imageValid, err
		}
		return imageBroken, err
	}
	// The reference counts the rest in 32 bits, the header's size has 64.
	b.digest.Reset()
	for addr, left := b.cfg.AppStart, uint32(d.Size); left > 0; {
		p := b.buffer[:min(left, BufferSize)]
		b.feed()
		if err := read(b.flash, addr, p); b.stops(err) {
			return imageBroken, err
		} else if err != nil {
			return imageBroken, nil
		}
		b.hash(p)
		addr += uint32(len(p))
		left -= uint32(len(p))
	}
	if !b.hashIs(&d.Hash) {
		return imageBroken, nil
	}
	return imageValid, nil
}

func (b *Bootloader) hash(p []byte) {
	b.digest.Write(p)
	if b.cpu != nil {
		b.cpu.SHA256(len(p))
	}
}

func (b *Bootloader) hashIs(want *[32]byte) bool {
	b.digest.Sum(b.sum[:0])
	return b.sum == *want
}

// known asks Known about the firmware of d at addr, and leaves in the buffer what a hash of it does.
func (b *Bootloader) known(addr uint32, d *Details) (right, sure bool, err error) {
	if b.Known == nil {
		return false, false, nil
	}
	right, sure = b.Known(addr, d)
	if !sure || b.page == 1 {
		return right, sure, nil // no page is filled up with what the buffer holds
	}
	last := (uint32(d.Size) - 1) / BufferSize * BufferSize
	for off := last - min(last, BufferSize); off <= last; off += BufferSize {
		if err := read(b.flash, addr+off, b.buffer[:min(uint32(d.Size)-off, BufferSize)]); b.stops(err) {
			return false, false, err
		} else if err != nil {
			return false, false, nil
		}
	}
	return right, true, nil
}

// candidateValid reads a slot's firmware and compares its hash with d's.
func (b *Bootloader) candidateValid(slot int, d *Details) (bool, error) {
	if slot < len(b.slots) {
		if right, sure, err := b.known(b.slots[slot].Addr+b.cfg.FirmwareOffset(b.page), d); err != nil || sure {
			return right, err
		}
	}
	b.digest.Reset()
	for offset := uint32(0); uint64(offset) < d.Size; {
		n := int(min(d.Size-uint64(offset), BufferSize))
		b.feed()
		if err := b.from.read(slot, offset, b.buffer[:], n); b.stops(err) {
			return false, err
		} else if err != nil {
			b.print("[DBG ] ARM_UCP_Read returned 0 bytes")
			break
		}
		b.hash(b.buffer[:n])
		offset += uint32(n)
	}
	return b.hashIs(&d.Hash), nil
}

// room is the number of bytes that firmware in a slot may have.
func (b *Bootloader) room(slot int) uint64 {
	room := uint64(b.cfg.MaxAppSize)
	if slot < len(b.slots) {
		room = min(room, uint64(b.slots[slot].Size-min(b.slots[slot].Size, b.cfg.FirmwareOffset(b.page))))
	}
	return room
}

// choose returns the slot of the newest candidate that may be installed, or -1, and leaves its details in
// best. remembered is the version in the heap: while the active image is usable, a candidate of that
// version has failed before and is skipped.
func (b *Bootloader) choose(usable bool, remembered uint64) (int, error) {
	found := -1
	for i := range b.from.count() {
		d := &b.details
		err := b.from.details(i, d)
		if b.stops(err) {
			return -1, err
		}
		if err != nil {
			b.print("No Update image")
			continue
		}
		if d.Version <= b.best.Version || d.Size == 0 || usable && d.Version == remembered {
			b.print("Update image is older")
			continue
		}
		if b.cfg.Repairs.Has(RepairNotItself) && b.intact && d.Version == b.active.Version && d.Hash == b.active.Hash {
			b.print("Update image is the active one")
			continue
		}
		if b.cfg.Repairs.Has(RepairWideSizes) && d.Size > b.room(i) {
			b.print("Update image too large")
			continue
		}
		if b.cfg.Repairs.Has(RepairFitsFirst) {
			_, ok, err := b.activeRanges(uint32(d.Size))
			if err != nil {
				return -1, err
			}
			if !ok {
				continue
			}
		}
		ok, err := b.candidateValid(i, d)
		switch {
		case err != nil:
			return -1, err
		case !ok:
			b.print("Update image integrity check failed")
		case d.Size > uint64(b.cfg.MaxAppSize):
			b.print("Update image too large")
		default:
			b.best = *d
			found = i
		}
	}
	return found, nil
}
