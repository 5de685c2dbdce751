package update

import (
	"bytes"
	"fmt"
	"iter"
	"slices"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/film"
	"dualbank/model"
	"dualbank/model/random"
	"dualbank/results"
)

// setup is what a run begins with: where things lie on the device, and the image that runs there.
type setup struct {
	cfg     *Sweep
	slots   []boot.Slot
	storage span // of the candidates
	active  span // of the active header and image
	first   *image
}

// span is a range of addresses, end excluded.
type span struct{ from, to uint32 }

func (s span) holds(addr, size uint32) bool { return addr >= s.from && addr+size <= s.to }

// longestSlots bounds the number of slots.
const longestSlots = 256

// newSetup makes a device of f: the first image runs, and everything that no update may touch holds something.
func newSetup(c *Sweep, f *model.Flash) (*setup, error) {
	if c.Boot.Locations == 0 || c.Boot.Locations > longestSlots {
		return nil, fmt.Errorf("boot.Locations: %d slots: an update needs 1 to %d", c.Boot.Locations, longestSlots)
	}
	if c.Old == 0 || c.Old > c.Boot.MaxAppSize {
		return nil, fmt.Errorf("firmware of %d bytes: it must have from 1 byte to the %d that the application may have", c.Old, c.Boot.MaxAppSize)
	}
	if c.Software.Whole {
		return newWhole(c, f)
	}
	slots, ok := boot.Slots(f, &c.Boot)
	if !ok {
		return nil, fmt.Errorf("candidate storage 0x%08X+0x%X does not lie in the flash", c.Boot.StorageAddr, c.Boot.StorageSize)
	}
	s := &setup{
		cfg: c, slots: slots, first: newImage(1, c.Old, c.Seed),
		storage: span{c.Boot.StorageAddr, c.Boot.StorageAddr + c.Boot.StorageSize},
		active:  span{sectorStart(f, c.Boot.Details), c.Boot.AppStart + c.Boot.MaxAppSize},
	}
	s.fill(f)
	if !s.first.poke(f, &c.Boot) {
		return nil, fmt.Errorf("application 0x%08X+0x%X does not lie in the flash", c.Boot.AppStart, c.Old)
	}
	return s, nil
}

// newWhole is newSetup for software that has the region to itself: it installs the first image.
func newWhole(c *Sweep, f *model.Flash) (*setup, error) {
	all := span{c.Device.Base, c.Device.Base + c.Device.Size}
	if c.Device.Size == 0 {
		all = span{f.Start(), f.Start() + f.Size()}
	}
	s := &setup{cfg: c, slots: []boot.Slot{{Addr: all.from, Size: all.to - all.from}}, first: newImage(1, c.Old, c.Seed), storage: all, active: all}
	s.fill(f)
	r := s.downloaded(f, s.first)
	for p, err := range r.download(&Step{Do: Download}) {
		if err != nil {
			return nil, explore.FailsAlone("the first image is not stored on an erased device (%v), in phase %s: %w", &c.Device, p, err)
		}
	}
	if out := r.boot(boot.Software); out.Result != boot.Jumped || out.Version != s.first.Version {
		return nil, explore.FailsAlone("the first image does not run on a new device (%v): the boot ends with %s, version %d", &c.Device, r.why(out), out.Version)
	}
	f.Boot()
	return s, nil
}

// fill puts something into all of f that no update may touch.
func (s *setup) fill(f *model.Flash) {
	fill := make([]byte, 4096)
	r := random.New(s.cfg.Seed ^ 0xF111)
	for addr := f.Start(); addr < f.Start()+f.Size(); addr += uint32(len(fill)) {
		n := uint32(len(fill))
		if !s.storage.holds(addr, n) && !s.active.holds(addr, n) {
			r.Fill(fill)
			f.Poke(addr, fill)
		}
	}
}

