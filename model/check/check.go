// Package check sets the model beside what is known, and tries data files with what they are for.
//
//  1. All runs every Row: it builds the part with a driver, performs the operation that was calculated or measured,
//     and compares the figure.
//  2. Describe prints the rows as a table; `dualbank parts --check` is that table.
//  3. ReadFile reads a user's own data file of any kind, lists its facts, and tries it: a part with every driver, a
//     driver on every part of its families, a board as a whole.
//
// Rows of arithmetic allow no deviation beyond the driver's overhead, rows of
// measurements 15 %. A measurement that includes more than the flash, or less, is a bound, and its Note says why.
//
// What does not work in a user's file is a hint, one line each; what
// cannot be read or cannot be true is an error that names file, line and key.
//
// Invariants:
//
//   - A row's figure comes from the same Flash that every run uses; no row sets times of its own.
//   - The order of rows and hints is fixed.
package check

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"

	"dualbank/model"
	"dualbank/model/part"
)

// Row is one row of the table that sets the model beside what is known: arithmetic that can be done by hand,
// and measurements of third parties.
type Row struct {
	Name      string
	Part      string // of the model; the one that was measured may be a relative, see From
	Unit      string
	Model     float64
	Low, High float64 // what was calculated, or measured from one occasion to another; a bound has only one of them
	Tolerance float64 // share by which the model may be off
	Mark      string  // D for arithmetic, M for a measurement
	From      string
	Note      string // of a bound: why it is one
}

// Deviation is the share by which the model is above (or, negative, below) the range of what is known.
func (c *Row) Deviation() float64 {
	switch {
	case math.IsInf(c.High, 1) && c.Model >= c.Low, math.IsInf(c.Low, -1) && c.Model <= c.High:
	case c.Model > c.High && c.High != 0:
		return c.Model/c.High - 1
	case c.Model < c.Low && c.Low != 0:
		return c.Model/c.Low - 1
	case c.Model > c.High || c.Model < c.Low:
		return 1
	}
	return 0
}

// known is the calculated or measured range in words.
func (c *Row) known() string {
	switch {
	case math.IsInf(c.Low, -1):
		return fmt.Sprintf("at most %.4g", c.High)
	case math.IsInf(c.High, 1):
		return fmt.Sprintf("at least %.4g", c.Low)
	case c.High != c.Low:
		return fmt.Sprintf("%.4g to %.4g", c.Low, c.High)
	}
	return fmt.Sprintf("%.4g", c.Low)
}

// OK reports whether the model is within the tolerance.
func (c *Row) OK() bool { return c.Deviation() <= c.Tolerance && c.Deviation() >= -c.Tolerance }

// Describe writes checks as a table, with the deviation where the model is off.
func Describe(w io.Writer, checks []Row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "check\tpart\tmodel\tknown\tunit\toff by\tmark\tsource\tnote")
	for _, c := range checks {
		off := "-"
		if d := c.Deviation(); d != 0 {
			off = fmt.Sprintf("%+.1f %%", 100*d)
		}
		if !c.OK() {
			off += " (!)"
		}
		fmt.Fprintf(t, "%s\t%s\t%.4g\t%s\t%s\t%s\t%s\t%s\t%s\n", c.Name, c.Part, c.Model, c.known(), c.Unit, off, c.Mark, c.From, c.Note)
	}
	return t.Flush()
}

// All runs the model against everything of flash.md and parts.md that it can express. The error is of
// a part or driver that does not load.
func All() ([]Row, error) {
	var rows []Row
	for _, r := range append(arithmetic(), measurements()...) {
		c := r.Row
		f, err := r.flash()
		if err != nil {
			return nil, fmt.Errorf("check %q: %w", c.Name, err)
		}
		if c.Model, err = r.run(f); err != nil {
			return nil, fmt.Errorf("check %q: %w", c.Name, err)
		}
		rows = append(rows, c)
	}
	return rows, nil
}

// trial is a row with how its figure comes about.
type trial struct {
	Row
	driver string
	config model.Config // Part, Driver and Core are filled in
	run    func(f *model.Flash) (float64, error)
	width  uint32 // bytes of a program access; 0: the driver's
}

