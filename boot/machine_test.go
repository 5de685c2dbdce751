package boot

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"strings"

	"dualbank/model"
	"dualbank/model/cell"
	"dualbank/model/part"
)

// machine is the recorder of the reference traces (FORMAT.md beside them): a plain flash, the heap
// words, the two clients and the bootloader, driven by one command a line.
type machine struct {
	name   string
	cfg    Config
	flash  *model.Flash
	boot   *Bootloader
	client [2]*Client
	gen    Generation
	reason ResetReason
	heap   RAM
	state  string
	saved  map[string]snapshot
	fw     generated
	dir    string // for dump and load

	logging bool
	raw     bool
	autocrc bool
	console bytes.Buffer
	out     bytes.Buffer
	trace   trace
}

type snapshot struct {
	cells  *cell.Snapshot
	heap   RAM
	reason ResetReason
}

// trace is what one command did to the flash.
type trace struct {
	lo, hi          uint64 // where it may write
	p, e, r, rb     uint64
	out, over, oor  uint64
	first           string // the first anomaly
	ops             []op
	programmedBytes uint32 // by the latest Program call
}

type op struct {
	kind      byte
	addr, len uint32
	n         uint32
}

var f429Bank = []uint32{16 << 10, 16 << 10, 16 << 10, 16 << 10, 64 << 10, 128 << 10, 128 << 10, 128 << 10, 128 << 10, 128 << 10, 128 << 10, 128 << 10}

const flashBase = 0x08000000

// traceConfigs are the configurations of FORMAT.md.
var traceConfigs = func() map[string]Config {
	f429 := Config{
		Details: 0x08008000, AppStart: 0x08008400, MaxAppSize: 0xF7C00, StorageAddr: 0x08120000, StorageSize: 0xE0000,
		Locations: 1, StoragePage: 1, BootRetries: 3, CopyRetries: 1, ResetReason: true,
	}
	l4 := f429
	l4.StorageAddr, l4.StorageSize, l4.StoragePage = 0x08050000, 0x30000, 8
	with := func(c Config, change func(*Config)) Config {
		change(&c)
		return c
	}
	return map[string]Config{
		"f429_1":         f429,
		"f429_3":         with(f429, func(c *Config) { c.Locations = 3 }),
		"l4_8800":        with(l4, func(c *Config) { c.AppStart, c.MaxAppSize = 0x08008800, 0x37800 }),
		"l4_8400":        with(l4, func(c *Config) { c.MaxAppSize = 0x37C00 }),
		"l4_9000":        with(l4, func(c *Config) { c.AppStart, c.MaxAppSize = 0x08009000, 0x37000 }),
		"f429_max31k":    with(f429, func(c *Config) { c.MaxAppSize = 31744 }),
		"f429_maxodd":    with(f429, func(c *Config) { c.MaxAppSize = 100000 }),
		"l4_9000_maxodd": with(l4, func(c *Config) { c.AppStart, c.MaxAppSize = 0x08009000, 100000 }),
		"f429_default": with(f429, func(c *Config) {
			c.MaxAppSize, c.StorageAddr, c.StorageSize = 0x08200000-0x08008400, 0x08100000, 0x100000
		}),
		"f429_1_norr": with(f429, func(c *Config) { c.ResetReason = false }),
	}
}()

func plainFlash(config string) (*model.Flash, error) {
	sectors, unit := append(append([]uint32(nil), f429Bank...), f429Bank...), uint32(1)
	if strings.HasPrefix(config, "l4") {
		sectors, unit = make([]uint32, 256), 8
		for i := range sectors {
			sectors[i] = 2 << 10
		}
	}
	return model.New(model.Config{Part: part.Plain(config, flashBase, sectors, cell.AND), Unit: unit})
}

func newMachine(config, dir string) (*machine, error) {
	cfg, ok := traceConfigs[config]
	if !ok {
		return nil, fmt.Errorf("unknown configuration %q", config)
	}
	f, err := plainFlash(config)
	if err != nil {
		return nil, err
	}
	m := &machine{name: config, cfg: cfg, flash: f, gen: ClientOld, state: "RUN", saved: map[string]snapshot{}, dir: dir}
	m.boot = NewBootloader(cfg, m, nil)
	m.boot.Print = func(line string) { m.console.WriteString(line + "|") }
	m.client[ClientOld] = NewClient(cfg, m, ClientOld, nil)
	m.client[ClientNew] = NewClient(cfg, m, ClientNew, nil)
	f.Observe(m.observe)
	return m, nil
}

// The machine is the Flash that bootloader and clients see: the model's, with everything noted.

func (m *machine) Start() uint32                 { return m.flash.Start() }
func (m *machine) Size() uint32                  { return m.flash.Size() }
func (m *machine) PageSize() uint32              { return m.flash.PageSize() }
func (m *machine) SectorSize(addr uint32) uint32 { return m.flash.SectorSize(addr) }
func (m *machine) Off() bool                     { return m.flash.Off() }