// sectorStart is the start of the sector that holds addr.
func sectorStart(f *model.Flash, addr uint32) uint32 {
	at := f.Start()
	for size := f.SectorSize(at); at+size <= addr; size = f.SectorSize(at) {
		at += size
	}
	return at
}

// takes is the size in bytes of the largest image that fits slot.
func (s *setup) takes(slot, page uint32) uint32 {
	return s.slots[slot].Size - s.cfg.Boot.FirmwareOffset(page)
}

// run is client and bootloader at work on a flash, and what was found wrong with them. How a run is judged is
// up to those that embed it.
type run struct {
	*setup
	f      *model.Flash
	client Client
	loader Loader
	ram    boot.RAM

	candidate *image   // of the latest download; nil: there was none
	images    []*image // all that may run

	bad   []explore.Violation
	may   *span // where the software that works now may write
	keep  span  // what it may not touch within that: the image that runs, where a Teller has said where that lies
	wrong bool  // the driver has erased another bank than the software has asked for
	buf   []byte
	known *known // nil: everything is read and compared anew

	cam *film.Camera // nil: there is no film
}

// start makes a run on f, which holds the cells of the setup or some that followed from them.
func (s *setup) start(f *model.Flash) *run { return s.startTimed(f, nil) }

// startTimed is start with the bootloader's work on the clock of cpu, which may be nil.
func (s *setup) startTimed(f *model.Flash, cpu boot.CPU) *run {
	software := s.cfg.Software.or(s.cfg.Boot, s.cfg.Client, cpu)
	return &run{
		setup: s, f: f, client: software.Client(f), loader: software.Loader(f), images: []*image{s.first}, may: &s.active, buf: make([]byte, boot.BufferSize),
	}
}

// downloaded is a run on f with a further image, which was downloaded.
func (s *setup) downloaded(f *model.Flash, im *image) *run {
	r := s.start(f)
	r.candidate = im
	r.images = append(r.images, im)
	return r
}

