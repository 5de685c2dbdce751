package inspect

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"unicode"
	"unicode/utf8"

	"dualbank/boot/layout"
	"dualbank/kvstore"
)

// Store is one TDBStore.
type Store struct {
	Start   uint32  `json:"start"`
	Size    uint32  `json:"size"`
	Unit    uint32  `json:"unit"`             // program unit
	Guessed string  `json:"guessed"`          // what of this is a guess; "" if nothing
	Active  int     `json:"active"`           // the area that an open uses; -1: it would make a new store
	Fails   string  `json:"fails"`            // why an open fails; "" if it does not
	Areas   []Area  `json:"areas"`            // one if the other was not found
	Records []Entry `json:"records"`          // the live records, as an open finds them
	Erases  uint32  `json:"erases"`           // of the sector erased most often, at least
	Rated   uint32  `json:"rated,omitempty"`  // erases
	Years   float64 `json:"years,omitempty"`  // left at the rate so far, if age and rating are known
	Wrapped bool    `json:"erasesIncomplete"` // the area version has wrapped round or was reset: there were more erases
}

// Area is one area of a store.
type Area struct {
	Start    uint32  `json:"start"`
	Size     uint32  `json:"size"`
	State    string  `json:"state"`   // "active", "standby", "no master record"
	Version  uint16  `json:"version"` // each garbage collection counts it up by one
	Reserved string  `json:"reserved"`
	Log      []Entry `json:"log"`    // live, dead and tombstones, in the order in which they were written
	Live     uint32  `json:"live"`   // bytes of live records on flash
	Dead     uint32  `json:"dead"`   // bytes of the other ones
	Free     uint32  `json:"free"`   // address where the next record goes
	Room     uint32  `json:"room"`   // bytes from there on
	Tail     string  `json:"tail"`   // what stands there
	Torn     uint32  `json:"torn"`   // bytes there that are not erased, in the erase unit that the log has reached
	Behind   uint32  `json:"behind"` // bytes that are not erased in the units behind that: mostly an earlier life
	Stale    []Entry `json:"stale"`  // whole records behind the log
	Erases   uint32  `json:"erases"` // of its first erase unit, at least
}

// Entry is one record.
type Entry struct {
	Addr  uint32 `json:"addr"`
	Size  uint32 `json:"size"` // on flash
	Key   string `json:"key"`
	State string `json:"state"` // "live", "dead", "tombstone", "stale"
	Flags uint32 `json:"flags"`
	Value string `json:"value"` // hexadecimal
	Text  string `json:"text,omitempty"`
}

// region is a stretch of a dump as a block device that refuses to change.
type region struct {
	dump       *Dump
	base, size uint32
	unit       uint32
	erase      func(addr uint32) uint32
}

func (r *region) Size() uint32                 { return r.size }
func (r *region) ProgramUnit() uint32          { return r.unit }
func (r *region) EraseSize(addr uint32) uint32 { return r.erase(addr) }

func (r *region) Read(addr uint32, p []byte) error {
	if addr > r.size || uint64(len(p)) > uint64(r.size-addr) {
		return kvstore.ErrReadFailed
	}
	r.dump.read(r.base+addr, p)
	return nil
}

func (r *region) Program(uint32, []byte) error { return kvstore.ErrWriteFailed }
func (r *region) Erase(uint32, uint32) error   { return kvstore.ErrWriteFailed }

// stores finds the stores: the layout's in its region, others by their master records.
func (l *look) stores() {
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

// layoutStore looks at the store in the layout's region.
func (l *look) layoutStore(at layout.Region, found []guess) {
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
	for _, f := range found {
		if f.base > at.Start && uint64(f.base) < at.End() && f.base != at.Start+pic.Areas[1].Base {
			l.damage("KVStore: a TDBStore area begins at 0x%08X, the region's areas at 0x%08X and 0x%08X: written with another layout?", f.base, at.Start, at.Start+pic.Areas[1].Base)
		}
	}
}

// store puts a store into the report; areas is how many of the picture's areas there are.
func (l *look) store(s Store, pic *kvstore.Picture, areas int) {
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

// area is one area, with what is wrong with it.
func (l *look) area(s *Store, pic *kvstore.Picture, i int) Area {
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

// wear counts erases from the versions: the first version lives in area 0, and each garbage collection
// erases the first unit of the other area. Other units are erased at most as often, when the log comes
// to them.
func (l *look) wear(s *Store, pic *kvstore.Picture) {
	if pic.Active < 0 {
		return
	}
	v := uint32(pic.Areas[pic.Active].Version)
	if v == 0 {
		v, s.Wrapped = math.MaxUint16+1, true
	}
	counts := [2]uint32{(v + 1) / 2, v / 2}
	// Odd versions live in area 0, unless the counter began anew.
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

// printable is s with what JSON and terminals cannot show as \x00 escapes.
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