func (m *machine) anomaly(n *uint64, kind string, addr, size uint32) {
	if m.trace.first == "" {
		m.trace.first = fmt.Sprintf("%s@0x%08x+%d", kind, addr, size)
	}
	*n++
}

func (m *machine) Read(addr uint32, p []byte) error {
	if m.flash.Off() {
		return model.ErrPowerCut
	}
	m.trace.r++
	m.trace.rb += uint64(len(p))
	m.note('R', addr, uint32(len(p)), 1)
	err := m.flash.Read(addr, p)
	if err != nil {
		m.anomaly(&m.trace.oor, "OOR", addr, uint32(len(p)))
	}
	return err
}

// programError is a failed Program call that knows how far it got, as the HAL called page by page does.
type programError struct {
	error
	done uint32
}

func (e programError) Done() uint32 { return e.done }

func (m *machine) Program(addr uint32, p []byte) error {
	t := &m.trace
	unit := int(m.flash.PageSize())
	old := make([]byte, len(p))
	if m.flash.Peek(addr, old) {
		for i := 0; i < len(p); i += unit {
			a := addr + uint32(i)
			if uint64(a) < t.lo || uint64(a)+uint64(unit) > t.hi {
				m.anomaly(&t.out, "OUT", a, uint32(unit))
			}
			if !blank(old[i : i+unit]) {
				m.anomaly(&t.over, "OVER", a, uint32(unit))
			}
		}
	}
	t.programmedBytes = 0
	if err := m.flash.Program(addr, p); err != nil {
		return programError{err, t.programmedBytes}
	}
	return nil
}

func (m *machine) Erase(addr, size uint32) error { return m.flash.Erase(addr, size) }

func (m *machine) observe(e *model.Event) {
	t := &m.trace
	switch e.Kind {
	case model.Program:
		unit := m.flash.PageSize()
		t.p += uint64(e.Size / unit)
		t.programmedBytes = e.Size
		m.note('P', e.Addr, unit, e.Size/unit)
	case model.Erase:
		t.e++
		if uint64(e.Addr) < t.lo || uint64(e.Addr)+uint64(e.Size) > t.hi {
			m.anomaly(&t.out, "OUT", e.Addr, e.Size)
		}
		m.note('E', e.Addr, e.Size, 1)
	}
}

func blank(p []byte) bool {
	for _, b := range p {
		if b != 0xFF {
			return false
		}
	}
	return true
}

func (m *machine) note(kind byte, addr, size, n uint32) {
	if !m.logging {
		return
	}
	if l := len(m.trace.ops); l > 0 && !m.raw {
		o := &m.trace.ops[l-1]
		if o.kind == kind && o.len == size && o.addr+o.n*o.len == addr {
			o.n += n
			return
		}
	}
	if !m.raw {
		m.trace.ops = append(m.trace.ops, op{kind, addr, size, n})
		return
	}
	for i := range n {
		m.trace.ops = append(m.trace.ops, op{kind, addr + i*size, size, 1})
	}
}

// stream is the byte stream of a seed, at any place.
func stream(seed, offset uint64, p []byte) {
	for i := range p {
		at := offset + uint64(i)
		z := seed + (at/8+1)*0x9E3779B97F4A7C15
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		z ^= z >> 31
		p[i] = byte(z >> (at % 8 * 8))
	}
}

// program is an image that looks like code: instructions from a small set, calls to addresses that all
// move when something is put in.
func program(seed uint64, size, moved, by int) []byte {
	p := make([]byte, size)
	noise := make([]byte, size)
	stream(seed, 0, noise)
	for i := 0; i+4 <= size; i += 4 {
		copy(p[i:], []byte{0x10 + noise[i]%8, 0xB5, noise[i+1] % 16, 0x46})
		if noise[i+2]%16 == 0 {
			to := int(noise[i+3])<<9 + i
			if to > moved {
				to += by
			}
			p[i], p[i+1], p[i+2], p[i+3] = byte(to), byte(to>>8), byte(to>>16), 0x08
		}
	}
	return p
}

// generated is an image of the generator.
type generated struct {
	Details
	seed uint64
}

func (m *machine) generate(version, size, seed uint64) generated {
	fw := generated{Details{Version: version, Size: size}, seed}
	if size > uint64(m.flash.Size()) {
		for i := range fw.Hash {
			fw.Hash[i] = 0xAA
		}
	} else {
		fw.Hash = sha256.Sum256(fw.bytes(0, size))
	}
	stream(^seed, 0, fw.Campaign[:])
	return fw
}

func (fw generated) bytes(offset, n uint64) []byte {
	p := make([]byte, n)
	stream(fw.seed, offset, p)
	return p
}

func (m *machine) setHeap(p []byte) {
	m.heap = RAM{binary.LittleEndian.Uint64(p), p[16]}
}

