package boot

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"dualbank/kvstore"
	"dualbank/kvstore/secure"
	"dualbank/model"

	"github.com/google/go-cmp/cmp"
)

// compatRoot is the recorder's root of trust.
var compatRoot = []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

func TestExternalHeaderBytes(t *testing.T) {
	for how, file := range map[Derivation]string{DeriveKey: "headers_compat0.txt", DeriveKeySwapped: "headers_compat1.txt"} {
		want := compat(t, file)
		key := DeviceKey(compatRoot, how)
		if diff := cmp.Diff(want["devicekey"], key[:]); diff != "" {
			t.Errorf("%s: device key (-reference +got):\n%s", file, diff)
		}
		d := compatDetails()
		got := make([]byte, ExternalHeaderSize)
		EncodeExternalHeader(got, &d, &key)
		if diff := cmp.Diff(want["external"], got); diff != "" {
			t.Errorf("%s: header (-reference +got):\n%s", file, diff)
		}
		var back Details
		if !ParseExternalHeader(want["external"], &back, &key) || back != d {
			t.Errorf("%s: parsed %+v, want %+v", file, back, d)
		}
	}
}

func TestExternalHeaderTampered(t *testing.T) {
	key := DeviceKey(compatRoot, DeriveKey)
	d := compatDetails()
	good := make([]byte, ExternalHeaderSize)
	EncodeExternalHeader(good, &d, &key)
	for i := range externalMAC + 32 {
		p := slices.Clone(good)
		p[i] ^= 1 << (i % 8)
		if ParseExternalHeader(p, new(Details), &key) {
			t.Errorf("header with byte %d changed is accepted", i)
		}
	}
	other := DeviceKey(compatRoot, DeriveKeySwapped)
	if ParseExternalHeader(good, new(Details), &other) || ParseExternalHeader(good[:200], new(Details), &key) {
		t.Error("another device's header, or half of one, is accepted")
	}
}

// memDevice is external flash: 4 KiB erase units, 256-byte pages.
type memDevice struct {
	data []byte
	bad  bool // every operation fails
}

var errBroken = errors.New("broken")

func (m *memDevice) Size() uint32            { return uint32(len(m.data)) }
func (m *memDevice) ProgramUnit() uint32     { return 256 }
func (m *memDevice) EraseSize(uint32) uint32 { return 4096 }

func (m *memDevice) Read(addr uint32, p []byte) error {
	if m.bad || uint64(addr)+uint64(len(p)) > uint64(len(m.data)) {
		return errBroken
	}
	copy(p, m.data[addr:])
	return nil
}

func (m *memDevice) Program(addr uint32, p []byte) error {
	if m.bad || uint64(addr)+uint64(len(p)) > uint64(len(m.data)) || addr%256 != 0 || len(p)%256 != 0 {
		return errBroken
	}
	for i, b := range p {
		m.data[addr+uint32(i)] &= b
	}
	return nil
}

func (m *memDevice) Erase(addr, size uint32) error {
	if m.bad || uint64(addr)+uint64(size) > uint64(len(m.data)) || addr%4096 != 0 || size%4096 != 0 {
		return errBroken
	}
	copy(m.data[addr:addr+size], bytes.Repeat([]byte{0xFF}, int(size)))
	return nil
}

// blockSetup is a device with an L4's internal flash and two slots of 128 KiB on external flash.
type blockSetup struct {
	dev    *memDevice
	store  *BlockClient
	boot   *Bootloader
	lines  []string
	ram    RAM
	root   []byte
	noRoot error
}

func newBlockSetup(t *testing.T, gen Generation) *blockSetup {
	t.Helper()
	flash, err := plainFlash("l4_8800")
	if err != nil {
		t.Fatal(err)
	}
	cfg := traceConfigs["l4_8800"]
	cfg.StorageAddr, cfg.StorageSize, cfg.Locations = 100, 65*4096, 2
	b := &blockSetup{dev: &memDevice{data: make([]byte, 1<<20)}, root: compatRoot}
	root := func() ([]byte, error) { return b.root, b.noRoot }
	b.store = NewBlockClient(cfg, b.dev, gen, root, DeriveKey, nil)
	b.boot = NewBlockBootloader(cfg, flash, nil, b.store)
	b.boot.Print = func(line string) { b.lines = append(b.lines, line) }
	return b
}

