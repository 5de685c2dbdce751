package kvstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dualbank/internal/flashtest"
)

// bounded is a device that fails the test when it is used without end.
type bounded struct {
	*flashtest.Flash
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
	return b.Flash.Read(addr, p)
}

func (b *bounded) Program(addr uint32, p []byte) error {
	b.count()
	return b.Flash.Program(addr, p)
}

func (b *bounded) Erase(addr, size uint32) error {
	b.count()
	return b.Flash.Erase(addr, size)
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
		flash := flashtest.New(f, "8x512", unit)
		d := traceDriver{flash: flash, store: NewTDB(flash, Options{}), buf: make([]byte, 1<<16)}
		for i, l := range lines[1:] {
			_, l, ok := strings.Cut(l, `{"c": "`)
			if !ok {
				continue
			}
			d.run(l[:strings.IndexByte(l, '"')])
			if i%40 == 39 {
				images = append(images, append([]byte{byte(i), byte(unit)}, flash.Cells...))
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
		flash := flashtest.New(t, "8x512", 1<<(unit%6))
		copy(flash.Cells, data)
		if how&4 != 0 {
			mendRecords(flash.Cells, flash.Unit)
		}
		dev := &bounded{flash, t, 100_000}
		s := NewTDB(dev, Options{Profile: Profile(how & 1), NoCRCScan: how&2 != 0})
		if err := s.Open(); err != nil {
			before := string(flash.Cells)
			again := s.Open()
			if again == nil || again.Error() != err.Error() {
				t.Fatalf("the first open: %v, the second: %v", err, again)
			}
			if !errors.Is(err, ErrWriteFailed) && string(flash.Cells) != before {
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
