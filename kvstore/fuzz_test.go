package kvstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// bounded is a device that fails the test when it is used without end.
type bounded struct {
	*testFlash
	t    testing.TB
	left int // calls
}

func (b *bounded) count() {
	if b.left--; b.left < 0 {
		b.t.Fatal("a call of the store does not end")
	}
}

func (b *bounded) Read(addr uint32, p []byte) error {
	b.count()
	return b.testFlash.Read(addr, p)
}

func (b *bounded) Program(addr uint32, p []byte) error {
	b.count()
	return b.testFlash.Program(addr, p)
}

func (b *bounded) Erase(addr, size uint32) error {
	b.count()
	return b.testFlash.Erase(addr, size)
}

// imageSeeds are images of stores with a history: of the recorded traces, cut at every 40th line.
func imageSeeds(f *testing.F) (images [][]byte) {
	files, err := filepath.Glob("testdata/tdbstore/*.jsonl")
	if err != nil || len(files) == 0 {
		f.Fatal("no traces for seeds")
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		if !strings.Contains(lines[0], `"sectors": "8x512"`) {
			continue
		}
		var unit uint32
		if _, err := fmt.Sscanf(lines[0][strings.Index(lines[0], `"prog": `):], `"prog": %d`, &unit); err != nil {
			f.Fatal(err)
		}
		flash := newTestFlash(f, "8x512", unit)
		d := traceDriver{flash: flash, store: NewTDB(flash, Options{}), buf: make([]byte, 1<<16)}
		for i, l := range lines[1:] {
			_, l, ok := strings.Cut(l, `{"c": "`)
			if !ok {
				continue
			}
			d.run(l[:strings.IndexByte(l, '"')])
			if i%40 == 39 {
				images = append(images, append([]byte{byte(i), byte(unit)}, flash.cells...))
			}
		}
	}
	return images
}

// FuzzImage opens bytes as the image of a flash and uses the store. The first two bytes choose the
// profile, the scan, the program unit, and whether the CRCs of what looks like records are put right,
// so that what is behind them is reached.
func FuzzImage(f *testing.F) {
	for _, image := range imageSeeds(f) {
		f.Add(image)
	}
	f.Add([]byte{})
	wraps := append(make([]byte, 2+72), rawRecord(masterKey, make([]byte, 8), 0, 8)...)
	f.Add(append(wraps, rawRecord("key", nil, 0, 0xFFFFFF80)...))
	f.Add(append(append([]byte{2}, wraps[1:]...), rawRecord("key", nil, 0, 0xFFFFFF80)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		var how, unit byte
		if len(data) >= 2 {
			how, unit = data[0], data[1]
			data = data[2:]
		}
		flash := newTestFlash(t, "8x512", 1<<(unit%6))
		copy(flash.cells, data)
		if how&4 != 0 {
			mendRecords(flash.cells, flash.unit)
		}
		dev := &bounded{flash, t, 100_000}
		s := NewTDB(dev, Options{Profile: Profile(how & 1), NoCRCScan: how&2 != 0})
		if err := s.Open(); err != nil {
			before := string(flash.cells)
			again := s.Open()
			if again == nil || again.Error() != err.Error() {
				t.Fatalf("the first open: %v, the second: %v", err, again)
			}
			if !errors.Is(err, ErrWriteFailed) && string(flash.cells) != before {
				t.Fatal("an open that failed changed the flash")
			}
			return
		}
		use(t, s)
		dev.left = 100_000
		if err := s.Open(); err == nil {
			use(t, s)
		}
	})
}

// use calls everything a store has; what matters is that it comes back.
func use(t *testing.T, s *TDBStore) {
	it, err := s.Iterate("")
	if err != nil {
		t.Fatal(err)
	}
	var buf [700]byte
	for {
		k, err := it.Next()
		if err != nil {
			break
		}
		_, _ = s.Get(k, buf[:], 3)
		_, _ = s.Info(k)
		if len(k)%3 == 0 {
			_ = s.Remove(k)
		}
	}
	for _, n := range []int{0, 1, 33, 600, 1000} {
		key := fmt.Sprint("fuzz", n)
		if s.Set(key, make([]byte, n), 0) != nil {
			continue
		}
		if i, err := s.Info(key); err != nil || int(i.Size) != n {
			t.Fatalf("Info(%q) after a set of %d bytes that succeeded: %+v, %v", key, n, i, err)
		}
	}
	_, _ = s.Reserved(buf[:])
	_ = s.SetReserved(buf[:32])
	_ = s.SetStart("wraps", 0xFFFFFFF0, 0)
	_ = s.SetAdd(buf[:])
	_ = s.SetFinalize()
	if l := s.Layout(); l.Free > l.Size {
		t.Fatalf("free space at %d of %d", l.Free, l.Size)
	}
}

