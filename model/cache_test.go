package model

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"dualbank/model/part"
)

// TestDataCache compares the cache with the plainest one: a list, front to back.
func TestDataCache(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 9).Draw(t, "lines")
		c := dataCache{size: uint32(size)}
		var list []uint32
		for range rapid.IntRange(1, 30).Draw(t, "reads") {
			first := rapid.Uint32Range(0, 20).Draw(t, "first")
			last := first + rapid.Uint32Range(0, 40).Draw(t, "more")
			want := uint64(0)
			for l := first; l <= last; l++ {
				if i := slices.Index(list, l); i >= 0 {
					list = slices.Delete(list, i, i+1)
				} else {
					want++
				}
				list = slices.Insert(list, 0, l)
				list = list[:min(len(list), size)]
			}
			if got := c.read(first, last); got != want {
				t.Fatalf("lines %d to %d: %d misses, want %d", first, last, got, want)
			}
			if rapid.IntRange(0, 9).Draw(t, "flush") == 0 {
				c.flush()
				list = nil
			}
		}
	})
}

// TestReadTimes: what a read costs with the caches on, off, and with prefetch alone, on the F429 at
// 5 wait states: a line of 16 bytes at 6 cycles.
func TestReadTimes(t *testing.T) {
	p, _ := part.ByName("stm32f429zi")
	d, _ := part.DriverByName("mbed")
	const at = 0x0810_0000
	for _, tt := range []struct {
		name  string
		cache Cache
		do    func(f *Flash)
		addr  uint32
		n     int
		want  uint64
	}{
		{"one line", CacheOn, nil, at, 16, 6},
		{"across two lines", CacheOn, nil, at + 8, 16, 12},
		{"one byte", CacheOn, nil, at + 15, 1, 6},
		{"again", CacheOn, func(f *Flash) { _ = f.Read(at, make([]byte, 16)) }, at, 16, 0},
		{"again in part", CacheOn, func(f *Flash) { _ = f.Read(at, make([]byte, 16)) }, at, 32, 6},
		{"after eight other lines", CacheOn, func(f *Flash) { _ = f.Read(at, make([]byte, 16*9)) }, at, 16, 6},
		{"the last of nine lines", CacheOn, func(f *Flash) { _ = f.Read(at, make([]byte, 16*9)) }, at + 128, 16, 0},
		{"after a program", CacheOn, func(f *Flash) { _ = f.Read(at, make([]byte, 16)); _ = f.Program(at+64, []byte{0}) }, at, 16, 6},
		{"after a boot", CacheOn, func(f *Flash) { _ = f.Read(at, make([]byte, 16)); f.Boot() }, at, 16, 6},
		{"64 KiB", CacheOn, nil, at, 65536, 4096 * 6},
		{"by words", CacheOff, nil, at, 16, 4 * 6},
		{"by words, not aligned", CacheOff, nil, at + 2, 16, 5 * 6},
		{"by words", PrefetchOnly, nil, at, 64, 16 * 6},
		{"nothing", CacheOn, nil, at, 0, 0},
	} {
		f, err := New(Config{Part: p, Driver: d, Cache: tt.cache})
		if err != nil {
			t.Fatal(err)
		}
		if tt.do != nil {
			tt.do(f)
		}
		start := f.Now()
		if err := f.Read(tt.addr, make([]byte, tt.n)); err != nil {
			t.Fatal(err)
		}
		if got := f.Now() - start - f.timing.read.call; got != tt.want {
			t.Errorf("%s, caches %v: %d cycles, want %d", tt.name, tt.cache, got, tt.want)
		}
	}
	if _, ok := CornerByName("sampled"); !ok {
		t.Error("corner sampled is not found by its name")
	}
}

// TestCodeWaits: work of the processor costs more the less of its code is cached, and nothing of that in
// RAM.
func TestCodeWaits(t *testing.T) {
	p, _ := part.ByName("stm32f429zi")
	core, _ := part.CoreByName("cortex-m4")
	cost := func(cache Cache, code Code) uint64 {
		f, err := New(Config{Part: p, Core: core, Cache: cache, Code: code})
		if err != nil {
			t.Fatal(err)
		}
		f.CPU().SHA256(1000)
		return f.Now()
	}
	ram, on, prefetch, off := cost(CacheOff, CodeInRAM), cost(CacheOn, 0), cost(PrefetchOnly, 0), cost(CacheOff, 0)
	// 59 cycles a byte; 2.5 of 16 bytes a cycle from a line that is missed costs 5 wait states.
	for _, tt := range []struct {
		got  uint64
		miss float64
	}{{ram, 0}, {on, 0.02}, {prefetch, 0.15}, {off, 1}} {
		if want := 59000 * (1 + tt.miss*5*2.5/16); float64(tt.got) < want-2 || float64(tt.got) > want+2 {
			t.Errorf("%d cycles, want %v", tt.got, want)
		}
	}
}
