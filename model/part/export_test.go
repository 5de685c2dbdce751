package part

// Checker is what a data file is read into.
type Checker = checker

// What the tests that build a flash of a data file need of its reader.
var (
	Decode = decode
	Files  = names
)

// Data is the text of a file that comes with the program.
func Data(file string) ([]byte, error) { return data.ReadFile(file) }

// NORData is Data for serial NOR flashes.
func NORData(file string) ([]byte, error) { return norData.ReadFile(file) }

// NORFiles lists the files of a kind for serial NOR flashes.
var NORFiles = norNames

// Read reads a part and what it extends.
func Read(file string, text []byte) (*Part, error) { return readPart(file, text, 0) }

// Value is the bank in words.
func (b *Bank) Value() string { return b.value() }
