package boot

import (
	"errors"
	"slices"
	"testing"
	"time"

	"dualbank/boot/firmware"
	"dualbank/model"
	"dualbank/model/part"

	"pgregory.net/rapid"
)

// memJournal is a Journal that survives resets.
type memJournal struct {
	id    [16]byte
	slot  uint32
	saved bool
}

func (j *memJournal) Load() ([16]byte, uint32, bool) { return j.id, j.slot, j.saved }
func (j *memJournal) Clear() error                   { j.saved = false; return nil }

func (j *memJournal) Save(id [16]byte, slot uint32) error {
	j.id, j.slot, j.saved = id, slot, true
	return nil
}

// device is a part with client, updater and bootloader.
type device struct {
	flash *model.Flash
	boot  *Bootloader
	store *Client
	up    *Updater
	ram   RAM
	now   time.Duration
}

func newDevice(t testing.TB, config string, gen Generation, link Link) *device {
	t.Helper()
	f, err := plainFlash(config)
	if err != nil {
		t.Fatal(err)
	}
	cfg := traceConfigs[config]
	d := &device{flash: f, boot: NewBootloader(cfg, f, nil), store: NewClient(cfg, f, gen, nil)}
	d.up = &Updater{
		Store: d.store, Link: link, Locations: cfg.Locations, Journal: &memJournal{},
		Wait: func(t time.Duration) { d.now += t },
	}
	return d
}

// reset is a power cycle, or the reset that follows an update.
func (d *device) reset() Outcome {
	d.flash.Boot()
	d.store.Reset()
	return d.boot.Boot(PowerOn, &d.ram)
}

func campaign(version uint64, size int) *Campaign {
	fw := make([]byte, size)
	stream(version, 0, fw)
	var id [16]byte
	stream(^version, 0, id[:])
	return NewCampaign(version, id, fw)
}

func TestSeveralCampaigns(t *testing.T) {
	for _, gen := range []Generation{ClientOld, ClientNew} {
		for _, config := range []string{"f429_3", "l4_8400"} {
			d := newDevice(t, config, gen, Link{})
			for v := range uint64(6) {
				c := campaign(v+1, 20003+1000*int(v))
				if err := d.up.Run(c); err != nil {
					t.Fatal(err)
				}
				if o := d.reset(); o.Result != Jumped || o.Version != v+1 || !o.Installed {
					t.Fatalf("%s, %v client: campaign %d: %+v", config, gen, v+1, o)
				}
				if want := int(v) % int(traceConfigs[config].Locations); d.boot.slots[want].Addr != d.boot.slots[0].Addr && want != 0 {
					var there Details
					if d.store.GetFirmwareDetails(uint32(want), &there) != nil || there.Version != v+1 {
						t.Errorf("%s: campaign %d is not in slot %d", config, v+1, want)
					}
				}
			}
		}
	}
}

func TestLinkTime(t *testing.T) {
	for _, c := range []struct {
		link Link
		size int
		want time.Duration
	}{
		{Link{}, 10000, 0},
		{Link{RoundTrip: time.Second}, 10 * 1024, 10 * time.Second},
		{Link{RoundTrip: time.Second, Block: 256}, 10 * 1024, 40 * time.Second},
		{Link{BitsPerSecond: 8 * 1024}, 2560, 2500 * time.Millisecond},
		{Link{BitsPerSecond: 8000, Overhead: 100}, 1024, 1124 * time.Millisecond},
		{Link{BitsPerSecond: 1, Overhead: 1 << 31}, 1024, 1000 * time.Hour},
	} {
		d := newDevice(t, "f429_1", ClientNew, c.link)
		if err := d.up.Run(campaign(1, c.size)); err != nil || d.now != c.want || d.up.Stats.Waited != c.want {
			t.Errorf("%+v: %v in %v, want %v", c.link, err, d.now, c.want)
		}
	}
}

