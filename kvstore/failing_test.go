package kvstore

import (
	"testing"

	"dualbank/internal/flashtest"
)

// threeKeys is a flash that holds a store with the keys a, b and c.
func threeKeys(t *testing.T, p Profile, unit uint32) *flashtest.Flash {
	t.Helper()
	f := flashtest.New(t, "2x2K", unit)
	f.Rewrites = unit == 1
	s := openTDB(t, f, Options{Profile: p})
	for _, k := range []string{"a", "b", "a", "c"} {
		if err := s.Set(k, []byte("of "+k), 0); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// TestFailingSteps: a step of the flash that fails is an error of the set, whether it is of the set's collection or of its
// own record. With all repairs the other keys stay.
func TestFailingSteps(t *testing.T) {
	for _, p := range []Profile{MbedCE, Hardened} {
		for _, unit := range []uint32{1, 8} {
			cells := threeKeys(t, p, unit).Cells
			set := func(bad uint64) (s *TDBStore, steps uint64, err error) {
				f := flashtest.New(t, "2x2K", unit)
				copy(f.Cells, cells)
				f.Rewrites = unit == 1
				s = openTDB(t, f, Options{Profile: p})
				if err := s.SetStart("unfinished", 0, 0); err != nil {
					t.Fatal(err)
				}
				f.Fail = func(bool, uint32) bool { steps++; return steps == bad }
				err = s.Set("b", []byte("new"), 0)
				f.Fail = nil
				return s, steps, err
			}
			_, n, err := set(0)
			if least := uint64(1 + 5*24/unit); err != nil || n < least {
				t.Fatalf("%v, unit %d: %d steps, %v; want a collection and a record, %d or more", p, unit, n, err, least)
			}
			for bad := uint64(1); bad <= n; bad++ {
				s, _, err := set(bad)
				if err == nil {
					t.Errorf("%v, unit %d: step %d of %d fails, and the set succeeds", p, unit, bad, n)
				}
				if p != Hardened {
					continue
				}
				if err := s.Open(); err != nil {
					t.Errorf("unit %d, step %d: open: %v", unit, bad, err)
				}
				for _, k := range []string{"a", "c"} {
					buf := make([]byte, 8)
					if m, err := s.Get(k, buf, 0); err != nil || string(buf[:m]) != "of "+k {
						t.Errorf("unit %d, step %d: %s reads %q, %v", unit, bad, k, buf[:m], err)
					}
				}
			}
		}
	}
}

// TestFailingReads: an open fails with ErrReadFailed, whichever of its reads fails. One of a whole record is done
// again piece by piece, and the reserved data's copies are left to the next open.
func TestFailingReads(t *testing.T) {
	for _, p := range []Profile{MbedCE, Hardened} {
		for _, unit := range []uint32{1, 8} {
			f := threeKeys(t, p, unit)
			s := NewTDB(f, Options{Profile: p})
			reads := 0
			for bad := 1; ; bad++ {
				var from, to uint32
				reads = 0
				f.BadRead = func(addr, end uint32) bool {
					if reads++; reads == bad {
						from, to = addr, end
					}
					return reads == bad
				}
				err := s.Open()
				if reads < bad {
					break
				}
				want := error(ErrReadFailed)
				if to-from > headerSize || from%2048 == reservedSize {
					want = nil
				}
				if err != want {
					t.Errorf("%v, unit %d: read %d, of %#x to %#x, fails: %v, want %v", p, unit, bad, from, to, err, want)
				}
			}
			if least := 14; reads < least {
				t.Errorf("%v, unit %d: an open takes %d reads, want %d or more", p, unit, reads, least)
			}
		}
	}
}
