package kv

import (
	"bytes"
	"slices"
	"testing"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
)

// TestForgeries: each attack on a record changes what its name says, always the same bytes, and nothing else. A finding
// names the attack alone.
func TestForgeries(t *testing.T) {
	// Metadata of 20 bytes: their size, revision, data size 17, flags with replay protection, IV; then data and MAC.
	value := []byte{20, 0, 1, 0, 17, 0, 0, 0, 0x0B, 0x22, 0x33, 0x44, 1, 2, 3, 4, 5, 6, 7, 8}
	for i := range 17 + 16 {
		value = append(value, 0x80+byte(i))
	}
	with := func(from int, b ...byte) []byte {
		v := bytes.Clone(value)
		copy(v[from:], b)
		return v
	}
	other := []byte("the record of another key")
	earlier := [][]byte{[]byte("first"), []byte("second"), []byte("before")}
	want := map[string][]byte{
		"change a byte of the data":             with(20, 0x90),
		"change the last byte":                  with(52, 0xA1),
		"clear the flags":                       with(8, 0, 0, 0, 0),
		"ask for less protection":               with(8, 0x03),
		"shorten the size":                      with(4, 16),
		"cut the record short":                  value[:11],
		"put another key's record in its place": other,
		"put the first record that it had back": earlier[0],
		"put the record before this one back":   earlier[2],
		"remove":                                nil,
	}
	if len(forgeries) != len(script.RecordAttacks) || len(want) != len(forgeries) {
		t.Fatalf("%d attacks, %d names, %d are tested", len(forgeries), len(script.RecordAttacks), len(want))
	}
	for _, what := range script.RecordAttacks {
		for at := range 2 {
			all := []stored{{key: "k", value: bytes.Clone(value)}, {key: "o", value: bytes.Clone(other)}}
			if at == 1 {
				slices.Reverse(all)
			}
			got := forgeries[what](all, at, earlier)
			if what == attackRemove {
				if len(got) != 1 || got[0].key != "o" || !bytes.Equal(got[0].value, other) {
					t.Errorf("%s: %v", what, got)
				}
				continue
			}
			if len(got) != 2 || got[at].key != "k" || !bytes.Equal(got[at].value, want[what]) || !bytes.Equal(got[1-at].value, other) {
				t.Errorf("%s: % x, want % x", what, got[at].value, want[what])
			}
			// Without an earlier record there is none to put back.
			if none := forgeries[what](all, at, nil); (what == attackFirst || what == attackPrevious) && !bytes.Equal(none[at].value, got[at].value) {
				t.Errorf("%s, of which there is none: % x", what, none[at].value)
			}
		}
	}
}

// TestDamage: each attack on bytes changes those of the external region that its name says, and no other ones.
func TestDamage(t *testing.T) {
	const base, size, sector = 12 * 512, 12 * 512, 512
	d := explore.Device{Sectors: "24x512", Unit: 8, Size: 12288}
	f, err := d.Flash()
	if err != nil {
		t.Fatal(err)
	}
	r, err := sut.NewRun(f, &d, func(dev kvstore.BlockDevice) sut.Store { return kvstore.NewTDB(dev, kvstore.Options{}) }, nil, nil, 64)
	if err != nil {
		t.Fatal(err)
	}
	now, then := make([]byte, d.Size), bytes.Repeat([]byte{0x33}, size)
	for i := range now {
		now[i] = byte(i*7) | 1
	}
	fill := func(p []byte, c byte) {
		for i := range p {
			p[i] = c
		}
	}
	for _, c := range []struct {
		attack script.Attack
		change func(p []byte) // of the external region
	}{
		{script.Attack{What: script.AttackFlip, At: 700, Bit: 3}, func(p []byte) { p[700] ^= 8 }},
		{script.Attack{What: script.AttackFlip, At: size + 1, Bit: 7}, func(p []byte) { p[1] ^= 0x80 }},
		{script.Attack{What: script.AttackZero, At: 0}, func(p []byte) { p[0] = 0 }},
		{script.Attack{What: script.AttackErase, At: 511}, func(p []byte) { fill(p[:sector], 0xFF) }},
		{script.Attack{What: script.AttackErase, At: 512}, func(p []byte) { fill(p[sector:2*sector], 0xFF) }},
		{script.Attack{What: script.AttackCut, At: 5000}, func(p []byte) { fill(p[5000:], 0xFF) }},
		{script.Attack{What: script.AttackReplay, At: 900, Image: 1}, func(p []byte) { fill(p, 0x33) }},
		{script.Attack{What: script.AttackRestore, At: 1100, Image: 3}, func(p []byte) { fill(p[2*sector:3*sector], 0x33) }},
	} {
		f.Poke(d.Base, now)
		w := &secureWalk{walk: &walk{Run: r}, base: base, size: size, states: [][]byte{now[base:], then}}
		want := bytes.Clone(now)
		c.change(want[base:])
		if done, got := w.damage(&c.attack), r.Image(); !done || !bytes.Equal(got, want) {
			t.Errorf("%v: %v; %d bytes are as wanted", &c.attack, done, equalBytes(got, want))
		}
	}
	w := &secureWalk{walk: &walk{Run: r}, base: base, size: size}
	before := r.Image()
	if w.damage(&script.Attack{What: script.AttackReplay}) || !bytes.Equal(r.Image(), before) {
		t.Error("a state is put back that there never was")
	}
}

// equalBytes counts the bytes that are equal.
func equalBytes(a, b []byte) (n int) {
	for i := range min(len(a), len(b)) {
		if a[i] == b[i] {
			n++
		}
	}
	return n
}
