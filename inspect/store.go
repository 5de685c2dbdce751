package inspect

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"unicode"
	"unicode/utf8"

	"dualbank/boot/layout"
	"dualbank/kvstore"
)

// stores reports the store in the layout's region, and others found by their master records.
func (l *inspection) stores() {
	known := false
	var at layout.Region
	if l.Options.Layout != nil {
		at, known = l.Options.Layout.Region(layout.RegionKVStore)
	}
	if known {
		if have, _ := l.dump.count(at.Start, at.Size); have == 0 {
			l.damage("KVStore at 0x%08X: the dump does not have it", at.Start)
			known = false
		}
	}
	found := l.findStores()
	if known {
		l.layoutStore(at, found)
	}
	for _, f := range found {
		if known && uint64(f.base) < at.End() && uint64(f.base)+uint64(f.size) > uint64(at.Start) {
			continue
		}
		if l.Options.Layout != nil {
			l.damage("a TDBStore lies at 0x%08X, where the layout has none", f.base)
		}
		l.guessedStore(f)
	}
}

// layoutStore reports the store in the layout's region.
func (l *inspection) layoutStore(at layout.Region, found []guess) {
	unit := l.Unit
	if unit == 0 {
		unit = l.Chip.Unit
		for _, f := range found {
			if f.base == at.Start && l.Unit == 0 && !f.fits(unit) {
				l.damage("KVStore at 0x%08X: written with a program unit of %d bytes, the layout's driver has %d", at.Start, f.unit, unit)
				unit = f.unit
			}
		}
	}
	dev := &region{l.dump, at.Start, at.Size, unit, func(addr uint32) uint32 { return l.Chip.SectorSize(at.Start + addr) }}
	pic, err := kvstore.Inspect(dev, l.Profile)
	if err != nil {
		l.damage("KVStore at 0x%08X: %v", at.Start, err)
		return
	}
	l.store(Store{Start: at.Start, Size: at.Size, Unit: unit}, pic, 2)
	reserved := slices.ContainsFunc(pic.Areas[:], func(a kvstore.AreaPicture) bool { return a.Reserved != nil })
	if _, err := kvstore.DirectAccess(dev, make([]byte, 64), l.Profile.Repairs()); reserved && err != nil {
		l.damage("KVStore at 0x%08X: a bootloader with use-kvstore-rot finds no device key, which it reads without opening the store: the copy that is left lies where it does not look", at.Start)
	}
	for _, f := range found {
		if f.base > at.Start && uint64(f.base) < at.End() && f.base != at.Start+pic.Areas[1].Base {
			l.damage("KVStore: a TDBStore area begins at 0x%08X, the region's areas at 0x%08X and 0x%08X: written with another layout?", f.base, at.Start, at.Start+pic.Areas[1].Base)
		}
	}
}

// store adds a store to the report. areas is the number of its areas that were found.
func (l *inspection) store(s Store, pic *kvstore.Picture, areas int) {
	s.Active, s.Fails, s.Rated = pic.Active, pic.Fails, l.Rated
	s.Records = []Entry{}
	for i := range pic.Areas[:areas] {
		a := l.area(&s, pic, i)
		s.Areas = append(s.Areas, a)
		if i == s.Active {
			for _, e := range a.Log {
				if e.State == "live" {
					s.Records = append(s.Records, e)
				}
			}
		}
	}
	l.wear(&s, pic)
	if s.Fails != "" {
		l.damage("store at 0x%08X: an open fails: %s", s.Start, s.Fails)
	}
	if s.Active < 0 {
		if _, written := l.dump.count(s.Start, s.Size); written > 0 {
			l.damage("store at 0x%08X: neither area has a valid master record: an open makes a new store, all keys are lost", s.Start)
		}
	}
	l.report.Stores = append(l.report.Stores, s)
}

