package native

import (
	"encoding/binary"
	"errors"
	"sync"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/update"
	"dualbank/model"
)

// Updates is the update client and the bootloader of the program, for the region of a device. The client runs after the
// bootloader, in the same power-up, and finds in RAM what that has left there.
func (p *Program) Updates(d explore.Device) update.Software {
	var mu sync.Mutex
	made := map[boot.Flash]*store{} // for the client, and not yet for its bootloader
	return update.Software{
		Client: func(f boot.Flash) update.Client {
			s := p.onFlash(f, d)
			mu.Lock()
			defer mu.Unlock()
			made[f] = s
			return &client{s: s}
		},
		Loader: func(f boot.Flash) update.Loader {
			mu.Lock()
			defer mu.Unlock()
			s := made[f]
			if delete(made, f); s == nil {
				s = p.onFlash(f, d)
			}
			return &loader{s: s}
		},
		Whole: true,
		Batch: batch / 2,
	}
}

// onFlash is the program at work on the region of a device.
func (p *Program) onFlash(f boot.Flash, d explore.Device) *store {
	m, ok := f.(*model.Flash)
	if !ok {
		return &store{broken: errors.New("an update in a process of its own needs the flash model")}
	}
	base, size := d.Base, d.Size
	if size == 0 {
		base, size = m.Start(), m.Size()
	}
	dev, err := m.Region(base, size)
	if err != nil {
		return &store{broken: err}
	}
	return newStore(p, dev, base)
}

// client is the update client of a program.
type client struct {
	s    *store
	crc  uint32
	now  []Call // of the download that is under way
	last []Call // of the last one that came to its end: the same may be asked for again
}

// Sum is the CRC-32 of the image that is prepared next.
func (c *client) Sum(crc uint32) { c.crc = crc }

// Reset has nothing to forget: the boot before it has lost the RAM.
func (c *client) Reset() {}

func (c *client) call(k Call) error {
	if k.Value != nil {
		k.Value = append([]byte(nil), k.Value...)
	}
	c.now = append(c.now, k)
	_, err := c.s.call(k)
	return err
}

// Prepare is the first call of a download. A device that was never written to is made usable, and one that is off is
// booted.
func (c *client) Prepare(_ uint32, d *boot.Details) error {
	s := c.s
	if s.broken == nil && s.dev.Fresh() && s.pool.info.Has(Format) {
		if _, err := s.call(Call{Kind: Format, Boot: true}); err != nil {
			return err
		}
	}
	if s.broken == nil && s.down != nil {
		if _, _, err := s.perform(bootCall); err != nil {
			return err // its status is no matter: a new device has nothing to start
		}
	}
	v := make([]byte, 12, 44)
	le := binary.LittleEndian
	le.PutUint32(v, uint32(d.Size))
	le.PutUint32(v[4:], uint32(d.Version))
	le.PutUint32(v[8:], c.crc)
	k := Call{Kind: Prepare, Value: append(v, d.Hash[:]...)}
	if c.now = nil; len(c.last) > 0 && c.last[0].equal(&k) {
		s.foreseen = append(s.foreseen[:0], c.last...)
	}
	return c.call(k)
}

func (c *client) Write(_, offset uint32, fragment []byte) error {
	return c.call(Call{Kind: Write, Arg: offset, Value: fragment})
}

func (c *client) Finalize(uint32) error { return c.call(Call{Kind: Finish}) }

func (c *client) Activate(uint32) error {
	err := c.call(Call{Kind: Activate})
	if err == nil {
		c.last = c.now
	}
	return err
}

// bootCall is a power-up.
var bootCall = Call{Kind: Boot, Boot: true}

// loader is the bootloader of a program.
type loader struct {
	s        *store
	at, size uint32
	version  uint64
	failed   string
}

// Boot is a boot after a reset. One that is warm keeps what the program has named by db_keep, unless it came in the middle
// of a call: the process has gone on from there.
func (l *loader) Boot(reason boot.ResetReason, _ *boot.RAM) boot.Outcome {
	l.failed = ""
	c := bootCall
	c.Arg, c.Warm = uint32(reason), reason != boot.PowerOn && reason != boot.BrownOut
	b, err := l.s.call(c)
	var crash *Crash
	switch {
	case err == nil && len(b) == 12:
		le := binary.LittleEndian
		l.at, l.size, l.version = le.Uint32(b), le.Uint32(b[4:]), uint64(le.Uint32(b[8:]))
		return boot.Outcome{Result: boot.Jumped, Version: l.version, Slot: -1}
	case errors.As(err, &crash):
		l.failed = "the code under test " + crash.What
		return boot.Outcome{Result: boot.Fault, Slot: -1}
	case l.s.broken == nil && l.s.off():
		return boot.Outcome{Result: boot.PowerCut, Slot: -1}
	case err != nil:
		l.failed = err.Error()
	}
	return boot.Outcome{Result: boot.Halted, Slot: -1}
}

// Started is the image that the last boot has started.
func (l *loader) Started() (addr, size uint32, version uint64) { return l.at, l.size, l.version }

// Failed says why the last boot has started none.
func (l *loader) Failed() string { return l.failed }
