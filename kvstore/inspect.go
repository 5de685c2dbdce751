package kvstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Picture is what a device that holds a TDBStore looks like. Nothing was written to make it.
type Picture struct {
	Active int // the area that an open would use; -1 if it would make a new store
	Areas  [2]AreaPicture
	Fails  string // why an open would fail, as the reference has it; "" if it would not
}

// AreaPicture is one area.
type AreaPicture struct {
	Base     uint32 // address on the device
	Size     uint32 // bytes
	Reserved []byte // valid reserved data; nil if there is none
	Damaged  bool   // there is something in the reserved data's place, but it is not valid
	Master   uint32 // offset of the master record, behind the place of the reserved data
	First    uint32 // offset of the first record behind a valid master record
	Version  uint16 // of the master record; each garbage collection counts it up by one
	Valid    bool   // the master record is valid
	Records  []RecordPicture
	Free     uint32 // offset behind the last record of the log: where the next one goes
	Used     uint32 // bytes from Free on that are not erased: a torn record, or an earlier life
	Here     uint32 // of Used, those in the erase unit that the log has reached: it was erased for this life
	Next     uint32 // offset of the erase unit behind that, or the area's size: from there on an earlier life may lie
	Tail     Tail   // what stands at Free
	Stale    []RecordPicture
	Err      string // why reading ended, if not at the end of the log
}

// Tail is what stands where the next record would go.
type Tail uint8

const (
	// TailErased is nothing: the log ended as it should.
	TailErased Tail = iota
	// TailUnfinished is key or data without their header, which comes last: a set did not come to
	// its end.
	TailUnfinished
	// TailTorn is a header whose record does not hold: the header was being written, or bits of the
	// record have changed since.
	TailTorn
	// TailOther is no record.
	TailOther
)

var tailNames = []string{"erased", "unfinished record", "torn or damaged record", "not a record"}

func (t Tail) String() string { return tailNames[t] }

// RecordPicture is one record whose CRC holds.
type RecordPicture struct {
	Offset uint32 // in the area
	Size   uint32 // bytes on flash
	Key    string
	Flags  Flags
	Data   []byte
	Live   bool // no later record of the log replaces or removes it
}

// Inspect looks at a device without changing it, as profile would read it. The error says why its
// erase units cannot hold a store.
func Inspect(dev BlockDevice, profile Profile) (*Picture, error) {
	s := NewTDB(readOnly{dev}, Options{Profile: profile})
	// An open measures the device; whether it succeeds does not matter here.
	if err := s.measure(s.dev, 0); err != nil {
		return nil, err
	}
	opened := s.Open()
	p := &Picture{Active: -1}
	for i := range p.Areas {
		p.Areas[i] = s.inspect(i)
	}
	a, b := &p.Areas[0], &p.Areas[1]
	switch {
	case a.Valid && b.Valid:
		p.Active = newer([2]uint16{a.Version, b.Version})
	case a.Valid:
		p.Active = 0
	case b.Valid:
		p.Active = 1
	}
	// Where there is no master record an open would make one, which this device refuses.
	if fatal, ok := errors.AsType[*FatalError](opened); opened != nil && !(ok && fatal.Err == ErrWriteFailed) {
		p.Fails = opened.Error()
	}
	return p, nil
}

// readOnly is a device that refuses to change.
type readOnly struct{ BlockDevice }

func (readOnly) Program(uint32, []byte) error { return ErrWriteFailed }

func (readOnly) Erase(uint32, uint32) error { return ErrWriteFailed }

func (s *TDBStore) inspect(area int) AreaPicture {
	p := AreaPicture{Base: s.base[area], Size: s.area, Master: s.master, First: s.master, Free: s.master}
	p.Reserved, p.Damaged = s.inspectReserved(area)
	live := map[uint32][]int{} // by hash, the records that an open has in its table
	off := s.master
	for off+headerSize < s.area {
		r, err := s.inspectRecord(area, off)
		if err != nil {
			if err != ErrInvalidData {
				p.Err = fmt.Sprintf("record at %#x: %v", off, err)
			}
			break
		}
		if off == s.master {
			if !s.matches(masterName) {
				break
			}
			var v [2]byte // an open takes a missing byte for zero
			copy(v[:], r.Data)
			p.Valid, p.Version, p.First = true, binary.LittleEndian.Uint16(v[:]), off+r.Size
		} else {
			s.follow(&p, live, r)
		}
		off += r.Size
		p.Free = off
	}
	s.inspectTail(area, &p)
	return p
}

// follow appends a record to those of p. It is live instead of the one that an open takes for its
// key's.
func (s *TDBStore) follow(p *AreaPicture, live map[uint32][]int, r RecordPicture) {
	key, _, _ := strings.Cut(r.Key, "\x00")
	hash := CRC([]byte(key))
	buf := append([]byte(r.Key), 0)
	for place, i := range live[hash] {
		old := &p.Records[i]
		s.rec.key, s.rec.data = []byte(old.Key), old.Data
		if s.matches(buf) {
			old.Live = false
			live[hash] = slices.Delete(live[hash], place, place+1)
			break
		}
	}
	if r.Live = r.Flags&FlagDeleted == 0; r.Live {
		live[hash] = append(live[hash], len(p.Records))
	}
	p.Records = append(p.Records, r)
}

func (s *TDBStore) inspectRecord(area int, off uint32) (RecordPicture, error) {
	if err := s.load(area, off, 0); err != nil {
		return RecordPicture{}, err
	}
	return RecordPicture{
		Offset: off, Size: s.rec.next - off, Key: string(s.rec.key), Flags: s.rec.flags, Data: append([]byte{}, s.rec.data...),
	}, nil
}

