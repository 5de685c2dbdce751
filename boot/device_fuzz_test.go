package boot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"testing"

	"dualbank/boot/firmware"
	"dualbank/model"
)

// guarded is a flash that records every program and erase outside the allowed range.
type guarded struct {
	*model.Flash
	from, to uint64
	outside  *model.Event
}

func newGuarded(tb testing.TB, config string) *guarded {
	tb.Helper()
	f, err := plainFlash(config)
	if err != nil {
		tb.Fatal(err)
	}
	g := &guarded{Flash: f}
	f.Observe(func(e *model.Event) {
		if e.Kind != model.Read && g.outside == nil && (uint64(e.Addr) < g.from || uint64(e.Addr)+uint64(e.Size) > g.to) {
			seen := *e
			g.outside = &seen
		}
	})
	return g
}

// allow sets the range for what follows, to for the end.
func (g *guarded) allow(from uint32, to uint64) { g.from, g.to = uint64(from), to }

func (g *guarded) check(t *testing.T, what string) {
	t.Helper()
	if e := g.outside; e != nil {
		t.Fatalf("%s: %v of %d bytes at 0x%08X, outside 0x%08X-0x%08X", what, e.Kind, e.Size, e.Addr, g.from, g.to)
	}
}

// checkBoot boots and wants what is jumped to to be whole, by the header that is on the flash. It returns
// its hash, nil if nothing was jumped to.
func (g *guarded) checkBoot(t *testing.T, b *Bootloader, why ResetReason, ram *RAM) (Outcome, *[32]byte) {
	t.Helper()
	g.Boot()
	// The unit that the header begins in, to the application's end.
	from := b.cfg.Details - (b.cfg.Details-g.Start())%g.SectorSize(b.cfg.Details)
	g.allow(from, uint64(b.cfg.AppStart)+uint64(b.cfg.MaxAppSize))
	o := b.Boot(why, ram)
	g.check(t, "bootloader")
	if o.Result == PowerCut || o.Result == Hang || o.Result == Assert {
		t.Fatalf("ended with %v", o.Result)
	}
	if o.Result != Jumped {
		return o, nil
	}
	head := make([]byte, HeaderSize)
	g.Peek(b.cfg.Details, head)
	var d Details
	if !ParseHeader(head, &d) || d.Version != o.Version || d.Size > uint64(g.Size()) {
		t.Fatalf("%+v with the header %+v", o, d)
	}
	app := make([]byte, d.Size)
	if !g.Peek(b.cfg.AppStart, app) || hashOf(app) != d.Hash {
		t.Fatal("booted an image whose hash does not match")
	}
	return o, &d.Hash
}

// trueHeader makes a header out of any bytes: as they are, with a right CRC, or with the hash of what
// is at addr as well.
func trueHeader(g *guarded, any []byte, addr uint32, crc, hash bool) []byte {
	h := make([]byte, HeaderSize)
	copy(h, any)
	if n := binary.BigEndian.Uint64(h[16:]); hash && n <= 64<<10 {
		p := make([]byte, n)
		g.Peek(addr, p)
		sum := hashOf(p)
		copy(h[24:], sum[:])
	}
	if crc {
		binary.BigEndian.PutUint32(h[headerCRC:], crc32.ChecksumIEEE(h[:headerCRC]))
	}
	return h
}

