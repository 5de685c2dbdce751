package native

import (
	"errors"

	"dualbank/kvstore"
	"dualbank/model/cell"
)

// Medium is the flash that the code under test works on: a region of the model.
type Medium interface {
	kvstore.BlockDevice
	Peek(addr uint32, p []byte) bool
	Version(addr, n uint32) [2]uint64
	Snapshot() *cell.Snapshot
	PeekIn(s *cell.Snapshot, addr uint32, p []byte)
	VersionIn(s *cell.Snapshot, addr, n uint32) [2]uint64
	Scarred(fn func(addr, n uint32))
	SetReads(n uint64)
	Clears() bool
	MayFail() bool
	Fresh() bool
}

// CPU is told of the work that the code under test says it does beside the flash (db_work).
type CPU interface {
	Call()
	Copy(n int)
	CRC32(n int)
	SHA256(n int)
	AES(n int)
	AESKey()
}

// Timed is a Medium on a flash with times.
type Timed interface {
	Medium
	Micros() uint64 // of the virtual clock
}

// performed is a call that is over, with the answers to its requests.
type performed struct {
	call    Call
	answers []answer
	status  int32
}

// store is one instance of the code under test on one flash, whichever process runs it. What the process programs and
// erases is performed on the flash before a call returns. A call that was foreseen has been run with the ones before
// it: its outcome waits in the log until it is asked for.
type store struct {
	prog   *Program
	pool   *pool
	g      geometry
	dev    Medium
	broken error  // it cannot be used at all
	writes uint64 // program and erase calls so far
	timed  bool   // reads and CPU work are told, and take their time on the clock
	cpu    CPU    // nil: CPU work costs nothing
	clock  Timed  // for db_now_us; nil: the program counts the calls of it
	booted uint64 // µs on the clock at the last boot
	strict bool   // every program and erase is a request: the device may fail

	down     error // why nothing more comes of it until the next boot
	home     *child
	item     item
	foreseen []Call
	usual    []performed    // what read the store after the last boot, from its open on
	at       int            // place in item.buf
	next     int            // index in item.calls of the call that at stands before
	past     []performed    // since the boot
	answers  [][]answer     // by index in item.calls
	start    *cell.Snapshot // the cells at the boot
	scars    [][2]uint32    // address and size of what did not read as it stood at the boot
	after    [2]uint64      // version of the flash after the last change that the store made
	began    [2]uint64      // version of the flash when the item was run
	tag      string         // what the code has last said that it does, in the present call
	scratch  []byte
	keys     []byte
}

func geometryOf(dev Medium, base uint32) geometry {
	g := geometry{base: base, size: dev.Size(), unit: dev.ProgramUnit(), clears: dev.Clears()}
	for at := uint32(0); at < g.size; {
		n := dev.EraseSize(at)
		g.sectors = append(g.sectors, [2]uint32{base + at, n})
		at += n
	}
	return g
}

func newStore(p *Program, dev Medium, base uint32) *store {
	s := &store{prog: p, dev: dev, g: geometryOf(dev, base), strict: p.Strict}
	s.item = item{s: s, done: make(chan struct{}, 1)}
	s.pool, s.broken = p.pool(&s.g)
	s.down = kvstore.ErrNotReady
	return s
}

func (s *store) pageLen(p uint32) uint32 { return min(pageSize, s.g.size-p*pageSize) }

// perform performs a call: status is what the code under test returned, data what it gave.
func (s *store) perform(c Call) (status int32, data []byte, err error) {
	if s.broken != nil {
		return 0, nil, s.broken
	}
	if c.Boot {
		c.Warm = c.Warm && s.down == nil && len(s.past) > 0
		s.down = nil
		if s.clock != nil {
			s.booted = s.clock.Micros()
		}
	}
	if s.down != nil {
		return 0, nil, s.down
	}
	c.Strict, s.tag = s.dev.MayFail(), ""
	if s.next >= len(s.item.calls) || !c.equal(&s.item.calls[s.next]) || c.Boot && !s.coherent() {
		s.ship(c)
	} else if c.cold() {
		s.forget()
	}
	status, data, err = s.consume()
	if err == errNotYet {
		s.ship(c)
		status, data, err = s.consume()
	}
	if err == errNotYet {
		err = &Crash{What: "does not do the same when it is called again"}
	}
	if err != nil {
		s.down = err
		s.next = len(s.item.calls)
	}
	return status, data, err
}

// errNotYet is a foreseen call that could not be run ahead of its time.
var errNotYet = errors.New("not yet")