func TestLinkLoss(t *testing.T) {
	run := func(seed uint64) (*device, error) {
		d := newDevice(t, "f429_1", ClientNew, Link{LossPPM: 200_000, RoundTrip: time.Second, Seed: seed})
		return d, d.up.Run(campaign(1, 50<<10))
	}
	a, err := run(1)
	b, err2 := run(1)
	other, err3 := run(2)
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatal(err)
	}
	if a.now != b.now || a.now == other.now {
		t.Errorf("the same seed takes %v and %v, another one %v", a.now, b.now, other.now)
	}
	// A fifth of all exchanges is lost: 50 blocks take about 12 more, at 2 to 3 s each.
	if n := a.up.Stats.Retransmits; n < 3 || n > 30 || a.now < 50*time.Second+time.Duration(n)*2*time.Second {
		t.Errorf("%d retransmissions, %v", n, a.now)
	}
	once := newDevice(t, "f429_1", ClientNew, Link{LossPPM: 1_000_000, Retransmits: -1})
	if err := once.up.Run(campaign(1, 100)); err != ErrLink || once.now < 2*time.Second || once.now > 3*time.Second || once.up.Stats.Retransmits != 0 {
		t.Errorf("without retransmission: %v after %v, %d sent again", err, once.now, once.up.Stats.Retransmits)
	}
	dead := newDevice(t, "f429_1", ClientNew, Link{LossPPM: 1_000_000})
	if err := dead.up.Run(campaign(1, 100)); err != ErrLink || dead.now < (2+4+8+16+32)*time.Second || dead.now > 93*time.Second {
		t.Errorf("%v after %v", err, dead.now)
	}
	// A client that does not give up pauses instead, and gets it all.
	stubborn := newDevice(t, "f429_1", ClientNew, Link{LossPPM: 500_000, Retransmits: -1})
	stubborn.up.Pause = 10 * time.Second
	if err := stubborn.up.Run(campaign(1, 50<<10)); err != nil {
		t.Error(err)
	}
	if n := time.Duration(stubborn.up.Stats.Pauses); n < 20 || n > 100 || stubborn.now < n*12*time.Second || stubborn.now > n*13*time.Second ||
		stubborn.now != stubborn.up.Stats.Waited || stubborn.up.Stats.Blocks != 50 {
		t.Errorf("%d pauses in %v: %+v", n, stubborn.now, stubborn.up.Stats)
	}
	for _, l := range []Link{{LossPPM: 1_000_001}, {Block: 1000}, {Block: 8}, {Timeout: -1}, {Retransmits: -2}} {
		if l.Check() == nil {
			t.Errorf("%+v is taken", l)
		}
	}
	if err := (&Link{Block: 64}).Check(); err != nil {
		t.Error(err)
	}
}

// TestResume cuts the power at many steps of a download and goes on: the update completes, and what was
// written is not downloaded again.
func TestResume(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		config := rapid.SampledFrom([]string{"l4_8400", "l4_8800"}).Draw(rt, "config")
		gen := rapid.SampledFrom([]Generation{ClientOld, ClientNew}).Draw(rt, "client")
		link := Link{Block: rapid.SampledFrom([]uint32{16, 256, 1024, 4096}).Draw(rt, "block")}
		d := newDevice(t, config, gen, link)
		d.up.Fragment = rapid.SampledFrom([]uint32{0, 8, 64, 1000, 2048}).Draw(rt, "fragment")
		c := campaign(7, rapid.IntRange(1, 30000).Draw(rt, "size"))
		if rapid.Bool().Draw(rt, "used before") {
			if err := d.up.Run(campaign(3, 25000)); err != nil {
				rt.Fatal(err)
			}
			d.reset()
			d.up.Stats = Transfer{}
		}
		var err error
		for cut := 0; ; cut++ {
			if cut < 8 {
				n := rapid.Uint64Range(0, 4000).Draw(rt, "steps")
				mode := rapid.SampledFrom([]model.Mode{model.Before, model.After, model.Torn, model.Prefix}).Draw(rt, "mode")
				d.flash.Arm(model.Cut{Step: n, Mode: mode, Seed: uint64(cut)})
			}
			if err = d.up.Run(c); err == nil {
				break
			}
			if err != ErrPowerCut {
				rt.Fatal(err)
			}
			if o := d.reset(); o.Version == 7 && cut == 8 {
				rt.Fatalf("booted %+v", o)
			}
		}
		d.flash.Disarm()
		if o := d.reset(); o.Result != Jumped || o.Version != 7 {
			rt.Fatalf("%+v", o)
		}
	})
}

