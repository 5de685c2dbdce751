package layout

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	bootlayout "dualbank/boot/layout"
	"dualbank/fuzz/explore"
)

// Config is a flash, and the configuration files of a bootloader and an application for it.
type Config struct {
	Target  string         `json:"target"`            // that the files are for: SmallTarget, or a board that boot/layout knows
	On      explore.Device `json:"device,omitzero"`   // the flash of SmallTarget; others are too large to be tried
	Banks   int            `json:"banks,omitempty"`   // of that flash: 1, or 2, of which the second begins in its middle
	Vectors int            `json:"vectors,omitempty"` // entries of its vector table; 0: not known
	Files   []File         `json:"files"`
}

// SmallTarget is the name of a target whose flash the configuration describes.
const SmallTarget = "FUZZ_BOARD"

// File is a configuration file.
type File struct {
	Name  string  `json:"name"` // bootloaderFile, applicationFile, or as messages are to name it
	Lines []Line  `json:"lines"`
	Says  Numbers `json:"says,omitempty"` // what the layout is to have; none where the text was changed
}

// The names of the files of a small target.
const (
	bootloaderFile  = "bootloader.json"
	applicationFile = "application.json"
)

// Line is a line of a file, without its end. It may hold any bytes.
type Line string

// MarshalText writes the line as it is. One that is not UTF-8, or begins with a quotation mark, is quoted
// as in Go.
func (l Line) MarshalText() ([]byte, error) {
	if !utf8.ValidString(string(l)) || strings.HasPrefix(string(l), `"`) {
		return []byte(strconv.Quote(string(l))), nil
	}
	return []byte(l), nil
}

// UnmarshalText reads what MarshalText writes.
func (l *Line) UnmarshalText(text []byte) error {
	s := string(text)
	if strings.HasPrefix(s, `"`) {
		var err error
		if s, err = strconv.Unquote(s); err != nil {
			return fmt.Errorf("line %q: what begins with a quotation mark is a Go string: close it", text)
		}
	}
	if strings.Contains(s, "\n") {
		return fmt.Errorf("line %q: is more than one: write one element for each", s)
	}
	*l = Line(s)
	return nil
}

// lines divides a text.
func lines(text []byte) (all []Line) {
	for l := range strings.SplitSeq(string(text), "\n") {
		all = append(all, Line(l))
	}
	return all
}

// text is the file as it is.
func (f *File) text() []byte {
	var b []byte
	for i, l := range f.Lines {
		if i > 0 {
			b = append(b, '\n')
		}
		b = append(b, l...)
	}
	return b
}

// Number is an address or a size in a configuration.
type Number uint32

// MarshalText writes the number in hex.
func (n Number) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "0x%X", uint32(n)), nil }

// UnmarshalText reads a number in hex or in decimal.
func (n *Number) UnmarshalText(text []byte) error {
	v, err := strconv.ParseUint(string(text), 0, 32)
	if err != nil {
		return fmt.Errorf("%q is no number of 32 bits: write for instance 0x08008000", text)
	}
	*n = Number(v)
	return nil
}

// Numbers are the numbers that a file says, by their names in numberNames.
type Numbers map[string]Number

// The numbers of a configuration, as indices of numberNames.
const (
	numRestrict = iota
	numDetails
	numAppStart
	numMaxApp
	numStorage
	numStorageSize
	numLocations
	numPage
	numKV
	numKVSize
)

// numberNames are the names of the numbers of a configuration, after the options that have them.
var numberNames = []string{
	"restrict-size", "application-details", "application-start-address", "max-application-size", "storage-address", "storage-size",
	"storage-locations", "storage-page", "internal-base-address", "internal-size",
}

// small reports whether the flash is small enough for a device to be made of it.
func (c *Config) small() bool { return c.Target == SmallTarget }

// chip is the flash as boot/layout wants it.
func (c *Config) chip() (bootlayout.Chip, error) {
	if !c.small() {
		chip, err := bootlayout.ChipOf(c.Target, false)
		chip.Name = c.Target
		return chip, err
	}
	sizes, err := explore.ParseSectors(c.On.Sectors)
	if err != nil {
		return bootlayout.Chip{}, err
	}
	chip := bootlayout.Chip{Name: c.Target, Base: c.On.Start, Sectors: sizes, Unit: c.On.Unit, Vectors: c.Vectors}
	for b := range c.Banks {
		chip.Banks = append(chip.Banks, chip.Base+uint32(b)*(chip.Size()/2))
	}
	return chip, nil
}

// sources are the files as boot/layout wants them.
func (c *Config) sources() (all []bootlayout.Source) {
	for i := range c.Files {
		all = append(all, bootlayout.Source{Name: c.Files[i].Name, Text: c.Files[i].text()})
	}
	return all
}

// What a configuration may be at most.
const (
	largestFlash = 64 << 20 // bytes
	longestText  = 1 << 20  // bytes of all files
)

// check finds what makes a configuration impossible to try.
func (c *Config) check() error {
	if _, err := c.chip(); err != nil {
		return fmt.Errorf("layout.device: %w", err)
	}
	if c.small() {
		sizes, _ := explore.ParseSectors(c.On.Sectors) // chip has looked
		total := uint64(0)
		for _, n := range sizes {
			total += uint64(n)
		}
		switch {
		case total > largestFlash || uint64(c.On.Start)+total > 1<<32:
			return fmt.Errorf("layout.device: %d bytes from 0x%X on: use a flash of up to %d bytes within 32 bits", total, c.On.Start, largestFlash)
		case c.Banks < 1 || c.Banks > 2:
			return fmt.Errorf("layout.banks: %d is out of range: use 1 or 2", c.Banks)
		}
	} else if c.On != (explore.Device{}) {
		return fmt.Errorf("layout.device: goes with target %q: leave it out for a board", SmallTarget)
	}
	size := 0
	for i := range c.Files {
		for _, l := range c.Files[i].Lines {
			size += len(l) + 1
		}
		for name := range c.Files[i].Says {
			if !slices.Contains(numberNames, name) {
				return fmt.Errorf("layout.files[%d].says: %q is unknown: use %s", i, name, strings.Join(numberNames, ", "))
			}
		}
	}
	if size > longestText {
		return fmt.Errorf("layout.files: %d bytes in all: use up to %d", size, longestText)
	}
	return nil
}

// forget forgets what the files say: their text is about to change.
func (c *Config) forget() {
	c.Files = slices.Clone(c.Files)
	for i := range c.Files {
		c.Files[i].Says = nil
	}
}

// String is the configuration for people.
func (c *Config) String() string {
	s := c.flash() + "\n"
	for i := range c.Files {
		s += fmt.Sprintf("%s:\n%s\n", c.Files[i].Name, c.Files[i].text())
	}
	return s
}

// flash is the flash for people.
func (c *Config) flash() string {
	chip, err := c.chip()
	if err != nil {
		return c.Target
	}
	return fmt.Sprintf("flash of %s: 0x%08X, %d bytes in %d sectors, program unit %d, %d banks", chip.Name, chip.Base, chip.Size(), len(chip.Sectors), chip.Unit, len(chip.Banks))
}