func (r *trial) flash() (*model.Flash, error) {
	c := r.config
	var err error
	if c.Part, err = part.ByName(r.Part); err != nil {
		return nil, err
	}
	if c.Driver, err = part.DriverByName(r.driver); err != nil {
		return nil, err
	}
	if c.Core, err = part.CoreByName(c.Part.Core); err != nil {
		return nil, err
	}
	if r.width > 0 {
		for i := range c.Driver.Families {
			c.Driver.Families[i].ProgramWidth.Value = r.width
		}
	}
	return model.New(c)
}

// What rows measure.

// last is the first address of the last sector of n bytes.
func last(f *model.Flash, n uint32) uint32 {
	sectors := f.Part().Sectors()
	for i := len(sectors) - 1; i >= 0; i-- {
		if sectors[i].Size == n {
			return sectors[i].Addr
		}
	}
	return f.Start()
}

// busy is the time in seconds in which the flash is busy with what do does.
func busy(f *model.Flash, do func() error) (float64, error) {
	err := do()
	sum := uint64(0)
	for _, b := range f.Counters().Busy {
		sum += b
	}
	return f.Seconds(sum), err
}

func eraseOf(n uint32) func(f *model.Flash) (float64, error) {
	return func(f *model.Flash) (float64, error) {
		return busy(f, func() error { return f.Erase(last(f, n), n) })
	}
}

func programOf(n int) func(f *model.Flash) (float64, error) {
	return func(f *model.Flash) (float64, error) {
		return busy(f, func() error { return f.Program(f.Start()+f.Size()-uint32(n), make([]byte, n)) })
	}
}

// perAccess is the time in microseconds of one access, the driver's share of it included.
func perAccess(f *model.Flash) (float64, error) {
	err := f.Program(f.Start()+f.Size()-2048, make([]byte, 2048))
	return f.Seconds(f.Now()) * 1e6 / float64(f.Counters().Programs), err
}

// stallOf is the time in seconds that the application stands still during an erase at addr.
func stallOf(addr uint32) func(f *model.Flash) (float64, error) {
	return func(f *model.Flash) (float64, error) {
		err := f.Erase(addr, f.SectorSize(addr))
		return f.Seconds(f.Counters().Stall), err
	}
}

func millis(run func(f *model.Flash) (float64, error)) func(f *model.Flash) (float64, error) {
	return func(f *model.Flash) (float64, error) {
		v, err := run(f)
		return v * 1000, err
	}
}

// atWidth lets a row program in accesses of width bytes.
func atWidth(width uint32, t trial) trial {
	t.width = width
	return t
}