// FuzzDevice boots a device with anything in its active header, its application and both of its slots,
// for any reset reason and any heap words, several times in a row.
func FuzzDevice(f *testing.F) {
	header := func(version, size uint64) []byte {
		p := make([]byte, HeaderSize)
		EncodeHeader(p, &Details{Version: version, Size: size})
		return p
	}
	f.Add(header(1, 5), []byte("hello"), header(2, 3), []byte("new"), header(3, 4), []byte("next"), uint32(0x3F))
	f.Add(header(1, 5), []byte("hello"), header(2, 3), []byte("new"), []byte{}, []byte{}, uint32(0x1F3F))
	f.Add(header(1, 1<<40), []byte("hello"), header(2, 1<<33), []byte{}, header(1<<63, 0), []byte{}, uint32(0x15))
	f.Add([]byte{}, []byte{}, header(2, 0x37C00), []byte("x"), header(2, 0x17C00), []byte("x"), uint32(0x3040F))
	cfg := traceConfigs["l4_8400"]
	cfg.Locations, cfg.CopyRetries = 2, 2
	g := newGuarded(f, "l4_8400")
	blank := g.Snapshot()
	b := NewBootloader(cfg, g, nil)
	f.Fuzz(func(t *testing.T, head, app, head0, fw0, head1, fw1 []byte, how uint32) {
		g.Restore(blank)
		g.outside = nil
		bits := func(n uint) bool { return how>>n&1 != 0 }
		for i, at := range []struct {
			header, firmware uint32
			head, data       []byte
		}{
			{cfg.Details, cfg.AppStart, head, app},
			{b.slots[0].Addr, b.slots[0].Addr + HeaderSize, head0, fw0},
			{b.slots[1].Addr, b.slots[1].Addr + HeaderSize, head1, fw1},
		} {
			g.Poke(at.firmware, at.data[:min(len(at.data), 64<<10)])
			g.Poke(at.header, trueHeader(g, at.head, at.firmware, bits(uint(2*i)), bits(uint(2*i+1))))
		}
		ram := RAM{Version: uint64(how >> 20), Counter: uint8(how >> 12)}
		for range 3 {
			g.checkBoot(t, b, ResetReason(how>>6%12), &ram)
		}
	})
}

// FuzzDeltaUpdate downloads any bytes as a delta: nothing is written outside the slot, and what runs in
// the end is the old image or the new one.
func FuzzDeltaUpdate(f *testing.F) {
	const deltaMagic, deltaHeader = "DBD1", 48 // of the format that firmware.MakeDelta writes
	old := program(1, 6000, 1<<30, 0)
	next := append(program(1, 5000, 2000, 16), 1, 2, 3)
	good, err := firmware.MakeDelta(old, next)
	if err != nil {
		f.Fatal(err)
	}
	longer, err := firmware.MakeDelta(old, bytes.Repeat(next, 9))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, false)
	f.Add(good[:len(good)/2], true)
	f.Add(longer, false)
	f.Add(append(slices.Clone(good), good...), true)
	f.Add(append(slices.Clone(good[:deltaHeader]), 4, 0, 4, 0, 0xFD, 0xFF, 0xFF, 0xFF), false)
	g := newGuarded(f, "l4_8400")
	cfg := traceConfigs["l4_8400"]
	header := make([]byte, HeaderSize)
	EncodeHeader(header, &Details{Version: 1, Size: uint64(len(old)), Hash: hashOf(old)})
	g.Poke(cfg.Details, header)
	g.Poke(cfg.AppStart, old)
	before := g.Snapshot()
	boot := NewBootloader(cfg, g, nil)
	f.Fuzz(func(t *testing.T, delta []byte, mend bool) {
		g.Restore(before)
		g.outside = nil
		g.Boot()
		if mend && len(delta) >= deltaHeader { // a header that is taken, so that the rest is
			delta = slices.Clone(delta)
			copy(delta, deltaMagic)
			sum := hashOf(old)
			copy(delta[12:], sum[:])
			binary.LittleEndian.PutUint32(delta[44:], crc32.ChecksumIEEE(delta[:44]))
		}
		slot := boot.slots[0]
		g.allow(slot.Addr, uint64(slot.Addr)+uint64(slot.Size))
		up := &Updater{Store: NewClient(cfg, g, ClientNew, nil), Locations: 1, Journal: &memJournal{}, Base: &ActiveImage{g, cfg}}
		c := NewCampaign(2, [16]byte{7}, next)
		c.Delta = delta
		err := up.Run(c)
		g.check(t, "update client")
		o, hash := g.checkBoot(t, boot, Software, &RAM{})
		switch {
		case hash == nil:
			t.Fatalf("%+v after %v", o, err)
		case err == nil && *hash != hashOf(next), err != nil && *hash != hashOf(old):
			t.Fatalf("version %d runs after %v", o.Version, err)
		}
	})
}

