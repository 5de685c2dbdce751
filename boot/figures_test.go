package boot

import (
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"dualbank/boot/firmware"
	"dualbank/internal/golden"
	"dualbank/model"
	"dualbank/model/random"
)

// work notes the work that a processor is told of.
type work struct{ io.Writer }

func (w work) CRC32(n int)  { fmt.Fprintln(w, "crc", n) }
func (w work) SHA256(n int) { fmt.Fprintln(w, "sha", n) }
func (w work) Copy(n int)   { fmt.Fprintln(w, "copy", n) }

// TestFigures: what client, updater and bootloader ask of flash, link and processor, call by call, and how each boot ends
// stays as it is unless a change means to change it: in each recorded configuration, with each repair and defect.
func TestFigures(t *testing.T) {
	var b strings.Builder
	type with struct {
		r Repairs
		d Defects
	}
	all := []with{{}, {r: AllRepairs}}
	for r := range AllRepairs.Each() {
		all = append(all, with{r: r})
	}
	for d := DefectSoftwareResets; d <= DefectBankTwoSizes; d <<= 1 {
		all = append(all, with{d: d})
	}
	for i, name := range slices.Sorted(maps.Keys(traceConfigs)) {
		for j, w := range all {
			if j > 1 && (i+j)%5 != 0 {
				continue // each repair and defect in some of the configurations
			}
			cfg := traceConfigs[name]
			cfg.Repairs, cfg.Defects = w.r, w.d
			f, err := plainFlash(name)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s, repairs %v, defects %x: %s\n", name, w.r, uint64(w.d), exercise(f, cfg, Generation((i+j)%2), uint64(i*100+j)))
		}
	}
	golden.Compare(t, "figures.golden", b.String())
}

// exercise updates a device again and again, with cuts and bad images, and returns what it led to.
func exercise(f *model.Flash, cfg Config, gen Generation, seed uint64) string {
	r := random.New(seed)
	all := crc32.NewIEEE()
	f.Observe(func(e *model.Event) {
		fmt.Fprintln(all, e.Kind, e.Addr, e.Size, e.Steps)
		all.Write(e.Data)
	})
	note := func(what string, more ...any) { fmt.Fprintln(all, append([]any{what}, more...)...) }
	client, loader := NewClient(cfg, f, gen, work{all}), NewBootloader(cfg, f, work{all})
	loader.Print = func(line string) { note(line) }
	loader.Enter = func(p Phase) { note("phase", p) }
	up := &Updater{
		Store: client, Locations: cfg.Locations, Journal: &memJournal{}, CPU: work{all}, Base: &ActiveImage{Flash: f, Config: cfg},
		Wait: func(d time.Duration) { note("wait", d) }, Enter: func(p Phase) { note("phase", p) },
		Link: Link{BitsPerSecond: 9600, RoundTrip: time.Second / 3, LossPPM: 100_000, Block: 16 << r.Intn(8), Overhead: 50, Seed: seed},
	}
	var ram RAM
	var was []byte // the firmware of the latest campaign
	ends, version := map[string]int{}, uint64(0)
	modes := model.CutModes(f.Part())
	arm := func() {
		if r.Intn(3) == 0 {
			f.Arm(model.Cut{Step: f.Steps() + uint64(r.Intn(3000)), Mode: modes[r.Intn(len(modes))], Seed: r.Uint64()})
		}
	}
	for range 14 {
		slot := uint32(r.Intn(int(cfg.Locations) + 1))
		switch r.Intn(6) {
		case 0, 1:
			version++
			c := NewCampaign(version, [16]byte{byte(version)}, program(1, 1000+r.Intn(5000), 700, int(version)*32))
			if was != nil {
				c.Delta, _ = firmware.MakeDelta(was, c.Firmware)
			}
			was = c.Firmware
			if r.Intn(8) == 0 {
				c.Hash[3]++
			}
			arm()
			err := up.Run(c)
			if err == ErrPowerCut {
				f.Boot()
				client.Reset()
				err = up.Run(c)
			}
			note("run", err, fmt.Sprintf("%+v", up.Stats))
		case 2:
			d, p := repairImage(version+uint64(r.Intn(3)), 1+r.Intn(3000))
			if r.Intn(4) == 0 {
				d.Size += uint64(r.Intn(1<<20)) << r.Intn(14)
			}
			arm()
			note("prepare", client.Prepare(slot, &d))
			for off := uint32(0); off < uint32(len(p)); off += Fragment {
				note("write", client.Write(slot, off, p[off:min(off+Fragment, uint32(len(p)))]))
			}
			note("activate", client.Activate(slot))
			from, err := client.Resume(slot, &d)
			note("resume", from, err)
		case 3:
			d := new(Details)
			note("details", client.GetFirmwareDetails(slot, d), *d)
			note("active", client.GetActiveFirmwareDetails(d), *d)
			p := make([]byte, 40)
			note("read", client.Read(slot, uint32(r.Intn(100)), p), p)
			pick, err := up.PickSlot()
			note("pick", pick, err)
		case 4:
			at := []uint32{cfg.Details, cfg.AppStart + uint32(r.Intn(300)), cfg.StorageAddr, cfg.StorageAddr + uint32(r.Intn(300))}[r.Intn(4)]
			f.Flip(at, 1<<r.Intn(8))
		case 5:
			f.Boot()
			client.Reset()
		}
		f.Boot()
		client.Reset()
		arm()
		out := loader.Boot(ResetReason(r.Intn(10)), &ram)
		note("boot", fmt.Sprintf("%+v %+v", out, ram))
		ends[out.Result.String()]++
		f.Boot()
	}
	return fmt.Sprintf("%v, version %d, %d erases, %d programs, cells %016x, all %08x", ends, version, f.Counters().Erases, f.Counters().Programs, f.Hash(), all.Sum32())
}

