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
	"dualbank/internal/flashtest"
	"dualbank/internal/long"
	"dualbank/kvstore"
)

// replayed runs the commands of a trace that change the flash, makes sure that the images are those of
// the reference, and shows every one that is not as the one before. Some, with many that a power cut left,
// are to be looked at more closely.
func replayed(t *testing.T, path string, show func(m *flashtest.Flash, p kvstore.Profile, closely bool)) {
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
	m := flashtest.New(t, head.Sectors, head.Prog)
	m.Strict = head.Strict
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
		cut := m.Off
		switch w[0] {
		case "blank":
			m.Blank()
		case "cut":
			m.Armed, m.CutAt, m.CutMode, m.CutSeed = true, m.Steps+uint64(number(w[1])), w[2][0], number(w[3])
		case "open":
			if !open {
				m.Off, cut = false, false
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
		if m.Off {
			open = false
		}
		if sum := fmt.Sprintf("%08x", crc32.ChecksumIEEE(m.Cells)); sum != line.CRC {
			t.Fatalf("line %d: %.100s: the image is not the reference's", n+1, line.C)
		}
		if m.Off && !cut {
			cuts++
		}
		if line.CRC != last {
			show(m, profile, n%every == 0 || m.Off && !cut && cuts%24 == 1)
		}
		last = line.CRC
	}
}

// sectors are the sizes of a flash's sectors.
func sectors(f *flashtest.Flash) (sizes []uint32) {
	start := uint32(0)
	for _, end := range f.Ends {
		sizes = append(sizes, end-start)
		start = end
	}
	return sizes
}

// held is what a store finds in an image: the reference for what an inspection shows. fails is the error
// of its open.
func held(t *testing.T, m *flashtest.Flash, p kvstore.Profile) (keys map[string]string, fails error) {
	t.Helper()
	c := &flashtest.Flash{Cells: bytes.Clone(m.Cells), Ends: m.Ends, Unit: m.Unit}
	s := kvstore.NewTDB(c, kvstore.Options{Profile: p})
	if err := s.Open(); err != nil {
		return nil, err
	}
	it, err := s.Iterate("")
	if err != nil {
		t.Fatal(err)
	}
	keys = map[string]string{}
	buf := make([]byte, len(c.Cells))
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
func regionLayout(m *flashtest.Flash, base uint32) *layout.Layout {
	chip := layout.Chip{Name: "memory", Base: base, Sectors: sectors(m), Banks: []uint32{base}, Unit: m.Unit}
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
			images, guessed, failing := 0, 0, 0
			replayed(t, path, func(m *flashtest.Flash, p kvstore.Profile, closely bool) {
				images++
				want, fails := held(t, m, p)
				const base = 0x0810_0000
				d, err := Read("dump.bin", m.Cells, base)
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

// TestBootloaderKey: of an odd number of sectors a bootloader does not find the device key in the second area, and the
// inspection says so.
func TestBootloaderKey(t *testing.T) {
	for _, c := range []struct {
		sectors string
		profile kvstore.Profile
		said    bool
	}{{"2x2K", kvstore.MbedCE, false}, {"3x2K", kvstore.MbedCE, true}, {"3x2K", kvstore.Hardened, false}} {
		m := flashtest.New(t, c.sectors, 1)
		s := kvstore.NewTDB(m, kvstore.Options{})
		if err := errors.Join(s.Open(), s.SetReserved([]byte("0123456789abcdef"))); err != nil {
			t.Fatal(err)
		}
		for _, damaged := range []bool{false, true} {
			if damaged {
				m.Cells[0] ^= 1
			}
			d, err := Read("dump.bin", m.Cells, 0)
			if err != nil {
				t.Fatal(err)
			}
			r, err := Inspect(d, Options{Layout: regionLayout(m, 0), Profile: c.profile})
			if err != nil {
				t.Fatal(err)
			}
			if said := strings.Contains(strings.Join(r.Damage, "\n"), "use-kvstore-rot"); said != (c.said && damaged) {
				t.Errorf("%s, %v, area 0 damaged %t: %q", c.sectors, c.profile, damaged, r.Damage)
			}
		}
	}
}

// half is the size of an area.
func half(m *flashtest.Flash) uint32 {
	sum := uint32(0)
	for _, s := range sectors(m) {
		if sum+s > m.Size()/2 {
			break
		}
		sum += s
	}
	return sum
}
