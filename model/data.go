package model

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

//go:embed parts/*.toml drivers/*.toml cores/*.toml
var data embed.FS

// PartByName returns the part called name from the parts that come with the program; a name that
// ends in ".toml" is read as a file of the user's own.
func PartByName(name string) (*Part, error) {
	p := new(Part)
	if err := load("parts", "part", name, p); err != nil {
		return nil, err
	}
	return p, nil
}

// DriverByName is PartByName for drivers.
func DriverByName(name string) (*Driver, error) {
	d := new(Driver)
	if err := load("drivers", "driver", name, d); err != nil {
		return nil, err
	}
	return d, nil
}

// CoreByName is PartByName for cores.
func CoreByName(name string) (*Core, error) {
	c := new(Core)
	if err := load("cores", "core", name, c); err != nil {
		return nil, err
	}
	return c, nil
}

// PartNames lists the parts that come with the program, in alphabetical order.
func PartNames() []string { return names("parts") }

// DriverNames lists the drivers that come with the program, in alphabetical order.
func DriverNames() []string { return names("drivers") }

func names(dir string) []string {
	entries, err := data.ReadDir(dir)
	if err != nil {
		panic(err) // the folders are embedded: the build would have failed
	}
	var n []string
	for _, e := range entries {
		n = append(n, strings.TrimSuffix(e.Name(), ".toml"))
	}
	return n
}

// load fills into from a file in the embedded folder dir, or from the user's own file.
func load(dir, kind, name string, into interface{ check() error }) error {
	file := name
	var text []byte
	var err error
	if strings.HasSuffix(name, ".toml") {
		if text, err = os.ReadFile(name); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
	} else {
		file = dir + "/" + name + ".toml"
		if text, err = data.ReadFile(file); err != nil {
			return fmt.Errorf("%s %q is unknown: choose one of %s, or name a .toml file of your own", kind, name, strings.Join(names(dir), ", "))
		}
	}
	return decode(file, text, into)
}

// decode reads TOML strictly: unknown keys and wrong types are errors with their line.
func decode(file string, text []byte, into interface{ check() error }) error {
	dec := toml.NewDecoder(strings.NewReader(string(text)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("%s:%s", file, tomlError(err))
	}
	if err := into.check(); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// tomlError says line, column and key of what go-toml found, on one line.
func tomlError(err error) string {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) && len(strict.Errors) > 0 {
		e := strict.Errors[0]
		row, col := e.Position()
		return fmt.Sprintf("%d:%d: key %s is unknown: correct its spelling or remove it", row, col, strings.Join(e.Key(), "."))
	}
	var de *toml.DecodeError
	if errors.As(err, &de) {
		row, col := de.Position()
		key := ""
		if k := de.Key(); len(k) > 0 {
			key = " key " + strings.Join(k, ".") + ":"
		}
		return fmt.Sprintf("%d:%d:%s %s", row, col, key, strings.ReplaceAll(strings.TrimPrefix(de.Error(), "toml: "), "\n", " "))
	}
	return " " + strings.ReplaceAll(err.Error(), "\n", " ")
}