// TestBlockFigures: the same of a candidate storage on external flash.
func TestBlockFigures(t *testing.T) {
	var b strings.Builder
	for _, gen := range []Generation{ClientOld, ClientNew} {
		for seed := range uint64(6) {
			all := crc32.NewIEEE()
			s := newBlockSetup(t, gen)
			note := func(what string, more ...any) { fmt.Fprintln(all, append([]any{what}, more...)...) }
			dev := flakyDevice{s.dev, &flaky{how: refuses, reads: map[int]bool{}}}
			cfg := traceConfigs["l4_8800"]
			cfg.StorageAddr, cfg.StorageSize, cfg.Locations = 100, 65*4096, 2
			c := NewBlockClient(cfg, dev, gen, func() ([]byte, error) { return compatRoot, nil }, DeriveKey, work{all})
			flash, err := plainFlash("l4_8800")
			if err != nil {
				t.Fatal(err)
			}
			loader := NewBlockBootloader(cfg, flash, work{all}, c)
			loader.Print = func(line string) { note(line) }
			r := random.New(seed)
			installed := 0
			for v := range uint64(8) {
				slot := uint32(r.Intn(3))
				fw := make([]byte, 1+r.Intn(5000))
				r.Fill(fw)
				d := Details{Version: v + 1, Size: uint64(len(fw)), Hash: hashOf(fw)}
				if r.Intn(3) == 0 {
					dev.at = dev.done + 1 + r.Intn(6)
				}
				note("prepare", c.Prepare(slot, &d))
				buf := make([]byte, Fragment)
				for at := 0; at < len(fw); at += Fragment {
					note("write", c.Write(slot, uint32(at), buf[:copy(buf, fw[at:])]))
				}
				note("activate", c.Activate(slot))
				p := make([]byte, 256)
				note("read", c.Read(slot, 256, p[:r.Intn(256)]), p)
				note("details", c.GetFirmwareDetails(slot, &d), d)
				out := loader.Boot(PowerOn, &s.ram)
				note("boot", fmt.Sprintf("%+v", out))
				if out.Installed {
					installed++
				}
			}
			note("operations", dev.done, len(dev.reads))
			fmt.Fprintf(&b, "%v client: %d installed, %d operations, cells %08x and %016x, all %08x\n", gen, installed, dev.done, crc32.ChecksumIEEE(s.dev.data), flash.Hash(), all.Sum32())
		}
	}
	golden.Compare(t, "block.golden", b.String())
}
