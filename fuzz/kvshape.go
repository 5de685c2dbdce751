package fuzz

import (
	"fmt"

	"dualbank/kvstore"
	"dualbank/model/random"
)

// uniformOps rewrites a few keys with values of size bytes, so that the records of an area's earlier life
// lie where the new ones do; now and then everything is removed.
func uniformOps(seed uint64, n, size int) []Op {
	r := random.New(seed)
	var ops []Op
	for i := range n {
		switch {
		case i%29 == 28:
			ops = append(ops, Op{Kind: OpReset})
		case r.Intn(10) == 0:
			ops = append(ops, Op{Kind: OpReboot})
		default:
			ops = append(ops, Op{Kind: OpSet, Key: fmt.Sprintf("u%d", r.Intn(5)), Size: size, Seed: r.Uint64()})
		}
	}
	return ops
}

// brimOps fills areas of area bytes, with the first record at first, to less than a master record from
// their end, reboots and goes on.
func brimOps(area, first, unit uint32, seed uint64) []Op {
	const keys = 6
	r := random.New(seed)
	up := func(n uint32) uint32 { return (n + unit - 1) / unit * unit }
	room := area - first - up(20)
	each := room / keys / unit * unit
	var ops []Op
	set := func(i int) {
		size := each - up(24) - 2
		if i == keys-1 {
			size += (room - keys*each) / unit * unit
		}
		ops = append(ops, Op{Kind: OpSet, Key: fmt.Sprintf("f%d", i), Size: int(size), Seed: r.Uint64()})
	}
	for i := range keys {
		set(i)
	}
	ops = append(ops, Op{Kind: OpReboot}, Op{Kind: OpRemove, Key: "f0"}, Op{Kind: OpReboot}, Op{Kind: OpRemove, Key: "f1"}, Op{Kind: OpReboot})
	set(1)
	return append(ops, Op{Kind: OpReboot})
}

// edgeOps are what TDBStore's interface allows and nobody does twice: the longest key, and one that is too
// long to be read back, reserved data of an odd size, write-once keys set again and removed, empty values,
// a value of the largest size that fits, sets that are left unfinished. alone says that nobody writes but
// the workload.
func edgeOps(area, first, unit uint32, alone bool) []Op {
	once := uint32(kvstore.FlagWriteOnce)
	ops := []Op{
		{Kind: OpReserved, Size: 33, Seed: 1},
		{Kind: OpReserved, Size: 20, Seed: 2},
		{Kind: OpSet, Key: "once", Size: 10, Seed: 3, Flags: once},
		{Kind: OpSet, Key: "once", Size: 10, Seed: 4},
		{Kind: OpRemove, Key: "once"},
		{Kind: OpSet, Key: "empty"},
		{Kind: OpSet, Key: longestKey, Size: 5, Seed: 5},
		{Kind: OpSet, Key: twins[0], Size: 9, Seed: 7},
		{Kind: OpSet, Key: twins[1], Size: 9, Seed: 8},
		{Kind: OpRemove, Key: twins[0]},
		{Kind: OpAbandon, Key: "empty", Size: 30, Piece: 11, Seed: 9},
		{Kind: OpPieces, Key: "empty", Size: 30, Piece: 7, Seed: 10},
		{Kind: OpReboot},
	}
	// Again and again a key whose record is a fraction of the area.
	up := func(n uint32) uint32 { return (n + unit - 1) / unit * unit }
	for i, part := range []uint32{4, 3, 5, 2} {
		key := fmt.Sprintf("e%d", i)
		size := (area-first)/part/unit*unit - up(24) - uint32(len(key))
		for range part + 1 {
			ops = append(ops, Op{Kind: OpSet, Key: key, Size: int(size), Seed: uint64(100 + len(ops))})
		}
		ops = append(ops, Op{Kind: OpRemove, Key: key}, Op{Kind: OpReboot})
	}
	// A key that can never be read back, and one record that ends just with the area, alone in it: a judge
	// who goes on to write after a cut could write neither.
	if !alone {
		return ops
	}
	ops = append(ops, Op{Kind: OpSet, Key: longestKey + "k", Size: 5, Seed: 6})
	whole := Op{Kind: OpSet, Key: "whole", Size: int(area-first-up(24)) - len("whole"), Seed: 11}
	return append(ops, Op{Kind: OpReset}, whole, Op{Kind: OpReboot})
}

// masterEnd is the offset behind the master record in an area.
func masterEnd(unit uint32) uint32 {
	up := func(n uint32) uint32 { return (n + unit - 1) / unit * unit }
	return up(72) + up(24) + up(12)
}
