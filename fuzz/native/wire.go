package native

import (
	"encoding/binary"
	"fmt"

	"dualbank/kvstore"
)

// The protocol, as include/dualbank.h defines it: all numbers are little-endian and of fixed width.
const (
	magic    = 0x4B4E4244
	version  = 1
	pageSize = 1024

	headerSize = 4096
	infoLog    = 64 // place of info.log
)

// Messages of 16 bytes: type, a number, a long number.
const (
	msgHello   = 1
	msgDone    = 2
	msgRequest = 3
	msgFull    = 4

	msgRun    = 101
	msgAnswer = 102
	msgStop   = 103
	msgGo     = 104
	msgQuit   = 105
)

// Flags of an item and of a call.
const (
	itemImage  = 1
	itemTimed  = 2
	itemStrict = 4

	callBoot   = 1
	callWarm   = 2
	callStrict = 4
)

// Records of the log.
const (
	logProgram = 1
	logErase   = 2
	logRead    = 3
	logWork    = 4
	logTag     = 5
	logRequest = 6
	logCall    = 7
	logItem    = 8
	logKey     = 9
)

const (
	requestRead    = 1
	requestProgram = 2
	requestErase   = 3
	requestNow     = 4
)

// Isolation is how the program forgets its RAM at a boot.
type Isolation uint32

// The isolations. Auto is what the program asks for: Fork where it finds a sanitizer, thread-local data, shared
// libraries or a static C library, else Reset.
const (
	Auto  Isolation = 0
	Reset Isolation = 1 // the header restores data, heap and stack
	Fork  Isolation = 2 // every boot is a forked process
	Exec  Isolation = 3 // every boot is a process that is started anew
)

var isolations = []string{"auto", "reset", "fork", "exec"}

func (i Isolation) String() string { return isolations[i] }

// ParseIsolation finds an isolation by what its String method says.
func ParseIsolation(name string) (Isolation, error) {
	for i, s := range isolations {
		if s == name {
			return Isolation(i), nil
		}
	}
	return 0, fmt.Errorf("isolation %q is unknown: use auto, reset, fork or exec", name)
}

// Kind is a function of the code under test.
type Kind uint32

// The functions.
const (
	Open Kind = 1 + iota
	Set
	Get
	Remove
	List
	ResetAll
	Format
	Prepare
	Write
	Finish
	Activate
	Boot
)

var kinds = []string{"", "open", "set", "get", "remove", "list", "reset", "format", "prepare", "write", "finish", "activate", "boot"}

func (k Kind) String() string { return kinds[k] }

// Call is one call of a function of the code under test.
type Call struct {
	Kind  Kind
	Key   string
	Value []byte
	Arg   uint32 // of Set the flags, of Get the room in bytes, of Write the offset, of Boot the reason of the reset
	Boot  bool   // the device starts before it: RAM is lost
	Warm  bool   // with Boot: what db_keep named is kept

	Strict bool // every program and erase is a request: the device may fail
}

// cold reports whether all of RAM is lost before the call.
func (c *Call) cold() bool { return c.Boot && !c.Warm }

func (c *Call) equal(o *Call) bool {
	return c.Kind == o.Kind && c.Boot == o.Boot && c.Warm == o.Warm && c.Strict == o.Strict && c.Arg == o.Arg && c.Key == o.Key && string(c.Value) == string(o.Value)
}

// geometry is the device as the program sees it.
type geometry struct {
	base, size, unit uint32
	clears           bool // programming what is not erased clears bits
	sectors          [][2]uint32
}

// places is where the parts of the shared memory lie.
type places struct {
	sectors, info, base, image, in, log, answer int
	inSize, logSize, answerSize                 int
	total                                       int
}

func (g *geometry) pages() int { return int((g.size + pageSize - 1) / pageSize) }

func (g *geometry) places() places {
	const page = 4096
	at := headerSize
	take := func(n int) int {
		was := at
		at += (n + page - 1) &^ (page - 1)
		return was
	}
	image := g.pages() * pageSize
	p := places{inSize: max(8<<20, 4*image), logSize: max(4<<20, 4*image), answerSize: image + page}
	p.sectors = take(8 * len(g.sectors))
	p.info = take(page)
	p.base = take(image)
	p.image = take(image)
	p.in = take(p.inSize)
	p.log = take(p.logSize)
	p.answer = take(p.answerSize)
	p.total = at
	return p
}

// limits are what one call may make.
type limits struct{ writes, reads uint32 }

// writeHeader fills the header page and the table of sectors.
func (g *geometry) writeHeader(mem []byte, p *places, iso Isolation, l limits) {
	le := binary.LittleEndian
	clears := uint32(0)
	if g.clears {
		clears = 1
	}
	for i, v := range []uint32{
		magic, version, uint32(p.total), g.base, g.size, g.unit, clears, uint32(len(g.sectors)),
		uint32(p.sectors), uint32(p.info), uint32(p.base), uint32(p.image), uint32(p.in), uint32(p.log), uint32(p.answer),
		uint32(p.logSize), uint32(p.answerSize), uint32(iso), l.writes, l.reads,
	} {
		le.PutUint32(mem[4*i:], v)
	}
	for i, s := range g.sectors {
		le.PutUint32(mem[p.sectors+8*i:], s[0])
		le.PutUint32(mem[p.sectors+8*i+4:], s[1])
	}
}

