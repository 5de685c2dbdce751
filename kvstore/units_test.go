package kvstore

import (
	"fmt"
	"testing"

	"dualbank/model"
	"dualbank/model/cell"
	"dualbank/model/part"
)

// TestParts: a store works on parts with program units up to 8 KiB, on rows that are erase and program unit at
// once, and on cells that erase to another value than all ones.
func TestParts(t *testing.T) {
	for _, tt := range []struct {
		part      string
		unit      uint32
		off, size uint32 // region
	}{
		{"cy8c624abzi", 512, 0x4_0000, 64 << 10},
		{"lpc55s69", 512, 0x8_0000, 64 << 10},
		{"ch32v303vc", 256, 0x2_0000, 32 << 10},
		{"r7fa6m4af", 128, 0x20_0000, 64 << 10}, // behind a gap
		{"own", 8192, 0, 512 << 10},
	} {
		t.Run(tt.part, func(t *testing.T) {
			c := model.Config{}
			var err error
			if tt.part == "own" {
				c.Part, c.Unit = part.Plain("own", 0, []uint32{64 << 10, 64 << 10, 64 << 10, 64 << 10, 64 << 10, 64 << 10, 64 << 10, 64 << 10}, cell.RejectNonblank), tt.unit
				c.Part.ECC.Bytes = 16
			} else {
				if c.Part, err = part.ByName(tt.part); err != nil {
					t.Fatal(err)
				}
				if c.Driver, err = part.DriverByName("word"); err != nil {
					t.Fatal(err)
				}
			}
			f, err := model.New(c)
			if err != nil {
				t.Fatal(err)
			}
			if f.PageSize() != tt.unit {
				t.Fatalf("a unit of %d bytes, want %d", f.PageSize(), tt.unit)
			}
			r, err := f.Region(f.Start()+tt.off, tt.size)
			if err != nil {
				t.Fatal(err)
			}
			s := NewTDB(r, Options{})
			if err := s.Open(); err != nil {
				t.Fatal(err)
			}
			for i := range 60 {
				if err := s.Set(fmt.Sprintf("key%d", i%5), fmt.Appendf(nil, "value %d", i), 0); err != nil {
					t.Fatalf("set %d: %v", i, err)
				}
				if i%20 == 7 {
					f.Boot()
					s = NewTDB(r, Options{})
					if err := s.Open(); err != nil {
						t.Fatalf("after set %d: %v", i, err)
					}
				}
			}
			for k := range 5 {
				got := make([]byte, 32)
				n, err := s.Get(fmt.Sprintf("key%d", k), got, 0)
				if want := fmt.Sprintf("value %d", 55+k); err != nil || string(got[:n]) != want {
					t.Errorf("key%d holds %q, %v; want %q", k, got[:n], err, want)
				}
			}
			if f.Counters().NotErased > 0 {
				t.Errorf("%d programs of what is not erased", f.Counters().NotErased)
			}
		})
	}
}
