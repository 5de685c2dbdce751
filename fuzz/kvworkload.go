package fuzz

import (
	"fmt"

	"dualbank/kvstore"
	"dualbank/model"
)

// kvWorkload makes the operations of a sweep: reserved data, a write-once key, then a device's
// rewrites, skewed to a few keys, with removes and reboots in between.
type kvWorkload struct {
	r     *model.Rand
	keys  []string
	size  []int // bytes of the value of each key, about
	first []Op
	n     int
}

// newKVWorkload fits keys and values to areas of area bytes: about a quarter of one is live, so that
// garbage collection has something to collect.
func newKVWorkload(seed uint64, area uint32, reserves bool) *kvWorkload {
	w := &kvWorkload{r: model.NewRand(seed)}
	keys := min(max(int(area)/512, 3), 28)
	largest := min(max(int(area)/(4*keys), 16), 600)
	for i := range keys {
		w.keys = append(w.keys, fmt.Sprintf("k%02d", i))
		w.size = append(w.size, 16+w.r.Intn(largest-15))
	}
	if reserves {
		w.first = append(w.first, Op{Kind: OpReserved, Size: 64, Seed: w.r.Uint64()})
	}
	w.first = append(w.first, Op{Kind: OpSet, Key: "once", Size: min(32, largest), Seed: w.r.Uint64(), Flags: uint32(kvstore.FlagWriteOnce)})
	for i := range w.keys {
		w.first = append(w.first, w.set(i))
	}
	return w
}

func (w *kvWorkload) set(i int) Op {
	size := w.size[i]
	if w.r.Intn(4) == 0 {
		size = w.r.Intn(size + 1)
	}
	return Op{Kind: OpSet, Key: w.keys[i], Size: size, Seed: w.r.Uint64()}
}

// next is the next operation.
func (w *kvWorkload) next() Op {
	n := w.n
	w.n++
	if n < len(w.first) {
		return w.first[n]
	}
	// The smaller of two draws: low keys are written more often than high ones.
	i := min(w.r.Intn(len(w.keys)), w.r.Intn(len(w.keys)))
	switch w.r.Intn(40) {
	case 0:
		return Op{Kind: OpReboot}
	case 1, 2:
		return Op{Kind: OpRemove, Key: w.keys[i]}
	}
	return w.set(i)
}
