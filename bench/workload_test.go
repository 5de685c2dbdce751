package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dualbank/internal/long"
	"dualbank/kvstore"
	"dualbank/model"
)

// free is the guide's scenario with a processor that takes no time, so that what is left can be
// worked out by hand.
func free() *Scenario {
	s := Guide()
	s.Board.CPU = false
	return s
}

// A set without garbage collection programs header, key and value once, one byte an access with
// driver mbed, and reads them back; the rest is the driver's calls.
func TestSetIsItsProgramTime(t *testing.T) {
	for _, c := range []struct {
		driver   string
		accesses func(n uint64) uint64
	}{
		{"mbed", func(n uint64) uint64 { return n }},
		{"word", func(n uint64) uint64 { return n / 4 }}, // and bytes at unaligned ends
	} {
		d, err := free().Device(c.driver, model.Typ)
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.RunWorkload(context.Background(), Uniform(1, 256, 100), 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		const bytes = 24 + 7 + 256
		floor := c.accesses(bytes) * 16 * 168 // 16 us at 168 MHz
		// With word, unaligned ends of key, value and header cost up to 3 accesses more each.
		roof := floor + floor/20 + 9*16*168 + 2000
		const erase = 250 * 168_000 // of the sector that the record goes into, where it does
		for _, got := range s.Plain {
			if got < floor || got > roof && got < erase+floor || got > erase+roof+1000 {
				t.Errorf("driver %s: a set takes %d cycles: want %d to %d, and %d more with an erase", c.driver, got, floor, roof, erase)
				break
			}
		}
	}
}

// What a workload counts agrees with what the flash counts.
func TestCountsAgree(t *testing.T) {
	w := Guide().Workload
	w.Hours = 72
	d, s := lived(t, "mbed", &w)
	if n := s.Count(); n != 60*72 || uint64(len(s.Gets)) != 2*n {
		t.Errorf("%d sets, %d gets", n, len(s.Gets))
	}
	if uint64(len(s.GC)) != s.Collections {
		t.Errorf("%d sets collected garbage, the store says %d", len(s.GC), s.Collections)
	}
	if s.Removes == 0 || s.Removes > s.Count()/50 {
		t.Errorf("%d of %d are removes, 10 of 1000 were asked for", s.Removes, s.Count())
	}
	if s.ValueBytes >= s.Counters.ProgramBytes {
		t.Errorf("%d bytes of values but %d programmed", s.ValueBytes, s.Counters.ProgramBytes)
	}
	hours := d.Flash.Seconds(s.Cycles) / 3600
	if hours < 70 || hours > 74 {
		t.Errorf("%v hours, 72 were asked for", hours)
	}
	if s.Counters.Stall != 0 {
		t.Errorf("the application in bank 1 stalled for %d cycles while the store in bank 2 was written", s.Counters.Stall)
	}
	// Interrupts are masked through each sector's erase and nothing else.
	var erase, overhead uint64
	for _, w := range s.Wear {
		each := map[uint32]uint64{16 << 10: 250, 64 << 10: 550}[w.Size]
		erase += uint64(w.Erases) * each * 168_000
		overhead += uint64(w.Erases) * 200
	}
	before, _ := lived(t, "mbed", &Workload{SetsPerHour: 1, Hours: 1, Keys: Guide().Workload.Keys})
	if want := erase + overhead - before.Flash.Counters().Masked; s.Counters.Masked > want || s.Counters.Masked < want*9/10 {
		t.Errorf("interrupts masked for %d cycles, erases come to %d", s.Counters.Masked, want)
	}
	again, err := guideDevice(t, "mbed", model.Typ).RunWorkload(context.Background(), &w, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(s, again) {
		t.Error("a second run differs")
	}
}

// The life is measured over whole rounds of the areas: where a run ends in a round is no matter.
func TestLifeDoesNotDependOnTheEnd(t *testing.T) {
	long.Test(t)
	lives := map[uint32]float64{}
	for _, hours := range []uint32{150, 153, 157, 500} {
		w := Guide().Workload
		w.Hours = hours
		d, s := lived(t, "mbed", &w)
		h, ok := s.Life.Hours(d.Flash.Hz())
		if !ok || s.Life.Rounds < 10 {
			t.Fatalf("life %+v", s.Life)
		}
		lives[hours] = years(h)
	}
	for hours, y := range lives {
		if math.Abs(y/lives[500]-1) > 0.01 {
			t.Errorf("%d hours: %.3f years, 500 hours: %.3f", hours, y, lives[500])
		}
	}
}

func TestLifeWithoutErases(t *testing.T) {
	w := Guide().Workload
	w.Hours = 1
	d, s := lived(t, "mbed", &w)
	if _, ok := s.Life.Hours(d.Flash.Hz()); ok {
		t.Errorf("a life of %+v though no sector was erased", s.Life)
	}
	if m := s.Life.Metrics(d.Flash.Hz()); m != nil {
		t.Errorf("metrics %v", m)
	}
}

func TestDrawFollowsWeights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Uint32Range(0, 50), 1, 12).Draw(t, "weights")
		w := &Workload{}
		sum := uint32(0)
		for i, n := range weights {
			w.Keys = append(w.Keys, Key{Name: fmt.Sprint("k", i), Weight: n})
			sum += n
		}
		if sum == 0 {
			w.Keys[0].Weight, weights[0], sum = 1, 1, 1
		}
		l := NewLoad(w, rapid.Uint64().Draw(t, "seed"))
		const draws = 4000
		got := make([]int, len(weights))
		for range draws {
			got[l.Draw()]++
		}
		for i, n := range weights {
			want := float64(n) / float64(sum) * draws
			if math.Abs(float64(got[i])-want) > 6*math.Sqrt(want)+3 || n == 0 && got[i] > 0 {
				t.Errorf("key %d of weight %d in %v: drawn %d times of %d", i, n, weights, got[i], draws)
			}
		}
	})
}

