package kvstore

import (
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"dualbank/internal/flashtest"
	"dualbank/internal/golden"
	"dualbank/model/random"
)

// Work is a CPU that notes what a store tells it of.
type Work struct{ io.Writer }

func (w Work) Call()       { fmt.Fprintln(w, "call") }
func (w Work) CRC32(n int) { fmt.Fprintln(w, "crc", n) }
func (w Work) AES(n int)   { fmt.Fprintln(w, "aes", n) }
func (w Work) AESKey()     { fmt.Fprintln(w, "aes key") }

// watchedFlash notes reads, too.
type watchedFlash struct {
	*flashtest.Flash
	to io.Writer
}

func (f watchedFlash) Read(addr uint32, p []byte) error {
	fmt.Fprintln(f.to, "R", addr, len(p))
	return f.Flash.Read(addr, p)
}

// TestFigures: what a store asks of its device and of the processor, call by call, and what it answers stays as it is
// unless a change means to change it: on each profile and with each repair and defect, with cuts, refused steps and reads that fail.
func TestFigures(t *testing.T) {
	var b strings.Builder
	options := []Options{{}, {Profile: MbedOS}, {Profile: Hardened}, {NoCRCScan: true}}
	for r := range AllRepairs.Each() {
		options = append(options, Options{Repairs: r})
	}
	for d := Defects(1); d <= DefectIteratorIndex; d <<= 1 {
		options = append(options, Options{Defects: d})
	}
	for i, o := range options {
		for _, on := range []struct {
			sectors string
			unit    uint32
		}{{"8x512", 1}, {"4x1K", 8}, {"1x1K+4x2K+1x1K", 16}} {
			all := crc32.NewIEEE()
			f := flashtest.New(t, on.sectors, on.unit)
			f.Rewrites, f.Logging = on.unit == 1, true
			o.CPU = Work{all}
			s := NewTDB(watchedFlash{f, all}, o)
			collected, failed := exercise(f, s, all, uint64(i))
			for _, line := range f.Log {
				fmt.Fprintln(all, line)
			}
			fmt.Fprintf(&b, "%v, repairs %v, defects %x, %s in units of %d: %d calls fail, %d collections, %d steps, cells %08x, all %08x\n",
				o.Profile, o.Repairs, uint64(o.Defects), on.sectors, on.unit, failed, collected, f.Steps, crc32.ChecksumIEEE(f.Cells), all.Sum32())
		}
	}
	golden.Compare(t, "figures.golden", b.String())
}

// exercise does operations on a store, and notes what they return.
func exercise(f *flashtest.Flash, s *TDBStore, all io.Writer, seed uint64) (collected uint64, failed int) {
	r := random.New(seed)
	keys := []string{"a", "b", "key", "another", strings.Repeat("k", MaxKey-1), strings.Repeat("k", MaxKey), masterKey, "no key?"}
	var open []Iterator
	note := func(what string, err error) {
		if err != nil {
			failed++
		}
		fmt.Fprintln(all, what, err, s.LocksHeld(), s.Undefined())
	}
	note("open", s.Open())
	for range 120 {
		key := keys[r.Intn(len(keys))]
		value := make([]byte, r.Intn(100))
		r.Fill(value)
		switch r.Intn(16) {
		case 0, 1, 2, 3:
			note("set", s.Set(key, value, Flags(r.Intn(64)/63)))
		case 4:
			note("remove", s.Remove(key))
		case 5:
			n, err := s.Get(key, value, uint32(r.Intn(20)))
			note("get", err)
			fmt.Fprintf(all, "%d %x\n", n, value)
		case 6:
			info, err := s.Info(key)
			note("info", err)
			fmt.Fprintln(all, info)
		case 7:
			note("start", s.SetStart(key, uint32(len(value)), 0))
			for len(value) > 0 && r.Intn(8) > 0 {
				n := min(len(value), 1+r.Intn(20))
				note("add", s.SetAdd(value[:n]))
				value = value[n:]
			}
		case 8:
			note("finalize", s.SetFinalize())
		case 9:
			it, err := s.Iterate([]string{"", "k", "x"}[r.Intn(3)])
			if note("iterate", err); err == nil {
				open = append(open, it)
			}
		case 10:
			for i, it := range open {
				k, err := it.Next()
				note("next "+k, err)
				if err != nil && r.Intn(2) == 0 {
					note("close", it.Close())
					open = append(open[:i], open[i+1:]...)
					break
				}
			}
		case 11:
			if r.Intn(4) == 0 {
				note("set reserved", s.SetReserved(value[:min(len(value), 70)]))
			}
			n, err := s.Reserved(value[:min(len(value), 64)])
			note("reserved", err)
			fmt.Fprintf(all, "%d %x\n", n, value)
		case 12:
			if r.Intn(6) == 0 {
				note("reset", s.Reset())
			}
		case 13:
			f.Armed, f.CutAt, f.CutMode, f.CutSeed = true, f.Steps+uint64(r.Intn(60)), "aprz"[r.Intn(4)], uint32(r.Uint64())
			note("cut set", s.Set(key, value, 0))
			f.Armed, f.Off = false, false
			open = nil
			note("open", s.Open())
		case 14:
			n, bad := 0, r.Intn(40)
			f.Fail = func(bool, uint32) bool { n++; return n == bad }
			note("refused set", s.Set(key, value, 0))
			f.Fail = nil
		case 15:
			n, bad := 0, r.Intn(12)
			f.BadRead = func(uint32, uint32) bool { n++; return n == bad }
			if open = nil; r.Intn(2) == 0 {
				note("close", s.Close())
			}
			note("unread open", s.Open())
			f.BadRead = nil
			note("open", s.Open())
		}
		slots, isOpen := s.Slots()
		keys, room := s.Table()
		fmt.Fprintln(all, slots, isOpen, keys, room, s.Layout(), s.FailedCollections())
		if !isOpen {
			note("open", s.Open())
		}
		if r.Intn(10) == 0 {
			for _, p := range Profiles {
				pic, err := Inspect(f, p)
				if err == nil {
					fmt.Fprintln(all, pic.Text(r.Intn(6)), pic.Fails, pic.Areas)
				}
				note("inspect", err)
			}
			fmt.Fprintln(all, FindMasters(f.Cells, f.EraseSize(0)))
		}
		if r.Intn(30) == 0 {
			f.Blank() // a store that does not open any more is made anew
			note("open", s.Open())
		}
	}
	return s.Collections(), failed
}
