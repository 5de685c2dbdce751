package model

import (
	"fmt"

	"dualbank/model/cell"
	"dualbank/model/part"
)

// NOR is a serial NOR flash beside a microcontroller: a block device with its own cells and times, on the
// clock and the power of a Flash. Every program command (of one page at most) and every erase command is a
// step, counted with the Flash's own, so that a fault plan reaches both. While it works the processor
// sleeps: nothing stalls. It is not safe for concurrent use.
type NOR struct {
	part   *part.NORPart
	driver *part.NORDriver
	host   *Flash
	corner Corner
	cells  *cell.Array
	have   []byte // cells and aim of the step that a cut hits
	want   []byte

	bytes   perByte // bus and processor, for each byte on the bus
	poll    uint64
	first   uint64 // program of one byte
	next    uint64 // each further one
	page    span
	erases  []span
	count   NORCounters
	wear    []uint32 // erases by erase unit
	observe func(*Event)
	event   Event
}

// NORCounters is what a NOR counted since it was made. Times are in core cycles.
type NORCounters struct {
	ReadCalls, ReadBytes   uint64
	Programs, ProgramBytes uint64 // program commands, bytes programmed
	Erases                 uint64 // erase commands
	Reprogrammed           uint64 // bytes that were programmed while not erased
	Refused                uint64 // calls outside the part or not aligned
	Busy                   uint64 // time in which the part programmed or erased
	Waiting                uint64 // time that calls took, bus and waiting included
}

// Since returns what was counted after before.
func (c NORCounters) Since(before NORCounters) NORCounters {
	c.ReadCalls -= before.ReadCalls
	c.ReadBytes -= before.ReadBytes
	c.Programs -= before.Programs
	c.ProgramBytes -= before.ProgramBytes
	c.Erases -= before.Erases
	c.Reprogrammed -= before.Reprogrammed
	c.Refused -= before.Refused
	c.Busy -= before.Busy
	c.Waiting -= before.Waiting
	return c
}

// NORConfig chooses what NewNOR builds.
type NORConfig struct {
	Part   *part.NORPart
	Driver *part.NORDriver
	Host   *Flash // whose clock, power and steps it shares
	Corner Corner // its draws are the host's
}

// NewNOR makes an erased serial NOR flash.
func NewNOR(c NORConfig) (*NOR, error) {
	if c.Part == nil || c.Driver == nil || c.Host == nil {
		return nil, fmt.Errorf("model: a serial NOR flash needs a part, a driver and a host")
	}
	if err := c.Part.Check(); err != nil {
		return nil, fmt.Errorf("serial NOR part %s: %w", c.Part.Name, err)
	}
	if err := c.Driver.Check(); err != nil {
		return nil, fmt.Errorf("serial NOR driver %s: %w", c.Driver.Name, err)
	}
	if c.Driver.Unit.Value > c.Part.Page.Bytes {
		return nil, fmt.Errorf("serial NOR driver %s: a unit of %d bytes does not fit in a page of %d", c.Driver.Name, c.Driver.Unit.Value, c.Part.Page.Bytes)
	}
	n := &NOR{part: c.Part, driver: c.Driver, host: c.Host, corner: c.Corner}
	n.cells = cell.New(cell.Config{Bytes: c.Part.Bytes.Bytes, Page: min(cell.MaxPage, c.Part.Erases[0].Bytes), Rule: cell.AND})
	n.wear = make([]uint32, c.Part.Bytes.Bytes/c.Part.Erases[0].Bytes)
	t := &c.Host.timing
	n.bytes = toPerByte(float64(t.hz)*8/float64(c.Driver.BusHz.Value) + float64(c.Driver.PerByte.Cycles))
	n.poll = t.cycles(c.Driver.Poll.Time)
	n.first, n.next = t.cycles(c.Part.FirstByte.Time), t.cycles(c.Part.NextByte.Time)
	n.page = t.span(c.Part.PageTyp, c.Part.PageTyp, c.Part.PageMax)
	for _, e := range c.Part.Erases {
		n.erases = append(n.erases, t.span(e.Typ, e.Typ, e.Max))
	}
	return n, nil
}

// Size is the number of bytes.
func (n *NOR) Size() uint32 { return n.part.Bytes.Bytes }

// ProgramUnit is the driver's program unit in bytes.
func (n *NOR) ProgramUnit() uint32 { return n.driver.Unit.Value }