// area returns one area, and reports its damage.
func (l *inspection) area(s *Store, pic *kvstore.Picture, i int) Area {
	p := &pic.Areas[i]
	start := s.Start + p.Base
	a := Area{
		Start: start, Size: p.Size, State: "no master record", Version: p.Version, Reserved: hex.EncodeToString(p.Reserved),
		Log: []Entry{}, Stale: []Entry{}, Free: start + p.Free, Room: p.Size - p.Free, Tail: p.Tail.String(), Torn: p.Here, Behind: p.Used - p.Here,
	}
	switch {
	case i == pic.Active:
		a.State = "active"
	case p.Valid:
		a.State = "standby"
	}
	for _, r := range p.Records {
		e := entry(start, r)
		if e.State == "live" {
			a.Live += e.Size
		} else {
			a.Dead += e.Size
		}
		a.Log = append(a.Log, e)
	}
	lost := 0
	for _, r := range p.Stale {
		e := entry(start, r)
		e.State = "stale"
		a.Stale = append(a.Stale, e)
		if r.Offset < p.Next {
			lost++
		}
	}
	name := fmt.Sprintf("area %d at 0x%08X", i, start)
	switch {
	case !p.Valid && p.Used > 0:
		if pic.Active >= 0 {
			l.damage("%s: no valid master record, %d bytes are not erased: a garbage collection did not come to its end, or the record is damaged", name, p.Used)
		}
	case p.Valid && p.Tail != kvstore.TailErased && i == pic.Active:
		l.damage("%s: the log ends at 0x%08X with %s, %d bytes there are not erased", name, a.Free, map[kvstore.Tail]string{
			kvstore.TailUnfinished: "a record that has no header: a set was interrupted",
			kvstore.TailTorn:       "a record that does not hold: it is torn, or bits of it have changed",
			kvstore.TailOther:      "what is no record",
		}[p.Tail], p.Here)
	}
	if p.Valid && lost > 0 {
		l.damage("%s: %d whole records lie behind the damaged one at 0x%08X: an open does not see them", name, lost, a.Free)
	}
	if p.Damaged {
		l.damage("%s: the reserved data is damaged", name)
	}
	if p.Err != "" && s.Fails == "" {
		l.damage("%s: %s", name, p.Err)
	}
	return a
}

// wear counts erases from the area version: version 1 is in area 0, and each garbage collection erases the first
// unit of the other area. Later units are erased at most as often, when the log reaches them.
func (l *inspection) wear(s *Store, pic *kvstore.Picture) {
	if pic.Active < 0 {
		return
	}
	v := uint32(pic.Areas[pic.Active].Version)
	if v == 0 {
		v, s.Wrapped = math.MaxUint16+1, true
	}
	counts := [2]uint32{(v + 1) / 2, v / 2}
	// Odd versions are in area 0, unless the counter was reset.
	if int(1-v%2) != pic.Active && len(s.Areas) == 2 {
		s.Wrapped = true
	}
	for i := range s.Areas {
		s.Areas[i].Erases = counts[i]
		if len(s.Areas) == 1 {
			s.Areas[i].Erases = counts[1-v%2]
		}
		s.Erases = max(s.Erases, s.Areas[i].Erases)
	}
	if l.Age > 0 && s.Rated > 0 && s.Erases > 0 {
		s.Years = max(0, (float64(s.Rated)-float64(s.Erases))/float64(s.Erases)*l.Age)
	}
	if s.Rated > 0 && s.Erases > s.Rated {
		l.damage("store at 0x%08X: a sector has been erased %d times, it is rated for %d", s.Start, s.Erases, s.Rated)
	}
}

func entry(area uint32, r kvstore.RecordPicture) Entry {
	e := Entry{Addr: area + r.Offset, Size: r.Size, Key: printable(r.Key), State: "dead", Flags: uint32(r.Flags &^ kvstore.FlagDeleted), Value: hex.EncodeToString(r.Data)}
	switch {
	case r.Flags&kvstore.FlagDeleted != 0:
		e.State = "tombstone"
	case r.Live:
		e.State = "live"
	}
	if len(r.Data) > 0 && utf8.Valid(r.Data) && bytes.IndexFunc(r.Data, func(c rune) bool { return !unicode.IsPrint(c) || c == '\\' }) < 0 {
		e.Text = string(r.Data)
	}
	return e
}

// printable returns s with \x00 escapes for what JSON and terminals cannot show.
func printable(s string) string {
	out := make([]byte, 0, len(s))
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 || !unicode.IsPrint(r) || r == '\\' {
			for _, c := range []byte(s[:n]) {
				out = fmt.Appendf(out, `\x%02x`, c)
			}
		} else {
			out = append(out, s[:n]...)
		}
		s = s[n:]
	}
	return string(out)
}

// guessedStore reports a store that was found by its master records.
func (l *inspection) guessedStore(g guess) {
	pic, err := kvstore.Inspect(l.device(g), l.Profile)
	if err != nil {
		l.damage("store at 0x%08X: %v", g.base, err)
		return
	}
	l.store(Store{Start: g.base, Size: g.size, Unit: g.unit, Guessed: g.about}, pic, g.areas)
}
