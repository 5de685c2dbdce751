package boot

import (
	"fmt"
	"testing"

	"dualbank/model"
)

// How an operation of a flaky flash fails.
const (
	cutsPower = "cut"    // the power is gone from then on
	refuses   = "refuse" // that one operation fails
	dead      = "dead"   // it and all that follow it fail
)

// flaky is a flash of which the operation of a number fails, counted from 1 over reads, programs and erases.
type flaky struct {
	*model.Flash
	how   string
	at    int // 0: none
	done  int
	reads map[int]bool // which of the operations were reads
	off   bool
}

// failure is the error of an operation that did nothing, and knows it.
type failure struct{}

func (failure) Error() string { return "this operation fails" }
func (failure) Done() uint32  { return 0 }

func (f *flaky) Off() bool { return f.off }

func (f *flaky) fails(read bool) error {
	f.done++
	if f.reads != nil {
		f.reads[f.done] = read
	}
	switch {
	case f.off || f.done == f.at, f.how == dead && f.at > 0 && f.done > f.at:
		f.off = f.off || f.how == cutsPower
		return failure{}
	}
	return nil
}

func (f *flaky) Read(addr uint32, p []byte) error {
	if err := f.fails(true); err != nil {
		return err
	}
	return f.Flash.Read(addr, p)
}

func (f *flaky) Program(addr uint32, p []byte) error {
	if err := f.fails(false); err != nil {
		return err
	}
	return f.Flash.Program(addr, p)
}

func (f *flaky) Erase(addr, size uint32) error {
	if err := f.fails(false); err != nil {
		return err
	}
	return f.Flash.Erase(addr, size)
}

// onFlaky is a device on which image 2 of 5,000 bytes is stored, and its flash.
func onFlaky(t *testing.T, r Repairs, gen Generation, activate bool) (*mended, *flaky) {
	t.Helper()
	cfg := repairLayout
	cfg.Repairs = r
	f := new(flaky)
	m := newMended(t, cfg, gen, func(on *model.Flash) Flash { f.Flash = on; return f })
	if activate {
		d, firmware := repairImage(2, 5000)
		m.store(&d, firmware, true)
	}
	f.done = 0
	return m, f
}

// TestFailingBoots: whichever operation of a boot meets a power cut, that is how it ends; whichever read faults, unless faults
// are masked, that is. After a step that is refused no image runs that is not whole.
func TestFailingBoots(t *testing.T) {
	for _, r := range []Repairs{0, RepairResumeCopy, RepairFeedWatchdog, AllRepairs} {
		boot := func(how string, at int) (Outcome, *flaky) {
			m, f := onFlaky(t, r, ClientNew, true)
			f.how, f.at, f.reads = how, at, map[int]bool{}
			return m.loader.Boot(PowerOn, &m.ram), f
		}
		out, whole := boot("", 0)
		if !out.Installed || out.Version != 2 || whole.done < 10 {
			t.Fatalf("repairs %v: %+v after %d operations", r, out, whole.done)
		}
		for at := 1; at <= whole.done; at++ {
			if out, _ := boot(cutsPower, at); out.Result != PowerCut {
				t.Errorf("repairs %v: the power is cut in operation %d of %d: %+v", r, at, whole.done, out)
			}
			out, f := boot(refuses, at)
			switch fault := whole.reads[at] && !r.Has(RepairMaskFaults); {
			case fault && out.Result != Fault, !fault && out.Result == Fault:
				t.Errorf("repairs %v: read %d of %d fails: %+v", r, at, whole.done, out)
			case out.Result == Jumped:
				m := &mended{t: t, cfg: repairLayout, f: f.Flash}
				if again := NewBootloader(m.cfg, f.Flash, nil).Boot(PowerOn, &m.ram); again.Result != Jumped || again.Version < out.Version {
					t.Errorf("repairs %v: operation %d fails, and the boot ends with %+v, the next one with %+v", r, at, out, again)
				}
			}
		}
	}
}

// TestFailingDownloads: a download ends with ErrPowerCut whichever of its operations meets one. The newer client tries an
// operation that is refused again, the older one does not.
func TestFailingDownloads(t *testing.T) {
	d, firmware := repairImage(2, 2000)
	for _, gen := range []Generation{ClientOld, ClientNew} {
		download := func(how string, at int) (in string, done int, err error) {
			m, f := onFlaky(t, 0, gen, false)
			f.how, f.at = how, at
			if err := m.client.Prepare(0, &d); err != nil {
				return "prepare", f.done, err
			}
			for off := 0; off < len(firmware); off += Fragment {
				p := make([]byte, Fragment)
				if err := m.client.Write(0, uint32(off), p[:copy(p, firmware[off:])]); err != nil {
					return "write", f.done, err
				}
			}
			err = m.client.Activate(0)
			return "activate", f.done, err
		}
		_, n, err := download("", 0)
		if err != nil || n < 4 {
			t.Fatalf("%v: %d operations, %v", gen, n, err)
		}
		for at := 1; at <= n; at++ {
			if in, _, err := download(cutsPower, at); err != ErrPowerCut {
				t.Errorf("%v: the power is cut in operation %d of %d, %s: %v", gen, at, n, in, err)
			}
			in, done, err := download(refuses, at)
			if gen == ClientOld && err != ErrInvalidParameter || gen == ClientNew && (err != nil || done != n+1) {
				t.Errorf("%v: operation %d of %d, %s, is refused: %v, %d operations", gen, at, n, in, err, done)
			}
			in, done, err = download(dead, at)
			want := error(ErrInvalidParameter)
			if in == "activate" {
				want = ErrActivate
			}
			if err != want {
				t.Errorf("%v: from operation %d of %d on, %s, all are refused: %v after %d", gen, at, n, in, err, done)
			}
		}
	}
}

