package boot

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"dualbank/boot/firmware"
)

// The phases of a download, in their order.
const (
	PrepareSlot  Phase = "prepare"
	Download     Phase = "download"
	WriteSlot    Phase = "write"
	VerifySlot   Phase = "verify stored"
	ActivateSlot Phase = "activate"
)

// ErrHash means that the stored firmware has another hash than the campaign. The slot must be prepared again.
var ErrHash = errors.New("the stored firmware's hash is wrong")

// ErrManifest means that a campaign's details do not fit its firmware.
var ErrManifest = errors.New("the campaign's size is not its firmware's")

// Campaign is one update that a server offers: the details from its manifest, the firmware, and, if
// there is one, its difference against the image that the device should run now (firmware.MakeDelta).
type Campaign struct {
	Details
	Firmware []byte
	Delta    []byte
}

// NewCampaign returns a campaign for an image.
func NewCampaign(version uint64, id [16]byte, image []byte) *Campaign {
	d := Details{Version: version, Size: uint64(len(image)), Hash: sha256.Sum256(image), Campaign: id}
	return &Campaign{Details: d, Firmware: image}
}

// Journal stores, across reboots, which slot is prepared for which campaign. On a device it is a key of the
// KVStore.
type Journal interface {
	Load() (campaign [16]byte, slot uint32, ok bool)
	Save(campaign [16]byte, slot uint32) error
	Clear() error
}

// Updater is the update client around its storage. It chooses a slot, downloads a campaign's image or delta
// block by block, applies the delta, writes fragments, hashes what is stored and activates it. Download and
// write take turns, as in a client with one thread.
type Updater struct {
	Store     Storage
	Link      Link
	Locations uint32              // slots of Store
	Journal   Journal             // nil: an interrupted download starts over
	Base      *ActiveImage        // what deltas are applied to; nil: whole images only
	Fragment  uint32              // bytes that are written at once; 0: Fragment
	Pause     time.Duration       // before a failed block is requested again; 0: Run ends with ErrLink
	Wait      func(time.Duration) // lets time pass; nil: no time passes
	Enter     func(Phase)         // called when a phase begins, with Done at the end; may be nil
	// Progress, if set, is called before each block with the bytes received and the bytes in total, of the
	// image or of its delta. An error ends the Run.
	Progress func(done, total uint32) error
	CPU      CPU      // may be nil
	Stats    Transfer // over all downloads
}

func (u *Updater) enter(p Phase) {
	if u.Enter != nil {
		u.Enter(p)
	}
}

func (u *Updater) wait(d time.Duration) {
	if u.Wait != nil {
		u.Wait(d)
	}
}

// PickSlot returns the slot for the next image: the first without a readable header, else the one with the
// oldest version.
func (u *Updater) PickSlot() (uint32, error) {
	best, oldest := uint32(0), uint64(0)
	for id := range u.Locations {
		var d Details
		err := u.Store.GetFirmwareDetails(id, &d)
		if stops(err) {
			return 0, err
		}
		if err != nil {
			return id, nil
		}
		if id == 0 || d.Version < oldest {
			best, oldest = id, d.Version
		}
	}
	return best, nil
}

// Run downloads c and activates it. A download that an earlier Run began for the same campaign, before
// a reboot or a failure of the link, is resumed if there is a Journal. Errors: those of Storage, ErrLink,
// ErrHash.
func (u *Updater) Run(c *Campaign) error {
	defer u.enter(Done)
	if c.Size != uint64(len(c.Firmware)) {
		return ErrManifest
	}
	u.enter(PrepareSlot)
	slot, from, err := u.begin(c)
	if err != nil {
		return err
	}
	err = firmware.ErrDeltaBase
	if u.Base != nil && c.Delta != nil {
		err = u.transferDelta(c, slot, from)
	}
	if err == firmware.ErrDeltaBase {
		err = u.transfer(c, slot, from)
	}
	if err != nil {
		if errors.Is(err, firmware.ErrDelta) {
			return errors.Join(err, u.forget())
		}
		return err
	}
	if err := u.Store.Finalize(slot); err != nil {
		return err
	}
	u.enter(VerifySlot)
	if err := u.verify(c, slot); err != nil {
		if err == ErrHash {
			return errors.Join(err, u.forget())
		}
		return err
	}
	u.enter(ActivateSlot)
	if err := u.Store.Activate(slot); err != nil {
		return err
	}
	return u.forget()
}

func (u *Updater) forget() error {
	if u.Journal == nil {
		return nil
	}
	return u.Journal.Clear()
}

// begin prepares a slot for c, or resumes one. It returns the offset of the first byte to write.
func (u *Updater) begin(c *Campaign) (slot, from uint32, err error) {
	if u.Journal != nil {
		id, there, ok := u.Journal.Load()
		// Clear the entry before the slot is overwritten. This also ensures that a slot whose read
		// faults is tried only once.
		if err := u.Journal.Clear(); err != nil {
			return 0, 0, err
		}
		if ok && id == c.Campaign {
			if from, err = u.Store.Resume(there, &c.Details); err != nil {
				return 0, 0, err
			}
			return there, from, u.Journal.Save(c.Campaign, there)
		}
	}
	if slot, err = u.PickSlot(); err != nil {
		return 0, 0, err
	}
	if err = u.Store.Prepare(slot, &c.Details); err != nil {
		return 0, 0, err
	}
	if u.Journal != nil {
		err = u.Journal.Save(c.Campaign, slot)
	}
	return slot, 0, err
}