func (s *TDBStore) inspectReserved(area int) (data []byte, damaged bool) {
	var b [reservedSize + trailerSize]byte
	if s.dev.Read(s.base[area], b[:]) != nil {
		return nil, true
	}
	t := b[reservedSize:]
	size, n := binary.LittleEndian.Uint16(t), binary.LittleEndian.Uint16(t[2:])
	if size == trailerSize && n <= reservedSize && binary.LittleEndian.Uint32(t[4:]) == CRC(b[:n]) {
		return append([]byte{}, b[:n]...), false
	}
	for _, c := range b {
		if c != 0xFF {
			return nil, true
		}
	}
	return nil, false
}

// inspectTail looks behind the log: how much is not erased, and which whole records an earlier life
// of the area left there.
func (s *TDBStore) inspectTail(area int, p *AreaPicture) {
	tail := make([]byte, s.area-p.Free)
	if s.dev.Read(s.base[area]+p.Free, tail) != nil {
		p.Err = fmt.Sprintf("free space from %#x on cannot be read", p.Free)
		return
	}
	next := func(off uint32) uint32 { return min(s.nextStart(s.base[area]+off)-s.base[area], s.area) }
	p.Next = next(p.Free)
	if p.Next == p.Free && p.Free < s.area {
		// The log ends with its unit. The next one is erased with the next set, whose record is torn
		// if it looks so.
		if end := next(p.Free + 1); tailOf(tail[:end-p.Free]) == TailUnfinished || tailOf(tail[:end-p.Free]) == TailTorn {
			p.Next = end
		}
	}
	p.Used, p.Here = written(tail), written(tail[:p.Next-p.Free])
	p.Tail = tailOf(tail[:p.Next-p.Free])
	magic := binary.LittleEndian.AppendUint32(nil, recordMagic)
	for off := uint32(0); off < uint32(len(tail)); {
		i := bytes.Index(tail[off:], magic)
		if off += uint32(i); i < 0 || uint64(off)+headerSize > uint64(len(tail)) {
			break
		}
		if off%s.unit != 0 {
			off++
		} else if r, err := s.inspectRecord(area, p.Free+off); err == nil {
			p.Stale = append(p.Stale, r)
			off += r.Size
		} else {
			off += s.unit
		}
	}
}

// written is how many bytes are not erased.
func written(b []byte) uint32 { return uint32(len(b) - bytes.Count(b, []byte{0xFF})) }

// tailOf tells what begins with these bytes. A program that was broken off leaves some bits set that it
// would have cleared.
func tailOf(b []byte) Tail {
	switch head := b[:min(headerSize, len(b))]; {
	case written(b) == 0:
		return TailErased
	case written(head) == 0:
		return TailUnfinished
	case len(b) < headerSize:
		return TailOther
	case binary.LittleEndian.Uint32(b)&recordMagic == recordMagic:
		return TailTorn
	}
	return TailOther
}

// Text is the picture for a person, records included; most bounds the records shown of each area.
func (p *Picture) Text(most int) string {
	w := new(strings.Builder)
	for i := range p.Areas {
		a := &p.Areas[i]
		state := "no valid master record"
		switch {
		case i == p.Active:
			state = fmt.Sprintf("active, version %d", a.Version)
		case a.Valid:
			state = fmt.Sprintf("standby, version %d", a.Version)
		}
		fmt.Fprintf(w, "area %d at 0x%05X, %d bytes: %s\n", i, a.Base, a.Size, state)
		switch {
		case a.Reserved != nil:
			fmt.Fprintf(w, "  reserved data, %d bytes\n", len(a.Reserved))
		case a.Damaged:
			fmt.Fprintf(w, "  reserved data, damaged\n")
		}
		live, bytes := 0, uint32(0)
		for _, r := range a.Records {
			if r.Live {
				live++
				bytes += r.Size
			}
		}
		fmt.Fprintf(w, "  %d records, %d live with %d bytes; free from 0x%05X on, %d bytes there not erased, %d stale records\n",
			len(a.Records), live, bytes, a.Free, a.Used, len(a.Stale))
		from := max(0, len(a.Records)-most)
		if from > 0 {
			fmt.Fprintf(w, "  ... %d records\n", from)
		}
		for _, r := range a.Records[from:] {
			r.print(w, "  ")
		}
		for _, r := range a.Stale[:min(most, len(a.Stale))] {
			r.print(w, "  stale ")
		}
		if a.Err != "" {
			fmt.Fprintf(w, "  %s\n", a.Err)
		}
	}
	return w.String()
}

func (r *RecordPicture) print(w *strings.Builder, lead string) {
	what := "dead"
	switch {
	case r.Flags&FlagDeleted != 0:
		what = "tombstone"
	case r.Live:
		what = "live"
	}
	fmt.Fprintf(w, "%s0x%05X %-9s %q, %d bytes", lead, r.Offset, what, r.Key, len(r.Data))
	if f := r.Flags &^ FlagDeleted; f != 0 {
		fmt.Fprintf(w, ", flags 0x%X", uint32(f))
	}
	fmt.Fprintln(w)
}

// Slot is one key of the table in RAM: the hash of its name, and where in the active area its record begins.
type Slot struct {
	Hash   uint32
	Offset uint32
}

// Slots returns what the open store believes of the flash, by hash; false if it is not open.
func (s *TDBStore) Slots() ([]Slot, bool) {
	var all []Slot
	for _, e := range s.table {
		all = append(all, Slot{e.hash, e.offset})
	}
	return all, s.open
}