// wrongStore returns another value than was set for one key.
type wrongStore struct {
	kvstore.Store
	key string
	how func(value []byte) ([]byte, error)
}

func (s *wrongStore) Get(key string, buf []byte, offset uint32) (int, error) {
	n, err := s.Store.Get(key, buf, offset)
	if key != s.key || err != nil {
		return n, err
	}
	v, err := s.how(buf[:n])
	return copy(buf, v), err
}

func TestWrongGetIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		how  func(v []byte) ([]byte, error)
		want string
	}{
		"other bytes": {func(v []byte) ([]byte, error) { v[3] ^= 1; return v, nil }, "get of key0001: the 64 bytes that were read are not the 64 that were set"},
		"shorter":     {func(v []byte) ([]byte, error) { return v[:5], nil }, "the 5 bytes that were read are not the 64"},
		"gone":        {func(v []byte) ([]byte, error) { return nil, kvstore.ErrItemNotFound }, "get of key0001: item not found"},
	} {
		t.Run(name, func(t *testing.T) {
			l := NewLoad(Uniform(2, 64, 1), 1)
			store := &wrongStore{guideDevice(t, "mbed", model.Typ).Store, "key0001", c.how}
			if err := l.Provision(store); err != nil {
				t.Fatal(err)
			}
			if err := l.Get(store, 0); err != nil {
				t.Errorf("the other key: %v", err)
			}
			if err := l.Get(store, 1); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	l := NewLoad(Uniform(1, 64, 1), 1)
	store := guideDevice(t, "mbed", model.Typ).Store
	if err := l.Provision(store); err != nil {
		t.Fatal(err)
	}
	l.held[0].present = false
	if err := l.Get(store, 0); err == nil || !strings.Contains(err.Error(), "which was removed: 64 bytes") {
		t.Errorf("a key that comes back after its remove: %v", err)
	}
}

func TestStoreTooSmall(t *testing.T) {
	d := guideDevice(t, "mbed", model.Typ)
	_, err := d.RunWorkload(context.Background(), Uniform(400, 256, 1), 1, nil)
	if !errors.Is(err, kvstore.ErrMediaFull) {
		t.Errorf("400 keys of 256 bytes in areas of 64 KiB: %v", err)
	}
}

func TestWorkloadStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	d := guideDevice(t, "mbed", model.Typ)
	w := Guide().Workload
	w.Hours = 72
	s, err := d.RunWorkload(ctx, &w, 1, func(done, total uint64) {
		if done >= total/2 {
			cancel()
		}
	})
	if err != context.Canceled || s.Count() < 2160 || s.Count() > 2700 {
		t.Errorf("stopped half way: error %v, %d sets", err, s.Count())
	}
}

func TestQuantile(t *testing.T) {
	v := []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for _, c := range []struct {
		permille int
		want     uint64
	}{{0, 1}, {1, 1}, {100, 1}, {101, 2}, {500, 5}, {990, 10}, {1000, 10}} {
		if got := Quantile(c.permille, v); got != c.want {
			t.Errorf("quantile %d of 1000 is %d, want %d", c.permille, got, c.want)
		}
	}
	if Quantile(500, nil) != 0 {
		t.Error("of nothing")
	}
}
