package inspect

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"dualbank/boot/layout"
	"dualbank/internal/long"
	"dualbank/kvstore"
)

var (
	errOff    = errors.New("power is off")
	errStrict = errors.New("unit is not erased")
)

// memory is a flash with the power cuts of the recorded traces (their FORMAT.md).
type memory struct {
	cells   []byte
	sectors []uint32
	unit    uint32
	strict  bool // a unit that is not erased can only be programmed with what it holds
	armed   bool
	off     bool
	left    uint64
	mode    byte
	seed    uint32
}

func (m *memory) Size() uint32        { return uint32(len(m.cells)) }
func (m *memory) ProgramUnit() uint32 { return m.unit }

func (m *memory) EraseSize(addr uint32) uint32 {
	for _, s := range m.sectors {
		if addr < s {
			return s
		}
		addr -= s
	}
	return 0
}

func (m *memory) Read(addr uint32, p []byte) error {
	if m.off || uint64(addr)+uint64(len(p)) > uint64(len(m.cells)) {
		return errOff
	}
	copy(p, m.cells[addr:])
	return nil
}

// step reports whether the power fails in this step.
func (m *memory) step() bool {
	if m.armed && m.left == 0 {
		m.armed, m.off = false, true
		return true
	}
	m.left--
	return false
}

func (m *memory) next() byte {
	m.seed = m.seed*1664525 + 1013904223
	return byte(m.seed >> 24)
}

func (m *memory) Program(addr uint32, p []byte) error {
	if m.off {
		return errOff
	}
	for ; len(p) > 0; addr, p = addr+m.unit, p[m.unit:] {
		cells := m.cells[addr : addr+m.unit]
		if m.strict && !erased(cells) && !bytes.Equal(cells, p[:m.unit]) {
			return errStrict
		}
		cut := m.step()
		for i := range cells {
			mask := byte(0xFF)
			if cut {
				mask = 0
				if m.mode != 'a' {
					mask = m.next()
				}
			}
			cells[i] &^= cells[i] &^ p[i] & mask
		}
		if cut {
			return errOff
		}
	}
	return nil
}

func (m *memory) Erase(addr, size uint32) error {
	if m.off {
		return errOff
	}
	for size > 0 {
		n := m.EraseSize(addr)
		cells := m.cells[addr : addr+n]
		if m.step() {
			whole := uint64(m.seed%1024) * uint64(n) / 1024
			for i := range cells {
				switch {
				case m.mode == 'p' && uint64(i) < whole:
					cells[i] = 0xFF
				case m.mode == 'r':
					cells[i] |= m.next()
				case m.mode == 'z':
					cells[i] = m.next()
				}
			}
			return errOff
		}
		for i := range cells {
			cells[i] = 0xFF
		}
		addr, size = addr+n, size-n
	}
	return nil
}

// replayed runs the commands of a trace that change the flash, makes sure that the images are those of
// the reference, and shows every one that is not as the one before. Some, with many that a power cut left,
// are to be looked at more closely.
func replayed(t *testing.T, path string, show func(m *memory, p kvstore.Profile, closely bool)) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sc := bufio.NewScanner(bytes.NewReader(text))
	sc.Buffer(nil, 1<<26)
	sc.Scan()
	var head struct {
		Sectors, Variant string
		Prog             uint32
		Strict           bool
	}
	if err := json.Unmarshal(sc.Bytes(), &head); err != nil {
		t.Fatal(err)
	}
	every, cuts := 1+bytes.Count(text, []byte("\n"))/4, 0
	m := &memory{unit: head.Prog, strict: head.Strict, sectors: sectors(t, head.Sectors)}
	for _, s := range m.sectors {
		m.cells = append(m.cells, bytes.Repeat([]byte{0xFF}, int(s))...)
	}
	profile := kvstore.MbedCE
	if head.Variant == "arm" {
		profile = kvstore.MbedOS
	}
	store, open := kvstore.NewTDB(m, kvstore.Options{Profile: profile}), false
	last := ""
	for n := 1; sc.Scan(); n++ {
		var line struct{ C, CRC string }
		if err := json.Unmarshal(sc.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		w := append(strings.Split(line.C, " "), "", "", "")
		number := func(s string) uint32 { n, _ := strconv.ParseUint(s, 0, 32); return uint32(n) }
		data := func(s string) []byte { b, _ := hex.DecodeString(s); return b }
		key, err := url.PathUnescape(w[1])
		if err != nil { // a lone % is the empty key
			key = ""
		}
		cut := m.off
		switch w[0] {
		case "blank":
			m.cells = bytes.Repeat([]byte{0xFF}, len(m.cells))
		case "cut":
			m.armed, m.left, m.mode, m.seed = true, uint64(number(w[1])), w[2][0], number(w[3])
		case "open":
			if !open {
				m.off, cut = false, false
				open = store.Open() == nil
			}
		case "close":
			_ = store.Close()
			open = false
		case "drop":
			store.Attach(m)
			open = false
		}
		if open {
			// How they end is the store's tests' matter.
			switch w[0] {
			case "set":
				_ = store.Set(key, data(w[2]), kvstore.Flags(number(w[3])))
			case "setstart":
				_ = store.SetStart(key, number(w[2]), kvstore.Flags(number(w[3])))
			case "setadd":
				_ = store.SetAdd(data(w[1]))
			case "setfin":
				_ = store.SetFinalize()
			case "remove":
				_ = store.Remove(key)
			case "reset":
				_ = store.Reset()
			case "rset":
				_ = store.SetReserved(data(w[1]))
			}
		}
		if m.off {
			open = false
		}
		if sum := fmt.Sprintf("%08x", crc32.ChecksumIEEE(m.cells)); sum != line.CRC {
			t.Fatalf("line %d: %.100s: the image is not the reference's", n+1, line.C)
		}
		if m.off && !cut {
			cuts++
		}
		if line.CRC != last {
			show(m, profile, n%every == 0 || m.off && !cut && cuts%24 == 1)
		}
		last = line.CRC
	}
}

