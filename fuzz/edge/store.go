package edge

import (
	"errors"
	"fmt"
	"strings"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
)

// store is a store under test that is looked at after every operation, while it runs and after a reboot.
type store struct {
	*trial
	*sut.Run
	tdb  *kvstore.TDBStore // nil: it is a SecureStore
	seed uint64
}

// open makes a store of its own on d. Its values have up to longest bytes.
func (t *trial) open(d *explore.Device, secure bool, keys []string, longest int) (*store, error) {
	f, err := t.flash(d)
	if err != nil {
		return nil, err
	}
	r, err := sut.NewRun(f, d, func(dev kvstore.BlockDevice) sut.Store {
		if secure {
			return sut.NewSecureStore(dev, t.c.options())
		}
		return kvstore.NewTDB(dev, t.c.options())
	}, keys, nil, max(longest, 64)+64)
	if err != nil {
		return nil, err
	}
	r.Own = map[string]bool{sut.MasterKey: true}
	s := &store{trial: t, Run: r}
	s.tdb, _ = r.Store.(*kvstore.TDBStore)
	if err := r.Store.Open(); err != nil {
		return nil, explore.FailsAlone("the store does not open on an erased device (%v): %w", d, err)
	}
	return s, nil
}

// small is a geometry in which areas fill quickly.
func small(unit uint32) explore.Device {
	return explore.Device{Sectors: "8x512", Unit: unit, Size: 4096}
}

// set sets a key to size bytes and looks. Nothing keeps it from succeeding.
func (s *store) set(key string, size int, flags kvstore.Flags) (sound bool) {
	s.seed++
	return s.do(script.Op{Kind: script.Set, Key: key, Size: size, Seed: s.seed, Flags: flags})
}

// do performs an operation that has to succeed, and looks.
func (s *store) do(op script.Op) (sound bool) {
	var before kvstore.Layout
	if s.tdb != nil {
		before = s.tdb.Layout()
	}
	err := s.perform(&op)
	if err != nil && !s.mayRefuse(&op, err, before) {
		s.Report(explore.Symptom{Rule: sut.RuleWorks, Kind: "op-fails", Op: sut.OpCode(op.Kind), Error: sut.ErrorName(err)}, "success", fmt.Sprintf("%v: %v", &op, err))
	}
	return s.looks() && err == nil
}

// mayRefuse reports whether a repair lets the store refuse an operation: one of a key that it does not take, and a set
// that would take the last program unit of an area, as the log was before it or as a collection has left it.
func (s *store) mayRefuse(op *script.Op, err error, before kvstore.Layout) bool {
	opts := s.c.options()
	switch {
	case errors.Is(err, kvstore.ErrInvalidArgument):
		return s.Refusable(op.Key)
	case errors.Is(err, kvstore.ErrMediaFull) && s.tdb != nil && opts.Repairs.With(opts.Profile.Repairs()).Has(kvstore.RepairExactFit):
		takesLast := func(l kvstore.Layout) bool {
			end := l.Free + sut.RecordSize(op, l.Unit)
			return end <= l.Size && end+l.Unit > l.Size
		}
		return takesLast(before) || takesLast(s.tdb.Layout())
	}
	return false
}

// perform performs an operation, and expects what it returned.
func (s *store) perform(op *script.Op) error {
	step := script.Step{Op: *op}
	fmt.Fprintf(s.w, "         %v\n", &step)
	d := s.Perform(&step)
	s.Expect(&step, d)
	return d.Err
}

// looks looks at the store while it runs, and after a reboot.
func (s *store) looks() (sound bool) {
	s.cuts++
	defer s.end()
	if !s.LookRunning("") {
		return false
	}
	s.Answers("")
	if !s.Reopen(sut.RuleOpens, "clean-reboot") || !s.Look("clean-reboot") {
		return false
	}
	s.Answers("clean-reboot")
	return true
}

// end takes over what was found.
func (s *store) end() {
	s.take(s.Bad)
	s.Bad = nil
}

// collect sets key until garbage has been collected.
func (s *store) collect(key string) (sound bool) {
	first := sut.Collections(s.Store)
	for range 1000 {
		if !s.set(key, 40, 0) {
			return false
		}
		if sut.Collections(s.Store) != first {
			return true
		}
	}
	return false
}

