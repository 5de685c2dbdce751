// Package flashtest is a flash in plain memory for tests. It counts steps and loses power as FORMAT.md of the
// recorded traces says.
//
//  1. New makes a blank flash from a list of sectors such as "4x16K+1x64K".
//  2. The code under test uses it as its block device. Fields say which steps fail, and where power is lost.
//  3. The test looks at Cells, Steps and Log.
package flashtest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"dualbank/model"
)

// Why the flash refuses.
var (
	ErrOff    = errors.New("power is off")
	ErrStrict = errors.New("unit is not erased")
	ErrFlash  = errors.New("bad address")
)

// Flash is plain memory behind a block device's methods.
type Flash struct {
	Cells  []byte
	Ends   []uint32 // of the sectors
	Unit   uint32
	Strict bool // a unit that is not erased can only be programmed with what it holds
	// Rewrites is what Rewritable says.
	Rewrites bool
	Copies   bool // programming overwrites instead of clearing bits
	Steps    uint64
	Armed    bool
	CutAt    uint64
	CutMode  byte
	CutSeed  uint32
	Off      bool
	Fail     func(erase bool, addr uint32) bool // refuse this step
	Log      []string
	Logging  bool
	BadRead  func(addr, end uint32) bool
	// Fault says of a read that it raises an exception, unless that is masked.
	Fault  func(addr, end uint32) bool
	Masked bool
}

// Sectors reads "4x16K+1x64K".
func Sectors(s string) ([]uint32, error) {
	var sizes []uint32
	for _, part := range strings.Split(s, "+") {
		count, size, ok := strings.Cut(part, "x")
		n, err := strconv.Atoi(count)
		if !ok || err != nil {
			return nil, fmt.Errorf("sectors %q: want COUNTxSIZE, joined by +", s)
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

// New is a blank flash with the sectors of Sectors.
func New(t testing.TB, sectors string, unit uint32) *Flash {
	t.Helper()
	sizes, err := Sectors(sectors)
	if err != nil {
		t.Fatal(err)
	}
	f := &Flash{Unit: unit}
	end := uint32(0)
	for _, n := range sizes {
		end += n
		f.Ends = append(f.Ends, end)
	}
	f.Cells = make([]byte, end)
	f.Blank()
	return f
}

// Blank erases everything.
func (f *Flash) Blank() {
	for i := range f.Cells {
		f.Cells[i] = 0xFF
	}
}

func (f *Flash) MaskFaults()         { f.Masked = true }
func (f *Flash) Rewritable() bool    { return f.Rewrites }
func (f *Flash) Size() uint32        { return uint32(len(f.Cells)) }
func (f *Flash) ProgramUnit() uint32 { return f.Unit }

func (f *Flash) EraseSize(addr uint32) uint32 {
	start := uint32(0)
	for _, end := range f.Ends {
		if addr < end {
			return end - start
		}
		start = end
	}
	return 0
}

func (f *Flash) Read(addr uint32, p []byte) error {
	if f.Off {
		return ErrOff
	}
	if f.Fault != nil && f.Fault(addr, addr+uint32(len(p))) {
		f.Off = !f.Masked
		return model.ErrECC
	}
	if f.BadRead != nil && f.BadRead(addr, addr+uint32(len(p))) {
		return ErrFlash
	}
	if uint64(addr)+uint64(len(p)) > uint64(len(f.Cells)) {
		return ErrFlash
	}
	copy(p, f.Cells[addr:])
	return nil
}

// LCG is the generator of the recorded cuts.
type LCG uint32

func (s *LCG) Next() byte {
	*s = *s*1664525 + 1013904223
	return byte(*s >> 24)
}

// cut says whether the step about to be done is the one where power fails.
func (f *Flash) cut() bool {
	if f.Armed && f.Steps == f.CutAt {
		f.Armed, f.Off = false, true
		return true
	}
	return false
}

func (f *Flash) Program(addr uint32, p []byte) error {
	if f.Off {
		return ErrOff
	}
	if addr%f.Unit != 0 || uint32(len(p))%f.Unit != 0 || len(p) == 0 || uint64(addr)+uint64(len(p)) > uint64(len(f.Cells)) {
		return ErrFlash
	}
	if f.Logging {
		f.Log = append(f.Log, fmt.Sprintf("P %d %d", addr, len(p)))
	}
	for len(p) > 0 {
		old, data := f.Cells[addr:addr+f.Unit], p[:f.Unit]
		if f.Fail != nil && f.Fail(false, addr) {
			return ErrFlash
		}
		if f.Strict {
			erased, same := true, true
			for i := range old {
				erased = erased && old[i] == 0xFF
				same = same && old[i] == data[i]
			}
			if !erased && !same {
				return ErrStrict
			}
		}
		if f.cut() {
			if f.CutMode != 'a' {
				r := LCG(f.CutSeed)
				for i := range old {
					old[i] &^= old[i] &^ data[i] & r.Next()
				}
			}
			return ErrOff
		}
		for i := range old {
			if f.Copies {
				old[i] = data[i]
			} else {
				old[i] &= data[i]
			}
		}
		f.Steps++
		addr, p = addr+f.Unit, p[f.Unit:]
	}
	return nil
}

func (f *Flash) Erase(addr, size uint32) error {
	if f.Off {
		return ErrOff
	}
	if f.Logging {
		f.Log = append(f.Log, fmt.Sprintf("E %d %d", addr, size))
	}
	start := uint32(0)
	for _, end := range f.Ends {
		if start >= addr && end <= addr+size {
			if start != addr {
				return ErrFlash
			}
			if f.Fail != nil && f.Fail(true, addr) {
				return ErrFlash
			}
			s := f.Cells[start:end]
			if f.cut() {
				f.tear(s)
				return ErrOff
			}
			for i := range s {
				s[i] = 0xFF
			}
			f.Steps++
			addr, size = end, size-(end-start)
		}
		start = end
	}
	if size != 0 {
		return ErrFlash
	}
	return nil
}

// tear leaves a sector as an interrupted erase does.
func (f *Flash) tear(s []byte) {
	r := LCG(f.CutSeed)
	switch f.CutMode {
	case 'p':
		n := uint64(f.CutSeed%1024) * uint64(len(s)) / 1024
		for i := range s[:n] {
			s[i] = 0xFF
		}
	case 'r':
		for i := range s {
			s[i] |= r.Next()
		}
	case 'z':
		for i := range s {
			s[i] = r.Next()
		}
	}
}
