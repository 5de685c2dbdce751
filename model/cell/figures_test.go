package cell

import (
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"dualbank/internal/golden"
	"dualbank/model/random"
)

// TestFigures: what operations, cuts and wear leave in cells of each kind, and what is known of them then, stays as it is
// unless a change means to change it.
func TestFigures(t *testing.T) {
	var b strings.Builder
	modes := []Mode{Before, After, Torn, Prefix, Weak, ECC, Stray, Fail}
	for j, rule := range []Rule{AND, Reject, RejectNonblank, CorruptECC, Limited, Copy} {
		for i, c := range []Config{
			{Access: Access{1, 1}},
			{Access: Access{8, 8}, ECC: 8},
			{Access: Access{16, 16}, ECC: 16, Inverted: 0xFFFFFFFF},
			{Access: Access{4, 4}, RowBytes: 64, RowWrites: 3},
			{Access: Access{2, 2}, Inverted: 0x1CC61CC6},
		} {
			if rule == CorruptECC && c.ECC == 0 || rule == Limited && c.Access.Unit < LimitWord {
				continue // no part has that
			}
			c.Bytes, c.Page, c.Rule, c.Limit = 2048, 256, rule, 2
			a := New(c)
			r := random.New(uint64(j*10 + i))
			all := crc32.NewIEEE()
			kept := a.Snapshot()
			failed, scarred := 0, 0
			var work Footprint
			unit := c.Access.Unit
			for n := range 250 {
				off := uint32(r.Intn(2048-320)) / unit * unit
				p := make([]byte, unit*uint32(1+r.Intn(20)))
				if r.Fill(p); r.Intn(3) == 0 {
					clear(p)
				}
				size, mode, seed := uint32(len(p)), modes[r.Intn(len(modes))], r.Uint64()
				switch r.Intn(12) {
				case 0, 1, 2:
					done, ok := a.Program(off, p)
					fmt.Fprintln(all, done, ok)
					if !ok {
						failed++
					}
				case 3:
					a.Erase(off/256*256, 256)
				case 4:
					out, ok := a.CutProgram(off, p[:unit], mode, seed)
					fmt.Fprintln(all, out, ok)
				case 5:
					fmt.Fprintln(all, a.CutErase(off/256*256, 256, mode, seed))
				case 6:
					a.Flip(off, 1<<r.Intn(8))
				case 7:
					fmt.Fprintln(all, a.Fill(off, size))
				case 8:
					a.Boot()
					a.SetReads(uint64(n))
				case 9:
					a.Mark()
					a.Program(off, p)
					a.Flip(off+1, 4)
					a.CutErase(off/256*256, 256, mode, seed)
					fmt.Fprintln(all, a.Hash())
					a.Rollback()
				case 10:
					if r.Intn(4) == 0 {
						fmt.Fprintln(all, kept.Version(off, size) == a.Version(off, size))
						kept.Peek(off, p)
						all.Write(p)
						a.Restore(kept)
					} else {
						kept = a.Snapshot()
					}
				case 11:
					a.Follow(&work)
					a.Read(off, p)
					a.Program(off/2/unit*unit, p)
					a.Need(off, size)
					a.Follow(nil)
					h, ok := a.HashOf(&work)
					fmt.Fprintln(all, h, ok, work.needs)
				}
				fmt.Fprintln(all, a.Read(off, p), a.Holds(off, p), a.Blank(off, size), a.Clears(), a.Clean(), a.Hash(), kept.Version(off, size) == a.Version(off, size))
				all.Write(p)
				_, ok := a.Stamp(off, size)
				fmt.Fprintln(all, ok, a.Count())
				a.Scarred(off, size, func(at, n uint32) { scarred++; fmt.Fprintln(all, at, n) })
			}
			fmt.Fprintf(&b, "%s, %+v: %d refused, %d stretches with scars, %+v, cells %016x, all %08x\n", rule, c, failed, scarred, a.Count(), a.Hash(), all.Sum32())
		}
	}
	golden.Compare(t, "figures.golden", b.String())
}