// EraseSize is the size of the erase unit that holds addr, the same everywhere.
func (n *NOR) EraseSize(uint32) uint32 { return n.part.Erases[0].Bytes }

// Off reports whether the host's power failed, until it is switched on again.
func (n *NOR) Off() bool { return n.host.Off() }

// inside returns an error unless the power is on and size bytes at addr lie in the part, on boundaries of unit.
func (n *NOR) inside(addr uint32, size uint64, unit uint32) error {
	switch {
	case n.host.off:
		return n.host.down
	case uint64(addr)+size > uint64(n.Size()):
		n.count.Refused++
		return ErrRange
	case (uint64(addr)|size)&uint64(unit-1) != 0:
		n.count.Refused++
		return ErrAlign
	}
	return nil
}

// Read fills p from addr on. Errors: ErrPowerCut, ErrRange.
func (n *NOR) Read(addr uint32, p []byte) error {
	if err := n.inside(addr, uint64(len(p)), 1); err != nil {
		return err
	}
	start := n.host.now
	n.cells.Peek(addr, p)
	n.count.ReadCalls++
	n.count.ReadBytes += uint64(len(p))
	n.spend(n.driver.Call.Cycles + n.bytes.of(int(n.driver.ReadHeader.Value)+len(p)))
	n.report(Event{Kind: Read, Addr: addr, Size: uint32(len(p)), Start: start}, 0)
	return nil
}

// Program programs p at addr, both multiples of the program unit, one command for each page it
// touches: bits fall, none rises. Errors: ErrPowerCut, ErrRange, ErrAlign, ErrInjected.
func (n *NOR) Program(addr uint32, p []byte) error {
	if err := n.inside(addr, uint64(len(p)), n.driver.Unit.Value); err != nil {
		return err
	}
	n.spend(n.driver.Call.Cycles)
	for len(p) > 0 {
		k := min(n.part.Page.Bytes-addr%n.part.Page.Bytes, uint32(len(p)))
		if err := n.programPage(addr, p[:k]); err != nil {
			return err
		}
		addr, p = addr+k, p[k:]
	}
	return nil
}

func (n *NOR) programPage(addr uint32, p []byte) error {
	start := n.host.now
	n.enable()
	n.spend(n.bytes.of(int(n.driver.ProgramHeader.Value) + len(p)))
	if n.host.steps == n.host.cutAt {
		n.want = append(n.want[:0], p...)
		for i, b := range n.old(addr, uint32(len(p))) {
			n.want[i] &= b
		}
		return n.hit(addr, false)
	}
	n.cells.Program(addr, p)
	n.host.steps++
	n.count.Programs++
	n.count.ProgramBytes += uint64(len(p))
	// What is known of the spread is that of a whole page.
	busy := min(n.first+uint64(len(p)-1)*n.next, n.page.typ) * n.page.at(n.corner, n.age(addr), &n.host.rand) / n.page.typ
	n.wait(busy)
	n.report(Event{Kind: Program, Addr: addr, Size: uint32(len(p)), Data: p, Steps: 1, Start: start}, busy)
	return nil
}

// Erase erases the units from addr to addr+size, with the largest command that fits at each place.
// Errors: ErrPowerCut, ErrRange, ErrAlign, ErrInjected.
func (n *NOR) Erase(addr, size uint32) error {
	if err := n.inside(addr, uint64(size), n.part.Erases[0].Bytes); err != nil {
		return err
	}
	n.spend(n.driver.Call.Cycles)
	for size > 0 {
		i := 0
		for i+1 < len(n.erases) && n.part.Erases[i+1].Bytes <= size && addr%n.part.Erases[i+1].Bytes == 0 {
			i++
		}
		if err := n.eraseBlock(addr, i); err != nil {
			return err
		}
		addr, size = addr+n.part.Erases[i].Bytes, size-n.part.Erases[i].Bytes
	}
	return nil
}

func (n *NOR) eraseBlock(addr uint32, command int) error {
	start, size := n.host.now, n.part.Erases[command].Bytes
	n.enable()
	n.spend(n.bytes.of(int(n.driver.ProgramHeader.Value)))
	if n.host.steps == n.host.cutAt {
		n.old(addr, size)
		n.want = append(n.want[:0], n.have...)
		for i := range n.want {
			n.want[i] = 0xFF
		}
		return n.hit(addr, true)
	}
	n.cells.Erase(addr, size)
	n.host.steps++
	n.count.Erases++
	unit := n.part.Erases[0].Bytes
	for a := addr; a < addr+size; a += unit {
		n.wear[a/unit]++
	}
	busy := n.erases[command].at(n.corner, n.age(addr), &n.host.rand)
	n.wait(busy)
	n.report(Event{Kind: Erase, Addr: addr, Size: size, Steps: 1, Start: start}, busy)
	return nil
}

