package cell

import "testing"

// TestAccessCount: the number of accesses is that of going from one to the next.
func TestAccessCount(t *testing.T) {
	for _, a := range []Access{{1, 1}, {1, 4}, {1, 8}, {2, 16}, {8, 8}} {
		for addr := uint32(0); addr < 64; addr += a.Unit {
			for n := 0; n < 80; n += int(a.Unit) {
				want := uint64(0)
				for at, left := addr, n; left > 0; want++ {
					w := a.First(at, left)
					at += w
					left -= int(w)
				}
				if got := a.Count(addr, n); got != want {
					t.Fatalf("%d bytes at %d in accesses of %d to %d: %d, want %d", n, addr, a.Unit, a.Width, got, want)
				}
			}
		}
	}
}
