package part

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"dualbank/model/cell"
)

// Check finds what cannot be true of any part. The error names the key.
func (p *Part) Check() error {
	if p.Name == "" {
		return badKey("name", "is missing: give the part a name")
	}
	if strings.ContainsAny(p.Name, "/\\ \t\n") {
		return badKey("name", "%q has a blank or a slash: a part's name stands in names of benchmarks and files", p.Name)
	}
	if p.MaxHz == 0 || p.MaxHz > 10_000_000_000 {
		return badKey("max_hz", "%d is no core clock: give the highest one in Hz", p.MaxHz)
	}
	if p.Vectors < 0 || p.Vectors > 1024 {
		return badKey("vectors", "%d is no number of vectors: give 0 to 1024", p.Vectors)
	}
	for _, check := range []func() error{p.checkCells, p.checkBanks, p.checkTimes, p.checkReads, p.checkLife, p.checkCurrents, p.checkSwap} {
		if err := check(); err != nil {
			return err
		}
	}
	if r, s := p.RowWrites.Bytes, p.smallestSector(); r > s {
		return badKey("row_writes.bytes", "a row of %d bytes does not fit in a sector of %d", r, s)
	}
	return checkMarks(p)
}

func (p *Part) checkCells() error {
	switch p.Cells.Rule {
	case cell.AND, cell.Reject, cell.RejectNonblank, cell.CorruptECC, cell.Limited, cell.Copy:
	default:
		return badKey("cells.rule", "%q is unknown: use %q, %q, %q, %q, %q or %q", p.Cells.Rule,
			cell.AND, cell.RejectNonblank, cell.CorruptECC, cell.Limited, cell.Reject, cell.Copy)
	}
	if e := p.ECC.Bytes; e&(e-1) != 0 || e > 64 {
		return badKey("ecc.bytes", "%d is no ECC unit: give a power of two of bytes up to 64, or 0 for none", e)
	}
	switch p.ECCError.Value {
	case "", ECCFault, ECCNMI, ECCFlag, ECCStatus:
	default:
		return badKey("ecc_error.value", "%q is unknown: use %q, %q, %q or %q", p.ECCError.Value, ECCFault, ECCNMI, ECCFlag, ECCStatus)
	}
	if p.ECCError.Value != "" && p.ECC.Bytes == 0 {
		return badKey("ecc_error.value", "%q, but the part has no ECC: give ecc.bytes, or leave it out", p.ECCError.Value)
	}
	if p.Cells.Rule == cell.CorruptECC && p.ECC.Bytes == 0 {
		return badKey("ecc.bytes", "is missing: cells of rule %q have an ECC to corrupt", cell.CorruptECC)
	}
	if r := p.RowWrites; r.Bytes != 0 || r.Value != 0 {
		if r.Value == 0 || r.Value > 10_000 || r.Bytes < 64 || r.Bytes > cell.MaxPage || r.Bytes&(r.Bytes-1) != 0 {
			return badKey("row_writes", "%d programs of a row of %d bytes: give 1 to 10000, and a power of two of bytes from 64 to %d", r.Value, r.Bytes, cell.MaxPage)
		}
	}
	if w := p.Writes.Value; p.Cells.Rule == cell.Limited && (w == 0 || w > 255) {
		return badKey("writes.value", "%d is out of range: cells of rule %q take 1 to 255 programs of a word between erases", w, cell.Limited)
	}
	return nil
}

// Bounds of a part's description. Parts have four banks and four runs of equal sectors.
const (
	mostBanks = 64
	mostRuns  = 1024
)

