package part

import (
	"embed"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"dualbank/internal/input"
	"dualbank/internal/tomltext"
)

// Templates of data files, with every key explained, by their kind: "part", "board".
//
//go:embed templates/*.toml
var templates embed.FS

// Template returns a data file of a kind, "part" or "board", to be changed: it can be read, and explains every key. The
// error names the kinds.
func Template(kind string) ([]byte, error) {
	text, err := templates.ReadFile("templates/" + kind + ".toml")
	if err != nil {
		return nil, fmt.Errorf("template %q is unknown: give part or board", kind)
	}
	return text, nil
}

//go:embed parts/*.toml families/*.toml drivers/*.toml cores/*.toml boards/*.toml wear/*.toml
var data embed.FS

// ByName returns the part called name from the parts that come with the program; a name that
// ends in ".toml" is read as a file of the user's own. A part that another one's file covers has
// the name that was asked for.
func ByName(name string) (*Part, error) {
	file, text, err := open("parts", "part", partFile(name))
	if err != nil {
		return nil, err
	}
	p, err := readPart(file, text, 0)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(name, ".toml") {
		p.Name = name
	}
	return p, nil
}

// partFile is the name of the file that describes a part: its own, or the one that covers it.
func partFile(name string) string {
	files := names("parts")
	if slices.Contains(files, name) {
		return name
	}
	for i, patterns := range covers() {
		for _, pattern := range patterns {
			if ok, err := path.Match(pattern, name); ok && err == nil {
				return files[i]
			}
		}
	}
	return name
}

// covers has the patterns of each part file that comes with the program, in the order of names.
var covers = sync.OnceValue(func() [][]string {
	var all [][]string
	for _, file := range names("parts") {
		p := new(Part)
		text, err := data.ReadFile("parts/" + file + ".toml")
		if err == nil {
			_, err = decodeKeys(file, text, p)
		}
		if err != nil {
			panic(err) // it is embedded: the tests would have failed
		}
		all = append(all, p.Covers)
	}
	return all
})

// DriverByName is ByName for drivers.
func DriverByName(name string) (*Driver, error) {
	d := new(Driver)
	if err := load("drivers", "driver", name, d); err != nil {
		return nil, err
	}
	return d, nil
}

// CoreByName is ByName for cores.
func CoreByName(name string) (*Core, error) {
	c := new(Core)
	if err := load("cores", "core", name, c); err != nil {
		return nil, err
	}
	return c, nil
}

// BoardByName is ByName for boards.
func BoardByName(name string) (*Board, error) {
	b := new(Board)
	if err := load("boards", "board", name, b); err != nil {
		return nil, err
	}
	if strings.HasSuffix(name, ".toml") {
		b.PartName, b.DriverName = beside(name, b.PartName), beside(name, b.DriverName)
	}
	return b, nil
}

// WearLawByName is ByName for laws of wear.
func WearLawByName(name string) (*WearLaw, error) {
	l := new(WearLaw)
	if err := load("wear", "wear law", name, l); err != nil {
		return nil, err
	}
	return l, nil
}

// Names lists the parts that come with the program, in alphabetical order, without those that
// are covered by another one's file.
func Names() []string { return names("parts") }

// DriverNames lists the drivers that come with the program, in alphabetical order.
func DriverNames() []string { return names("drivers") }

// CoreNames lists the cores that come with the program, in alphabetical order.
func CoreNames() []string { return names("cores") }

// BoardNames lists the boards that come with the program, in alphabetical order.
func BoardNames() []string { return names("boards") }

// WearLawNames lists the laws of wear that come with the program, in alphabetical order.
func WearLawNames() []string { return names("wear") }

func names(dir string) []string {
	entries, err := data.ReadDir(dir)
	if err != nil {
		panic(err) // the folders are embedded: the build would have failed
	}
	var n []string
	for _, e := range entries {
		n = append(n, strings.TrimSuffix(e.Name(), ".toml"))
	}
	slices.Sort(n)
	return n
}

// open reads a file from the embedded folder dir, or the user's own file.
func open(dir, kind, name string) (file string, text []byte, err error) {
	if strings.HasSuffix(name, ".toml") {
		if text, err = input.ReadTextAgain(name, input.Data); err != nil {
			return name, nil, fmt.Errorf("%s: %s: %w: give the path of a .toml file", kind, name, err)
		}
		return name, text, nil
	}
	file = dir + "/" + name + ".toml"
	if text, err = data.ReadFile(file); err != nil {
		return file, nil, fmt.Errorf("%s %q is unknown: choose one of %s, or name a .toml file of your own", kind, name, strings.Join(names(dir), ", "))
	}
	return file, text, nil
}

type checker interface{ Check() error }

// heir is data of which parts hold for others.
type heir interface{ inherit(keys map[string]int) }

// load fills into from a file in the embedded folder dir, or from the user's own file.
func load(dir, kind, name string, into checker) error {
	file, text, err := open(dir, kind, name)
	if err != nil {
		return err
	}
	return decode(file, text, into)
}

// decode reads TOML strictly and checks what came out.
func decode(file string, text []byte, into checker) error {
	keys, err := decodeKeys(file, text, into)
	if err != nil {
		return err
	}
	if h, ok := into.(heir); ok {
		h.inherit(keys)
	}
	return checkAt(file, keys, into)
}

// decodeKeys reads TOML strictly: unknown keys and wrong types are errors with their line. It
// returns in which line each key stands.
func decodeKeys(file string, text []byte, into any) (map[string]int, error) {
	if err := tomltext.Decode(text, into); err != nil {
		return nil, fmt.Errorf("%s:%w", file, err)
	}
	return tomltext.KeyLines(text), nil
}

// checkAt runs a check and says where in the file the mistake stands.
func checkAt(file string, keys map[string]int, c checker) error {
	err := c.Check()
	var k *keyError
	if errors.As(err, &k) {
		if line := tomltext.LineOf(keys, k.key); line > 0 {
			return fmt.Errorf("%s:%d: %w", file, line, err)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
