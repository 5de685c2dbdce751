package update

import (
	"fmt"

	"dualbank/boot"
	"dualbank/fuzz/explore"
)

// Sweep is an update from one image to the next. Cut cuts the power at every step of it.
type Sweep struct {
	Device   explore.Device
	Boot     boot.Config
	Client   boot.Generation
	Software Software // of your own; what is nil there is that of package boot
	Build    string   // of software of your own: tells its builds apart, in journals and findings
	Old      uint32   // bytes of the firmware that runs before, version 1
	New      uint32   // bytes of the update, version 2
	Seed     uint64
	Bad      BadCandidate
	Modes    []string                   // names of modes; nil: explore.DefaultModes
	Install  bool                       // cut the install alone, and not the download before it
	Deep     int                        // so many of the first cuts are followed by a cut at every step of the boot after it
	MaxCuts  uint64                     // 0: every step; else steps are drawn so that about this many cuts result
	Most     uint64                     // no more cuts than these; 0: any number
	Short    uint64                     // not 0: every step is cut of calls with up to so many steps, and no other one
	Draws    int                        // cuts of each step in each mode, with seeds of their own; 0: one
	Workers  int                        // 0: one for each processor
	Took     func(*explore.Call) uint64 // nanoseconds of one step, which cuts are weighed by; nil: they are counted alone
	Journal  string                     // file that keeps what is explored; a sweep that was stopped resumes from it. "": none
	Piece    *explore.Piece             // some chunks of Cut alone, into it; nil: all
	plain    bool                       // judge everything anew, for comparison
}

// identity is what the outcome depends on, for a journal.
func (c *Sweep) identity() any {
	return []any{"update", c.Device, c.Boot, c.client(), c.Software.Loader != nil, c.Build, c.Old, c.New, c.Seed, c.Bad, c.Modes, c.MaxCuts, c.Most, c.Short, c.Draws, c.Install, c.Deep}
}

// everyByte is the number of bytes of the image whose install EveryByte cuts.
const everyByte = 512 << 10

// EveryByte is a sweep that cuts the power at every step of an install of 512 KiB, or of the largest image that the
// first slot and the application take, in three modes: at every byte where the driver programs bytes. It takes a
// minute on two processors. An error is of a layout without slots.
func EveryByte(d explore.Device, cfg boot.Config, seed uint64) (Sweep, error) {
	f, err := d.Flash()
	if err != nil {
		return Sweep{}, err
	}
	slots, ok := boot.Slots(f, &cfg)
	if !ok {
		return Sweep{}, fmt.Errorf("candidate storage 0x%08X+0x%X does not lie in the flash", cfg.StorageAddr, cfg.StorageSize)
	}
	head := boot.FirmwareOffset(d.Unit)
	size := min(everyByte, cfg.MaxAppSize, slots[0].Size-min(slots[0].Size, head))
	return Sweep{Device: d, Boot: cfg, Old: size, New: size, Seed: seed, Modes: []string{"before", "torn", "prefix"}, Install: true}, nil
}

// firstImage is the number of bytes of the image that a device of a life or of an input is made with.
const firstImage = 900

// own is what a case calls software that is not of this module.
const own = "own"

// client is the generation of the client.
func (c *Sweep) client() string {
	if c.Software.Client != nil {
		return own
	}
	return c.Client.String()
}

// script is the update: the download of the candidate, and the reset that installs it.
func (c *Sweep) script() []Step {
	return installing(Step{Do: Download, Version: 2, Size: c.New, Seed: c.Seed, Bad: c.Bad})
}

// Client is what is asked of an update client: the storage of candidates. *boot.Client has it.
type Client interface {
	// Prepare makes slot ready for an image of these details.
	Prepare(slot uint32, d *boot.Details) error
	// Write stores a fragment of the firmware from offset on. All fragments but the last have boot.Fragment
	// bytes; behind the last one the slice has 0xFF up to that.
	Write(slot, offset uint32, fragment []byte) error
	// Finalize ends the writing of the firmware.
	Finalize(slot uint32) error
	// Activate makes the image in slot a candidate.
	Activate(slot uint32) error
	// Reset forgets what was in RAM, as a reset of the device does.
	Reset()
}

// Loader is what is asked of a bootloader. *boot.Bootloader has it.
type Loader interface {
	// Boot is one boot after a reset. ram is what the reset has left of the words that the bootloader counts
	// boots in; a bootloader that has none leaves it alone. The result is boot.Jumped if an application runs.
	Boot(reason boot.ResetReason, ram *boot.RAM) boot.Outcome
}

// Teller is a bootloader that does not keep to the layout of package boot: it says what it has started.
type Teller interface {
	// Started is the image that the last boot has started: address, bytes and version.
	Started() (addr, size uint32, version uint64)
	// Failed says why the last boot has started none, the same words for equal causes.
	Failed() string
}

// Summed is a client that is told the CRC-32 of the image's bytes before each Prepare.
type Summed interface{ Sum(crc uint32) }

// Software makes what is judged, on a flash. A field that is nil stands for that of package boot.
type Software struct {
	Client func(boot.Flash) Client
	Loader func(boot.Flash) Loader
	// Whole: client and loader have the region of the device to themselves, and divide it as they like. They install
	// the first image, too. The loader is a Teller.
	Whole bool
	Batch int // devices that are to be at work at the same time; 0: one for each processor
}

// Maker is software that depends on the device. It is what the cases of Whole software need (explore.Env).
type Maker func(explore.Device) Software

// DividedBy is the configuration for Whole software: nothing of a layout but the bytes of the largest image.
func DividedBy(largest uint32) boot.Config { return boot.Config{MaxAppSize: largest, Locations: 1} }

// or is s, with the client of generation gen and the bootloader of package boot where s has none. cpu is
// the bootloader's; it may be nil.
func (s Software) or(cfg boot.Config, gen boot.Generation, cpu boot.CPU) Software {
	if s.Client == nil {
		s.Client = func(f boot.Flash) Client { return boot.NewClient(cfg, f, gen, nil) }
	}
	if s.Loader == nil {
		s.Loader = func(f boot.Flash) Loader { return boot.NewBootloader(cfg, f, cpu) }
	}
	return s
}