// names sets keys that look like the store's own, beside another one.
func names(t *trial, n int) (bool, error) {
	all := []string{"TDB", "TDBS", "TDBSS", "TDBS2", "tdbs", "Tdbs", "TDBs", "DBS", "T", "TDBS" + strings.Repeat("S", 123)}
	if n >= len(all) {
		return secureNames(t, n-len(all))
	}
	key, d := all[n], small(8)
	s, err := t.named(&d, false, key)
	if err != nil {
		return false, err
	}
	_ = s.set("other", 16, 0) && s.set(key, 20, 0) && s.set("last", 12, 0) && s.set(key, 8, 0) && s.collect("other") &&
		s.do(script.Op{Kind: script.Remove, Key: key}) && s.set("last", 10, 0)
	return true, nil
}

// secureNames is the same of a SecureStore, whose key of the first name marks a reset that is under way.
func secureNames(t *trial, n int) (bool, error) {
	all := []string{"\x01reset", "TDBS", "rTDBS"}
	if n >= len(all) {
		return false, nil
	}
	key, d := all[n], explore.Device{Sectors: "24x512", Unit: 8, Size: 12288}
	s, err := t.named(&d, true, key)
	if err != nil {
		return false, err
	}
	_ = s.set("other", 16, 0) && s.set(key, 20, 0) && s.set("last", 12, 0) && s.set(key, 8, 0) && s.do(script.Op{Kind: script.Remove, Key: key}) &&
		s.set(key, 30, 0) && s.do(script.Op{Kind: script.Reset}) && s.set("last", 10, 0)
	return true, nil
}

// named is a store in which key is one of the user's.
func (t *trial) named(d *explore.Device, secure bool, key string) (*store, error) {
	t.part("key %.8q", key)
	s, err := t.open(d, secure, []string{"other", key, "last"}, 64)
	if err == nil {
		delete(s.Own, key)
	}
	return s, err
}

// fullArea fills an area so that its last record ends where the area does, or a few program units before. Then a key
// is removed whose tombstone finds no room, not even after a collection.
func fullArea(t *trial, n int) (bool, error) {
	units := []uint32{1, 8, 16, 32}
	const gaps, kinds = 3, 4
	if n >= len(units)*gaps*kinds {
		return false, nil
	}
	unit, gap, kind := units[n/gaps/kinds], uint32(n/kinds%gaps), n%kinds
	d := small(unit)
	s, err := t.open(&d, false, []string{"a", "b", "c", "z"}, 4096)
	if err != nil {
		return false, err
	}
	l := s.tdb.Layout()
	last := script.Op{Kind: script.Set, Key: "z"} // the smallest record that there is
	t.part("%s", []string{"the smallest record", "a tombstone", "after a collection", "a remove without room"}[kind])
	t.tell("unit %d, %d units before the end", unit, gap)
	if kind == 1 && !s.set("z", 0, 0) {
		return true, nil
	}
	room := l.Size - gap*unit - sut.RecordSize(&last, unit)
	// fill leaves free at an offset, with the record of key.
	fill := func(key string, at uint32) bool {
		free := s.tdb.Layout().Free
		return s.set(key, int(at-free-sut.RoundUp(sut.RecordHeader, unit))-len(key), 0)
	}
	if kind < 2 {
		if !s.set("a", 16, 0) || !fill("b", room) {
			return true, nil
		}
		if kind == 1 {
			last = script.Op{Kind: script.Remove, Key: "z"}
		}
		s.do(last)
		return true, nil
	}
	// The live records leave just the room that the last one needs, once what is older is gone: a store that was opened
	// anew copies its master record, too. Records of the smallest size fill the area until it has to go.
	if kind == 3 {
		if !s.set("z", 0, 0) { // its record is among the live ones, and its tombstone has just the gap
			return true, nil
		}
		last = script.Op{Kind: script.Remove, Key: "z"}
		gap++ // what fits just so is another matter
	}
	live := l.First + 2*sut.RecordSize(&last, unit) + sut.RecordSize(&script.Op{Kind: script.Set, Key: sut.MasterKey, Size: 8}, unit)
	if !s.set("a", 0, 0) || !s.set("b", int(l.Size-gap*unit-live-sut.RoundUp(sut.RecordHeader, unit))-1, 0) {
		return true, nil
	}
	for range 64 { // a store that loses records never gets there
		if s.tdb.Layout().Free+sut.RecordSize(&last, unit) > l.Size || !s.set("a", 0, 0) {
			break
		}
	}
	s.do(last)
	return true, nil
}

