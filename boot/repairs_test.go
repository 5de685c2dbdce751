package boot

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"

	"dualbank/internal/named"
	"dualbank/model"
	"dualbank/model/cell"
	"dualbank/model/part"
)

// repairLayout is a small flash of sectors of 2 KiB: header and application have sectors of their own, and there is one slot.
var repairLayout = Config{
	Details: 0x08002000, AppStart: 0x08002800, MaxAppSize: 0x3800, StorageAddr: 0x08008000, StorageSize: 0x6000,
	Locations: 1, StoragePage: 8, BootRetries: 3, CopyRetries: 1, ResetReason: true,
}

// mended is a device with client and bootloader, which have some repairs.
type mended struct {
	t      *testing.T
	cfg    Config
	f      *model.Flash
	client *Client
	loader *Bootloader
	ram    RAM
}

// newMended makes a device on which image 1 of 300 bytes runs. wrap is what software sees of the flash; nil: all.
func newMended(t *testing.T, cfg Config, gen Generation, wrap func(*model.Flash) Flash) *mended {
	t.Helper()
	sectors := make([]uint32, 32)
	for i := range sectors {
		sectors[i] = 2 << 10
	}
	f, err := model.New(model.Config{Part: part.Plain("32x2K", flashBase, sectors, cell.AND), Unit: 8})
	if err != nil {
		t.Fatal(err)
	}
	seen := Flash(f)
	if wrap != nil {
		seen = wrap(f)
	}
	m := &mended{t: t, cfg: cfg, f: f, client: NewClient(cfg, seen, gen, nil), loader: NewBootloader(cfg, seen, nil)}
	d, firmware := repairImage(1, 300)
	m.header(cfg.Details, &d, nil)
	f.Poke(cfg.AppStart, firmware)
	return m
}

// repairImage is an image of a version.
func repairImage(version uint64, size int) (d Details, firmware []byte) {
	firmware = make([]byte, size)
	stream(version, 0, firmware)
	return Details{Version: version, Size: uint64(size), Hash: sha256.Sum256(firmware)}, firmware
}

// header pokes a header with a change, whose CRC is right.
func (m *mended) header(addr uint32, d *Details, change func([]byte)) {
	h := make([]byte, HeaderSize)
	EncodeHeader(h, d)
	if change != nil {
		change(h)
		binary.BigEndian.PutUint32(h[headerCRC:], crc32.ChecksumIEEE(h[:headerCRC]))
	}
	m.f.Poke(addr, h)
}

// store downloads an image.
func (m *mended) store(d *Details, firmware []byte, activate bool) {
	m.t.Helper()
	check := func(err error) {
		m.t.Helper()
		if err != nil {
			m.t.Fatal(err)
		}
	}
	check(m.client.Prepare(0, d))
	for off := 0; off < len(firmware); off += Fragment {
		p := make([]byte, Fragment)
		check(m.client.Write(0, uint32(off), p[:copy(p, firmware[off:])]))
	}
	check(m.client.Finalize(0))
	if activate {
		check(m.client.Activate(0))
	}
	m.client.Reset()
}

func (m *mended) boot(reason ResetReason) Outcome {
	m.f.Boot()
	return m.loader.Boot(reason, &m.ram)
}

// broken is a flash of which one unit cannot be read until its sector is erased.
type broken struct {
	*model.Flash
	addr   uint32
	masked bool
	erased bool
}

func (f *broken) MaskFaults(on bool) { f.masked = on }

func (f *broken) Read(addr uint32, p []byte) error {
	switch {
	case f.erased || f.addr < addr || f.addr >= addr+uint32(len(p)):
		return f.Flash.Read(addr, p)
	case f.masked:
		return errors.New("a unit cannot be read")
	}
	return ErrFault
}

func (f *broken) Erase(addr, size uint32) error {
	f.erased = f.erased || f.addr >= addr && f.addr < addr+size
	return f.Flash.Erase(addr, size)
}