func arithmetic() []trial {
	const flashMD = "flash.md"
	const f4 = "stm32f429zi"
	const exact, nearly = 0, 0.001
	derived := func(name, part, driver, unit string, want, tolerance float64, c model.Config, run func(f *model.Flash) (float64, error)) trial {
		return trial{Row{Name: name, Part: part, Unit: unit, Low: want, High: want, Tolerance: tolerance, Mark: "D", From: flashMD}, driver, c, run, 0}
	}
	rows := []trial{
		derived("erase of the KV region, 4 x 16 KiB + 64 KiB", f4, "mbed", "s", 4*0.250+0.550, nearly, model.Config{}, func(f *model.Flash) (float64, error) {
			err := f.Erase(0x0810_0000, 128<<10)
			return f.Seconds(f.Now()), err
		}),
		derived("program of 128 KiB by bytes", f4, "mbed", "s", 131072*16e-6, exact, model.Config{}, programOf(128<<10)),
		derived("program of 128 KiB by words", f4, "word", "s", 131072*16e-6/4, exact, model.Config{}, programOf(128<<10)),
		derived("bank-1 loop stalled by a bank-2 erase", f4, "word", "s", 0, exact, model.Config{}, stallOf(0x0812_0000)),
		derived("interrupts masked through a bank-2 erase", f4, "mbed", "s", 1, nearly, model.Config{}, func(f *model.Flash) (float64, error) {
			err := f.Erase(0x0812_0000, 128<<10)
			return f.Seconds(f.Counters().Masked), err
		}),
		derived("loop in the bank that is erased, stalled", f4, "word", "s", 1, exact, model.Config{}, stallOf(0x0802_0000)),
		atWidth(2, derived("erase and program of 128 KiB by half words, x16", f4, "word", "s", 1+65536*16e-6, nearly, model.Config{}, func(f *model.Flash) (float64, error) {
			return busy(f, func() error {
				if err := f.Erase(0x0812_0000, 128<<10); err != nil {
					return err
				}
				return f.Program(0x0812_0000, make([]byte, 128<<10))
			})
		})),
		derived("wait states at 180 MHz, 3.3 V", f4, "mbed", "", 5, exact, model.Config{}, func(f *model.Flash) (float64, error) {
			n, err := f.Part().States(180e6, 3300)
			return float64(n), err
		}),
		derived("erase of a page of 2 KiB", "stm32l496zg", "mbed", "ms", 22.02, nearly, model.Config{}, millis(eraseOf(2048))),
		derived("program of 128 KiB by flash words, x32", "stm32h743zi", "mbed", "s", 4096*130e-6, exact, model.Config{}, programOf(128<<10)),
	}
	// 128 KiB through Mbed OS: parts.md, the derived lines of section 14.
	for _, d := range []struct {
		part           string
		program, erase float64
		sectors        uint32
		size           uint32
	}{
		{f4, 131072 * 16e-6, 1, 1, 128 << 10},
		{"stm32l496zg", 16384 * 81.69e-6, 64 * 22.02e-3, 64, 2048},
		{"stm32h743zi", 4096 * 130e-6, 1.1, 1, 128 << 10},
		{"mk66fn2m0", 16384 * 90e-6, 32 * 15e-3, 32, 4096},
		{"nrf52840", 32768 * 41e-6, 32 * 85e-3, 32, 4096},
	} {
		program := derived("program of 128 KiB through Mbed OS", d.part, "mbed", "s", d.program, nearly, model.Config{}, programOf(128<<10))
		erase := derived("erase of 128 KiB through Mbed OS", d.part, "mbed", "s", d.erase, nearly, model.Config{}, func(f *model.Flash) (float64, error) {
			return busy(f, func() error { return f.Erase(f.Start()+f.Size()-d.sectors*d.size, d.sectors*d.size) })
		})
		program.From, erase.From = "parts.md, section 14", "parts.md, section 14"
		rows = append(rows, program, erase)
	}
	return rows
}

