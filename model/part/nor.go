package part

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"dualbank/internal/input"
)

// NORPart describes a serial NOR flash: what its data sheet says.
type NORPart struct {
	Name      string     `toml:"name"`
	Title     string     `toml:"title"`
	Bytes     Bytes      `toml:"size"`
	Page      Bytes      `toml:"page"`           // what one program command takes at most, within one page
	PageTyp   Duration   `toml:"page_typ"`       // of a whole page
	PageMax   Duration   `toml:"page_max"`       // of any program
	FirstByte Duration   `toml:"first_byte_typ"` // of a program of 1 byte
	NextByte  Duration   `toml:"byte_typ"`       // each further byte, up to the page's time
	Erases    []NORErase `toml:"erase"`          // ascending; the first is the erase unit
	Endurance Erases     `toml:"endurance"`
	Active    Microamp   `toml:"active"` // while it programs or erases; 0: not known
}

// NORErase is an erase command.
type NORErase struct {
	Bytes uint32   `toml:"bytes"`
	Typ   Duration `toml:"typ"`
	Max   Duration `toml:"max"`
}

func (e NORErase) label() string { return size(e.Bytes) }

// NORDriver is what the software does on the way to the part.
type NORDriver struct {
	Name          string   `toml:"name"`
	Title         string   `toml:"title"`
	Unit          Count    `toml:"unit"`           // program unit in bytes that the block device offers
	Poll          Duration `toml:"poll"`           // sleep before each look at the status
	BusHz         Count    `toml:"bus_hz"`         // of the clock line
	ReadHeader    Count    `toml:"read_header"`    // bytes of a read command before the data
	ProgramHeader Count    `toml:"program_header"` // bytes of a program or erase command before the data
	PerByte       Cycles   `toml:"per_byte"`       // the processor's work for each byte on the bus
	Call          Cycles   `toml:"call"`           // around each call
}

//go:embed nor
var norData embed.FS

// NORByName returns the serial NOR flash called name of those that come with the program; a name that
// ends in ".toml" is read as a file of the user's own.
func NORByName(name string) (*NORPart, error) {
	p := new(NORPart)
	if err := loadNOR("parts", "serial NOR part", name, p); err != nil {
		return nil, err
	}
	return p, nil
}

// NORDriverByName is NORByName for drivers.
func NORDriverByName(name string) (*NORDriver, error) {
	d := new(NORDriver)
	if err := loadNOR("drivers", "serial NOR driver", name, d); err != nil {
		return nil, err
	}
	return d, nil
}

// NORNames lists the serial NOR parts that come with the program, in alphabetical order.
func NORNames() []string { return norNames("parts") }

func norNames(kind string) (names []string) {
	entries, err := norData.ReadDir("nor/" + kind)
	if err != nil {
		panic(err) // the folders are embedded: the build would have failed
	}
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".toml"))
	}
	slices.Sort(names)
	return names
}

func loadNOR(dir, kind, name string, into checker) error {
	file := name
	var text []byte
	var err error
	if strings.HasSuffix(name, ".toml") {
		text, err = input.ReadTextAgain(name, input.Data)
	} else {
		file = path.Join("nor", dir, name+".toml")
		text, err = norData.ReadFile(file)
		if err != nil {
			return fmt.Errorf("%s %q is unknown: choose one of %s, or name a .toml file of your own", kind, name, strings.Join(norNames(dir), ", "))
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %s: %w", kind, name, err)
	}
	return decode(file, text, into)
}

// What bounds a serial NOR flash: its size in bytes, its times.
const (
	maxNOR     = 256 << 20
	maxNORTime = Time(time.Minute)
)

// Check finds what cannot be true of any serial NOR flash. The error names the key.
func (p *NORPart) Check() error {
	power := func(n uint32) bool { return n != 0 && n&(n-1) == 0 }
	switch {
	case p.Name == "":
		return badKey("name", "missing: name the part")
	case !power(p.Bytes.Bytes) || p.Bytes.Bytes > maxNOR:
		return badKey("size.bytes", "%d: use a power of two up to %d", p.Bytes.Bytes, maxNOR)
	case !power(p.Page.Bytes) || p.Page.Bytes > p.Bytes.Bytes:
		return badKey("page.bytes", "%d: use a power of two up to the size of the part", p.Page.Bytes)
	case p.PageTyp.Time <= 0 || p.PageMax.Time < p.PageTyp.Time || p.PageMax.Time > maxNORTime:
		return badKey("page_max.time", "the times of a page must be positive, max not below typ, and no longer than a minute")
	case p.FirstByte.Time < 0 || p.NextByte.Time < 0 || p.FirstByte.Time > maxNORTime || p.NextByte.Time > maxNORTime:
		return badKey("first_byte_typ.time", "the times of bytes must not be negative, and no longer than a minute")
	case len(p.Erases) == 0:
		return badKey("erase", "missing: give at least one erase command")
	}
	for i, e := range p.Erases {
		key := fmt.Sprintf("erase[%d].", i)
		switch {
		case !power(e.Bytes) || e.Bytes < p.Page.Bytes || e.Bytes > p.Bytes.Bytes || e.Bytes > 1<<20:
			return badKey(key+"bytes", "%d: use a power of two, from a page to the part and to 1 MiB", e.Bytes)
		case i > 0 && e.Bytes <= p.Erases[i-1].Bytes:
			return badKey(key+"bytes", "%d is not larger than the one before: order the commands by size", e.Bytes)
		case e.Typ.Time <= 0 || e.Max.Time < e.Typ.Time || e.Max.Time > maxNORTime:
			return badKey(key+"max.time", "the times of an erase must be positive, max not below typ, and no longer than a minute")
		}
	}
	return checkMarks(p)
}

// Check finds what cannot be true of any driver. The error names the key.
func (d *NORDriver) Check() error {
	switch {
	case d.Name == "":
		return badKey("name", "missing: name the driver")
	case d.Unit.Value == 0 || d.Unit.Value&(d.Unit.Value-1) != 0:
		return badKey("unit.value", "%d: use a power of two", d.Unit.Value)
	case d.BusHz.Value < 1000:
		return badKey("bus_hz.value", "%d Hz: use at least 1000", d.BusHz.Value)
	case d.Poll.Time < 0 || d.Poll.Time > maxNORTime:
		return badKey("poll.time", "use a duration of up to a minute")
	case d.PerByte.Cycles > 1<<20 || d.Call.Cycles > 1<<30:
		return badKey("per_byte.cycles", "use up to 1<<20 cycles a byte and 1<<30 a call")
	case d.ReadHeader.Value > 64 || d.ProgramHeader.Value > 64:
		return badKey("read_header.value", "use up to 64 bytes")
	}
	return checkMarks(d)
}