// TestRepairs: each repair removes what its smallest case shows, and no other repair does.
func TestRepairs(t *testing.T) {
	with := func(r Repairs) Config {
		c := repairLayout
		c.Repairs = r
		return c
	}
	second, firmware := repairImage(2, 9000)
	shows := map[Repairs]func(t *testing.T, r Repairs) bool{
		RepairMaskFaults: func(t *testing.T, r Repairs) bool {
			m := newMended(t, with(r), ClientNew, func(f *model.Flash) Flash { return &broken{Flash: f, addr: repairLayout.AppStart + 100} })
			m.store(&second, firmware, true)
			return m.boot(PowerOn).Result == Fault
		},
		RepairResumeCopy: func(t *testing.T, r Repairs) bool {
			m := newMended(t, with(r), ClientNew, nil)
			m.store(&second, firmware, true)
			for range 8 {
				m.f.Boot()
				m.f.Arm(model.Cut{Step: 700, Mode: model.Before}) // of some 1,100
				if out := m.loader.Boot(PowerOn, &m.ram); out.Result == Jumped {
					if out.Version != 2 {
						t.Errorf("version %d runs, want 2", out.Version)
					}
					return false
				}
			}
			return true
		},
		RepairFeedWatchdog: func(t *testing.T, r Repairs) bool {
			m := newMended(t, with(r), ClientNew, nil)
			m.store(&second, firmware, true)
			erases, programmed, starves := 0, uint32(0), false
			m.loader.Feed = func() { erases, programmed = 0, 0 }
			m.f.Observe(func(e *model.Event) {
				switch e.Kind {
				case model.Erase:
					erases += int(e.Steps)
				case model.Program:
					programmed += e.Size
				}
				starves = starves || erases > 1 || programmed > fedChunk
			})
			if out := m.boot(PowerOn); !out.Installed {
				t.Fatalf("%+v", out)
			}
			return starves
		},
		RepairHeaderLast: func(t *testing.T, r Repairs) bool {
			m := newMended(t, with(r), ClientOld, nil)
			m.store(&second, firmware, false)
			return m.boot(PowerOn).Version == 2
		},
		RepairWideSizes: func(t *testing.T, r Repairs) bool {
			m := newMended(t, with(r), ClientNew, nil)
			first, _ := repairImage(1, 300)
			first.Size |= 1 << 32
			m.header(m.cfg.Details, &first, nil)
			return m.boot(PowerOn).Result == Jumped
		},
		RepairHeaderMagic: func(t *testing.T, r Repairs) bool {
			m := newMended(t, with(r), ClientNew, nil)
			m.store(&second, firmware, true)
			m.header(m.loader.Slots()[0].Addr, &second, func(h []byte) { h[0]++ })
			return m.boot(PowerOn).Version == 2
		},
		RepairNotItself: func(t *testing.T, r Repairs) bool {
			m := newMended(t, with(r), ClientNew, nil)
			first, firmware := repairImage(1, 300)
			m.store(&first, firmware, true)
			over := 0
			for range 12 {
				if m.boot(Watchdog).Installed {
					over++
				}
			}
			return over > 1
		},
		RepairFitsFirst: func(t *testing.T, r Repairs) bool {
			cfg := with(r)
			cfg.MaxAppSize = 0x3400 // the last sector is the application's in part
			m := newMended(t, cfg, ClientNew, nil)
			d, firmware := repairImage(2, 0x3300)
			m.store(&d, firmware, true)
			return m.boot(PowerOn).Result == Halted
		},
	}
	for r := range AllRepairs.Each() {
		t.Run(r.String(), func(t *testing.T) {
			if !shows[r](t, 0) {
				t.Error("the reference does not show it")
			}
			if shows[r](t, r) {
				t.Error("the repair does not remove it")
			}
			if shows[r](t, AllRepairs) {
				t.Error("all repairs together do not remove it")
			}
			for other := range AllRepairs.Without(r).Each() {
				if !shows[r](t, other) {
					t.Errorf("%v removes it, too", other)
				}
			}
		})
	}
}

// TestRepairedInstalls: with the repairs that look at the application's erase units an image is installed where these fit,
// wherever its header is; else the old one runs.
func TestRepairedInstalls(t *testing.T) {
	for _, c := range []struct {
		name         string
		details, app uint32
		size         int
		want         uint64
	}{
		{"header in a sector of its own", 0x08002000, 0x08002800, 9000, 2},
		{"header before the firmware", 0x08002000, 0x08002070, 9000, 2},
		{"header behind the application", 0x08006000, 0x08002800, 9000, 2},
		{"all of the application", 0x08002000, 0x08002800, 0x3800, 2},
		{"more than the application", 0x08002000, 0x08002800, 0x3801, 1},
		{"header in the middle of a sector", 0x08002008, 0x08002800, 9000, 1},
		{"firmware in the middle of a sector", 0x08002000, 0x08002808, 9000, 1},
	} {
		for _, r := range []Repairs{RepairFitsFirst, RepairFitsFirst | RepairResumeCopy, AllRepairs} {
			cfg := repairLayout
			cfg.Details, cfg.AppStart, cfg.Repairs = c.details, c.app, r
			m := newMended(t, cfg, ClientNew, nil)
			d, firmware := repairImage(2, c.size)
			m.store(&d, firmware, true)
			for range 2 {
				if out := m.boot(PowerOn); out.Result != Jumped || out.Version != c.want {
					t.Errorf("%s, repairs %v: %+v, want version %d", c.name, r, out, c.want)
				}
			}
		}
	}
}

