package script

import (
	"fmt"
	"strings"

	"dualbank/kvstore"
	"dualbank/model/random"
)

// Workload makes the operations of a sweep: reserved data, a write-once key, then a device's
// rewrites, skewed to a few keys, with removes and reboots in between, and every now and then what
// stores get wrong: keys whose hashes are nearly equal, the longest key, empty values, records that end
// just where the area ends, incremental sets that are finished or forgotten, a reset.
type Workload struct {
	r     *random.Source
	can   Abilities
	log   Log // nil: nothing is known of the store's layout
	keys  []string
	size  []int // bytes of the value of each key, about
	most  int   // bytes of the largest value
	first []Op
	n     int
}

// Twins have the same CRC-32, and so the same hash in TDBStore's table. The reference takes them for one
// key, so that a workload with both shows little else: EqualHashes has them, others have Lone for the
// second one.
var Twins = [2]string{"twin-jwadjele", "twin-cgslqqmr"}

// Lone is a key like the second of the Twins with a hash of its own, next to theirs.
const Lone = "lone-xjysqdaa"

// LongestKey has 127 bytes, the most that TDBStore reads back.
var LongestKey = "long-" + strings.Repeat("k", 122)

// Log is a store that says where its log ends, as TDBStore does.
type Log interface{ Layout() kvstore.Layout }

// NewWorkload fits keys and values to areas of area bytes: about a quarter of one is live, so that
// garbage collection has something to collect. log may be nil.
func NewWorkload(seed uint64, area uint32, can Abilities, log Log) *Workload {
	w := &Workload{r: random.New(seed), can: can, log: log}
	keys := min(max(int(area)/512, 3), 28)
	w.most = min(max(int(area)/(4*keys), 16), 600)
	for i := range keys {
		w.keys = append(w.keys, fmt.Sprintf("k%02d", i))
		w.size = append(w.size, 16+w.r.Intn(w.most-15))
	}
	if can.Reserved {
		w.first = append(w.first, Op{Kind: Reserved, Size: 64, Seed: w.r.Uint64()})
	}
	w.first = append(w.first, Op{Kind: Set, Key: "once", Size: min(32, w.most), Seed: w.r.Uint64(), Flags: kvstore.FlagWriteOnce})
	for i := range w.keys {
		w.first = append(w.first, w.set(i))
	}
	w.keys = append(w.keys, Twins[0], Lone)
	w.size = append(w.size, 8, 12)
	if area >= 4096 {
		w.keys = append(w.keys, LongestKey)
		w.size = append(w.size, 20)
	}
	return w
}

func (w *Workload) set(i int) Op {
	size := w.size[i]
	switch w.r.Intn(8) {
	case 0, 1:
		size = w.r.Intn(size + 1)
	case 2:
		if n, ok := w.fit(w.keys[i]); ok {
			size = n
		}
	}
	return Op{Kind: Set, Key: w.keys[i], Size: size, Seed: w.r.Uint64()}
}

// fit is the size of a value whose record ends with the area, or one program unit before or after.
func (w *Workload) fit(key string) (size int, ok bool) {
	if w.log == nil {
		return 0, false
	}
	l := w.log.Layout()
	header := (24 + int(l.Unit) - 1) / int(l.Unit) * int(l.Unit)
	size = int(l.Size) - int(l.Free) - header - len(key) + (w.r.Intn(3)-1)*int(l.Unit)
	return size, size >= 0 && size <= w.most
}

// Next is the next operation that the store can do.
func (w *Workload) Next() Op {
	for {
		if op, ok := w.can.Fit(w.next()); ok {
			return op
		}
	}
}

func (w *Workload) next() Op {
	n := w.n
	w.n++
	if n < len(w.first) {
		return w.first[n]
	}
	// The smaller of two draws: low keys are written more often than high ones.
	i := min(w.r.Intn(len(w.keys)), w.r.Intn(len(w.keys)))
	switch w.r.Intn(60) {
	case 0, 1:
		return Op{Kind: Reboot}
	case 2, 3, 4:
		return Op{Kind: Remove, Key: w.keys[i]}
	case 5, 6, 7:
		op := w.set(i)
		op.Kind, op.Piece = Pieces, 1+w.r.Intn(op.Size+1)
		return op
	case 8:
		op := w.set(i)
		op.Kind, op.Piece = Abandon, w.r.Intn(op.Size+1)
		return op
	case 9:
		if w.r.Intn(8) == 0 {
			return Op{Kind: Reset}
		}
	}
	return w.set(i)
}
