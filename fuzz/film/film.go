// Package film records what a finding's case does to the flash, frame by frame, so that a person can step through it.
//
// A film is made in these steps:
//
//  1. Whoever wants one puts a Camera into the environment of a replay (explore.Env).
//  2. The subject calls Watch with the flash and with a function that says what lies on it, when the step with the
//     fault begins.
//  3. The subject says with Scene what the device does next. Every program and erase is a frame of that scene. Cut
//     marks the frame that the fault leaves.
//  4. Film returns the record: the last frames before the fault, and those of the recovery.
//
// Invariants:
//
//   - A camera changes nothing that is judged: it looks at cells without reading through the device.
//   - All methods of a nil Camera do nothing, so that a replay without a film costs nothing.
//   - A film is bounded: results.MaxFrames frames, and maxBytes bytes before the first.
package film

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"dualbank/model"
	"dualbank/results"
)

// Bounds of a film.
const (
	framesBefore = 24       // that are kept before the fault
	maxBytes     = 24 << 10 // of Start, and of a patch; more is left out
	margin       = 48       // bytes that are kept around what changes, if not all is
)

// View is what lies on the flash, and what the software believes.
type View struct {
	Boxes  []results.Box
	Belief []results.Belief
	Open   bool // the software has a table
}

// Camera records a film.
type Camera struct {
	f      *model.Flash
	base   uint32
	look   func() View
	image  []byte // as the latest frame shows it
	now    []byte
	start  []byte                 // before the first frame
	first  map[uint32]results.Box // before the first frame
	early  []results.Belief       // likewise
	boxes  map[uint32]results.Box // of the latest frame
	belief []results.Belief
	open   bool
	scene  string
	keys   []results.Wanted // that must hold now
	shown  []results.Wanted // that the latest frame shows
	before []results.Wanted // before the first frame
	ending bool
	film   results.Film
}

// Watch begins the film of size bytes of f from base on. look may be nil.
func (c *Camera) Watch(f *model.Flash, base, size uint32, look func() View) {
	if c == nil {
		return
	}
	*c = Camera{f: f, base: base, look: look, image: make([]byte, size), now: make([]byte, size), first: map[uint32]results.Box{}}
	c.film = results.Film{Base: base, Cut: -1, Erased: byte(f.Part().ErasedValue())}
	for at := base; at-base < size; at += f.SectorSize(at) {
		c.film.Sectors = append(c.film.Sectors, f.SectorSize(at))
	}
	f.Peek(base, c.image)
	c.start = bytes.Clone(c.image)
	if look != nil {
		v := look()
		for _, b := range v.Boxes {
			c.first[b.Addr] = b
		}
		c.belief, c.open, c.early = v.Belief, v.Open, v.Belief
	}
	c.boxes = maps.Clone(c.first)
	f.Observe(c.Observer(nil))
}

// Keys says what must hold for each key from now on.
func (c *Camera) Keys(all []results.Wanted) {
	if c.running() {
		c.keys = all
	}
}

// Scene says what the device does from now on.
func (c *Camera) Scene(format string, args ...any) {
	if c.running() {
		c.scene = fmt.Sprintf(format, args...)
	}
}

// Look says what is to be looked with from now on: another store is at work on the flash.
func (c *Camera) Look(look func() View) {
	if c.running() {
		c.look = look
	}
}

// Note adds a frame in which something else happens than an access.
func (c *Camera) Note(text string) {
	if c.running() {
		c.frame(text)
	}
}

// Cut says that a fault has hit: the power is off, or the device has reported an error. The first one is the film's.
func (c *Camera) Cut(text string) {
	if c.running() {
		c.frame(text)
		if c.film.Cut < 0 {
			c.film.Cut = len(c.film.Frames) - 1
		}
	}
}

// Observer returns an observer that makes a frame of each access, and calls next, which may be nil.
func (c *Camera) Observer(next func(*model.Event)) func(*model.Event) {
	if !c.running() {
		return next
	}
	return func(e *model.Event) {
		if e.Kind != model.Read {
			c.frame(fmt.Sprintf("%v %d bytes at 0x%08X", e.Kind, e.Size, e.Addr))
		}
		if next != nil {
			next(e)
		}
	}
}

func (c *Camera) running() bool { return c != nil && c.f != nil }

// frame adds one.
func (c *Camera) frame(text string) {
	if len(c.film.Frames) == results.MaxFrames-1 && !c.ending {
		c.film.Late++
		return
	}
	c.f.Peek(c.base, c.now)
	fr := results.Frame{Scene: c.scene, Text: text, Patches: patches(c.base, c.image, c.now)}
	c.image, c.now = c.now, c.image
	if !slices.Equal(c.keys, c.shown) {
		fr.Keys, c.shown = c.keys, c.keys
	}
	if c.look != nil {
		v := c.look()
		boxes := map[uint32]results.Box{}
		for _, b := range v.Boxes {
			boxes[b.Addr] = b
		}
		fr.Boxes = turned(c.boxes, boxes)
		c.boxes = boxes
		if fr.Closed = !v.Open; v.Open && (!c.open || !slices.Equal(v.Belief, c.belief)) {
			if fr.Belief = v.Belief; len(v.Belief) == 0 {
				fr.Belief = []results.Belief{{}}
			}
		}
		c.belief, c.open = v.Belief, v.Open
	}
	c.film.Frames = append(c.film.Frames, fr)
	if c.film.Cut < 0 && len(c.film.Frames) > framesBefore {
		c.forget()
	}
}

