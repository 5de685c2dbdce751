package explore

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"dualbank/model"
	"dualbank/model/cell"
	"dualbank/model/part"
)

// Device says on which flash a run happens: a part by its name, or a list of sectors for a geometry
// that no part has. Base and Size are the region of the store; they are 0 where it is the whole
// flash, and for an update.
type Device struct {
	Part    string `json:"part,omitempty"`    // "stm32f429zi"
	Sectors string `json:"sectors,omitempty"` // "8x512", "4x16K+1x64K"
	Start   uint32 `json:"start,omitempty"`   // address of the first of Sectors
	Unit    uint32 `json:"unit"`              // program unit in bytes; every program of one is a step
	Base    uint32 `json:"base,omitempty"`
	Size    uint32 `json:"size,omitempty"`
	Filled  bool   `json:"filled,omitempty"` // a probe has programmed the region with 0xFF: model.Flash.FillErased
	Swap    string `json:"swap,omitempty"`   // SwapFollowed or SwapIgnored: option bytes swap the banks, of a list of sectors its halves
	Keeps   bool   `json:"keeps,omitempty"`  // a cut of a write of the option bytes leaves those of before, whatever the part does
}

// What the flash driver makes of swapped banks when it chooses the bank of an erase.
const (
	SwapFollowed = "followed"
	SwapIgnored  = "ignored" // the erase goes by the address, as without a swap
)

func (d *Device) String() string {
	s := d.Part + d.Sectors
	if d.Size != 0 {
		s += fmt.Sprintf(", 0x%08X+0x%X", d.Base, d.Size)
	}
	if d.Filled {
		s += ", programmed with 0xFF before"
	}
	switch d.Swap {
	case SwapFollowed:
		s += ", banks are swapped"
	case SwapIgnored:
		s += ", banks are swapped and the driver ignores it"
	}
	if d.Keeps {
		s += ", a cut keeps the option bytes"
	}
	return s + fmt.Sprintf(", program unit %d", d.Unit)
}

// The remedies of the environment that a device with two banks has. docs/update.md says more of both.
const (
	BlindDriver = "driver-ignores-swap" // one that looks at the swap
	OptionWrite = "option-write"        // a part that keeps its option bytes
)

// Remedies are the names of the remedies of the environment that the device has.
func (d *Device) Remedies() (names []string) {
	if d.Swap == SwapIgnored {
		names = append(names, BlindDriver)
	}
	if d.Swap != "" && !d.Keeps {
		names = append(names, OptionWrite)
	}
	return names
}

// With is the device with one of its remedies. ok is false if the name is of none.
func (d Device) With(name string) (other Device, ok bool) {
	switch {
	case name == BlindDriver && d.Swap == SwapIgnored:
		d.Swap = SwapFollowed
	case name == OptionWrite && d.Swap != "":
		d.Keeps = true
	default:
		return d, false
	}
	return d, true
}

// maxUnit is the largest program unit in bytes.
const maxUnit = 8192

// Flash makes the erased flash, without timing: a sweep is about cells.
func (d *Device) Flash() (*model.Flash, error) {
	chip, err := d.part()
	if err != nil {
		return nil, err
	}
	if d.Unit == 0 || d.Unit&(d.Unit-1) != 0 || d.Unit > maxUnit {
		return nil, fmt.Errorf("unit: %d is no program unit: use a power of two of bytes up to %d", d.Unit, maxUnit)
	}
	if d.Swap != "" && d.Swap != SwapFollowed && d.Swap != SwapIgnored {
		return nil, fmt.Errorf("swap: %q is unknown: use %s or %s, or leave it out", d.Swap, SwapFollowed, SwapIgnored)
	}
	if d.Keeps && d.Swap == "" {
		return nil, fmt.Errorf("keeps: goes with swap: leave it out")
	}
	if d.Keeps {
		other := *chip
		other.Swap.AfterCut.Value = part.CutOld
		chip = &other
	}
	f, err := model.New(model.Config{Part: chip, Unit: d.Unit, Options: d.Swap != "", IgnoresSwap: d.Swap == SwapIgnored})
	if err == nil && d.Filled {
		f.FillErased(d.Base, d.Size)
	}
	return f, err
}

// ECC reports whether the part has ECC.
func (d *Device) ECC() bool {
	p, err := d.part()
	return err == nil && p.ECC.Bytes != 0
}

// Region is the flash, and the store's region on it.
func (d *Device) Region() (*model.Flash, *model.Region, error) {
	f, err := d.Flash()
	if err != nil {
		return nil, nil, err
	}
	dev, err := f.Region(d.Base, d.Size)
	return f, dev, err
}

// parts has the parts of the program that were read, by name: every smaller case that is tried makes a flash of the
// same part. They do not change.
var parts sync.Map

func (d *Device) part() (*part.Part, error) {
	if d.Part != "" {
		if p, ok := parts.Load(d.Part); ok {
			return p.(*part.Part), nil
		}
		p, err := part.ByName(d.Part)
		if err == nil && !strings.HasSuffix(d.Part, ".toml") {
			parts.Store(d.Part, p)
		}
		return p, err
	}
	sectors, err := ParseSectors(d.Sectors)
	if err != nil {
		return nil, err
	}
	if d.Swap != "" {
		return part.Halves(d.Sectors, d.Start, sectors[:len(sectors)/2], cell.AND), nil
	}
	return part.Plain(d.Sectors, d.Start, sectors, cell.AND), nil
}

// ParseSectors reads a list of sector sizes in address order, as "4x16K+1x64K": counts and sizes in
// bytes, K for 1024.
func ParseSectors(s string) ([]uint32, error) {
	var sizes []uint32
	for run := range strings.SplitSeq(s, "+") {
		count, size, ok := strings.Cut(run, "x")
		n, err := strconv.ParseUint(count, 10, 16)
		if !ok || err != nil || n == 0 {
			return nil, fmt.Errorf("sectors: %q is not a list such as 4x16K+1x64K", s)
		}
		number, kilo := strings.CutSuffix(size, "K")
		bytes, err := strconv.ParseUint(number, 10, 24)
		if err != nil || bytes == 0 {
			return nil, fmt.Errorf("sectors: %q is not a list such as 4x16K+1x64K", s)
		}
		if kilo {
			bytes *= 1024
		}
		if uint64(len(sizes))+n > 1<<16 || bytes > 1<<24 {
			return nil, fmt.Errorf("sectors: %q is too large: up to 65536 sectors of up to 16 MiB", s)
		}
		for range n {
			sizes = append(sizes, uint32(bytes))
		}
	}
	return sizes, nil
}
