package native

import (
	"bytes"
	"encoding/binary"
	"errors"

	"dualbank/fuzz/kv/sut"
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

// Clock says what db_now_us returns, in microseconds.
type Clock interface{ Micros() uint64 }

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
	timed  bool   // reads and CPU work are told, and take their time on the flash's clock
	cpu    CPU    // nil: CPU work costs nothing
	clock  Clock
	strict bool // every program and erase is a request: the device may fail

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

// Foresee says which calls are likely to come next: those that fn makes, the first of them an Open. They run
// together with the first.
func (s *store) Foresee(fn func(sut.Store)) {
	if s.broken != nil {
		return
	}
	s.foreseen = s.foreseen[:0]
	fn(foresight{s})
}

// foresight is a store that notes what is called.
type foresight struct{ s *store }

func (f foresight) note(c Call) { f.s.foreseen = append(f.s.foreseen, c) }

func (f foresight) Open() error {
	f.note(openCall())
	return nil
}

func (f foresight) Set(key string, value []byte, flags kvstore.Flags) error {
	f.note(setCall(key, value, flags))
	return nil
}

func (f foresight) Get(key string, buf []byte, offset uint32) (int, error) {
	f.note(f.s.getCall(key, buf, offset))
	return 0, nil
}

func (f foresight) Remove(key string) error {
	f.note(Call{Kind: Remove, Key: key})
	return nil
}

func (f foresight) Iterate(string) (kvstore.Iterator, error) {
	if f.s.pool.info.Has(List) {
		f.note(Call{Kind: List})
	}
	return &iterator{}, nil
}

// perform performs a call: status is what the code under test returned, data what it gave.
func (s *store) perform(c Call) (status int32, data []byte, err error) {
	if s.broken != nil {
		return 0, nil, s.broken
	}
	if c.Boot {
		s.down = nil
	}
	if s.down != nil {
		return 0, nil, s.down
	}
	c.Strict, s.tag = s.dev.MayFail(), ""
	if s.next >= len(s.item.calls) || !c.equal(&s.item.calls[s.next]) || c.Boot && !s.coherent() {
		s.ship(c)
	} else if c.Boot {
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
	if c.Boot {
		s.forget()
	}
	it := &s.item
	it.onward = !c.Boot && s.next == len(it.calls) && it.end == endOK
	more := s.ahead(&c)
	s.at, s.next = 0, 0
	if c.Boot {
		s.scars = s.scars[:0]
		s.dev.Scarred(func(addr, n uint32) { s.scars = append(s.scars, [2]uint32{addr, n}) })
	}
	if c.Boot && it.ran && len(s.scars) == 0 && s.began == s.dev.Version(0, s.g.size) && s.same(&c, more) {
		return // it has run from the same cells before
	}
	if len(more) == 0 {
		c.Value = append([]byte(nil), c.Value...) // the caller's may change
	}
	it.ran = c.Boot
	s.began = s.dev.Version(0, s.g.size)
	it.calls = append(append(it.calls[:0], c), more...)
	for len(s.answers) < len(it.calls) {
		s.answers = append(s.answers, nil)
	}
	for i := range s.answers {
		s.answers[i] = s.answers[i][:0]
	}
	it.past, it.served, it.alone, it.suspect = s.past, false, false, ""
	s.pool.perform(it)
}

// ahead is what was foreseen to follow c.
func (s *store) ahead(c *Call) []Call {
	more := s.foreseen
	if len(more) == 0 {
		for i := range s.usual {
			more = append(more, s.usual[i].call)
		}
	}
	s.foreseen = more[:0]
	if len(more) == 0 || !more[0].equal(c) {
		return nil
	}
	more = more[1:]
	for i := range more {
		if more[i].Boot && (s.pool.prog.Isolate == Exec || s.scarred()) {
			return more[:i] // time passes for cells that are not decided
		}
	}
	return more
}

// same reports whether the item has run these calls, to the end and without a request.
func (s *store) same(c *Call, more []Call) bool {
	it := &s.item
	if it.served || it.end != endOK || len(it.calls) != 1+len(more) || !it.calls[0].equal(c) {
		return false
	}
	for i := range more {
		if !it.calls[1+i].equal(&more[i]) {
			return false
		}
	}
	return true
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

// serve answers a request of the process; served is false where the item is to be stopped: the request belongs to a
// call whose time has not come, or the power is gone. It runs while the store's caller waits.
func (s *store) serve(it *item, r record) (a answer, served bool) {
	if len(r.data) < 16 {
		return a, false
	}
	le := binary.LittleEndian
	reads, addr, n, data := le.Uint64(r.data), le.Uint32(r.data[8:])-s.g.base, le.Uint32(r.data[12:]), r.data[16:]
	ahead := 0
	changes := false
	for b := it.buf[s.at:]; len(b) > 0; {
		x, k := readRecord(b)
		b = b[k:]
		switch x.typ {
		case logCall:
			if ahead++; ahead < len(it.calls) && it.calls[ahead].Boot {
				changes = true
			}
		case logProgram, logErase:
			changes = true
		}
	}
	// A read of an ECC unit may stop the device: not before its time.
	if ahead >= len(it.calls) || ahead > 0 && (changes || r.status != requestRead || !s.g.clears) {
		return a, false
	}
	if ahead == 0 {
		for s.at < len(it.buf) {
			x, k := readRecord(it.buf[s.at:])
			if x.typ == logKey {
				break // keys are taken when the call is over; what follows changes nothing that was applied
			}
			s.at += k
			if err := s.apply(x); err != nil {
				s.down = err
				return a, false
			}
		}
	}
	it.served = true
	var err error
	switch r.status {
	case requestRead:
		if addr > s.g.size || n > s.g.size-addr {
			err = s.dev.Read(addr, make([]byte, min(n, 16)))
			a.status = -5
			break
		}
		a.data = make([]byte, n)
		s.dev.SetReads(reads - 1)
		if err = s.dev.Read(addr, a.data); err != nil {
			a.status = -5
		}
	case requestProgram:
		if uint32(len(data)) != n {
			data = make([]byte, s.g.size+1) // longer than the device, whatever it holds
		}
		err = s.dev.Program(addr, data)
		a = s.now(addr, uint32(len(data)), err)
	case requestErase:
		err = s.dev.Erase(addr, n)
		a = s.now(addr, n, err)
	case requestNow:
		a.data = make([]byte, 8)
		if s.clock != nil {
			le.PutUint64(a.data, s.clock.Micros())
		}
	default:
		return a, false
	}
	if err != nil && s.off() {
		s.down = err
		return a, false
	}
	s.answers[ahead] = append(s.answers[ahead], a)
	return a, true
}

// now is the answer to a program or an erase: its outcome, and what the cells hold.
func (s *store) now(addr, n uint32, err error) (a answer) {
	if err != nil {
		a.status = -6
	}
	if addr <= s.g.size && n <= s.g.size-addr {
		a.data = make([]byte, n)
		s.dev.Peek(addr, a.data)
	}
	return a
}

// off reports whether the power is gone: then even a read fails that is within the device.
func (s *store) off() bool { return s.dev.Read(0, nil) != nil }

// The KVStore API.

func (s *store) call(c Call) ([]byte, error) {
	status, data, err := s.perform(c)
	if err == nil {
		err = statusError(status)
	}
	return data, err
}

// Open is a boot. A device that nothing was ever written to is made usable first.
func (s *store) Open() error {
	if s.broken == nil && s.dev.Fresh() && s.pool.info.Has(Format) {
		if _, err := s.call(Call{Kind: Format, Boot: true}); err != nil {
			return err
		}
	}
	_, err := s.call(openCall())
	return err
}

func openCall() Call { return Call{Kind: Open, Boot: true} }

func setCall(key string, value []byte, flags kvstore.Flags) Call {
	return Call{Kind: Set, Key: key, Value: value, Arg: uint32(flags)}
}

// getCall is a get of what buf can hold; of the whole value, where its start is left out.
func (s *store) getCall(key string, buf []byte, offset uint32) Call {
	room := uint32(min(len(buf), int(s.g.size)))
	if offset > 0 {
		room = s.g.size
	}
	return Call{Kind: Get, Key: key, Arg: room}
}

func (s *store) Close() error {
	s.down = kvstore.ErrNotReady
	return nil
}

func (s *store) Set(key string, value []byte, flags kvstore.Flags) error {
	_, err := s.call(setCall(key, value, flags))
	return err
}

func (s *store) Get(key string, buf []byte, offset uint32) (int, error) {
	v, err := s.call(s.getCall(key, buf, offset))
	if err != nil {
		return 0, err
	}
	if offset > uint32(len(v)) {
		return 0, kvstore.ErrInvalidSize
	}
	return copy(buf, v[offset:]), nil
}

func (s *store) Info(key string) (kvstore.Info, error) {
	v, err := s.call(s.getCall(key, nil, 1))
	return kvstore.Info{Size: uint32(len(v))}, err
}

func (s *store) Remove(key string) error {
	_, err := s.call(Call{Kind: Remove, Key: key})
	return err
}

// Batch is how many stores keep the processes busy: half of a batch each.
func (s *store) Batch() int { return batch / 2 }

// Limits are the lengths of the longest key and value in bytes; 0: any.
func (s *store) Limits() (key, value int) {
	if s.broken != nil {
		return 0, 0
	}
	return s.pool.info.MaxKey, s.pool.info.MaxValue
}

// Removes reports whether the program can remove a key.
func (s *store) Removes() bool { return s.broken != nil || s.pool.info.Has(Remove) }

// Doing is what the code under test has last said that it does (db_tag), in the latest call.
func (s *store) Doing() string { return s.tag }

// ListsAtOnce reports that an iterator is a list: the program makes it in one call.
func (s *store) ListsAtOnce() bool { return true }

// resetting is a store of a program that has reset.
type resetting struct{ *store }

// able is the store with what its program can do.
func (s *store) able() sut.Store {
	if s.broken == nil && s.pool.info.Has(ResetAll) {
		return resetting{s}
	}
	return s
}

func (s resetting) Reset() error {
	_, err := s.call(Call{Kind: ResetAll})
	return err
}

// Iterate lists the keys. A program without list gives those that the store has been asked for and that are there.
func (s *store) Iterate(prefix string) (kvstore.Iterator, error) {
	if s.broken == nil && !s.pool.info.Has(List) {
		return &iterator{keys: s.there(), prefix: prefix}, s.down
	}
	keys, err := s.call(Call{Kind: List})
	if err != nil {
		return nil, err
	}
	return &iterator{keys: bytes.Clone(keys), prefix: prefix}, nil
}

// there is the keys that were set or read with success since the boot, and not removed after that, each with a NUL.
func (s *store) there() (keys []byte) {
	done := map[string]bool{}
	for i := len(s.past) - 1; i >= 0; i-- {
		p := &s.past[i]
		if p.call.Key == "" || done[p.call.Key] {
			continue
		}
		done[p.call.Key] = true
		if p.status == 0 && p.call.Kind != Remove {
			keys = append(append(keys, p.call.Key...), 0)
		}
	}
	return keys
}

// iterator walks over keys, each with a NUL behind it. They are valid until the store's next call.
type iterator struct {
	keys   []byte
	prefix string
}

// NextKey copies the next key into buf.
func (it *iterator) NextKey(buf []byte) (int, error) {
	for len(it.keys) > 0 {
		n := 0
		for it.keys[n] != 0 {
			n++
		}
		key := it.keys[:n]
		it.keys = it.keys[n+1:]
		if len(key) >= len(it.prefix) && string(key[:len(it.prefix)]) == it.prefix {
			return copy(buf, key), nil
		}
	}
	return 0, kvstore.ErrItemNotFound
}

func (it *iterator) Next() (string, error) {
	var buf [4096]byte
	n, err := it.NextKey(buf[:])
	return string(buf[:n]), err
}

func (it *iterator) Close() error { return nil }