// TestReadsOfAClient: each read of a client that fails is ErrFault, or ErrPowerCut.
func TestReadsOfAClient(t *testing.T) {
	second, _ := repairImage(2, 5000)
	for name, call := range map[string]func(c *Client) error{
		"Read":                     func(c *Client) error { return c.Read(0, 16, make([]byte, 8)) },
		"GetFirmwareDetails":       func(c *Client) error { return c.GetFirmwareDetails(0, new(Details)) },
		"GetActiveFirmwareDetails": func(c *Client) error { return c.GetActiveFirmwareDetails(new(Details)) },
		"Resume":                   func(c *Client) error { _, err := c.Resume(0, &second); return err },
	} {
		m, f := onFlaky(t, 0, ClientNew, true)
		f.reads = map[int]bool{}
		if err := call(m.client); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for at, read := range f.reads {
			if !read {
				continue
			}
			for how, want := range map[string]error{cutsPower: ErrPowerCut, refuses: ErrFault} {
				m, f := onFlaky(t, 0, ClientNew, true)
				f.how, f.at = how, at
				if err := call(m.client); err != want {
					t.Errorf("%s, operation %d, %s: %v, want %v", name, at, how, err, want)
				}
			}
		}
		if name == "Resume" {
			continue
		}
		for _, id := range []uint32{1, 2} { // there is one slot
			if err := m.client.Read(id, 0, nil); err != ErrInvalidParameter {
				t.Errorf("slot %d: %v", id, err)
			}
		}
	}
	m, _ := onFlaky(t, 0, ClientNew, true)
	for name, err := range map[string]error{
		"Prepare": m.client.Prepare(1, &second), "Write": m.client.Write(1, 0, make([]byte, 8)), "Activate": m.client.Activate(1),
		"GetFirmwareDetails": m.client.GetFirmwareDetails(1, new(Details)),
		"Write half a page":  m.client.Write(0, 0, make([]byte, 4)), "Write between pages": m.client.Write(0, 4, make([]byte, 8)),
		"Write nothing": m.client.Write(0, 0, nil),
	} {
		if err != ErrInvalidParameter {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// flakyDevice is external flash of which one operation fails.
type flakyDevice struct {
	*memDevice
	*flaky
}

func (d flakyDevice) Size() uint32              { return d.memDevice.Size() }
func (d flakyDevice) ProgramUnit() uint32       { return d.memDevice.ProgramUnit() }
func (d flakyDevice) EraseSize(a uint32) uint32 { return d.memDevice.EraseSize(a) }

func (d flakyDevice) Read(addr uint32, p []byte) error {
	if err := d.fails(true); err != nil {
		return err
	}
	return d.memDevice.Read(addr, p)
}

func (d flakyDevice) Program(addr uint32, p []byte) error {
	if err := d.fails(false); err != nil {
		return err
	}
	return d.memDevice.Program(addr, p)
}

func (d flakyDevice) Erase(addr, size uint32) error {
	if err := d.fails(false); err != nil {
		return err
	}
	return d.memDevice.Erase(addr, size)
}

// TestFailingBlockDevice: each operation of a download to external flash that fails is an error: ErrPowerCut where the power is
// gone.
func TestFailingBlockDevice(t *testing.T) {
	fw := make([]byte, 1300)
	stream(1, 0, fw)
	d := Details{Version: 5, Size: uint64(len(fw)), Hash: hashOf(fw)}
	for _, gen := range []Generation{ClientOld, ClientNew} {
		calls := func(how string, at int) (all []string, done int) {
			b := newBlockSetup(t, gen)
			dev := flakyDevice{b.dev, &flaky{how: how, at: at}}
			cfg := traceConfigs["l4_8800"]
			cfg.StorageAddr, cfg.StorageSize, cfg.Locations = 100, 65*4096, 2
			c := NewBlockClient(cfg, dev, gen, func() ([]byte, error) { return compatRoot, nil }, DeriveKey, nil)
			note := func(name string, err error) {
				if err != nil {
					all = append(all, fmt.Sprintf("%s: %v", name, err))
				}
			}
			note("prepare", c.Prepare(0, &d))
			buf := make([]byte, Fragment)
			for at := 0; at < len(fw); at += Fragment {
				n := copy(buf, fw[at:])
				note("write", c.Write(0, uint32(at), buf[:n]))
			}
			note("activate", c.Activate(0))
			note("read", c.Read(0, 256, make([]byte, 100, 256)))
			note("details", c.GetFirmwareDetails(0, new(Details)))
			return all, dev.done
		}
		none, n := calls("", 0)
		if len(none) > 0 || n < 6 {
			t.Fatalf("%v: %q in %d operations", gen, none, n)
		}
		for at := 1; at <= n; at++ {
			if got, _ := calls(cutsPower, at); len(got) == 0 || got[0][len(got[0])-len(ErrPowerCut.Error()):] != ErrPowerCut.Error() {
				t.Errorf("%v: the power is cut in operation %d of %d: %q", gen, at, n, got)
			}
			if got, _ := calls(refuses, at); len(got) == 0 {
				t.Errorf("%v: operation %d of %d is refused, and nothing is an error", gen, at, n)
			}
		}
	}
}
