package native

import "encoding/binary"

// item is work for a child: calls on an image, and what came of them.
type item struct {
	s     *store
	past  []performed // calls since the boot, to be repeated where the child's RAM is another's
	calls []Call      // the first one is the one that s waits for, the others are foreseen

	ran    bool // from a boot on: log and end are those of calls
	onward bool // calls come right after what the store's process has done

	seen int    // calls of the item that have ended, those of past included
	skip int    // calls of past that are repeated
	buf  []byte // log from the first of calls on
	over bool
	end  int
	code int
	text string
	log  string // what the program printed, where it crashed

	alone   bool   // in a process that has run nothing before, and nothing beside it
	suspect string // how it crashed in a process that had run other items
	served  bool   // a request of it was answered
	kills   int    // how often its process was killed
	done    chan struct{}
}

// child is a process with what its memory holds.
type child struct {
	q       *process
	base    [][2]uint64 // version of each page of the base; see Medium.Version
	session *store      // whose RAM and image the process holds after the last item; nil: of none
	items   int         // that the process has run
	cpu     uint64      // ns that the process has used
}

// unknownVersion is no version of any page.
var unknownVersion = [2]uint64{1, ^uint64(0)}

// pagesOf fills list with the pages of the item's image that differ from the base.
func (c *child) pagesOf(it *item, list []uint32) []uint32 {
	s := it.s
	list = list[:0]
	for p := range uint32(len(c.base)) {
		if s.dev.VersionIn(s.start, p*pageSize, s.pageLen(p)) != c.base[p] {
			list = append(list, p)
		}
	}
	return list
}

// rebase makes the image of the item the base, and returns how many pages changed. They stand at the start of the
// input.
func (c *child) rebase(e *encoder, it *item, list []uint32) (changed int) {
	for _, p := range list {
		at := c.q.places.base + int(p)*pageSize
		it.s.dev.PeekIn(it.s.start, p*pageSize, c.q.mem[at:at+int(it.s.pageLen(p))])
		c.base[p] = it.s.dev.VersionIn(it.s.start, p*pageSize, it.s.pageLen(p))
		e.u32(p)
		changed++
	}
	return changed
}

// rebaseAt is the number of differing pages from which a new base is worth its cost.
const rebaseAt = 6

// encode writes the items. It returns how many found room, and how many pages of the base changed.
func (c *child) encode(items []*item, list []uint32) (n, changed int) {
	e := &encoder{b: c.q.mem[c.q.places.in : c.q.places.in+c.q.places.inSize]}
	first := items[0]
	if !c.goesOn(first) {
		if list = c.pagesOf(first, list); len(list) >= rebaseAt {
			changed = c.rebase(e, first, list)
			e.pad()
		}
	}
	for _, it := range items {
		onward := n == 0 && c.goesOn(it)
		if onward {
			list = list[:0]
		} else {
			list = c.pagesOf(it, list)
		}
		if !c.item(e, it, list, onward) {
			break
		}
		n++
	}
	return n, changed
}

// goesOn reports whether the process holds what the item needs.
func (c *child) goesOn(it *item) bool {
	return c != nil && c.session == it.s && it.s.home == c && it.onward && !it.alone
}