// Info is what a program says of itself.
type Info struct {
	Abilities uint32 // bit k: function Kind k
	Isolation Isolation
	Why       []string      // what makes it fork
	Bits      int           // 32 or 64
	MaxKey    int           // bytes
	MaxValue  int           // bytes; 0: as the device allows
	Flags     kvstore.Flags // of a set, that it knows
	Heap      int           // bytes
}

// Has reports whether the program has function k.
func (i *Info) Has(k Kind) bool { return i.Abilities&(1<<k) != 0 }

// Stores reports whether the program has what a store needs.
func (i *Info) Stores() bool { return i.Has(Open) && i.Has(Set) && i.Has(Get) }

// Loads reports whether the program has what a bootloader and its client need.
func (i *Info) Loads() bool { return i.Has(Prepare) && i.Has(Write) && i.Has(Activate) && i.Has(Boot) }

var whys = []string{"a sanitizer", "thread-local data", "a shared library", "a static C library"}

func parseInfo(b []byte) (Info, error) {
	le := binary.LittleEndian
	at := func(i int) uint32 { return le.Uint32(b[4*i:]) }
	var n Info
	if at(0) != magic || at(1) != version {
		return n, fmt.Errorf("it speaks version %d of the protocol, not %d: build it with the header that `dualbank native --header` prints", at(1), version)
	}
	n = Info{Abilities: at(2), Isolation: Isolation(at(3)), Bits: int(at(5)), MaxKey: int(at(6)), Heap: int(at(7)), MaxValue: int(at(8)), Flags: kvstore.Flags(at(9)) & kvstore.FlagWriteOnce}
	if n.Isolation != Reset && n.Isolation != Fork || n.MaxKey < 1 || n.MaxKey > 4096 || n.Bits != 32 && n.Bits != 64 {
		return n, fmt.Errorf("what it says of itself cannot be (isolation %d, keys of %d bytes, %d bits)", n.Isolation, n.MaxKey, n.Bits)
	}
	for i, w := range whys {
		if at(4)&(1<<i) != 0 {
			n.Why = append(n.Why, w)
		}
	}
	return n, nil
}

// record is one record of the log. data lies in the buffer that it was read from.
type record struct {
	typ    uint32
	status int32
	a      uint32
	data   []byte
}

const recordSize = 16

// readRecord reads the record at the start of b, and returns its length with padding. n is 0 for what is no
// record.
func readRecord(b []byte) (r record, n int) {
	if len(b) < recordSize {
		return r, 0
	}
	le := binary.LittleEndian
	if le.Uint32(b[12:]) > uint32(len(b)-recordSize) {
		return r, 0
	}
	size := int(le.Uint32(b[12:]))
	if n = recordSize + (size+7)&^7; n > len(b) {
		return r, 0
	}
	r = record{le.Uint32(b), int32(le.Uint32(b[4:])), le.Uint32(b[8:]), b[recordSize : recordSize+size]}
	return r, n
}

// answer is the answer to a request.
type answer struct {
	status int32
	data   []byte
}

// encoder writes items into the shared memory.
type encoder struct {
	b  []byte
	at int
}

func (e *encoder) u32(v uint32) {
	binary.LittleEndian.PutUint32(e.b[e.at:], v)
	e.at += 4
}

func (e *encoder) pad() {
	for e.at&7 != 0 {
		e.b[e.at] = 0
		e.at++
	}
}

const (
	itemSize = 40
	callSize = 24
)

// callBytes is the room that a call takes.
func callBytes(c *Call) int {
	n := callSize + len(c.Value)
	if c.Key != "" {
		n += len(c.Key) + 1
	}
	return (n + 7) &^ 7
}

func (e *encoder) call(c *Call) {
	flags := uint32(0)
	if c.Boot {
		flags |= callBoot
	}
	if c.Warm {
		flags |= callWarm
	}
	if c.Strict {
		flags |= callStrict
	}
	key := 0
	if c.Key != "" {
		key = len(c.Key) + 1
	}
	e.u32(uint32(c.Kind))
	e.u32(flags)
	e.u32(uint32(key))
	e.u32(uint32(len(c.Value)))
	e.u32(c.Arg)
	e.u32(0)
	if key > 0 {
		e.at += copy(e.b[e.at:], c.Key)
		e.b[e.at] = 0
		e.at++
	}
	e.at += copy(e.b[e.at:], c.Value)
	e.pad()
}

func (e *encoder) answer(a *answer) {
	e.u32(0)
	e.u32(uint32(a.status))
	e.u32(0)
	e.u32(uint32(len(a.data)))
	e.at += copy(e.b[e.at:], a.data)
	e.pad()
}