// areaVersions lets garbage be collected where the areas' versions pass an edge.
func areaVersions(t *trial, n int) (bool, error) {
	edges := []uint16{1, 126, 127, 128, 253, 254, 255, 256, 32765, 32766, 32767, 32768, 65533, 65534, 65535}
	if n >= 2*len(edges) {
		return false, nil
	}
	version, area := edges[n/2], 1-n%2
	if t.part("version %d", version); n == 0 {
		return true, nil // the other area has none before it
	}
	d := small(8)
	s, err := t.open(&d, false, []string{"a", "b", "c"}, 64)
	if err != nil {
		return false, err
	}
	sound := s.set("a", 16, 0) && s.set("b", 20, 0)
	for sound && s.tdb.Layout().Active != area {
		sound = s.collect("c")
	}
	if !sound {
		return true, nil
	}
	l := s.tdb.Layout()
	for a, base := range l.Base {
		v := version
		if a != l.Active {
			v--
		}
		if !s.pokeVersion(d.Base+base+l.Master, v, a != l.Active) {
			return false, errors.New("an area has no master record")
		}
	}
	if !s.Reopen(sut.RuleOpens, "clean-reboot") || !s.Look("clean-reboot") {
		s.end()
		return true, nil
	}
	_ = s.collect("c") && s.set("a", 17, 0) && s.collect("b") && s.collect("c")
	return true, nil
}

// pokeVersion gives the master record at addr another version. Without one it reports missing.
func (s *store) pokeVersion(addr uint32, version uint16, missing bool) bool {
	up := sut.RoundUp(sut.RecordHeader, s.Device.Unit)
	p := make([]byte, up+12)
	s.F.Peek(addr, p)
	if string(p[up:up+4]) != sut.MasterKey {
		return missing
	}
	p[up+4], p[up+5] = byte(version), byte(version>>8)
	sum := kvstore.CRC(append(append([]byte(nil), p[:20]...), p[up:]...))
	p[20], p[21], p[22], p[23] = byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24)
	return s.F.Poke(addr, p)
}

// sizes sets values whose records have sizes around those of program units, work buffers and pages, and lets them
// be copied.
func sizes(t *trial, n int) (bool, error) {
	units := []uint32{1, 8, 32}
	keys := []int{1, 4, 63, 64, 65, 127}
	if n >= len(units)*len(keys) {
		return false, nil
	}
	unit, key := units[n/len(keys)], "k"+strings.Repeat("y", keys[n%len(keys)]-1)
	t.part("copied")
	t.tell("unit %d, key of %d bytes", unit, len(key))
	d := explore.Device{Sectors: "8x1K", Unit: unit, Size: 8192}
	s, err := t.open(&d, false, []string{key, "fill"}, 1100)
	if err != nil {
		return false, err
	}
	for _, edge := range []int{0, 8, 24, 32, 64, 128, 192, 256, 320, 512, 1000, 1024} {
		for _, size := range []int{edge - len(key) - 1, edge - len(key), edge - len(key) + 1, edge - 1, edge, edge + 1} {
			if size < 0 {
				continue
			}
			s.seed++
			op := script.Op{Kind: script.Set, Key: key, Size: size, Seed: s.seed}
			if s.perform(&op) != nil || sut.Collections(s.Store) > 40 {
				break
			}
			// As much again as makes the next set collect.
			l := s.tdb.Layout()
			rest := int(l.Size-l.Free) - int(sut.RoundUp(sut.RecordHeader, unit)) - len("fill")
			if rest >= 0 {
				s.seed++
				if fill := (script.Op{Kind: script.Set, Key: "fill", Size: max(min(rest-int(unit), 1100), 0), Seed: s.seed}); s.perform(&fill) != nil {
					break
				}
			}
			if !s.looks() || !s.set("fill", 3, 0) {
				return true, nil
			}
		}
	}
	return true, nil
}

// secureSizes sets values of every kind of protection with sizes around blocks and pieces, and reads them at
// offsets.
func secureSizes(t *trial, n int) (bool, error) {
	keys := []string{"n", "c", "r", "x"}
	if n >= len(keys) {
		return false, nil
	}
	key := keys[n]
	t.part("read at offsets")
	t.tell("flags 0x%X", uint32(script.Protection(key)))
	d := explore.Device{Sectors: "24x512", Unit: 8, Size: 12288}
	s, err := t.open(&d, true, []string{key}, 600)
	if err != nil {
		return false, err
	}
	buf := make([]byte, 700)
	for _, size := range []int{0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 240, 255, 256, 257, 272, 511, 512, 513} {
		if !s.set(key, size, 0) {
			return true, nil
		}
		v := s.Exp.Keys[0].Now
		for _, off := range []int{2, 14, 15, 16, 17, 31, 33, 47, 100, 239, 255, 256, 257, 300, 511} {
			for _, most := range []int{1, 16, 100, len(buf)} {
				if off > size {
					continue
				}
				want := v[off:min(off+most, size)]
				got, err := s.Store.Get(key, buf[:most], uint32(off))
				if err != nil || string(buf[:got]) != string(want) {
					s.report(explore.Symptom{Rule: sut.RuleDurable, Kind: "offset-wrong"}, fmt.Sprintf("%d bytes", len(want)), fmt.Sprintf("get %q of %d bytes from offset %d into %d: %d bytes, %v", key, size, off, most, got, err))
					return true, nil
				}
			}
		}
	}
	return true, nil
}