func sectors(t *testing.T, text string) (sizes []uint32) {
	t.Helper()
	for part := range strings.SplitSeq(text, "+") {
		count, unit, _ := strings.Cut(part, "x")
		unit, kilo := strings.CutSuffix(unit, "K")
		n, err := strconv.Atoi(count)
		size, err2 := strconv.Atoi(unit)
		if err != nil || err2 != nil {
			t.Fatalf("sectors %q", text)
		}
		if kilo {
			size *= 1024
		}
		for range n {
			sizes = append(sizes, uint32(size))
		}
	}
	return sizes
}

// held is what a store finds in an image: the reference for what an inspection shows. fails is the error
// of its open.
func held(t *testing.T, m *memory, p kvstore.Profile) (keys map[string]string, fails error) {
	t.Helper()
	c := &memory{cells: bytes.Clone(m.cells), sectors: m.sectors, unit: m.unit}
	s := kvstore.NewTDB(c, kvstore.Options{Profile: p})
	if err := s.Open(); err != nil {
		return nil, err
	}
	it, err := s.Iterate("")
	if err != nil {
		t.Fatal(err)
	}
	keys = map[string]string{}
	buf := make([]byte, len(c.cells))
	for {
		k, err := it.Next()
		if err != nil {
			break
		}
		n, err := s.Get(k, buf, 0)
		if err != nil {
			t.Fatalf("get of %q: %v", k, err)
		}
		if k != "TDBS" {
			keys[printable(k)] = hex.EncodeToString(buf[:n])
		}
	}
	return keys, nil
}

// regionLayout is a layout of nothing but a KVStore that fills the flash.
func regionLayout(m *memory, base uint32) *layout.Layout {
	chip := layout.Chip{Name: "memory", Base: base, Sectors: m.sectors, Banks: []uint32{base}, Unit: m.unit}
	return &layout.Layout{Target: "TEST", Chip: chip, Regions: []layout.Region{{Name: layout.RegionKVStore, Start: base, Size: m.Size()}}}
}

// On every image of the recorded traces an inspection finds the keys and values that the store does, with
// the layout, and on some of them without.
func TestTraceImages(t *testing.T) {
	long.Test(t)
	files, err := filepath.Glob("../kvstore/testdata/tdbstore/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no traces: %v", err)
	}
	for i, path := range files {
		if i%3 > 0 {
			continue // one of three has all that an image can hold
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			images, guessed, failing := 0, 0, 0
			replayed(t, path, func(m *memory, p kvstore.Profile, closely bool) {
				images++
				want, fails := held(t, m, p)
				const base = 0x0810_0000
				d, err := Read("dump.bin", m.cells, base)
				if err != nil {
					t.Fatal(err)
				}
				ways := []Options{{Layout: regionLayout(m, base), Profile: p}}
				if closely {
					ways = append(ways, Options{Profile: p}, Options{Profile: p, Chip: regionLayout(m, base).Chip})
				}
				for _, o := range ways {
					r, err := Inspect(d, o)
					if err != nil {
						t.Fatal(err)
					}
					if len(r.Stores) == 0 && o.Layout == nil && len(want) == 0 {
						continue // nothing to be found by
					}
					if len(r.Stores) != 1 {
						t.Fatalf("%d stores, layout %t: %q", len(r.Stores), o.Layout != nil, r.Damage)
					}
					s := &r.Stores[0]
					if fails != nil {
						failing++
						if s.Fails == "" && o.Layout != nil {
							t.Fatalf("an open fails with %v, and nothing is said of it", fails)
						}
						continue
					}
					got := map[string]string{}
					for _, e := range s.Records {
						got[e.Key] = e.Value
					}
					delete(got, "TDBS")
					if len(got) != len(want) {
						t.Fatalf("%d keys, layout %t (%s): want %d\n%v", len(got), o.Layout != nil, s.Guessed, len(want), r.Damage)
					}
					for k, v := range want {
						if got[k] != v {
							t.Fatalf("%q: %s, want %s", k, got[k], v)
						}
					}
					if o.Layout == nil {
						guessed++
						if len(s.Areas) == 2 && (s.Start != base || s.Size != half(m)*2) {
							t.Fatalf("guessed 0x%X and %d bytes, want %d", s.Start, s.Size, half(m)*2)
						}
					}
				}
			})
			if images == 0 || guessed == 0 && failing == 0 {
				t.Errorf("%d images, %d of them guessed", images, guessed)
			}
		})
	}
}

// half is the size of an area.
func half(m *memory) uint32 {
	sum := uint32(0)
	for _, s := range m.sectors {
		if sum+s > m.Size()/2 {
			break
		}
		sum += s
	}
	return sum
}