func (c *child) item(e *encoder, it *item, pages []uint32, onward bool) bool {
	s := it.s
	it.seen, it.skip, it.buf = 0, len(it.past), it.buf[:0]
	if onward {
		it.skip = 0
	}
	var scars [][2]uint32
	room := itemSize + (4+pageSize)*len(pages) + 16
	if !onward {
		scars = s.scars
	}
	room += 8 * len(scars)
	answers := 0
	for i := range it.past[:it.skip] {
		room += callBytes(&it.past[i].call)
		for _, a := range it.past[i].answers {
			room += recordSize + len(a.data) + 8
			answers++
		}
	}
	for i := range it.calls {
		room += callBytes(&it.calls[i])
		for _, a := range s.answers[i] { // of an earlier try
			room += recordSize + len(a.data) + 8
			answers++
		}
	}
	if room > len(e.b)-e.at {
		return false
	}
	start, b := e.at, e.b[e.at:]
	e.at += itemSize
	for _, r := range scars {
		e.u32(r[0])
		e.u32(r[1])
	}
	for _, p := range pages {
		e.u32(p)
	}
	e.pad()
	for _, p := range pages {
		to := e.b[e.at : e.at+pageSize]
		n := s.pageLen(p)
		s.dev.PeekIn(s.start, p*pageSize, to[:n])
		for i := n; i < pageSize; i++ {
			to[i] = 0xFF
		}
		e.at += pageSize
	}
	callsAt := e.at - start
	for i := range it.past[:it.skip] {
		e.call(&it.past[i].call)
	}
	for i := range it.calls {
		e.call(&it.calls[i])
	}
	answersAt := e.at - start
	for i := range it.past[:it.skip] {
		for j := range it.past[i].answers {
			e.answer(&it.past[i].answers[j])
		}
	}
	for i := range it.calls {
		for j := range s.answers[i] {
			e.answer(&s.answers[i][j])
		}
	}
	flags := uint32(0)
	if !onward {
		flags |= itemImage
	}
	if s.timed {
		flags |= itemTimed
	}
	if s.strict {
		flags |= itemStrict
	}
	for i, v := range []uint32{
		uint32(e.at - start), flags, uint32(len(pages)), uint32(len(scars)), uint32(it.skip + len(it.calls)), uint32(answers), uint32(it.skip + len(it.calls)), 1,
		uint32(callsAt), uint32(answersAt),
	} {
		binary.LittleEndian.PutUint32(b[4*i:], v)
	}
	return true
}

// keep keeps records of the log, unless they are of a call that is repeated.
func (it *item) keep(records []byte) {
	if it.seen >= it.skip {
		it.buf = append(it.buf, records...)
	}
}

// run has the process run a batch. ok is false when the process is of no more use; items that are not over have
// come to nothing then. cpuMS is the CPU time that each item may take.
func (c *child) run(items []*item, changed int, cpuMS uint32) (ok bool) {
	if err := c.q.send(msgRun, uint32(len(items)), uint64(changed)|uint64(cpuMS)<<32); err != nil {
		return false
	}
	rest := items
	for {
		typ, _, b, err := c.q.receive()
		if err != nil {
			return false
		}
		log := c.q.log()
		if log == nil {
			return lies(items, rest, "a log of more bytes than there are")
		}
		var request record
		asked := false
		part := log // from the first record that is not in an item's buf yet
		for len(log) > 0 {
			r, n := readRecord(log)
			if n == 0 || len(rest) == 0 {
				return lies(items, rest, "a record that cannot be")
			}
			it := rest[0]
			switch r.typ {
			case logItem:
				it.keep(part[:len(part)-len(log)])
				it.over, it.end, it.code, it.text = true, int(r.status), int(r.a), string(r.data)
				rest = rest[1:]
				part = log[n:]
			case logRequest:
				it.keep(part[:len(part)-len(log)])
				request, asked = r, true
				part = log[n:]
			case logCall:
				if it.seen++; it.seen <= it.skip {
					part = log[n:] // a call that is repeated
				}
			}
			log = log[n:]
		}
		if len(rest) > 0 {
			if rest[0].keep(part); len(rest[0].buf) > mostLog {
				return lies(items, rest, "a log without end")
			}
		}
		switch {
		case typ == msgDone:
			c.cpu = b
			if len(rest) > 0 {
				return lies(items, rest, "a batch that ends early")
			}
			return true
		case typ == msgFull:
			err = c.q.send(msgGo, 0, 0)
		case typ == msgRequest && asked && len(rest) > 0:
			a, served := rest[0].s.serve(rest[0], request)
			if !served || len(a.data) > c.q.places.answerSize {
				err = c.q.send(msgStop, 0, 0)
				break
			}
			copy(c.q.mem[c.q.places.answer:], a.data)
			err = c.q.send(msgAnswer, uint32(a.status), uint64(len(a.data)))
		default:
			return lies(items, rest, "a message that cannot be")
		}
		if err != nil {
			return false
		}
	}
}

// mostLog is how much one item may write into the log.
const mostLog = 256 << 20

// lies ends the item that the process was at, or the last one, for what it told.
func lies(items, rest []*item, what string) bool {
	it := items[len(items)-1]
	if len(rest) > 0 {
		it = rest[0]
	}
	it.over, it.end, it.text = true, endLies, what
	return false
}