// TestWanted: every stretch of the active image is what it is to be: header, firmware, and erased bytes around them.
func TestWanted(t *testing.T) {
	for _, c := range [][2]uint32{{0x08002000, 0x08002070}, {0x08002000, 0x08002800}, {0x08002A00, 0x08002800}} {
		cfg := repairLayout
		cfg.Details, cfg.AppStart = c[0], c[1]
		m := newMended(t, cfg, ClientNew, nil)
		d, firmware := repairImage(2, 300)
		m.store(&d, firmware, true)
		m.loader.best = d
		const start, size = 0x08001F80, 0xC00
		want := bytes.Repeat([]byte{0xFF}, size)
		copy(want[cfg.AppStart-start:], firmware)
		EncodeHeader(want[cfg.Details-start:][:HeaderSize], &d)
		for from := uint32(0); from < size; from += 8 {
			for _, n := range []uint32{8, 64, 112, 120, 512, 1024} {
				got := make([]byte, min(n, size-from))
				if err := m.loader.wanted(0, start+from, got); err != nil || !bytes.Equal(got, want[from:][:len(got)]) {
					t.Fatalf("header at 0x%X, firmware at 0x%X: %d bytes at 0x%X: %v\ngot  % x\nwant % x", c[0], c[1], len(got), start+from, err, got, want[from:][:len(got)])
				}
			}
		}
	}
}

// BenchmarkRepairs says what each repair costs on an F429 with Mbed's driver and the guide's layout, as exact figures beside
// those of repairs=none: the download of an image of 128 KiB by the older client, the boot that installs it over one of the
// same size, and a boot with nothing to install.
func BenchmarkRepairs(b *testing.B) {
	for name, r := range named.Cases(AllRepairs) {
		b.Run("repairs="+name, func(b *testing.B) { benchmarkRepairs(b, r) })
	}
}

func benchmarkRepairs(b *testing.B, r Repairs) {
	const size, hertz = 128 << 10, 180e6
	check := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	p, err := part.ByName("stm32f429zi")
	check(err)
	driver, err := part.DriverByName("mbed")
	check(err)
	core, err := part.CoreByName("cortex-m4")
	check(err)
	cfg := traceConfigs["f429_1"]
	cfg.Repairs = r
	var download, install, idle, erases float64
	for b.Loop() {
		f, err := model.New(model.Config{Part: p, Driver: driver, Core: core})
		check(err)
		client, loader, ram := NewClient(cfg, f, ClientOld, f.CPU()), NewBootloader(cfg, f, f.CPU()), RAM{}
		feeds := 0
		loader.Feed = func() { feeds++ }
		first, firmware := repairImage(1, size)
		h := make([]byte, HeaderSize)
		EncodeHeader(h, &first)
		f.Poke(cfg.Details, h)
		f.Poke(cfg.AppStart, firmware)
		ms := func(fn func()) float64 {
			start := f.Now()
			fn()
			return float64(f.Now()-start) / hertz * 1e3
		}
		boot := func(version uint64) func() {
			return func() {
				f.Boot()
				if out := loader.Boot(Software, &ram); out.Result != Jumped || out.Version != version {
					b.Fatalf("%+v", out)
				}
			}
		}
		idle = ms(boot(1))
		next, firmware := repairImage(2, size)
		download = ms(func() {
			check(client.Prepare(0, &next))
			for off := 0; off < size; off += Fragment {
				check(client.Write(0, uint32(off), firmware[off:off+Fragment]))
			}
			check(client.Finalize(0))
			check(client.Activate(0))
		})
		before := f.Counters().Erases
		install = ms(boot(2))
		erases = float64(f.Counters().Erases - before)
		if r.Has(RepairFeedWatchdog) != (feeds > 0) {
			b.Fatalf("%d feeds", feeds)
		}
	}
	b.ReportMetric(download, "download-sim-ms")
	b.ReportMetric(install, "install-sim-ms")
	b.ReportMetric(idle, "boot-sim-ms")
	b.ReportMetric(erases, "install-erases")
	b.ReportMetric(0, "ns/op")
}