// download puts an image in a slot.
func (b *blockSetup) download(t *testing.T, slot uint32, version uint64, fw []byte) {
	t.Helper()
	d := Details{Version: version, Size: uint64(len(fw)), Hash: hashOf(fw)}
	if err := b.store.Prepare(slot, &d); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, Fragment)
	for at := 0; at < len(fw); at += Fragment {
		n := copy(buf, fw[at:])
		if err := b.store.Write(slot, uint32(at), buf[:n]); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(b.store.Finalize(slot), b.store.Activate(slot)); err != nil {
		t.Fatal(err)
	}
}

func TestBlockDeviceUpdate(t *testing.T) {
	for _, gen := range []Generation{ClientOld, ClientNew} {
		b := newBlockSetup(t, gen)
		fw := make([]byte, 70001)
		stream(1, 0, fw)
		b.download(t, 1, 5, fw)
		if o := b.boot.Boot(PowerOn, &b.ram); o.Result != Jumped || !o.Installed || o.Version != 5 || o.Slot != 1 {
			t.Errorf("%v client: %+v %q", gen, o, b.lines)
		}
		if o := b.boot.Boot(PowerOn, &b.ram); o.Result != Jumped || o.Slot != -1 {
			t.Errorf("%v client, booted again: %+v %q", gen, o, b.lines)
		}
	}
}

// TestBlockSlots: the storage's ends are rounded to erase units, and a header of 296 bytes to the page.
func TestBlockSlots(t *testing.T) {
	b := newBlockSetup(t, ClientNew)
	if diff := cmp.Diff([]Slot{{4096, 32 * 4096}, {33 * 4096, 32 * 4096}}, b.store.Slots()); diff != "" || b.store.FirmwareOffset() != 512 {
		t.Errorf("firmware at %d in its slot, slots (-want +got):\n%s", b.store.FirmwareOffset(), diff)
	}
}

// TestBlockDeviceTampering: whoever changes the external flash changes nothing on the device.
func TestBlockDeviceTampering(t *testing.T) {
	const slotAddr, header = 4096 + 32*4096, 512
	fw := make([]byte, 3000)
	stream(1, 0, fw)
	forged := Details{Version: 9, Size: 3000, Hash: hashOf(fw)}
	for _, c := range []struct {
		name string
		do   func(b *blockSetup)
		want string
	}{
		{"version raised", func(b *blockSetup) { b.dev.data[slotAddr+8] = 1 }, "No Update image"},
		{"HMAC changed", func(b *blockSetup) { b.dev.data[slotAddr+externalMAC] ^= 1 }, "No Update image"},
		{"internal header with a right CRC", func(b *blockSetup) { EncodeHeader(b.dev.data[slotAddr:], &forged) }, "No Update image"},
		{"header made with another root of trust", func(b *blockSetup) {
			key := DeviceKey(make([]byte, 16), DeriveKey)
			EncodeExternalHeader(b.dev.data[slotAddr:], &forged, &key)
		}, "No Update image"},
		{"firmware changed", func(b *blockSetup) { b.dev.data[slotAddr+header+1000] ^= 1 }, "Update image integrity check failed"},
		{"device broken", func(b *blockSetup) { b.dev.bad = true }, "No Update image"},
		{"root of trust gone", func(b *blockSetup) { b.noRoot = errBroken }, "No Update image"},
		{"another root of trust", func(b *blockSetup) { b.root = make([]byte, 16) }, "No Update image"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBlockSetup(t, ClientNew)
			b.download(t, 1, 1, fw)
			c.do(b)
			o := b.boot.Boot(PowerOn, &b.ram)
			if o.Result != Halted || o.Slot != -1 || !strings.Contains(strings.Join(b.lines, "|"), c.want) {
				t.Errorf("%+v %q, want %q and no install", o, b.lines, c.want)
			}
		})
	}
}