// forget lets the first frame go.
func (c *Camera) forget() {
	fr := &c.film.Frames[0]
	apply(c.base, c.start, fr.Patches)
	turn(c.first, fr.Boxes)
	if len(fr.Belief) > 0 || fr.Closed {
		c.early = fr.Belief
	}
	if fr.Keys != nil {
		c.before = fr.Keys
	}
	c.film.Frames = slices.Delete(c.film.Frames, 0, 1)
	c.film.Early++
}

// Film returns the film; nil if nothing was watched.
func (c *Camera) Film() *results.Film {
	if !c.running() || len(c.film.Frames) == 0 {
		return nil
	}
	c.f.Observe(nil)
	if c.film.Late > 0 {
		c.ending = true
		c.frame(fmt.Sprintf("%d accesses are left out; this is the end", c.film.Late))
	}
	film := c.film
	film.Start = patches(c.base, bytes.Repeat([]byte{c.film.Erased}, len(c.start)), c.start)
	if weight(film.Start) > maxBytes {
		film.Partial = true
		film.Start = around(c.base, c.start, film.Frames)
	}
	for i := range film.Frames {
		fr := &film.Frames[i]
		if weight(fr.Patches) > maxBytes {
			film.Partial = true
			fr.Patches = cut(fr.Patches, maxBytes)
		}
	}
	// What lies there before the first frame shows in it.
	boxes := maps.Clone(c.first)
	turn(boxes, film.Frames[0].Boxes)
	film.Frames = slices.Clone(film.Frames)
	film.Frames[0].Boxes = turned(nil, boxes)
	if fr := &film.Frames[0]; len(fr.Belief) == 0 && !fr.Closed {
		fr.Belief = c.early
	}
	if fr := &film.Frames[0]; fr.Keys == nil {
		fr.Keys = c.before
	}
	return &film
}

// patches are the runs of bytes in which two images differ. Runs that are close become one.
func patches(base uint32, old, now []byte) []results.Patch {
	const near = 8
	var out []results.Patch
	for i := 0; i < len(now); {
		if i&63 == 0 && i+64 <= len(now) && bytes.Equal(old[i:i+64], now[i:i+64]) {
			i += 64
			continue
		}
		if old[i] == now[i] {
			i++
			continue
		}
		from, last := i, i
		for ; i < len(now) && i-last <= near; i++ {
			if old[i] != now[i] {
				last = i
			}
		}
		i = last + 1
		p := results.Patch{Addr: base + uint32(from)}
		if b := now[from:i]; len(b) > 16 && bytes.Count(b, b[:1]) == len(b) {
			p.Size, p.Fill = uint32(len(b)), b[0]
		} else {
			p.Data = bytes.Clone(b)
		}
		out = append(out, p)
	}
	return out
}

// apply puts patches into an image.
func apply(base uint32, image []byte, ps []results.Patch) {
	for i := range ps {
		p := &ps[i]
		at := image[p.Addr-base:]
		copy(at, p.Data)
		for n := range at[:p.Size] {
			at[n] = p.Fill
		}
	}
}

// weight is the number of bytes that patches carry.
func weight(ps []results.Patch) (n int) {
	for i := range ps {
		n += len(ps[i].Data)
	}
	return n
}

// cut leaves the first bytes of patches.
func cut(ps []results.Patch, most int) []results.Patch {
	var out []results.Patch
	for _, p := range ps {
		if len(p.Data) > most {
			p.Data = p.Data[:most]
		}
		most -= len(p.Data)
		if len(p.Data) > 0 || p.Size > 0 {
			out = append(out, p)
		}
	}
	return out
}

// around are the bytes of an image near those that frames change.
func around(base uint32, image []byte, frames []results.Frame) []results.Patch {
	type span struct{ from, to uint32 }
	var all []span
	for i := range frames {
		for _, p := range frames[i].Patches {
			// An erase changes a sector: its first bytes say enough.
			n := min(max(p.Size, uint32(len(p.Data))), 4*margin)
			at := p.Addr - base
			all = append(all, span{at - min(at, margin), min(at+n+margin, uint32(len(image)))})
		}
	}
	slices.SortFunc(all, func(a, b span) int { return int(int64(a.from) - int64(b.from)) })
	var out []results.Patch
	room, done := maxBytes, uint32(0)
	for _, s := range all {
		s.from = max(s.from, done)
		if s.from >= s.to || room <= 0 {
			continue
		}
		s.to = min(s.to, s.from+uint32(room))
		out = append(out, results.Patch{Addr: base + s.from, Data: bytes.Clone(image[s.from:s.to])})
		room -= int(s.to - s.from)
		done = s.to
	}
	return out
}

// turned are the boxes that make now of old, by address.
func turned(old, now map[uint32]results.Box) []results.Box {
	var out []results.Box
	for at, b := range now {
		if old[at] != b {
			out = append(out, b)
		}
	}
	for at := range old {
		if _, ok := now[at]; !ok {
			out = append(out, results.Box{Addr: at})
		}
	}
	slices.SortFunc(out, func(a, b results.Box) int { return int(int64(a.Addr) - int64(b.Addr)) })
	return out
}

// turn applies what turned returns.
func turn(boxes map[uint32]results.Box, by []results.Box) {
	for _, b := range by {
		if b.Kind == "" {
			delete(boxes, b.Addr)
		} else {
			boxes[b.Addr] = b
		}
	}
}
