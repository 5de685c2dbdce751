package fuzz

import (
	"fmt"
	"strings"

	"dualbank/kvstore"
	"dualbank/model/random"
)

// kvWorkload makes the operations of a sweep: reserved data, a write-once key, then a device's
// rewrites, skewed to a few keys, with removes and reboots in between, and every now and then what
// stores get wrong: keys whose hashes are equal, the longest key, empty values, records that end
// just where the area ends, incremental sets that are finished or forgotten, a reset.
type kvWorkload struct {
	r     *random.Source
	store *kvstore.TDBStore // nil: another store, of which no layout is known
	keys  []string
	size  []int // bytes of the value of each key, about
	most  int   // bytes of the largest value
	first []Op
	n     int
}

// twins have the same CRC-32, and so the same hash in TDBStore's table.
var twins = [2]string{"twin-jwadjele", "twin-cgslqqmr"}

// longestKey has 127 bytes, the most that TDBStore reads back.
var longestKey = "long-" + strings.Repeat("k", 122)

// newKVWorkload fits keys and values to areas of area bytes: about a quarter of one is live, so that
// garbage collection has something to collect.
func newKVWorkload(seed uint64, area uint32, reserves bool, store *kvstore.TDBStore) *kvWorkload {
	w := &kvWorkload{r: random.New(seed), store: store}
	keys := min(max(int(area)/512, 3), 28)
	w.most = min(max(int(area)/(4*keys), 16), 600)
	for i := range keys {
		w.keys = append(w.keys, fmt.Sprintf("k%02d", i))
		w.size = append(w.size, 16+w.r.Intn(w.most-15))
	}
	if reserves {
		w.first = append(w.first, Op{Kind: OpReserved, Size: 64, Seed: w.r.Uint64()})
	}
	w.first = append(w.first, Op{Kind: OpSet, Key: "once", Size: min(32, w.most), Seed: w.r.Uint64(), Flags: uint32(kvstore.FlagWriteOnce)})
	for i := range w.keys {
		w.first = append(w.first, w.set(i))
	}
	w.keys = append(w.keys, twins[0], twins[1])
	w.size = append(w.size, 8, 12)
	if area >= 4096 {
		w.keys = append(w.keys, longestKey)
		w.size = append(w.size, 20)
	}
	return w
}

func (w *kvWorkload) set(i int) Op {
	size := w.size[i]
	switch w.r.Intn(8) {
	case 0, 1:
		size = w.r.Intn(size + 1)
	case 2:
		if n, ok := w.fit(w.keys[i]); ok {
			size = n
		}
	}
	return Op{Kind: OpSet, Key: w.keys[i], Size: size, Seed: w.r.Uint64()}
}

// fit is the size of a value whose record ends with the area, or one program unit before or after.
func (w *kvWorkload) fit(key string) (size int, ok bool) {
	if w.store == nil {
		return 0, false
	}
	l := w.store.Layout()
	header := (24 + int(l.Unit) - 1) / int(l.Unit) * int(l.Unit)
	size = int(l.Size) - int(l.Free) - header - len(key) + (w.r.Intn(3)-1)*int(l.Unit)
	return size, size >= 0 && size <= w.most
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
	switch w.r.Intn(60) {
	case 0, 1:
		return Op{Kind: OpReboot}
	case 2, 3, 4:
		return Op{Kind: OpRemove, Key: w.keys[i]}
	case 5, 6, 7:
		op := w.set(i)
		op.Kind, op.Piece = OpPieces, 1+w.r.Intn(op.Size+1)
		return op
	case 8:
		op := w.set(i)
		op.Kind, op.Piece = OpAbandon, w.r.Intn(op.Size+1)
		return op
	case 9:
		if w.r.Intn(8) == 0 {
			return Op{Kind: OpReset}
		}
	}
	return w.set(i)
}