func (p *Part) checkBanks() error {
	if len(p.Banks) == 0 {
		return badKey("bank", "is missing: a part has at least one bank")
	}
	if len(p.Banks) > mostBanks {
		return badKey("bank", "%d banks: give %d at most", len(p.Banks), mostBanks)
	}
	total := uint64(0)
	for i, b := range p.Banks {
		if len(b.Sectors) > mostRuns {
			return badKey(fmt.Sprintf("bank[%d].sectors", i), "%d runs of sectors: give %d at most", len(b.Sectors), mostRuns)
		}
		key := fmt.Sprintf("bank[%d].sectors", i)
		if b.At != 0 {
			if uint64(b.At) < uint64(p.Base)+total || i == 0 || b.At&(cell.MaxPage-1) != 0 {
				return badKey(fmt.Sprintf("bank[%d].at", i), "0x%08X: give a multiple of %d behind the bank before, and none to the first bank", b.At, cell.MaxPage)
			}
			total = uint64(b.At) - uint64(p.Base)
		}
		if len(b.Sectors) == 0 {
			return badKey(key, "bank %d has no sectors", i+1)
		}
		for _, run := range b.Sectors {
			if run.Count == 0 || run.Bytes < 64 || run.Bytes&(run.Bytes-1) != 0 || run.Bytes > 1<<24 {
				return badKey(key, "bank %d: %d x %d bytes: a sector is a power of two from 64 bytes to 16 MiB, at least once", i+1, run.Count, run.Bytes)
			}
			if total += uint64(run.Count) * uint64(run.Bytes); total > 1<<28 {
				return badKey(key, "the flash up to bank %d comes to more than 256 MiB", i+1)
			}
		}
	}
	smallest := p.smallestSector()
	for i, b := range p.Banks {
		if b.At != 0 && (b.At-p.Base)%smallest != 0 {
			return badKey(fmt.Sprintf("bank[%d].at", i), "0x%08X is not a whole number of sectors of %d bytes from the start of the flash", b.At, smallest)
		}
	}
	if uint64(p.Base)+total > 1<<32 {
		return badKey("base", "0x%08X and %d bytes do not fit in 32 bits of address", p.Base, total)
	}
	if p.Base&(cell.MaxPage-1) != 0 {
		return badKey("base", "0x%08X is not a multiple of %d", p.Base, cell.MaxPage)
	}
	return nil
}

func (p *Part) smallestSector() uint32 {
	smallest := p.Banks[0].Sectors[0].Bytes
	for i := range p.Banks {
		for _, run := range p.Banks[i].Sectors {
			smallest = min(smallest, run.Bytes)
		}
	}
	return smallest
}