// TestResumeAtTheEndOfAnEraseUnit: the last program unit of an erase unit may be torn too.
func TestResumeAtTheEndOfAnEraseUnit(t *testing.T) {
	for seed := range uint64(20) {
		d := newDevice(t, "l4_8400", ClientOld, Link{})
		c := campaign(7, 30000)
		// 15 erases, 14 units of header, then those of the first two erase units but one.
		d.flash.Arm(model.Cut{Step: 15 + 2*2048/8 - 1, Mode: model.Torn, Seed: seed})
		if err := d.up.Run(c); err != ErrPowerCut {
			t.Fatal(err)
		}
		d.reset()
		if err := d.up.Run(c); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// TestResumeOnRealCells: on a part with ECC, which programs only what is erased, a download comes to its end
// too, wherever the power failed and whatever it left: in the data, at the end of an erase unit, in
// the header that the newer client programs last.
func TestResumeOnRealCells(t *testing.T) {
	part, err := part.ByName("stm32l496zg")
	if err != nil {
		t.Fatal(err)
	}
	const size, units = 20_000, 20_000 / 8
	cfg := traceConfigs["l4_8400"]
	for _, gen := range []Generation{ClientOld, ClientNew} {
		prepared := uint64(10) // erases
		if gen == ClientOld {
			prepared += HeaderSize / 8
		}
		for _, mode := range model.CutModes(part) {
			for _, step := range []uint64{prepared, prepared + 1, prepared + 241, prepared + 242, prepared + 1000, prepared + units - 1, prepared + units, prepared + units + 5} {
				if step >= prepared+units && (gen == ClientOld || mode == model.ECC || mode == model.Weak) {
					continue // nothing is programmed then, or not even the bootloader can read the header that is left
				}
				f, err := model.New(model.Config{Part: part, Unit: 8})
				if err != nil {
					t.Fatal(err)
				}
				d := &device{flash: f, boot: NewBootloader(cfg, f, nil), store: NewClient(cfg, f, gen, nil)}
				d.up = &Updater{Store: d.store, Locations: 1, Journal: &memJournal{}}
				c := campaign(7, size)
				f.Arm(model.Cut{Step: step, Mode: mode, Seed: step})
				if err := d.up.Run(c); err != ErrPowerCut {
					t.Fatalf("%v client, %v at step %d: %v", gen, mode, step, err)
				}
				// What cannot be read, or was read wrongly, costs a run each.
				for range 3 {
					f.Boot()
					d.store.Reset()
					if err = d.up.Run(c); err == nil {
						break
					}
				}
				if o := d.reset(); err != nil || o.Result != Jumped || o.Version != 7 {
					t.Errorf("%v client, %v at step %d: %v, then %+v", gen, mode, step, err, o)
				}
			}
		}
	}
}

func TestResumeDoesNotDownloadAgain(t *testing.T) {
	d := newDevice(t, "l4_8400", ClientNew, Link{})
	c := campaign(7, 40000)
	d.flash.Arm(model.Cut{Step: 20 + 30000/8, Mode: model.Torn, Seed: 1})
	if err := d.up.Run(c); err != ErrPowerCut {
		t.Fatal(err)
	}
	first := d.up.Stats.Bytes
	d.reset()
	if err := d.up.Run(c); err != nil {
		t.Fatal(err)
	}
	// Less than an erase unit and a block are fetched twice.
	if again := d.up.Stats.Bytes - 40000; again > 2048+1024 {
		t.Errorf("%d bytes in the first run, %d in all, of 40000", first, d.up.Stats.Bytes)
	}
	if o := d.reset(); o.Version != 7 {
		t.Errorf("%+v", o)
	}
}

// TestUpdaterRefuses: a stored image that is not the campaign's is never activated.
func TestUpdaterRefuses(t *testing.T) {
	d := newDevice(t, "f429_1", ClientNew, Link{})
	c := campaign(1, 5000)
	c.Hash[0] ^= 1
	if err := d.up.Run(c); !errors.Is(err, ErrHash) {
		t.Error(err)
	}
	if o := d.reset(); o.Result != Halted {
		t.Errorf("%+v", o)
	}
	if err := d.up.Run(&Campaign{Details: Details{Size: 5}}); err != ErrManifest {
		t.Error(err)
	}
	if err := d.up.Run(campaign(1, 1<<20)); err != ErrFirmwareTooLarge {
		t.Error(err)
	}
}

// TestUpdaterProgress: each block is announced, and the answer can end the download.
func TestUpdaterProgress(t *testing.T) {
	d := newDevice(t, "f429_1", ClientNew, Link{Block: 512})
	var seen []uint32
	stop := errors.New("enough")
	d.up.Progress = func(done, total uint32) error {
		if total != 1500 {
			t.Errorf("%d bytes in all, want 1500", total)
		}
		if seen = append(seen, done); done >= 1024 && len(seen) < 4 {
			return stop
		}
		return nil
	}
	c := campaign(1, 1500)
	if err := d.up.Run(c); err != stop {
		t.Errorf("%v, want it to stop", err)
	}
	if err := d.up.Run(c); err != nil {
		t.Error(err)
	}
	// What is written lies in the slot's first erase unit, so the second run begins anew.
	if want := []uint32{0, 512, 1024, 0, 512, 1024}; !slices.Equal(seen, want) {
		t.Errorf("told of %v, want %v", seen, want)
	}
}

func TestUpdaterPhases(t *testing.T) {
	d := newDevice(t, "f429_1", ClientNew, Link{})
	var phases []Phase
	d.up.Enter = func(p Phase) { phases = append(phases, p) }
	if err := d.up.Run(campaign(1, 1500)); err != nil {
		t.Fatal(err)
	}
	phases = slices.Compact(phases)
	want := []Phase{PrepareSlot, Download, WriteSlot, Download, WriteSlot, VerifySlot, ActivateSlot, Done}
	if !slices.Equal(phases, want) {
		t.Errorf("phases %v, want %v", phases, want)
	}
}

// TestUpdaterOnBlockDevice: the same updater, candidates on external flash.
func TestUpdaterOnBlockDevice(t *testing.T) {
	b := newBlockSetup(t, ClientNew)
	u := &Updater{Store: b.store, Locations: 2, Link: Link{Block: 64}, Journal: &memJournal{}}
	for v := range uint64(3) {
		if err := u.Run(campaign(v+1, 10001)); err != nil {
			t.Fatal(err)
		}
		b.store.Reset()
		if o := b.boot.Boot(Software, &b.ram); o.Version != v+1 || !o.Installed {
			t.Fatalf("%+v %q", o, b.lines)
		}
	}
}

// TestDeltaUpdate: a delta makes the same image as the whole download, with a fraction of the bytes, and
// after a power cut too.
func TestDeltaUpdate(t *testing.T) {
	old := program(1, 60_001, 1<<30, 0)
	new := append(program(1, 60_001, 30_000, 32), 1, 2, 3)
	delta, err := firmware.MakeDelta(old, new)
	if err != nil {
		t.Fatal(err)
	}
	for i, cut := range []uint64{1 << 40, 40, 3000, 7000} {
		for _, gen := range []Generation{ClientOld, ClientNew} {
			d := newDevice(t, "l4_8400", gen, Link{Block: 256})
			d.up.Fragment = []uint32{0, 512, 320, 4096}[i] // a delta makes pieces of 512
			d.up.Base = &ActiveImage{d.flash, traceConfigs["l4_8400"]}
			if err := d.up.Run(NewCampaign(1, [16]byte{1}, old)); err != nil {
				t.Fatal(err)
			}
			d.reset()
			d.up.Stats = Transfer{}
			c := NewCampaign(2, [16]byte{2}, new)
			c.Delta = delta
			d.flash.Arm(model.Cut{Step: cut, Mode: model.Torn, Seed: 1})
			err := d.up.Run(c)
			if cut < 1<<40 {
				if err != ErrPowerCut {
					t.Fatal(err)
				}
				if o := d.reset(); o.Version != 1 {
					t.Fatalf("%+v", o)
				}
				err = d.up.Run(c)
			}
			if err != nil {
				t.Fatal(err)
			}
			if o := d.reset(); o.Version != 2 || !o.Installed {
				t.Errorf("%v client, cut %d: %+v", gen, cut, o)
			}
			if n := d.up.Stats.Bytes; n > 2*uint64(len(delta)) || n > 12_000 {
				t.Errorf("%d bytes downloaded, the delta has %d", n, len(delta))
			}
		}
	}
}

// TestDeltaFallsBack: on another image than its base a delta is of no use, and the whole image comes.
func TestDeltaFallsBack(t *testing.T) {
	d := newDevice(t, "l4_8400", ClientNew, Link{})
	d.up.Base = &ActiveImage{d.flash, traceConfigs["l4_8400"]}
	c := campaign(2, 5000)
	var err error
	if c.Delta, err = firmware.MakeDelta([]byte("another"), c.Firmware); err != nil {
		t.Fatal(err)
	}
	for v := range uint64(2) {
		c.Version = v + 1
		if err := d.up.Run(c); err != nil {
			t.Fatal(err)
		}
		if o := d.reset(); o.Version != v+1 {
			t.Fatalf("%+v", o)
		}
	}
	// A delta that makes something else is found out before it is activated.
	other := campaign(3, 5000)
	if other.Delta, err = firmware.MakeDelta(c.Firmware, c.Firmware); err != nil {
		t.Fatal(err)
	}
	if err := d.up.Run(other); !errors.Is(err, ErrHash) {
		t.Error(err)
	}
	if other.Delta, err = firmware.MakeDelta(c.Firmware, append(c.Firmware, c.Firmware...)); err != nil {
		t.Fatal(err)
	}
	if err := d.up.Run(other); !errors.Is(err, firmware.ErrDelta) {
		t.Error(err)
	}
}