func measurements() []trial {
	const f4, g4 = "stm32f429zi", "stm32g474re"
	measured := func(name, part, driver, unit string, low, high float64, from string, c model.Config, run func(f *model.Flash) (float64, error)) trial {
		return trial{Row{Name: name, Part: part, Unit: unit, Low: low, High: high, Tolerance: 0.15, Mark: "M", From: from}, driver, c, run, 0}
	}
	atMost := func(r trial, why string) trial {
		r.Low, r.Note = math.Inf(-1), why
		return r
	}
	atLeast := func(r trial, why string) trial {
		r.High, r.Note = math.Inf(1), why
		return r
	}
	chip := func(f *model.Flash) (float64, error) {
		return busy(f, func() error {
			for b := range f.Part().Banks {
				if err := f.EraseBank(b); err != nil {
					return err
				}
			}
			return nil
		})
	}
	rate := func(bytes int, work func(model.CPU, int)) func(f *model.Flash) (float64, error) {
		return func(f *model.Flash) (float64, error) {
			work(f.CPU(), bytes)
			return float64(bytes) / 1024 / f.Seconds(f.Now()), nil
		}
	}
	return []trial{
		measured("word program, status wait included", f4, "word", "us", 14.3, 14.3, "BRIO4 on an F411", model.Config{Hz: 100e6}, perAccess),
		atLeast(measured("erase of 16 KiB, x32", f4, "word", "ms", 189, 189, "BRIO4 on an F411", model.Config{}, millis(eraseOf(16384))),
			"one chip, new: a minimum beside the data sheet's typical time"),
		atWidth(2, atMost(measured("half word program, software included", f4, "word", "us", 20, 20, "F4 at half words: 20.0 us each", model.Config{}, perAccess),
			"the measurement includes the software around it")),
		measured("erase of 64 KiB, x32", f4, "word", "ms", 529, 529, "BRIO4 on an F411", model.Config{}, millis(eraseOf(65536))),
		measured("erase of 128 KiB, x32", f4, "word", "ms", 973, 1056, "BRIO4 on an F411; about 1 s on an F407, ST community 65985", model.Config{}, millis(eraseOf(131072))),
		measured("chip erase, 2 MiB", f4, "word", "s", 15, 15, "pyOCD PR 421 on an F439", model.Config{}, chip),
		measured("chip erase, 1 MiB", "stm32f429zg", "word", "s", 8, 8, "Adafruit_DAP PR 7 on an F407", model.Config{}, chip),
		measured("ticks of 1 kHz served during an erase of 128 KiB, handler beside it", "stm32f429zg", "word", "", 1, 1, "BRIO4 on an F411: SysTick advanced by 1 in a second",
			model.Config{App: model.App{Interrupts: []model.Interrupt{{Name: "tick", Period: time.Millisecond}}}}, func(f *model.Flash) (float64, error) {
				err := f.Erase(0x080E_0000, 131072)
				l := f.Latencies()[0]
				return float64(l.Delayed - l.Lost), err
			}),
		measured("share of an erase in which code of the same bank runs, caches off", "stm32f429zg", "word", "", 0, 0, "BRIO4 on an F411: exactly 0 turns of a loop",
			model.Config{Cache: model.CacheOff}, func(f *model.Flash) (float64, error) {
				err := f.Erase(0x080E_0000, 131072)
				return 1 - float64(f.Counters().Stall)/float64(f.Counters().Busy[0]), err
			}),
		measured("programs over data that the flash refuses, of 8", f4, "word", "", 0, 0, "BRIO4 on an F411: no flag in 8 tries", model.Config{}, func(f *model.Flash) (float64, error) {
			for i := range 8 {
				if err := f.Program(0x0810_0000, []byte{byte(0xFF << i)}); err != nil {
					return 0, err
				}
			}
			return float64(f.Counters().Refused), nil
		}),
		measured("page erase, typ", "stm32l496zg", "word", "ms", 25, 30, "Zephyr 16934: 25 ms failed every time, 30 ms passed", model.Config{}, millis(eraseOf(2048))),
		measured("page erase, max", "stm32l496zg", "word", "ms", 25, 30, "Zephyr 16934: 25 ms failed every time, 30 ms passed", model.Config{Corner: model.Max}, millis(eraseOf(2048))),
		atMost(measured("page erase through a debugger", g4, "word", "ms", 37, 37, "probe-rs 3229", model.Config{}, millis(eraseOf(2048))),
			"the measurement includes the host and its probe"),
		measured("page erase", g4, "word", "ms", 22.039, 22.039, "BRIOG0 on a G0B1, a relative", model.Config{}, millis(eraseOf(2048))),
		measured("double word program", g4, "word", "us", 88, 88, "BRIOG0 on a G0B1, a relative", model.Config{}, perAccess),
		measured("program of a row of 32 double words", g4, "word", "us", 2808, 2808, "BRIOG0 on a G0B1, a relative", model.Config{}, func(f *model.Flash) (float64, error) {
			err := f.Program(0x0804_0000, make([]byte, 256))
			return f.Seconds(f.Now()) * 1e6, err
		}),
		measured("page erase", "stm32g0b1re", "word", "ms", 22.039, 22.039, "BRIOG0", model.Config{}, millis(eraseOf(2048))),
		measured("double word program", "stm32g0b1re", "word", "us", 88, 88, "BRIOG0", model.Config{}, perAccess),
		measured("program of a row of 32 double words", "stm32g0b1re", "word", "us", 2808, 2808, "BRIOG0", model.Config{}, func(f *model.Flash) (float64, error) {
			err := f.Program(0x0804_0000, make([]byte, 256))
			return f.Seconds(f.Now()) * 1e6, err
		}),
		measured("bank-1 loop stalled by a bank-2 page erase", "stm32g0b1re", "word", "ms", 0, 0, "BRIOG0: 174260 turns", model.Config{}, millis(stallOf(0x0804_0000))),
		measured("bank-1 loop stalled by a bank-2 page erase", g4, "word", "ms", 0, 0, "BRIOG0 on a G0B1: 174260 turns", model.Config{}, millis(stallOf(0x0804_0000))),
		measured("second programs of a double word that are refused", g4, "word", "", 1, 1, "BRIOG0 on a G0B1: PROGERR", model.Config{}, func(f *model.Flash) (float64, error) {
			if err := f.Program(0x0804_0000, []byte("12345678")); err != nil {
				return 0, err
			}
			if err := f.Program(0x0804_0000, []byte("abcdefgh")); err != model.ErrProgram {
				return 0, err
			}
			return float64(f.Counters().Refused), nil
		}),
		measured("sector erase", "mk64fn1m0", "word", "ms", 5.734, 5.734, "mbed-os cfstore app note 0001: 1.4 us a byte over 4 to 32 KiB", model.Config{}, millis(eraseOf(4096))),
		measured("phrase program", "mk64fn1m0", "word", "us", 73.6, 73.6, "mbed-os cfstore app note 0001: 9.2 us a byte over 8 bytes to 8 KiB", model.Config{}, perAccess),
		atLeast(measured("sector erase, a K66F", "mk66fn2m0", "word", "ms", 5.734, 5.734, "mbed-os cfstore app note 0001, on a new K64F", model.Config{}, millis(eraseOf(4096))),
			"a new relative: a minimum beside the recalled typical time"),
		measured("double words that do not read after a reset in a program of four", "stm32l4r5zi", "mbed", "", 1, 1, "FLCO: ECCD at exactly that address", model.Config{OnECC: part.ECCStatus}, func(f *model.Flash) (float64, error) {
			f.Arm(model.Cut{Step: 2, Mode: model.ECC})
			if err := f.Program(0x0810_0000, make([]byte, 32)); err != model.ErrPowerCut {
				return 0, err
			}
			f.Boot()
			bad := 0.0
			for i := range uint32(4) {
				if f.Read(0x0810_0000+8*i, make([]byte, 8)) == model.ErrECC {
					bad++
				}
			}
			return bad, nil
		}),
		measured("reads of a word written twice that fail, of one", "stm32h743zi", "mbed", "", 1, 1, "embassy 4777 (H723), ST community 394944: a bus fault", model.Config{}, func(f *model.Flash) (float64, error) {
			for _, b := range []byte{0x5A, 0xA5} {
				p := make([]byte, 32)
				p[0] = b
				if err := f.Program(0x0810_0000, p); err != nil {
					return 0, err
				}
			}
			_ = f.Read(0x0810_0000, make([]byte, 4)) // counted
			return float64(f.Counters().BadReads), nil
		}),
		measured("share of reads of an undecided bit that are right", f4, "mbed", "", 0.4, 0.9, "ESP-IDF 18970, NOR on SPI", model.Config{}, func(f *model.Flash) (float64, error) {
			f.Arm(model.Cut{Mode: model.Weak, Seed: 3})
			if err := f.Program(0x0810_0000, []byte{0xFE}); err != model.ErrPowerCut {
				return 0, err
			}
			f.Boot()
			right, got := 0.0, make([]byte, 1)
			for range 1000 {
				if err := f.Read(0x0810_0000, got); err != nil {
					return 0, err
				}
				if got[0] == 0xFE {
					right++
				}
			}
			return right / 1000, nil
		}),
		measured("SHA-256", f4, "mbed", "KiB/s", 2936, 2936, "mbed-os PR 4898, Mbed TLS on an F437; its clock is taken as 180 MHz", model.Config{}, rate(1<<20, model.CPU.SHA256)),
		measured("AES-128", f4, "mbed", "KiB/s", 2315, 2315, "mbed-os PR 4898, Mbed TLS on an F437; its clock is taken as 180 MHz", model.Config{}, rate(1<<20, model.CPU.AES)),
		measured("SHA-256", "mk64fn1m0", "mbed", "KiB/s", 1673, 1957, "Mbed TLS on FRDM-K64F, two releases", model.Config{}, rate(1<<20, model.CPU.SHA256)),
		measured("AES-128", "mk64fn1m0", "mbed", "KiB/s", 1359, 1428, "Mbed TLS on FRDM-K64F, two releases", model.Config{}, rate(1<<20, model.CPU.AES)),
	}
}