// FuzzResume lets a download go on in a slot that holds anything, with a journal that says so: two runs
// at most end with the new image, whatever was there.
func FuzzResume(f *testing.F) {
	fw := program(3, 9001, 1<<30, 0)
	c := NewCampaign(2, [16]byte{7}, fw)
	header := make([]byte, HeaderSize)
	EncodeHeader(header, &c.Details)
	f.Add(append(slices.Clone(header), fw[:5000]...), uint16(0), byte(0))
	f.Add(append(slices.Clone(header), fw[:5000]...), uint16(0), byte(1))
	torn := slices.Clone(header)
	torn[3] = 0
	f.Add(append(torn, fw...), uint16(0), byte(0)) // the newer client's header, half programmed
	f.Add(fw[:4096], uint16(HeaderSize), byte(2))
	f.Add([]byte{0}, uint16(60000), byte(3))
	f.Add(bytes.Repeat([]byte{0xFF}, 3000), uint16(100), byte(1))
	g := newGuarded(f, "l4_8400")
	blank := g.Snapshot()
	cfg := traceConfigs["l4_8400"]
	boot := NewBootloader(cfg, g, nil)
	f.Fuzz(func(t *testing.T, content []byte, at uint16, how byte) {
		g.Restore(blank)
		g.outside = nil
		g.Boot()
		slot := boot.slots[0]
		g.Poke(slot.Addr+uint32(at), content[:min(len(content), int(slot.Size)-int(at))])
		g.allow(slot.Addr, uint64(slot.Addr)+uint64(slot.Size))
		gen := Generation(how & 1)
		up := &Updater{
			Store: NewClient(cfg, g, gen, nil), Locations: 1, Journal: &memJournal{c.Campaign, 0, true},
			Fragment: []uint32{0, 8, 1000}[how>>1%3],
		}
		for range 2 {
			err := up.Run(c)
			if err == nil {
				break
			}
			if !errors.Is(err, ErrHash) {
				t.Fatal(err)
			}
			// A candidate that is not whole is not installed.
			if o, hash := g.checkBoot(t, boot, Software, &RAM{}); hash != nil && *hash != c.Hash {
				t.Fatalf("%+v", o)
			}
			g.allow(slot.Addr, uint64(slot.Addr)+uint64(slot.Size))
		}
		g.check(t, "update client")
		if o, hash := g.checkBoot(t, boot, Software, &RAM{}); hash == nil || *hash != c.Hash {
			t.Fatalf("%+v", o)
		}
	})
}

// FuzzBlockDevice puts anything on the external flash: nothing is installed that is not under the
// device's key, and nothing runs whose hash does not match.
func FuzzBlockDevice(f *testing.F) {
	key := DeviceKey(compatRoot, DeriveKey)
	fw := program(4, 700, 1<<30, 0)
	good := make([]byte, ExternalHeaderSize)
	EncodeExternalHeader(good, &Details{Version: 2, Size: uint64(len(fw)), Hash: hashOf(fw)}, &key)
	f.Add(good, fw, false)
	f.Add(good, fw[1:], true)
	f.Add(good[:100], fw, true)
	f.Add([]byte{}, []byte{}, false)
	g := newGuarded(f, "l4_8800")
	blank := g.Snapshot()
	cfg := traceConfigs["l4_8800"]
	cfg.StorageAddr, cfg.StorageSize, cfg.Locations = 0, 65*4096, 1
	dev := &memDevice{data: make([]byte, 1<<18)}
	store := NewBlockClient(cfg, dev, ClientNew, func() ([]byte, error) { return compatRoot, nil }, DeriveKey, nil)
	boot := NewBlockBootloader(cfg, g, nil, store)
	f.Fuzz(func(t *testing.T, head, content []byte, sign bool) {
		g.Restore(blank)
		g.outside = nil
		clear(dev.data)
		store.Reset()
		copy(dev.data[store.headerSize():], content)
		copy(dev.data, head[:min(len(head), ExternalHeaderSize)])
		if sign { // what a server of this device says of these bytes
			EncodeExternalHeader(dev.data, &Details{Version: 2, Size: uint64(len(content)), Hash: hashOf(content)}, &key)
		}
		var d Details
		authentic := ParseExternalHeader(dev.data[:ExternalHeaderSize], &d, &key)
		o, hash := g.checkBoot(t, boot, Software, &RAM{})
		if hash != nil && (!authentic || *hash != d.Hash) {
			t.Fatalf("%+v was installed with the header %+v", o, d)
		}
		if fits := len(content) > 0 && len(content) <= 64*4096; sign && fits && hash == nil {
			t.Fatalf("%+v: %d authentic bytes were not installed", o, len(content))
		}
	})
}