// liveBytes flips bits of every byte that a store lives on: what it then gives out was stored once, and what it
// tells is not what it told before.
func liveBytes(t *trial, n int) (bool, error) {
	units := []uint32{1, 8, 32}
	if n >= len(units) {
		return false, nil
	}
	unit := units[n]
	d := small(unit)
	s, err := t.open(&d, false, []string{"a", "once", "b", "last"}, 64)
	if err != nil {
		return false, err
	}
	t.part("reserved data")
	t.tell("unit %d", unit)
	sound := s.do(script.Op{Kind: script.Reserved, Size: 40, Seed: 5}) && s.set("a", 20, 0) && s.set("once", 9, kvstore.FlagWriteOnce) && s.set("b", 0, 0) &&
		s.set("a", 21, 0) && s.set("last", 12, 0)
	if !sound {
		return true, nil
	}
	l := s.tdb.Layout()
	had := map[string][]string{}
	for seed, op := range []script.Op{{Key: "a", Size: 20}, {Key: "once", Size: 9}, {Key: "b"}, {Key: "a", Size: 21}, {Key: "last", Size: 12}} {
		op.Seed = uint64(seed + 1)
		had[op.Key] = append(had[op.Key], string(op.Value()))
	}
	flip := func(addr uint32, what string, same func() bool) {
		for bit := range 8 {
			s.cuts++
			s.F.Mark()
			var p [1]byte
			s.F.Peek(addr, p[:])
			p[0] ^= 1 << bit
			s.F.Poke(addr, p[:])
			s.F.Boot()
			if s.Store.Open() == nil && same() {
				s.report(explore.Symptom{Rule: sut.RuleDurable, Kind: "flip-believed", Op: what}, "a failed check", fmt.Sprintf("bit %d at 0x%X", bit, addr))
			}
			s.F.Rollback()
		}
	}
	// One copy of reserved data alone, since either stands for the other.
	buf := make([]byte, 64)
	for a, base := range l.Base {
		s.F.Mark()
		s.F.Poke(d.Base+l.Base[1-a], make([]byte, 72))
		for at := uint32(0); at < 72; at++ {
			if at == 40 {
				at = 64 // behind the data comes the trailer
			}
			flip(d.Base+base+at, "reserved-data", func() bool { _, err := s.tdb.Reserved(buf); return err == nil })
		}
		s.F.Rollback()
	}
	t.part("records")
	// What is told of all keys, or nothing where it is none that was stored.
	tell := func() (all string, sound bool) {
		for key, values := range had {
			n, err := s.tdb.Get(key, s.Buf, 0)
			if err != nil {
				continue
			}
			stored := false
			for _, v := range values {
				stored = stored || v == string(s.Buf[:n])
			}
			info, err := s.tdb.Info(key)
			want := kvstore.Flags(0)
			if key == "once" {
				want = kvstore.FlagWriteOnce
			}
			if !stored || err != nil || info.Flags != want {
				return "", false
			}
		}
		for _, key := range []string{"a", "once", "b", "last"} {
			n, err := s.tdb.Get(key, s.Buf, 0)
			all += fmt.Sprintf("%q %x %v\n", key, s.Buf[:n], err)
		}
		return all, true
	}
	s.F.Boot()
	if err := s.Store.Open(); err != nil {
		return false, err
	}
	before, _ := tell()
	for off := l.Master; off < l.Free; {
		h := make([]byte, sut.RecordHeader)
		s.F.Peek(d.Base+l.Base[l.Active]+off, h)
		up := sut.RoundUp(sut.RecordHeader, unit)
		body := uint32(h[12]) + uint32(h[16]) // both below 256
		for at := uint32(0); at < up+body; at++ {
			if at >= sut.RecordHeader && at < up {
				continue // padding
			}
			what := "record"
			if off == l.Master {
				what = "master-record"
			}
			flip(d.Base+l.Base[l.Active]+off+at, what, func() bool {
				after, sound := tell()
				return !sound || after == before
			})
		}
		off += up + sut.RoundUp(body, unit)
	}
	return true, nil
}