func (p *Part) checkTimes() error {
	for i, t := range p.Program {
		key := fmt.Sprintf("program[%d]", i)
		if !isWidth(t.Width) {
			return badKey(key+".width", "%d is no access width: give a power of two of bytes up to %d", t.Width, maxWidth)
		}
		if t.Parallel != 0 && (!isWidth(t.Parallel) || t.Parallel > t.Width) {
			return badKey(key+".parallel", "%d is no number of bytes programmed at once: give a power of two up to the width", t.Parallel)
		}
		if r := p.Row.Bytes; r != 0 && t.Width > r {
			return badKey(key+".width", "an access of %d bytes crosses rows of %d", t.Width, r)
		}
		if err := checkTime(key, t.Min, t.Typ, t.Max); err != nil {
			return err
		}
	}
	if l, r := p.Suspend.Latency.Time, p.Suspend.Resume.Time; l < 0 || r < 0 || l > Time(time.Second) || r > Time(time.Second) {
		return badKey("suspend", "%v and %v are no times of a suspend: give up to a second", l, r)
	}
	if b := p.Burst; b.Bytes != 0 {
		if !isWidth(b.Bytes) || b.Bytes > p.smallestSector() {
			return badKey("burst.bytes", "%d is no row: give a power of two of bytes up to a sector", b.Bytes)
		}
		if err := checkTime("burst", Duration{}, b.Typ, b.Max); err != nil {
			return err
		}
	}
	sizes := map[uint32]bool{}
	banks := map[uint32]bool{}
	for i := range p.Banks {
		for _, run := range p.Banks[i].Sectors {
			sizes[run.Bytes] = true
		}
		banks[p.Banks[i].Size()] = true
	}
	for _, list := range []struct {
		name  string
		what  string
		times []EraseTime
		sizes map[uint32]bool
	}{{"erase", "sector", p.Erase, sizes}, {"bank_erase", "bank", p.BankErase, banks}} {
		for i, t := range list.times {
			key := fmt.Sprintf("%s[%d]", list.name, i)
			if !list.sizes[t.Bytes] {
				return badKey(key+".bytes", "the part has no %s of %d bytes", list.what, t.Bytes)
			}
			if !isWidth(t.Width) {
				return badKey(key+".width", "%d is no width: give a power of two of bytes up to %d", t.Width, maxWidth)
			}
			if err := checkTime(key, t.Min, t.Typ, t.Max); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxWidth is the widest program unit in bytes.
const maxWidth = 8192

func isWidth(w uint32) bool { return w != 0 && w&(w-1) == 0 && w <= maxWidth }

func checkTime(key string, low, typ, high Duration) error {
	for _, d := range []struct {
		key string
		t   Time
	}{{".typ", typ.Time}, {".max", high.Time}} {
		if d.t <= 0 || d.t > Time(time.Hour) {
			return badKey(key+d.key, "times must be given as typ and max, above 0 and below an hour: have %v and %v", typ.Time, high.Time)
		}
	}
	if typ.Time > high.Time {
		return badKey(key+".typ", "typ %v is above max %v", typ.Time, high.Time)
	}
	if low.Time < 0 || low.Time > typ.Time {
		return badKey(key+".min", "min %v is below 0 or above typ %v", low.Time, typ.Time)
	}
	return nil
}

func (p *Part) checkLife() error {
	for i, r := range p.Retention {
		if !(r.Years > 0 && r.Years <= 1000) || r.Celsius < -60 || r.Celsius > 300 {
			return badKey(fmt.Sprintf("retention[%d]", i), "%v years at %d C are no promise: give years up to 1000 and degrees Celsius", r.Years, r.Celsius)
		}
	}
	for i, a := range p.Areas {
		if a.Bytes == 0 || a.Erases <= p.Endurance.Erases {
			return badKey(fmt.Sprintf("area[%d]", i), "%d bytes with %d erases: an area takes more than the %d of the rest", a.Bytes, a.Erases, p.Endurance.Erases)
		}
	}
	return nil
}

func (p *Part) checkCurrents() error {
	for i, c := range p.Currents {
		key := fmt.Sprintf("current[%d]", i)
		if c.Width != 0 && !isWidth(c.Width) {
			return badKey(key+".width", "%d is no width: give a power of two of bytes up to %d, or none", c.Width, maxWidth)
		}
		if c.Erase.UA == 0 || c.Program.UA == 0 || c.Erase.UA > 1e6 || c.Program.UA > 1e6 {
			return badKey(key, "%d and %d uA are no currents of an erase and a program: give both, up to an ampere", c.Erase.UA, c.Program.UA)
		}
	}
	if c := p.CoreWait.UA; !(c >= 0 && c <= 1e5) {
		return badKey("core_wait.ua_per_mhz", "%v is no current for a MHz: give 0 to 100000", c)
	}
	return nil
}

func (p *Part) checkReads() error {
	for i, w := range p.WaitStates {
		key := fmt.Sprintf("wait_states[%d]", i)
		if (w.HzPerState == 0) == (len(w.Hz) == 0) || w.MinMV > w.MaxMV || w.Most > 100 {
			return badKey(key, "%d to %d mV at %d Hz a state is no range: give min_mv and max_mv, and either hz_per_state and most or a list hz", w.MinMV, w.MaxMV, w.HzPerState)
		}
		if !slices.IsSorted(w.Hz) || len(w.Hz) > 100 {
			return badKey(key+".hz", "the clocks must rise: one for each number of wait states, from 0")
		}
	}
	// Where two ranges meet, the higher one holds. A part that was checked before is only read: several
	// flashes may be made of it at once.
	higher := func(a, b WaitStates) int { return cmp.Compare(b.MinMV, a.MinMV) }
	if !slices.IsSortedFunc(p.WaitStates, higher) {
		slices.SortStableFunc(p.WaitStates, higher)
	}
	if l := p.ReadLine.Bytes; l&(l-1) != 0 || l > 4096 {
		return badKey("read_line.bytes", "%d is no power of two up to 4096", l)
	}
	if c := p.DataCache; c.Lines > 64 || c.Lines > 0 && (!isWidth(c.Bytes) || c.Bytes < p.ReadLine.Bytes) {
		return badKey("data_cache", "%d lines of %d bytes are no cache: up to 64 lines, each a power of two of bytes and at least a flash read", c.Lines, c.Bytes)
	}
	if p.BusDivider.Value > 16 {
		return badKey("bus_divider.value", "%d is no divider: give 1 to 16", p.BusDivider.Value)
	}
	for _, s := range []struct {
		key   string
		share float64
	}{{"fetch.cached.share", p.Fetch.Cached.Share}, {"fetch.prefetched.share", p.Fetch.Prefetched.Share}} {
		if !(s.share >= 0 && s.share <= 1) {
			return badKey(s.key, "%v is no share: give 0 to 1", s.share)
		}
	}
	return nil
}
