package sut

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"dualbank/fuzz/film"
	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/results"
)

// Film begins the film of the run with c, which may be nil: of the step that comes next, and of what is judged after
// it. others are runs on forks of the same flash that are filmed too.
func (r *Run) Film(c *film.Camera, p kvstore.Profile, others ...*Run) {
	if c == nil {
		return
	}
	for _, o := range append(others, r) {
		o.scenes = scenes{c, func() film.View { return o.view(p) }}
	}
	c.Watch(r.F, r.Device.Base, r.Device.Size, r.look)
}

// placed is a TDBStore and where it lies.
type placed struct {
	Store *kvstore.TDBStore
	Base  uint32 // address
	Size  uint32
}

// unpowered is a region of a flash whose power may be off.
type unpowered struct {
	*model.Region
	f    *model.Flash
	base uint32
}

// Read shows what the cells hold.
func (u unpowered) Read(addr uint32, p []byte) error {
	if !u.f.Peek(u.base+addr, p) {
		return model.ErrRange
	}
	return nil
}

// tdbs are the TDBStores of a store, with the address of each.
func (r *Run) tdbs() (all []placed) {
	switch s := r.Store.(type) {
	case *kvstore.TDBStore:
		return []placed{{Store: s, Base: r.Device.Base, Size: r.Device.Size}}
	case *SecureStore:
		if s.Err != nil {
			return nil
		}
		split, skip := SecureSplit(r.dev)
		return []placed{
			{Store: s.Internal, Base: r.Device.Base, Size: split},
			{Store: s.External, Base: r.Device.Base + split + skip, Size: r.Device.Size - split - skip},
		}
	}
	return nil
}

// view is what lies on the flash, and what the store's table says of it.
func (r *Run) view(p kvstore.Profile) (v film.View) {
	names := map[uint32]string{}
	for i := range r.Exp.Keys {
		k := r.Exp.Keys[i].Name
		names[kvstore.CRC([]byte(k))] = k
	}
	v.Open = true
	for _, l := range r.tdbs() {
		if dev, err := r.F.Region(l.Base, l.Size); err == nil {
			if pic, err := kvstore.Inspect(unpowered{dev, r.F, l.Base}, p); err == nil {
				for _, b := range boxes(l.Base, pic) {
					if b.Kind == "torn" {
						b.Size = r.written(b.Addr, b.Size)
					}
					v.Boxes = append(v.Boxes, b)
				}
			}
		}
		table, open := l.Store.Slots()
		v.Open = v.Open && open && !r.F.Off()
		at := l.Store.Layout()
		for _, e := range table {
			name, ok := names[e.Hash]
			if !ok {
				name = fmt.Sprintf("hash %08X", e.Hash)
			}
			v.Belief = append(v.Belief, results.Belief{Key: name, Addr: l.Base + at.Base[at.Active] + e.Offset})
		}
	}
	if !v.Open {
		v.Belief = nil
	}
	slices.SortFunc(v.Belief, func(a, b results.Belief) int { return cmp.Compare(a.Addr, b.Addr) })
	return v
}

// written is how many bytes from addr on there are until the last that is not erased, of size.
func (r *Run) written(addr, size uint32) uint32 {
	p := make([]byte, size)
	r.F.Peek(addr, p)
	erased := byte(r.F.Part().ErasedValue())
	for size > 1 && p[size-1] == erased {
		size--
	}
	return size
}

// boxes are what lies in the areas of a store at base.
func boxes(base uint32, pic *kvstore.Picture) (all []results.Box) {
	for i := range pic.Areas {
		a := &pic.Areas[i]
		at := base + a.Base
		add := func(off, size uint32, kind, format string, args ...any) {
			if size > 0 {
				all = append(all, results.Box{Addr: at + off, Size: size, Kind: kind, Text: fmt.Sprintf(format, args...)})
			}
		}
		switch {
		case a.Reserved != nil:
			add(0, a.Master, "reserved", "reserved data, %d bytes", len(a.Reserved))
		case a.Damaged:
			add(0, a.Master, "damaged", "reserved data that is not whole")
		}
		if a.Valid {
			state := "standby area"
			if i == pic.Active {
				state = "active area"
			}
			add(a.Master, a.First-a.Master, "master", "master record, version %d: %s", a.Version, state)
		}
		for j := range a.Records {
			rec := &a.Records[j]
			kind := "dead"
			switch {
			case rec.Flags&kvstore.FlagDeleted != 0:
				kind = "tombstone"
			case rec.Live:
				kind = "live"
			}
			add(rec.Offset, rec.Size, kind, "%s, %d bytes", strconv.QuoteToASCII(rec.Key), len(rec.Data))
		}
		if a.Here > 0 && a.Tail != kvstore.TailErased {
			add(a.Free, min(a.Next, a.Size)-a.Free, "torn", "%v, %d bytes not erased", a.Tail, a.Here)
		}
		for j := range a.Stale {
			rec := &a.Stale[j]
			add(rec.Offset, rec.Size, "stale", "%s, %d bytes", strconv.QuoteToASCII(rec.Key), len(rec.Data))
		}
	}
	return all
}
