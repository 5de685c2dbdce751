package model

import (
	"fmt"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"dualbank/internal/golden"
	"dualbank/model/part"
	"dualbank/model/random"
)

// TestFigures: what 60 operations on each part with each of its drivers do and take stays as it is unless a change means to
// change it: cells, steps, cycles, energy, wear, events, and what an application feels.
func TestFigures(t *testing.T) {
	var b strings.Builder
	n := 0
	for _, name := range part.Names() {
		for _, driver := range part.DriverNames() {
			p, err := part.ByName(name)
			if err != nil {
				t.Fatal(err)
			}
			d, err := part.DriverByName(driver)
			if err != nil {
				t.Fatal(err)
			}
			c := Config{Part: p, Driver: d, Corner: Corner(n % 3), Seed: uint64(n), Code: Code(n % len(p.Banks)), Options: n%5 == 0}
			c.Core, _ = part.CoreByName(part.CoreNames()[n%len(part.CoreNames())])
			if n%4 == 1 {
				c.Wear, _ = part.WearLawByName("flat")
				p.Endurance.Erases = 2
			}
			f, err := New(c)
			if err != nil {
				continue // the part has no such driver
			}
			n++
			fmt.Fprintf(&b, "%s, %s, %v: %s\n", name, driver, c.Corner, exercise(f, uint64(n)))
		}
	}
	golden.Compare(t, "figures.golden", b.String())
}

// exercise does operations on a flash and returns what they led to.
func exercise(f *Flash, seed uint64) string {
	r := random.New(seed)
	events := crc32.NewIEEE()
	f.Observe(func(e *Event) { fmt.Fprintf(events, "%+v\n", *e) })
	f.ObserveDelays(func(d *Delay) { fmt.Fprintln(events, d.Interrupt.Name, d.First, d.Count, d.Until) })
	modes := CutModes(f.part)
	at := func() uint32 { // a sector of at most 16 KiB, if there is one
		for range 20 {
			if s := f.sectors[r.Intn(len(f.sectors))]; s.Size <= 16<<10 {
				return s.Addr
			}
		}
		return f.sectors[0].Addr
	}
	places := []uint32{at(), at(), at()}
	failed := 0
	note := func(err error) {
		if err != nil {
			failed++
			fmt.Fprintln(events, err)
		}
	}
	for range 60 {
		addr := places[r.Intn(len(places))]
		p := make([]byte, int(f.unit)*(1+r.Intn(20)))
		r.Fill(p)
		off := uint32(r.Intn(8)) * f.unit
		switch r.Intn(14) {
		case 0, 1, 2, 3:
			note(f.Program(addr+off, p))
		case 4, 5:
			note(f.Read(addr+off, p))
			fmt.Fprintf(events, "%x", p)
		case 6, 7:
			note(f.Erase(addr, f.SectorSize(addr)))
		case 8:
			f.Arm(Cut{Step: f.Steps() + uint64(r.Intn(30)), Mode: modes[r.Intn(len(modes))], Seed: r.Uint64()})
		case 9:
			f.Boot()
			f.Disarm()
		case 10:
			a := App{Interrupts: []Interrupt{{Name: "tick", Period: 100 * time.Microsecond, Offset: 7 * time.Microsecond, Deadline: 20 * time.Microsecond, Handler: f.code}}}
			if r.Intn(2) == 0 {
				a.Watchdog = &Watchdog{Period: time.Duration(1+r.Intn(400)) * time.Millisecond, Feed: time.Millisecond, By: []string{FedByApplication, FedByNobody, "tick"}[r.Intn(3)], ByOption: true, Seed: 3}
			}
			note(f.Run(a))
		case 11:
			f.Mark()
			note(f.Erase(addr, f.SectorSize(addr)))
			note(f.Program(addr, p))
			f.Rollback()
		case 12:
			c := f.CPU()
			c.Call()
			c.Copy(100)
			c.CRC32(33)
			c.SHA256(65)
			c.AES(17)
			c.AESKey()
		case 13:
			note(f.SwapBanks())
			note(f.LoadOptions())
		}
	}
	for _, l := range f.Latencies() {
		fmt.Fprintf(events, "%+v %d %d\n", l, l.Quantile(0.5), l.Quantile(0.99))
	}
	c := f.Counters()
	e, ok := f.Energy(&c)
	wear := uint32(0)
	for _, w := range f.Wear() {
		wear += w.Erases
		fmt.Fprintf(events, "%+v\n", w)
	}
	fmt.Fprintf(events, "%+v\n", c)
	image := make([]byte, 64)
	for _, addr := range places {
		f.Peek(addr, image)
		events.Write(image)
	}
	return fmt.Sprintf("%d cycles, %d stalled, %d masked, %d failed, %d erases, energy %.6g %.6g %.6g %v %v, cells %016x, all %08x", f.Now(), c.Stall, c.Masked, failed, wear, e.Erase, e.Program, e.Core, e.CoreOK, ok, f.Hash(), events.Sum32())
}

// TestFiguresOfNOR: what operations on each serial NOR flash do and take stays as it is unless a change means to change it.
func TestFiguresOfNOR(t *testing.T) {
	var b strings.Builder
	for i, name := range part.NORNames() {
		for _, corner := range []Corner{Typ, Max, Sampled} {
			f, n := newTestNOR(t, name, corner)
			r := random.New(uint64(i))
			events := crc32.NewIEEE()
			n.Observe(func(e *Event) { fmt.Fprintf(events, "%+v\n", *e) })
			note := func(err error) {
				if err != nil {
					fmt.Fprintln(events, err)
				}
			}
			kept := n.Snapshot()
			for range 80 {
				addr := uint32(r.Intn(4))*n.EraseSize(0) + uint32(r.Intn(1000))*n.ProgramUnit()
				p := make([]byte, int(n.ProgramUnit())*(1+r.Intn(300)))
				r.Fill(p)
				switch r.Intn(9) {
				case 0, 1, 2:
					note(n.Program(addr, p))
				case 3, 4:
					note(n.Read(addr, p))
					events.Write(p)
				case 5:
					note(n.Erase(addr/n.EraseSize(0)*n.EraseSize(0), uint32(1+r.Intn(3))*n.EraseSize(0)))
				case 6:
					modes := []Mode{Before, After, Torn, Prefix, Fail, Weak}
					f.Arm(Cut{Step: f.Steps() + uint64(r.Intn(3)), Mode: modes[r.Intn(len(modes))], Seed: r.Uint64()})
				case 7:
					f.Boot()
					f.Disarm()
				case 8:
					n.Mark()
					note(n.Program(addr, p))
					n.Rollback()
				}
			}
			c := n.Counters()
			e, ok := n.Energy(&c)
			fmt.Fprintf(events, "%+v %v\n", c, n.EraseCounts()[:6])
			fmt.Fprintf(&b, "%s, %v: %d cycles, %d busy, energy %.6g %v, cells %016x, all %08x", name, corner, f.Now(), c.Busy, e, ok, n.Hash(), events.Sum32())
			n.Restore(kept)
			fmt.Fprintf(&b, ", restored %016x\n", n.Hash())
		}
	}
	golden.Compare(t, "nor.golden", b.String())
}