// transfer downloads and writes c's firmware from an offset on.
func (u *Updater) transfer(c *Campaign, slot, from uint32) error {
	link := u.Link.open(&u.Stats)
	buf := make([]byte, u.fragment())
	size := uint32(len(c.Firmware))
	got := from / link.Block * link.Block // blocks are aligned: the first may begin before from
	for from < size {
		// After a resume the first fragment is the rest of one.
		n := min(size, (from/u.fragment()+1)*u.fragment()) - from
		for got < from+n {
			block, err := u.fetch(link, got, size)
			if err != nil {
				return err
			}
			got += block
		}
		u.enter(WriteSlot)
		for i := copy(buf, c.Firmware[from:from+n]); i < len(buf); i++ {
			buf[i] = 0xFF
		}
		if err := u.Store.Write(slot, from, buf[:n]); err != nil {
			return err
		}
		from += n
	}
	return nil
}

// fragment returns the number of bytes that are written at once.
func (u *Updater) fragment() uint32 {
	if u.Fragment == 0 {
		return Fragment
	}
	return u.Fragment
}

// fetch downloads the block behind the first got bytes of size.
func (u *Updater) fetch(link *conn, got, size uint32) (block uint32, err error) {
	block = min(size-got, link.Block)
	for {
		if u.Progress != nil {
			if err := u.Progress(got, size); err != nil {
				return 0, err
			}
		}
		u.enter(Download)
		err := link.exchange(int(block), u.wait)
		if err == nil {
			u.Stats.Blocks++
			u.Stats.Bytes += uint64(block)
			return block, nil
		}
		if u.Pause == 0 {
			return 0, err
		}
		u.Stats.Pauses++
		u.Stats.Waited += u.Pause
		u.wait(u.Pause)
	}
}

// transferDelta downloads c's delta and writes the firmware that it makes from an offset on. A delta must be
// read from its start, so a resume downloads it again.
func (u *Updater) transferDelta(c *Campaign, slot, from uint32) error {
	active, err := u.Base.Details()
	if stops(err) {
		return err
	}
	if err != nil {
		return firmware.ErrDeltaBase
	}
	link := u.Link.open(&u.Stats)
	out := &fragments{u: u, slot: slot, from: from, buf: make([]byte, 0, u.fragment())}
	cpu, _ := u.CPU.(firmware.CPU) // not every CPU counts copied bytes
	patch := firmware.NewPatch(active.Hash, u.Base.Read, out.add, cpu)
	for got := uint32(0); got < uint32(len(c.Delta)); {
		block, err := u.fetch(link, got, uint32(len(c.Delta)))
		if err != nil {
			return err
		}
		u.enter(WriteSlot)
		if _, err := patch.Write(c.Delta[got : got+block]); err != nil {
			return err
		}
		if patch.Size() > uint32(len(c.Firmware)) {
			return fmt.Errorf("%w: it makes %d bytes of %d", firmware.ErrDelta, patch.Size(), len(c.Firmware))
		}
		got += block
	}
	if err := patch.Close(); err != nil {
		return err
	}
	return out.flush()
}

// fragments collects the output of a delta and writes it from an offset on.
type fragments struct {
	u    *Updater
	slot uint32
	from uint32 // offset of buf[0] in the firmware
	buf  []byte // less than a fragment
}

func (f *fragments) add(offset uint32, p []byte) error {
	// Skip what was written before the reset.
	if again := int(f.from) + len(f.buf) - int(offset); again > 0 {
		p = p[min(again, len(p)):]
	}
	whole := f.u.fragment()
	for len(p) > 0 {
		// After a resume the first fragment is the rest of one.
		n := min(len(p), int(whole-f.from%whole)-len(f.buf))
		f.buf = append(f.buf, p[:n]...)
		p = p[n:]
		if (f.from+uint32(len(f.buf)))%whole == 0 {
			if err := f.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *fragments) flush() error {
	n := len(f.buf)
	if n == 0 {
		return nil
	}
	for i := range f.buf[n:cap(f.buf)] {
		f.buf[:cap(f.buf)][n+i] = 0xFF
	}
	err := f.u.Store.Write(f.slot, f.from, f.buf)
	f.from += uint32(n)
	f.buf = f.buf[:0]
	return err
}

// verify hashes the stored firmware, fragment by fragment.
func (u *Updater) verify(c *Campaign, slot uint32) error {
	h := sha256.New()
	buf := make([]byte, u.fragment())
	for at := uint64(0); at < c.Size; {
		n := min(c.Size-at, uint64(len(buf)))
		if err := u.Store.Read(slot, uint32(at), buf[:n]); err != nil {
			return err
		}
		h.Write(buf[:n])
		if u.CPU != nil {
			u.CPU.SHA256(len(buf[:n]))
		}
		at += n
	}
	if [32]byte(h.Sum(nil)) != c.Hash {
		return ErrHash
	}
	return nil
}

// ActiveImage is the image that the device runs, as its update client reads it.
type ActiveImage struct {
	Flash  Flash
	Config Config
}

// Details reads its header. Errors: ErrNotReady, ErrInvalidParameter, ErrFault, ErrPowerCut.
func (a *ActiveImage) Details() (d Details, err error) {
	var buf [HeaderSize]byte
	err = readActive(a.Flash, nil, a.Config.Details, &d, buf[:])
	return d, err
}

// Read fills p from offset bytes into the firmware on. Errors: ErrFault, ErrPowerCut.
func (a *ActiveImage) Read(offset uint32, p []byte) error {
	return read(a.Flash, a.Config.AppStart+offset, p)
}
