package check

import (
	"fmt"

	"dualbank/internal/input"
	"dualbank/internal/tomltext"
	"dualbank/model"
	"dualbank/model/part"
)

// File is what a data file of the user's own says.
type File struct {
	Kind  string // "part", "driver", "core", "board" or "wear law"
	Name  string
	Title string
	Facts []part.Fact
	Hints []string // what will not work with it, one line each
}

// kinds are the kinds of data files with the keys that only they have.
var kinds = []struct {
	kind string
	keys []string
}{
	{"part", []string{"bank", "cells", "extends", "max_hz", "program", "erase"}},
	{"driver", []string{"family[0]", "common"}},
	{"core", []string{"crc32", "sha256", "aes", "call"}},
	{"board", []string{"clock", "supply", "layout", "kvstore", "target"}},
	{"wear law", []string{"life", "shape", "stuck", "growth"}},
}

// ReadFile reads a data file of any kind, checks it, and tries it with what it is for. The error is one
// line that names file, line and key.
func ReadFile(path string) (*File, error) {
	text, err := input.ReadTextAgain(path, input.Data)
	if err != nil {
		return nil, fmt.Errorf("data file: %s: %w: give the path of a .toml file", path, err)
	}
	keys := tomltext.KeyLines(text)
	for _, k := range kinds {
		for _, key := range k.keys {
			if _, ok := keys[key]; ok {
				return readKind(k.kind, path)
			}
		}
	}
	return nil, fmt.Errorf("%s: neither part, driver, core, board nor wear law: start from a copy of one that comes with the program", path)
}

func readKind(kind, path string) (*File, error) {
	switch kind {
	case "driver":
		d, err := part.DriverByName(path)
		if err != nil {
			return nil, err
		}
		return &File{kind, d.Name, d.Title, part.Facts(d), driverHints(d)}, nil
	case "core":
		c, err := part.CoreByName(path)
		if err != nil {
			return nil, err
		}
		return &File{kind, c.Name, c.Title, part.Facts(c), nil}, nil
	case "wear law":
		l, err := part.WearLawByName(path)
		if err != nil {
			return nil, err
		}
		return &File{kind, l.Name, l.Title, part.Facts(l), nil}, nil
	case "board":
		b, err := part.BoardByName(path)
		if err != nil {
			return nil, err
		}
		f := &File{kind, b.Name, b.Title, part.Facts(b), nil}
		c, err := model.BoardConfig(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		flash, err := model.New(c)
		if err != nil {
			f.Hints = append(f.Hints, err.Error())
			return f, nil
		}
		if b.KVStore.Bytes == 0 {
			f.Hints = append(f.Hints, "the board has no store: give kvstore its base and bytes")
		} else if _, err := flash.Region(b.KVStore.Base, b.KVStore.Bytes); err != nil {
			f.Hints = append(f.Hints, fmt.Sprintf("kvstore: %v", err))
		}
		return f, nil
	}
	p, err := part.ByName(path)
	if err != nil {
		return nil, err
	}
	f := &File{kind, p.Name, p.Title, part.Facts(p), nil}
	if _, err := part.CoreByName(p.Core); err != nil {
		f.Hints = append(f.Hints, err.Error())
	}
	served := false
	for _, name := range part.DriverNames() {
		d, err := part.DriverByName(name)
		if err != nil {
			return nil, err
		}
		if _, err := d.For(p.Family); err != nil {
			continue
		}
		served = true
		if _, err := model.New(model.Config{Part: p, Driver: d}); err != nil {
			f.Hints = append(f.Hints, err.Error())
		}
	}
	if !served {
		f.Hints = append(f.Hints, fmt.Sprintf("no driver that comes with the program knows %s parts: name a family that one has, or add a [[family]] to a copy of one", p.Family))
	}
	return f, nil
}

// driverHints tries a driver on all parts that come with the program and that it names.
func driverHints(d *part.Driver) []string {
	var hints []string
	served := map[string]bool{}
	for _, name := range part.Names() {
		p, err := part.ByName(name)
		if err != nil {
			return []string{err.Error()}
		}
		if _, err := d.For(p.Family); err != nil {
			continue
		}
		served[p.Family] = true
		if _, err := model.New(model.Config{Part: p, Driver: d}); err != nil {
			hints = append(hints, fmt.Sprintf("on %s: %v", name, err))
		}
	}
	for _, f := range d.Families {
		for _, family := range f.Parts {
			if !served[family] {
				hints = append(hints, fmt.Sprintf("no part that comes with the program is of family %q", family))
			}
		}
	}
	return hints
}
