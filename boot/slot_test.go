package boot

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// units is a flash with the given erase units.
type units struct {
	base  uint32
	sizes []uint32
}

func (u *units) Start() uint32 { return u.base }

func (u *units) Size() (n uint32) {
	for _, s := range u.sizes {
		n += s
	}
	return n
}

func (u *units) SectorSize(addr uint32) uint32 {
	at := u.base
	for _, s := range u.sizes {
		if addr >= at && addr-at < s {
			return s
		}
		at += s
	}
	return invalid
}

// down is the last erase boundary not after addr, which lies in the flash or at its end.
func (u *units) down(addr uint64) uint64 {
	at := uint64(u.base)
	for _, s := range u.sizes {
		if at+uint64(s) > addr {
			break
		}
		at += uint64(s)
	}
	return at
}

// up is the first erase boundary not before addr.
func (u *units) up(addr uint32) uint64 {
	if at := u.down(uint64(addr)); at < uint64(addr) {
		return at + uint64(u.SectorSize(addr))
	}
	return uint64(addr)
}

func (u *units) boundary(addr uint64) bool { return u.down(addr) == addr }

func TestSlots(t *testing.T) {
	mixed := &units{base: 0x08000000, sizes: f429Bank}
	for _, c := range []struct {
		name      string
		addr      uint32
		size      uint32
		locations uint32
		want      []Slot
		ok        bool
	}{
		{"whole", 0x08020000, 0xE0000, 1, []Slot{{0x08020000, 0xE0000}}, true},
		{"three of seven units", 0x08020000, 0xE0000, 3, []Slot{{0x08020000, 0x40000}, {0x08060000, 0x40000}, {0x080A0000, 0x40000}}, true},
		{"start up, end down", 0x08004001, 0xBFFE, 1, []Slot{{0x08008000, 0x4000}}, true},
		{"over mixed units", 0x08000000, 0x40000, 4, []Slot{{0x08000000, 0x10000}, {0x08010000, 0x10000}, {0x08020000, 0}, {0x08020000, 0}}, true},
		{"empty", 0x08020000, 0x20000, 2, []Slot{{0x08020000, 0}, {0x08020000, 0}}, true},
		{"beyond the flash", 0x08020000, 0x100000, 1, nil, false},
		{"before the flash", 0x07000000, 0x20000, 1, nil, false},
	} {
		got, ok := Slots(mixed, &Config{StorageAddr: c.addr, StorageSize: c.size, Locations: c.locations})
		if ok != c.ok || !cmp.Equal(c.want, got) {
			t.Errorf("%s: %v, %v; want %v, %v", c.name, got, ok, c.want, c.ok)
		}
	}
}

// TestSlotsProperties: slots lie inside the storage, on erase boundaries, and apart from each other.
func TestSlotsProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		flash := &units{base: rapid.SampledFrom([]uint32{0, 0x08000000, 0x60000000}).Draw(t, "base")}
		for _, k := range rapid.SliceOfN(rapid.IntRange(0, 6), 1, 40).Draw(t, "units") {
			flash.sizes = append(flash.sizes, 256<<k)
		}
		c := &Config{
			StorageAddr: flash.base + rapid.Uint32Range(0, flash.Size()).Draw(t, "address"),
			Locations:   rapid.Uint32Range(1, 6).Draw(t, "locations"),
		}
		c.StorageSize = rapid.Uint32Range(0, flash.base+flash.Size()-c.StorageAddr).Draw(t, "size")
		slots, ok := Slots(flash, c)
		up, down := flash.up(c.StorageAddr), flash.down(uint64(c.StorageAddr)+uint64(c.StorageSize))
		if down < up {
			return // not one boundary in it
		}
		if !ok {
			t.Fatalf("no slots in 0x%X-0x%X", up, down)
		}
		last := up
		for i, s := range slots {
			from, to := uint64(s.Addr), uint64(s.Addr)+uint64(s.Size)
			if from < last || to > down || !flash.boundary(from) || !flash.boundary(to) {
				t.Fatalf("slot %d is 0x%X-0x%X in 0x%X-0x%X, after 0x%X", i, from, to, up, down, last)
			}
			last = to
		}
	})
}

// FuzzSlot puts anything in the slots of a device and boots it: nothing is booted whose hash does not
// match, and nothing but the active image changes.
func FuzzSlot(f *testing.F) {
	header := func(d Details) []byte {
		p := make([]byte, HeaderSize)
		EncodeHeader(p, &d)
		return p
	}
	f.Add([]byte{}, []byte{}, byte(0))
	f.Add(header(Details{Version: 3, Size: 5}), []byte("hello"), byte(3))
	f.Add(header(Details{Version: 3, Size: 1 << 33}), []byte("hello"), byte(1))
	f.Add(header(Details{Version: 1 << 63, Size: 0x40000}), []byte{}, byte(3))
	f.Add(header(Details{Version: 9, Size: 0x37000}), []byte("x"), byte(7))
	configs := []string{"l4_8800", "l4_8400", "l4_9000", "l4_9000_maxodd"}
	flash, err := plainFlash("l4")
	if err != nil {
		f.Fatal(err)
	}
	blank := flash.Snapshot()
	var boots []*Bootloader
	for _, name := range configs {
		boots = append(boots, NewBootloader(traceConfigs[name], flash, nil))
	}
	f.Fuzz(func(t *testing.T, head, firmware []byte, how byte) {
		b := boots[int(how>>2)%len(boots)]
		cfg := b.cfg
		flash.Restore(blank)
		flash.Boot()
		if len(firmware) > int(cfg.StorageSize)-HeaderSize {
			firmware = firmware[:int(cfg.StorageSize)-HeaderSize]
		}
		flash.Poke(cfg.StorageAddr+HeaderSize, firmware)
		h := make([]byte, HeaderSize)
		copy(h, head)
		if how&2 != 0 { // a hash that fits, if the size leaves a chance
			if n := binary.BigEndian.Uint64(h[16:]); n < uint64(cfg.StorageSize)-HeaderSize {
				p := make([]byte, n)
				flash.Peek(cfg.StorageAddr+HeaderSize, p)
				sum := hashOf(p)
				copy(h[24:], sum[:])
			}
		}
		if how&1 != 0 {
			binary.BigEndian.PutUint32(h[headerCRC:], crc32.ChecksumIEEE(h[:headerCRC]))
		}
		flash.Poke(cfg.StorageAddr, h)
		before := make([]byte, flash.Size())
		flash.Peek(flash.Start(), before)
		ram := RAM{Version: uint64(how), Counter: how}
		o := b.Boot(ResetReason(how%12), &ram)
		after := make([]byte, flash.Size())
		flash.Peek(flash.Start(), after)
		lo := cfg.Details - flash.Start()
		hi := min(uint64(cfg.AppStart)+uint64(cfg.MaxAppSize)-uint64(flash.Start()), uint64(flash.Size()))
		if !bytes.Equal(before[:lo], after[:lo]) || !bytes.Equal(before[hi:], after[hi:]) {
			t.Fatal("written outside the active image")
		}
		if o.Result == PowerCut || o.Result == Hang || o.Result == Assert {
			t.Fatalf("ended with %v", o.Result)
		}
		if o.Result != Jumped {
			return
		}
		var d Details
		if !ParseHeader(after[lo:lo+HeaderSize], &d) || d.Size > uint64(cfg.MaxAppSize) {
			t.Fatalf("booted with header %+v", d)
		}
		app := after[cfg.AppStart-flash.Start():]
		if hashOf(app[:d.Size]) != d.Hash {
			t.Fatal("booted an image whose hash does not match")
		}
	})
}
