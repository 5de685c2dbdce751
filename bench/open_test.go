package bench

import (
	"context"
	"testing"
)

// TestOpenTime: a store with more in it takes longer to open; measuring leaves the device as it was.
func TestOpenTime(t *testing.T) {
	open := func(keys int, hours uint32) uint64 {
		s := Guide()
		s.Workload = *Uniform(keys, 100, 3600*hours)
		d, err := s.Device("mbed", 0)
		if err != nil {
			t.Fatal(err)
		}
		l := NewLoad(&s.Workload, 1)
		if err := l.Provision(d.KV); err != nil {
			t.Fatal(err)
		}
		for i := range keys {
			if err := l.Set(d.KV, i); err != nil {
				t.Fatal(err)
			}
		}
		before := d.Flash.Hash()
		c, err := d.OpenTime()
		if err != nil {
			t.Fatal(err)
		}
		ready, err := d.Ready()
		if err != nil || ready <= c {
			t.Errorf("%d keys: %d cycles to open, %d from the reset, %v", keys, c, ready, err)
		}
		if d.Flash.Hash() != before {
			t.Error("measuring changes the flash")
		}
		for i := range keys {
			if err := l.Get(d.KV, i); err != nil {
				t.Fatal(err)
			}
		}
		return c
	}
	few, many := open(5, 1), open(100, 1)
	if few == 0 || many < 5*few {
		t.Errorf("%d cycles for 5 keys, %d for 100", few, many)
	}
	s := Guide()
	s.Workload.Hours = 1
	d, err := s.Device("mbed", 0)
	if err != nil {
		t.Fatal(err)
	}
	sets, err := d.RunWorkload(context.Background(), &s.Workload, 1, nil)
	if err != nil || sets.Opening == 0 || sets.Ready <= sets.Opening+2*d.startup {
		t.Errorf("%v: %d to open, %d from the reset", err, sets.Opening, sets.Ready)
	}
}
