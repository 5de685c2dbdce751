package native_test

import (
	"slices"
	"testing"

	"dualbank/fuzz/kv/sut"
	"dualbank/fuzz/native/examples/logstore"
	"dualbank/model"
	"dualbank/model/part"
)

// TestSameTime: on a flash with times the store in C takes as long as the same store in Go, operation by operation
// and to the cycle, and wears the sectors alike. CPU work costs nothing.
func TestSameTime(t *testing.T) {
	board, err := part.BoardByName("nucleo-f429zi")
	if err != nil {
		t.Fatal(err)
	}
	config, err := model.BoardConfig(board)
	if err != nil {
		t.Fatal(err)
	}
	config.Core = nil
	p := program(t, planted(t, "examples/logstore.c"))
	run := func(make func(dev *model.Region) sut.Store) (cycles []uint64, wear []model.Wear) {
		f, err := model.New(config)
		if err != nil {
			t.Fatal(err)
		}
		dev, err := f.Region(board.KVStore.Base, board.KVStore.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		s := make(dev)
		if err := s.Open(); err != nil {
			t.Fatal(err)
		}
		buf := [256]byte{}
		ops := workload(1500, 20)
		for i := range ops {
			err := sut.Do(&ops[i], s, f)
			if err == nil && i%3 == 0 {
				_, _ = s.Get("key03", buf[:], 0) // it may be missing
			}
			cycles = append(cycles, f.Now())
		}
		return cycles, f.Wear()
	}
	wantTime, wantWear := run(func(dev *model.Region) sut.Store { return logstore.New(dev, 0) })
	gotTime, gotWear := run(func(dev *model.Region) sut.Store { return p.Timed(dev, nil) })
	for i := range wantTime {
		if gotTime[i] != wantTime[i] {
			t.Fatalf("after operation %d: C at cycle %d, Go at %d", i, gotTime[i], wantTime[i])
		}
	}
	if !slices.Equal(gotWear, wantWear) || wantTime[len(wantTime)-1] == 0 {
		t.Errorf("wear: C %v, Go %v", gotWear, wantWear)
	}
}