// mendRecords puts right the CRC of whatever looks like a record.
func mendRecords(image []byte, unit uint32) {
	for at := uint32(0); at+headerSize <= uint32(len(image)); at++ {
		h := image[at : at+headerSize]
		if binary.LittleEndian.Uint32(h) != recordMagic {
			continue
		}
		n := uint64(binary.LittleEndian.Uint16(h[12:])) + uint64(binary.LittleEndian.Uint32(h[16:]))
		from := uint64(at + up(headerSize, unit))
		if from+n > uint64(len(image)) {
			continue
		}
		sum := ieeeAdd(ieeeAdd(0, h[:crcOffset]), image[from:from+n])
		binary.LittleEndian.PutUint32(h[crcOffset:], storeCRC(sum))
	}
}

// FuzzSecureRecord puts bytes where a record and its rollback protection entry are. Nothing may be
// accepted but what SecureStore wrote.
func FuzzSecureRecord(f *testing.F) {
	f.Add([]byte{}, []byte{}, uint32(0), false)
	f.Add(unhex("140001000b000000000000000000000000000000"+"68656c6c6f20776f726c64"+"b74d20f047a17cb1e14d8e7fba0a31b8"), []byte{}, uint32(0), true)
	f.Add(unhex("14000100ffffffff02000000000000000000000068656c6c6f"), unhex("b74d20f047a17cb1e14d8e7fba0a31b8"), uint32(0xFFFFFFF0), true)
	f.Add(unhex("1400010010000000080000000000000000000000b74d20f047a17cb1e14d8e7fba0a31b8"), unhex("b74d20f047a17cb1e14d8e7fba0a31b8"), uint32(1), true)
	f.Fuzz(func(t *testing.T, record, entry []byte, offset uint32, rbp bool) {
		typ := TDBExternalNoRBP
		if rbp {
			typ = TDBExternal
		}
		p := partition(t, typ, Options{}, newTestFlash(t, "4x4K", 8), newTestFlash(t, "4x4K", 1))
		if p.External.Set("key", record, 0) != nil {
			return
		}
		if rbp && len(entry) > 0 && p.Internal.Set("key", entry, 0) != nil {
			return
		}
		if i, err := p.Main.Info("key"); err == nil {
			t.Fatalf("accepted %x with entry %x: %+v", record, entry, i)
		}
		var buf [300]byte
		if n, err := p.Main.Get("key", buf[:], offset); err == nil || n != 0 {
			t.Fatalf("%d bytes, %v of a record that is not authentic", n, err)
		}
		if err := p.Main.Set("key", []byte("new"), FlagReplayProtection); err != nil {
			return
		}
		if n, err := p.Main.Get("key", buf[:], 0); err != nil || string(buf[:n]) != "new" {
			t.Fatalf("after a set: %q, %v", buf[:n], err)
		}
		if err := p.Main.Remove("key"); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzParseStorage makes configurations out of text.
func FuzzParseStorage(f *testing.F) {
	f.Add("storage.storage_type=TDB_EXTERNAL\nstorage-tdb-external.rbp-internal-size=0x4000")
	f.Add("storage.storage_type=default\nstorage_tdb_internal.internal_size=1+1")
	f.Fuzz(func(t *testing.T, text string) {
		options := map[string]string{}
		for _, line := range strings.Split(text, "\n") {
			name, value, _ := strings.Cut(line, "=")
			options[name] = value
		}
		s, err := ParseStorage(func(name string) (string, bool) { v, ok := options[name]; return v, ok })
		if err != nil {
			if !strings.Contains(err.Error(), ": ") || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %q", err)
			}
			return
		}
		flash := flashMap{start: 0x08000000, size: 2 << 20, page: 1, few: 64 << 10, small: 16 << 10, large: 128 << 10}
		if base, size, err := s.Internal(flash, 0x08100000); err == nil {
			if base < flash.start || uint64(base)+uint64(size) > uint64(flash.start)+uint64(flash.size) || size == 0 {
				t.Fatalf("placed at 0x%X+0x%X", base, size)
			}
		}
		if dev, err := s.External(newTestFlash(t, "16x4K", 1)); err == nil && (dev.Size() == 0 || dev.Size() > 64<<10) {
			t.Fatalf("external part of %d bytes", dev.Size())
		}
	})
}