// age is the share of its rated life that the erase unit at addr has had.
func (n *NOR) age(addr uint32) uint64 {
	return ageAfter(n.wear[addr/n.part.Erases[0].Bytes], n.part.Endurance.Erases)
}

// enable is write enable, the wait that the driver puts behind it, and the look whether it was taken.
func (n *NOR) enable() {
	n.spend(n.bytes.of(1))
	n.wait(0)
	n.spend(n.bytes.of(2))
}

// wait looks at the status until the part is ready, busy cycles from now.
func (n *NOR) wait(busy uint64) {
	n.count.Busy += busy
	look := n.bytes.of(2)
	if n.poll == 0 {
		n.spend(max(busy, look))
		return
	}
	looks := max(1, (busy+n.poll+look-1)/(n.poll+look))
	n.spend(looks * (n.poll + look))
}

func (n *NOR) spend(cycles uint64) {
	n.host.now += cycles
	n.count.Waiting += cycles
}

// old reads size cells at addr into the buffer kept for that.
func (n *NOR) old(addr, size uint32) []byte {
	if uint32(cap(n.have)) < size {
		n.have = make([]byte, size)
	}
	n.have = n.have[:size]
	n.cells.Peek(addr, n.have)
	return n.have
}

// hit leaves the present step as the fault plan says. Of the deep modes only the cells' values count: what else
// happens in a serial NOR flash is not known.
func (n *NOR) hit(addr uint32, erase bool) error {
	f := n.host
	f.cutAt = noCut
	var out cell.Outcome
	if deep, ok := f.cut.Mode.(cell.DeepMode); ok {
		out, _ = deep.LeaveDeep(n.have, n.want, erase, 0, f.cut.Seed)
	} else {
		out = f.cut.Mode.Leave(n.have, n.want, erase, f.cut.Seed)
	}
	if out == cell.Failed {
		f.steps++
		return ErrInjected
	}
	if out == cell.Done {
		f.steps++
		copy(n.have, n.want)
	}
	n.cells.Poke(addr, n.have)
	f.off, f.down = true, ErrPowerCut
	return ErrPowerCut
}

func (n *NOR) report(e Event, busy uint64) {
	if n.observe == nil {
		return
	}
	n.event = e
	n.event.Bank, n.event.End, n.event.Busy = -1, n.host.now, busy
	n.observe(&n.event)
}

// Observe calls fn after every command that was done, with bank -1; nil ends it.
func (n *NOR) Observe(fn func(*Event)) { n.observe = fn }

// Counters is what was counted so far.
func (n *NOR) Counters() NORCounters {
	c := n.count
	c.Reprogrammed = n.cells.Count().Reprogrammed
	return c
}

// EraseCounts is the number of erases of each erase unit.
func (n *NOR) EraseCounts() []uint32 { return append([]uint32(nil), n.wear...) }

// Peek reads without steps and time. It is false outside the part.
func (n *NOR) Peek(addr uint32, p []byte) bool {
	if uint64(addr)+uint64(len(p)) > uint64(n.Size()) {
		return false
	}
	n.cells.Peek(addr, p)
	return true
}

// Poke writes without steps and time, whatever the cells hold. It is false outside the part.
func (n *NOR) Poke(addr uint32, p []byte) bool {
	if uint64(addr)+uint64(len(p)) > uint64(n.Size()) {
		return false
	}
	n.cells.Poke(addr, p)
	return true
}

// Hash identifies what the cells hold.
func (n *NOR) Hash() uint64 { return n.cells.Hash() }

// Snapshot keeps the cells, copy on write.
func (n *NOR) Snapshot() *cell.Snapshot { return n.cells.Snapshot() }

// Restore puts the cells of a snapshot back.
func (n *NOR) Restore(s *cell.Snapshot) { n.cells.Restore(s) }

// Mark remembers the cells for Rollback; marks nest.
func (n *NOR) Mark() { n.cells.Mark() }

// Rollback puts the cells back to what they were at the last Mark.
func (n *NOR) Rollback() { n.cells.Rollback() }