// active is what the recorder itself finds in place of the active image.
func (m *machine) active() string {
	h := make([]byte, HeaderSize)
	var d Details
	if !m.flash.Peek(m.cfg.Details, h) || binary.BigEndian.Uint32(h) != headerMagic ||
		binary.BigEndian.Uint32(h[4:]) != HeaderVersion || !ParseHeader(h, &d) {
		return "none"
	}
	ok := "BAD"
	if d.Size <= uint64(m.flash.Size()) {
		p := make([]byte, d.Size)
		if m.flash.Peek(m.cfg.AppStart, p) && sha256.Sum256(p) == d.Hash {
			ok = "OK"
		}
	}
	return fmt.Sprintf("v%d,size%d,hash%s", d.Version, d.Size, ok)
}

func (m *machine) crc() uint32 {
	p := make([]byte, m.flash.Size())
	m.flash.Peek(m.flash.Start(), p)
	return crc32.ChecksumIEEE(p)
}

func (m *machine) line(format string, a ...any) { fmt.Fprintf(&m.out, format+"\n", a...) }

// result writes the result line of a command that acts on the flash, and its log.
func (m *machine) result(format string, a ...any) {
	t := &m.trace
	fmt.Fprintf(&m.out, format+" P=%d E=%d R=%d Rb=%d", append(a, t.p, t.e, t.r, t.rb)...)
	if t.first != "" {
		fmt.Fprintf(&m.out, " anom=OUT%d,OVER%d,OOR%d:%s", t.out, t.over, t.oor, t.first)
	}
	if m.autocrc {
		fmt.Fprintf(&m.out, " crc=%08x", m.crc())
	}
	m.out.WriteByte('\n')
	if m.console.Len() > 0 {
		m.line("  msg %s", m.console.String())
	}
	for _, o := range t.ops {
		times := ""
		if o.n > 1 {
			times = fmt.Sprintf(" x%d", o.n)
		}
		m.line("  %c 0x%08x %d%s", o.kind, o.addr, o.len, times)
	}
}

// watch begins a command that may write from lo to hi.
func (m *machine) watch(lo, size uint32) {
	m.console.Reset()
	m.trace = trace{lo: uint64(lo), hi: uint64(lo) + uint64(size)}
}

func (m *machine) resetRAM() {
	m.client[ClientOld].Reset()
	m.client[ClientNew].Reset()
}

// clientDone writes the result line of a client's command.
func (m *machine) clientDone(name string, err error, more string) {
	how, rc := "OK", uint32(0)
	var e *Error
	switch {
	case err == ErrPowerCut:
		how, m.state = "CUT", "OFF"
	case err == ErrFault:
		how = "FAULT"
	case errors.As(err, &e):
		rc = e.Code
	}
	m.result("%s %s rc=%d%s", name, how, rc, more)
}

func (m *machine) write(slot uint32, offset, n, frag uint64) error {
	for n > 0 {
		k := min(n, frag)
		buf := bytes.Repeat([]byte{0xFF}, int(frag))
		if offset < m.fw.Size {
			copy(buf, m.fw.bytes(offset, min(k, m.fw.Size-offset)))
		}
		if err := m.client[m.gen].Write(slot, uint32(offset), buf[:k]); err != nil {
			return err
		}
		offset += k
		n -= k
	}
	return nil
}

func (m *machine) maxPrepare(slot uint32) {
	before := m.flash.Snapshot()
	accepts := func(size uint64) bool {
		ok := m.client[m.gen].Prepare(slot, &Details{Size: size}) == nil
		m.flash.Restore(before)
		return ok
	}
	one, four := accepts(1), accepts(4<<20)
	lo, hi := uint64(0), uint64(4<<20)
	if four {
		lo = hi
	}
	for lo+1 < hi {
		if mid := (lo + hi) / 2; accepts(mid) {
			lo = mid
		} else {
			hi = mid
		}
	}
	m.line("maxprep slot=%d client=%s accepts_1=%d accepts_4194304=%d largest=%d", slot, m.gen, digit(one), digit(four), lo)
}

func digit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// cutMode are the ways in which the traces leave a step.
type cutMode string

func (c cutMode) String() string { return string(c) }

func (c cutMode) Leave(cells, want []byte, erase bool, seed uint64) cell.Outcome {
	n := seed % uint64(len(cells)+1)
	switch c {
	case "done":
		copy(cells, want)
		return cell.Done
	case "torn":
		m := make([]byte, len(cells))
		stream(seed, 0, m)
		for i := range cells {
			cells[i] ^= (cells[i] ^ want[i]) & m[i]
		}
	case "head":
		copy(cells[:n], want)
	case "tail":
		copy(cells[uint64(len(cells))-n:], want[uint64(len(cells))-n:])
	}
	return cell.NotDone
}

func (m *machine) file(name string) string { return filepath.Join(m.dir, filepath.Base(name)) }

func hashOf(p []byte) [32]byte { return sha256.Sum256(p) }