// download performs the phases of a download of the run's candidate, as far as the step s goes, with its
// fault. It yields how each phase ended, and ends with the first one that fails.
func (r *run) download(s *Step) iter.Seq2[Phase, error] {
	return func(yield func(Phase, error) bool) {
		for _, p := range phases {
			if p == Activate && s.Left {
				return
			}
			if s.Fault.Mode != nil && (s.In == p || s.In == "" && p == Prepare) {
				r.f.Arm(s.Fault.Cut())
			}
			err := r.phase(p, s.Slot)
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// phase performs one phase of a download.
func (r *run) phase(p Phase, slot uint32) error {
	im := r.candidate
	if r.cam != nil {
		r.cam.Scene("the update client: %s", words(p.op()))
	}
	switch p {
	case Prepare:
		if c, ok := r.client.(Summed); ok {
			c.Sum(im.crc32())
		}
		return r.client.Prepare(slot, &im.Details)
	case Write:
		fragment := make([]byte, boot.Fragment)
		for off := 0; off < len(im.bytes); off += boot.Fragment {
			n := copy(fragment, im.bytes[off:])
			for i := n; i < len(fragment); i++ {
				fragment[i] = 0xFF // the last fragment is padded up to the page from here
			}
			if err := r.client.Write(slot, uint32(off), fragment[:n]); err != nil {
				return err
			}
		}
		return nil
	default:
		if err := r.client.Finalize(slot); err != nil {
			return err
		}
		return r.client.Activate(slot)
	}
}

// boot is one boot, in which the bootloader may write where header and application lie.
func (r *run) boot(reason boot.ResetReason) boot.Outcome {
	r.may, r.keep = &r.active, span{}
	if r.cam == nil {
		return r.loader.Boot(reason, &r.ram)
	}
	r.cam.Scene("the bootloader, after %v", reason)
	out := r.loader.Boot(reason, &r.ram)
	if !r.f.Off() {
		r.cam.Note(fmt.Sprintf("the bootloader ends: %s", r.why(out)))
	}
	return out
}

// why is how a boot ended, in the words of a symptom.
func (r *run) why(out boot.Outcome) string {
	if t, ok := r.loader.(Teller); ok && out.Result != boot.Jumped && t.Failed() != "" {
		return t.Failed()
	}
	return out.Result.String()
}

// scramble puts into RAM what a power cycle leaves there: anything, by seed, and a version that an image may have.
func (r *run) scramble(seed uint64) {
	rnd := random.New(seed)
	r.ram.Version, r.ram.Counter = rnd.Uint64()%16, uint8(rnd.Uint64())
}

// report notes a violation; the same symptom once.
func (r *run) report(s explore.Symptom, expected, seen string) {
	if slices.ContainsFunc(r.bad, func(v explore.Violation) bool { return v.Symptom == s }) {
		return
	}
	r.bad = append(r.bad, explore.Violation{Symptom: s, Expected: expected, Seen: seen})
}

// film begins the film of the run with c, which may be nil.
func (r *run) film(c *film.Camera) {
	if r.cam = c; c != nil {
		c.Watch(r.f, r.f.Start(), r.f.Size(), r.view)
	}
}

// view is what lies on the flash: the active image and the candidates, as far as they are those that were made.
func (r *run) view() (v film.View) {
	v.Open = true
	b := &r.cfg.Boot
	part := func(header, firmware uint32, what string) {
		var d boot.Details
		head := make([]byte, boot.HeaderSize)
		if r.f.Peek(header, head); !boot.ParseHeader(head, &d) {
			return
		}
		v.Boxes = append(v.Boxes, results.Box{Addr: header, Size: boot.HeaderSize, Kind: "header", Text: fmt.Sprintf("header of %s: version %d, %d bytes", what, d.Version, d.Size)})
		for _, im := range r.images {
			if im.Version == d.Version && len(im.bytes) > 0 {
				n := r.prefix(firmware, im.bytes)
				v.Boxes = append(v.Boxes, results.Box{Addr: firmware, Size: uint32(len(im.bytes)), Kind: "image", Text: fmt.Sprintf("%s: the first %d of %d bytes of version %d", what, n, len(im.bytes), im.Version)})
				return
			}
		}
	}
	part(b.Details, b.AppStart, "the active image")
	for i, s := range r.slots {
		part(s.Addr, s.Addr+boot.FirmwareOffset(r.f.PageSize()), fmt.Sprintf("the candidate in slot %d", i))
	}
	return v
}

// prefix is how many bytes from addr on are those of b.
func (r *run) prefix(addr uint32, b []byte) int {
	p := make([]byte, 4096)
	for off := 0; off < len(b); off += len(p) {
		p = p[:min(len(p), len(b)-off)]
		r.f.Peek(addr+uint32(off), p)
		for i := range p {
			if p[i] != b[off+i] {
				return off + i
			}
		}
	}
	return len(b)
}

// watch sees every write of the software under judgement.
func (r *run) watch(e *model.Event) {
	if e.Kind != model.Program && e.Kind != model.Erase {
		return
	}
	if e.Hit < r.keep.to && r.keep.from < e.Hit+e.Size {
		r.report(explore.Symptom{Rule: RuleInside, Kind: "running-touched"}, fmt.Sprintf("the running image, 0x%08X to 0x%08X, stays as it is", r.keep.from, r.keep.to),
			fmt.Sprintf("%v at 0x%08X, %d bytes", e.Kind, e.Hit, e.Size))
	}
	if r.may.holds(e.Hit, e.Size) {
		return
	}
	seen := fmt.Sprintf("%v at 0x%08X, %d bytes", e.Kind, e.Hit, e.Size)
	if e.Hit != e.Addr {
		r.wrong = true
		seen += fmt.Sprintf(": the driver was to erase 0x%08X, and takes the bank of the chip", e.Addr)
	}
	if !r.storage.holds(e.Hit, e.Size) && !r.active.holds(e.Hit, e.Size) {
		r.report(explore.Symptom{Rule: RuleUntouched, Kind: "foreign-write"}, "bootloader and KVStore stay as they are", seen)
		return
	}
	r.report(explore.Symptom{Rule: RuleInside, Kind: "write-outside"}, fmt.Sprintf("writes from 0x%08X to 0x%08X", r.may.from, r.may.to), seen)
}

// running compares the active image with all that may run, byte by byte and not by hash. It is nil if it is
// none of them.
func (r *run) running(when string) *image {
	if t, ok := r.loader.(Teller); ok {
		return r.started(t, when)
	}
	var d boot.Details
	header := r.buf[:boot.HeaderSize]
	r.f.Peek(r.cfg.Boot.Details, header)
	if !boot.ParseHeader(header, &d) {
		r.report(explore.Symptom{Rule: RuleComplete, Kind: "no-header", When: when}, "an image that was made for this device", "a header whose CRC is wrong")
		return nil
	}
	known := false
	for _, im := range r.images {
		known = known || d.Version == im.Version
		if d == im.Details && r.holds(r.cfg.Boot.AppStart, im) {
			return im
		}
	}
	r.another(when, d.Version, known)
	return nil
}

// started is running for a bootloader that says what it has started.
func (r *run) started(t Teller, when string) *image {
	addr, size, version := t.Started()
	known := false
	for _, im := range r.images {
		known = known || version == im.Version
		if version == im.Version && uint64(size) == im.Size && r.holds(addr, im) {
			r.keep = span{addr, addr + size}
			return im
		}
	}
	r.another(when, version, known)
	return nil
}

// another reports that none of the images runs. known: there is one of that version.
func (r *run) another(when string, version uint64, known bool) {
	if known {
		r.report(explore.Symptom{Rule: RuleComplete, Kind: "other-image", When: when}, fmt.Sprintf("the firmware of version %d", version), "other bytes")
	} else {
		r.report(explore.Symptom{Rule: RuleNoOlder, Kind: "unknown-version", When: when}, "the version of an image that was made", fmt.Sprintf("version %d", version))
	}
}

// holds reports whether the application at addr is im.
func (r *run) holds(addr uint32, im *image) bool {
	if r.known != nil {
		if equal, sure := r.known.holds(addr, im, r.buf); sure {
			return equal
		}
	}
	b := im.bytes
	for off := 0; off < len(b); off += len(r.buf) {
		p := r.buf[:min(len(r.buf), len(b)-off)]
		if !r.f.Peek(addr+uint32(off), p) || !bytes.Equal(p, b[off:off+len(p)]) {
			return false
		}
	}
	return true
}

// untilRunning resets the device until an application runs, and returns which it is: nil if none ever does or
// it is none that was made.
func (r *run) untilRunning(when string) *image {
	var out boot.Outcome
	for range bootsAllowed {
		r.f.Boot()
		r.ram = boot.RAM{}
		if out = r.boot(boot.PowerOn); out.Result == boot.Jumped {
			return r.running(when)
		}
		if r.f.Off() {
			return nil // who looks at the boots has seen enough
		}
	}
	r.report(explore.Symptom{Rule: RuleRuns, Kind: "never-boots", When: when, Error: r.why(out)}, "a running application",
		fmt.Sprintf("%d boots without a cut, the last one ends with %s", bootsAllowed, r.why(out)))
	return nil
}

// bootsAllowed is how many undisturbed boots a device gets until it must run. One is enough for
// mbed-bootloader's way of installing; a watchdog would give it more.
const bootsAllowed = 5

// replayed is what a replay returns: the flash as it is, and what was found until now.
func (r *run) replayed() *explore.Replayed {
	re := &explore.Replayed{Bad: r.bad, Base: r.f.Start(), Image: make([]byte, r.f.Size())}
	r.f.Peek(re.Base, re.Image)
	return re
}