// coherent reports whether the flash is what the process that ran ahead had.
func (s *store) coherent() bool { return s.dev.Version(0, s.g.size) == s.after && !s.scarred() }

func (s *store) scarred() (any bool) {
	s.dev.Scarred(func(uint32, uint32) { any = true })
	return any
}

// forget begins a new life of RAM.
func (s *store) forget() {
	n := 0
	for n < len(s.past) && (s.past[n].call.Kind == Get || s.past[n].call.Kind == List || n == 0) {
		n++
	}
	if n > 1 {
		s.usual, s.past = s.past[:n], s.usual
	}
	s.past = s.past[:0]
	s.start = s.dev.Snapshot()
}

// ship runs the call, and the foreseen ones behind it, on the cells as they were at the boot.
func (s *store) ship(c Call) {
	if c.cold() {
		s.forget()
	}
	it := &s.item
	it.onward = !c.cold() && s.next == len(it.calls) && it.end == endOK
	more := s.ahead(&c)
	s.at, s.next = 0, 0
	if c.cold() {
		s.scars = s.scars[:0]
		s.dev.Scarred(func(addr, n uint32) { s.scars = append(s.scars, [2]uint32{addr, n}) })
	}
	if c.cold() && it.ran && len(s.scars) == 0 && s.began == s.dev.Version(0, s.g.size) && s.same(&c, more) {
		return // it has run from the same cells before
	}
	if len(more) == 0 {
		c.Value = append([]byte(nil), c.Value...) // the caller's may change
	}
	it.ran = c.cold()
	s.began = s.dev.Version(0, s.g.size)
	it.calls = append(append(it.calls[:0], c), more...)
	for len(s.answers) < len(it.calls) {
		s.answers = append(s.answers, nil)
	}
	for i := range s.answers {
		s.answers[i] = s.answers[i][:0]
	}
	it.past, it.served, it.alone, it.suspect, it.kills = s.past, false, false, "", 0
	s.pool.perform(it)
}

// consume takes the outcome of the next call from the log.
func (s *store) consume() (status int32, data []byte, err error) {
	it := &s.item
	if it.end == endLies {
		return 0, nil, crashOf(it.end, it.code, it.text, it.log)
	}
	if it.end == endStopped && s.next >= it.seen-it.skip {
		if s.down != nil {
			return 0, nil, s.down
		}
		return 0, nil, errNotYet // nothing of it has been performed
	}
	data = s.keys[:0]
	for s.at < len(it.buf) {
		r, n := readRecord(it.buf[s.at:])
		s.at += n
		switch r.typ {
		case logKey:
			data = append(append(data, r.data...), 0)
		case logCall:
			s.past = append(s.past, performed{it.calls[s.next], append([]answer(nil), s.answers[s.next]...), r.status})
			s.next++
			if s.next < len(it.calls) && it.calls[s.next].Boot {
				s.after = s.dev.Version(0, s.g.size)
			}
			if it.calls[s.next-1].Kind == List {
				s.keys = data
				return r.status, data, nil
			}
			return r.status, r.data, nil
		default:
			if err := s.apply(r); err != nil {
				return 0, nil, err
			}
		}
	}
	if it.end == endOK {
		return 0, nil, crashOf(endLies, 0, "the log ends before the call", "")
	}
	return 0, nil, crashOf(it.end, it.code, it.text, it.log)
}

// apply performs a record of the log on the flash.
func (s *store) apply(r record) error {
	addr := r.a - s.g.base
	switch r.typ {
	case logProgram:
		s.writes++
		return s.dev.Program(addr, r.data)
	case logErase:
		s.writes++
		return s.dev.Erase(addr, uint32(r.status))
	case logRead:
		n := int(r.status)
		if n < 0 || n > int(s.g.size) {
			return nil
		}
		return s.dev.Read(addr, s.room(n))
	case logTag:
		s.tag = string(r.data)
	case logWork:
		s.work(int(r.status), int(r.a))
	}
	return nil
}

func (s *store) room(n int) []byte {
	if cap(s.scratch) < n {
		s.scratch = make([]byte, n)
	}
	return s.scratch[:n]
}

func (s *store) work(kind, n int) {
	if s.cpu == nil || n < 0 {
		return
	}
	switch kind {
	case 0:
		s.cpu.Call()
	case 1:
		s.cpu.Copy(n)
	case 2:
		s.cpu.CRC32(n)
	case 3:
		s.cpu.SHA256(n)
	case 4:
		s.cpu.AES(n)
	case 5:
		s.cpu.AESKey()
	}
}
