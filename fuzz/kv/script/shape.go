package script

import (
	"fmt"

	"dualbank/kvstore"
	"dualbank/model/random"
)

// Uniform rewrites a few keys with values of size bytes, so that the records of an area's earlier life
// lie where the new ones do; now and then everything is removed.
func Uniform(seed uint64, n, size int) []Op {
	r := random.New(seed)
	var ops []Op
	for i := range n {
		switch {
		case i%29 == 28:
			ops = append(ops, Op{Kind: Reset})
		case r.Intn(10) == 0:
			ops = append(ops, Op{Kind: Reboot})
		default:
			ops = append(ops, Op{Kind: Set, Key: fmt.Sprintf("u%d", r.Intn(5)), Size: size, Seed: r.Uint64()})
		}
	}
	return ops
}

// Brim fills areas of area bytes, with the first record at first, to less than a master record from
// their end, reboots and goes on.
func Brim(area, first, unit uint32, seed uint64) []Op {
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
		ops = append(ops, Op{Kind: Set, Key: fmt.Sprintf("f%d", i), Size: int(size), Seed: r.Uint64()})
	}
	for i := range keys {
		set(i)
	}
	ops = append(ops, Op{Kind: Reboot}, Op{Kind: Remove, Key: "f0"}, Op{Kind: Reboot}, Op{Kind: Remove, Key: "f1"}, Op{Kind: Reboot})
	set(1)
	return append(ops, Op{Kind: Reboot})
}

// ToReset fills some of an area and ends in a reset. Enough sets come first for so many collections on areas of about
// 2 KiB.
func ToReset(seed uint64, collections int, keys [5]string) []Op {
	r := random.New(seed)
	ops := []Op{{Kind: Reserved, Size: 20, Seed: r.Uint64()}}
	for range 9 + collections*26 {
		key := keys[r.Intn(len(keys))]
		ops = append(ops, Op{Kind: Set, Key: key, Size: 20 + r.Intn(20), Seed: r.Uint64(), Flags: Protection(key)})
	}
	return append(ops, Op{Kind: Remove, Key: keys[0]}, Op{Kind: Reset})
}

// Keys for ToReset: of a store, and of a SecureStore, with every kind of protection.
var (
	ResetKeys       = [5]string{"u0", "u1", "u2", "u3", "u4"}
	SecureResetKeys = [5]string{"n0", "c0", "r0", "x0", "r1"}
)

// EqualHashes sets and removes two keys of equal hash. The first remove names the key that is still missing.
func EqualHashes() []Op {
	return []Op{
		{Kind: Remove, Key: Twins[1]},
		{Kind: Set, Key: Twins[0], Size: 9, Seed: 7},
		{Kind: Set, Key: Twins[1], Size: 9, Seed: 8},
		{Kind: Remove, Key: Twins[0]},
		{Kind: Reboot},
	}
}

// Edge is what TDBStore's interface allows and applications seldom do: the longest key, and one that is too
// long to be read back, reserved data of an odd size, write-once keys set again and removed, empty values,
// a value of the largest size that fits, sets that are left unfinished. alone says that no judge writes
// beside the workload.
func Edge(area, first, unit uint32, alone bool) []Op {
	once := kvstore.FlagWriteOnce
	ops := []Op{
		{Kind: Reserved, Size: 33, Seed: 1},
		{Kind: Reserved, Size: 20, Seed: 2},
		{Kind: Set, Key: "once", Size: 10, Seed: 3, Flags: once},
		{Kind: Set, Key: "once", Size: 10, Seed: 4},
		{Kind: Remove, Key: "once"},
		{Kind: Set, Key: "empty"},
		{Kind: Set, Key: LongestKey, Size: 5, Seed: 5},
		{Kind: Set, Key: Twins[0], Size: 9, Seed: 7},
		{Kind: Set, Key: Lone, Size: 9, Seed: 8},
		{Kind: Remove, Key: Twins[0]},
		{Kind: Abandon, Key: "empty", Size: 30, Piece: 11, Seed: 9},
		{Kind: Pieces, Key: "empty", Size: 30, Piece: 7, Seed: 10},
		{Kind: Reboot},
	}
	// Again and again a key whose record is a fraction of the area.
	up := func(n uint32) uint32 { return (n + unit - 1) / unit * unit }
	for i, part := range []uint32{4, 3, 5, 2} {
		key := fmt.Sprintf("e%d", i)
		size := (area-first)/part/unit*unit - up(24) - uint32(len(key))
		for range part + 1 {
			ops = append(ops, Op{Kind: Set, Key: key, Size: int(size), Seed: uint64(100 + len(ops))})
		}
		ops = append(ops, Op{Kind: Remove, Key: key}, Op{Kind: Reboot})
	}
	// A key that can never be read back, and one record that ends just with the area, alone in it: a judge
	// who goes on to write after a cut could write neither.
	if !alone {
		return ops
	}
	ops = append(ops, Op{Kind: Set, Key: LongestKey + "k", Size: 5, Seed: 6})
	whole := Op{Kind: Set, Key: "whole", Size: int(area-first-up(24)) - len("whole"), Seed: 11}
	return append(ops, Op{Kind: Reset}, whole, Op{Kind: Reboot})
}

// MasterEnd is the offset behind the master record in an area.
func MasterEnd(unit uint32) uint32 {
	up := func(n uint32) uint32 { return (n + unit - 1) / unit * unit }
	return up(72) + up(24) + up(12)
}

// Attacked are Secure among which keys are protected from a replay from their second value on.
func Attacked(seed uint64, n int) []Op {
	ops := Secure(seed, n)
	r := random.New(seed ^ 0x1A7E)
	for i := 9; i < len(ops); i += 7 {
		if ops[i].Kind == Reboot {
			continue
		}
		flags := kvstore.FlagReplayProtection
		if i < 21 {
			flags = 0
		}
		ops[i] = Op{Kind: Set, Key: fmt.Sprintf("late%d", i/7%2), Size: 16 + r.Intn(32), Seed: r.Uint64(), Flags: flags}
	}
	return ops
}

// Secure sets and removes keys of every kind of protection, and reboots in between.
func Secure(seed uint64, n int) []Op {
	r := random.New(seed)
	names := []string{"n0", "n1", "c0", "c1", "r0", "r1", "x0", "x1"}
	ops := []Op{{Kind: Set, Key: "once", Size: 24, Seed: r.Uint64(), Flags: kvstore.FlagWriteOnce}}
	for _, k := range names {
		ops = append(ops, Op{Kind: Set, Key: k, Size: 16 + r.Intn(32), Seed: r.Uint64()})
	}
	for len(ops) < n {
		k := names[min(r.Intn(len(names)), r.Intn(len(names)))]
		switch r.Intn(16) {
		case 0:
			ops = append(ops, Op{Kind: Reboot})
		case 1, 2:
			ops = append(ops, Op{Kind: Remove, Key: k})
		default:
			ops = append(ops, Op{Kind: Set, Key: k, Size: 16 + r.Intn(32), Seed: r.Uint64()})
		}
	}
	return ops
}
