package kvstore

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"dualbank/model"
)

var (
	errOff    = errors.New("power is off")
	errStrict = errors.New("unit is not erased")
	errFlash  = errors.New("bad address")
)

// testFlash is plain memory behind BlockDevice that counts steps and loses power as FORMAT.md of the
// recorded traces says.
type testFlash struct {
	cells  []byte
	ends   []uint32 // of the sectors
	unit   uint32
	strict bool // a unit that is not erased can only be programmed with what it holds
	// rewritable is what Rewritable says.
	rewritable bool
	copies     bool // programming overwrites instead of clearing bits
	steps      uint64
	armed      bool
	cutAt      uint64
	cutMode    byte
	cutSeed    uint32
	off        bool
	fail       func(erase bool, addr uint32) bool // refuse this step
	log        []string
	logging    bool
	badRead    func(addr, end uint32) bool
	// fault says of a read that it raises an exception, unless that is masked.
	fault  func(addr, end uint32) bool
	masked bool
}

// parseSectors reads "4x16K+1x64K".
func parseSectors(s string) ([]uint32, error) {
	var sizes []uint32
	for _, part := range strings.Split(s, "+") {
		count, size, ok := strings.Cut(part, "x")
		n, err := strconv.Atoi(count)
		if !ok || err != nil {
			return nil, fmt.Errorf("sectors %q: want COUNTxSIZE+...", s)
		}
		scale := 1
		if size, ok = strings.CutSuffix(size, "K"); ok {
			scale = 1024
		}
		b, err := strconv.Atoi(size)
		if err != nil {
			return nil, fmt.Errorf("sectors %q: %w", s, err)
		}
		for range n {
			sizes = append(sizes, uint32(b*scale))
		}
	}
	return sizes, nil
}

func newTestFlash(t testing.TB, sectors string, unit uint32) *testFlash {
	t.Helper()
	sizes, err := parseSectors(sectors)
	if err != nil {
		t.Fatal(err)
	}
	f := &testFlash{unit: unit}
	end := uint32(0)
	for _, n := range sizes {
		end += n
		f.ends = append(f.ends, end)
	}
	f.cells = make([]byte, end)
	f.blank()
	return f
}

func (f *testFlash) blank() {
	for i := range f.cells {
		f.cells[i] = 0xFF
	}
}

func (f *testFlash) MaskFaults()         { f.masked = true }
func (f *testFlash) Rewritable() bool    { return f.rewritable }
func (f *testFlash) Size() uint32        { return uint32(len(f.cells)) }
func (f *testFlash) ProgramUnit() uint32 { return f.unit }

func (f *testFlash) EraseSize(addr uint32) uint32 {
	start := uint32(0)
	for _, end := range f.ends {
		if addr < end {
			return end - start
		}
		start = end
	}
	return 0
}

func (f *testFlash) Read(addr uint32, p []byte) error {
	if f.off {
		return errOff
	}
	if f.fault != nil && f.fault(addr, addr+uint32(len(p))) {
		f.off = !f.masked
		return model.ErrECC
	}
	if f.badRead != nil && f.badRead(addr, addr+uint32(len(p))) {
		return errFlash
	}
	if uint64(addr)+uint64(len(p)) > uint64(len(f.cells)) {
		return errFlash
	}
	copy(p, f.cells[addr:])
	return nil
}

type lcg uint32

func (s *lcg) next() byte {
	*s = *s*1664525 + 1013904223
	return byte(*s >> 24)
}

// cut says whether the step about to be done is the one where power fails.
func (f *testFlash) cut() bool {
	if f.armed && f.steps == f.cutAt {
		f.armed, f.off = false, true
		return true
	}
	return false
}

func (f *testFlash) Program(addr uint32, p []byte) error {
	if f.off {
		return errOff
	}
	if addr%f.unit != 0 || uint32(len(p))%f.unit != 0 || len(p) == 0 || uint64(addr)+uint64(len(p)) > uint64(len(f.cells)) {
		return errFlash
	}
	if f.logging {
		f.log = append(f.log, fmt.Sprintf("P %d %d", addr, len(p)))
	}
	for len(p) > 0 {
		old, data := f.cells[addr:addr+f.unit], p[:f.unit]
		if f.fail != nil && f.fail(false, addr) {
			return errFlash
		}
		if f.strict {
			erased, same := true, true
			for i := range old {
				erased = erased && old[i] == 0xFF
				same = same && old[i] == data[i]
			}
			if !erased && !same {
				return errStrict
			}
		}
		if f.cut() {
			if f.cutMode != 'a' {
				r := lcg(f.cutSeed)
				for i := range old {
					old[i] &^= old[i] &^ data[i] & r.next()
				}
			}
			return errOff
		}
		for i := range old {
			if f.copies {
				old[i] = data[i]
			} else {
				old[i] &= data[i]
			}
		}
		f.steps++
		addr, p = addr+f.unit, p[f.unit:]
	}
	return nil
}

func (f *testFlash) Erase(addr, size uint32) error {
	if f.off {
		return errOff
	}
	if f.logging {
		f.log = append(f.log, fmt.Sprintf("E %d %d", addr, size))
	}
	start := uint32(0)
	for _, end := range f.ends {
		if start >= addr && end <= addr+size {
			if start != addr {
				return errFlash
			}
			if f.fail != nil && f.fail(true, addr) {
				return errFlash
			}
			s := f.cells[start:end]
			if f.cut() {
				f.tear(s)
				return errOff
			}
			for i := range s {
				s[i] = 0xFF
			}
			f.steps++
			addr, size = end, size-(end-start)
		}
		start = end
	}
	if size != 0 {
		return errFlash
	}
	return nil
}

// tear leaves a sector as an interrupted erase does.
func (f *testFlash) tear(s []byte) {
	r := lcg(f.cutSeed)
	switch f.cutMode {
	case 'p':
		n := uint64(f.cutSeed%1024) * uint64(len(s)) / 1024
		for i := range s[:n] {
			s[i] = 0xFF
		}
	case 'r':
		for i := range s {
			s[i] |= r.next()
		}
	case 'z':
		for i := range s {
			s[i] = r.next()
		}
	}
}