// TestRootOfTrustFromKVStore: the root of trust that the application put into its KVStore is what the
// bootloader finds on the flash, without opening the store.
func TestRootOfTrustFromKVStore(t *testing.T) {
	b := newBlockSetup(t, ClientNew)
	region, err := b.boot.flash.(*model.Flash).Region(0x08040000, 0x10000)
	if err != nil {
		t.Fatal(err)
	}
	b.store.root = func() ([]byte, error) {
		buf := make([]byte, 32)
		n, err := kvstore.DirectAccess(region, buf, 0)
		return buf[:n], err
	}
	fw := make([]byte, 5000)
	stream(1, 0, fw)
	if err := b.store.Prepare(0, &Details{Size: 1}); err != ErrInvalidParameter {
		t.Errorf("without a store: %v", err)
	}
	store := kvstore.NewTDB(region, kvstore.Options{})
	if err := store.Open(); err != nil {
		t.Fatal(err)
	}
	if err := secure.NewDeviceKey(store, nil).Inject(compatRoot); err != nil {
		t.Fatal(err)
	}
	b.download(t, 0, 3, fw)
	if o := b.boot.Boot(PowerOn, &b.ram); o.Version != 3 || !o.Installed {
		t.Errorf("%+v %q", o, b.lines)
	}
	key := DeviceKey(compatRoot, DeriveKey)
	if !ParseExternalHeader(b.dev.data[4096:], new(Details), &key) {
		t.Error("the header is not under the key of the root of trust in the store")
	}
}

func TestBlockClientLimits(t *testing.T) {
	b := newBlockSetup(t, ClientNew)
	// 65 units from 100 on leave 64 whole ones; half of them is a slot, its header takes two pages.
	for _, c := range []struct {
		size uint64
		want error
	}{{32*4096 - 512, nil}, {32*4096 - 511, ErrFirmwareTooLarge}, {1 << 32, ErrFirmwareTooLarge}} {
		if err := b.store.Prepare(0, &Details{Size: c.size}); err != c.want {
			t.Errorf("size %d: %v, want %v", c.size, err, c.want)
		}
	}
	if err := b.store.Prepare(2, &Details{Size: 1}); err != ErrInvalidParameter {
		t.Errorf("a slot that is not there: %v", err)
	}
	if err := b.store.Prepare(0, &Details{Size: 1000}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		offset uint32
		n      int
		want   error
	}{{0, 100, ErrInvalidParameter}, {512, 512, ErrInvalidParameter}, {512, 488, nil}, {0, 256, nil}} {
		if err := b.store.Write(0, c.offset, make([]byte, c.n, 512)); err != c.want {
			t.Errorf("write of %d at %d: %v, want %v", c.n, c.offset, err, c.want)
		}
	}
	b.noRoot = errBroken
	if err := b.store.Prepare(0, &Details{Size: 1}); err != ErrInvalidParameter {
		t.Errorf("without a root of trust: %v", err)
	}
}

func FuzzExternalHeader(f *testing.F) {
	key := DeviceKey(compatRoot, DeriveKey)
	f.Add(compat(f, "headers_compat0.txt")["external"])
	f.Add(compat(f, "headers_compat1.txt")["external"])
	f.Fuzz(func(t *testing.T, p []byte) {
		d := Details{Version: 1}
		if !ParseExternalHeader(p, &d, &key) {
			if d != (Details{Version: 1}) {
				t.Fatal("details touched")
			}
			return
		}
		again := make([]byte, ExternalHeaderSize)
		EncodeExternalHeader(again, &d, &key)
		var back Details
		if !ParseExternalHeader(again, &back, &key) || back != d {
			t.Fatalf("%+v came back as %+v", d, back)
		}
	})
}
