package part

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// extend gives p the facts of base for all keys that p's file, whose keys are given, does not have.
// Erase times are taken over one by one, as far as the part has such sectors.
func (p *Part) extend(base *Part, keys map[string]int) {
	to, from := reflect.ValueOf(p).Elem(), reflect.ValueOf(base).Elem()
	for i := range to.NumField() {
		key := to.Type().Field(i).Tag.Get("toml")
		if _, has := keys[key]; !has && key != "covers" && key != "name" {
			to.Field(i).Set(from.Field(i))
		}
	}
	var sectors, banks []uint32
	for i := range p.Banks {
		for _, run := range p.Banks[i].Sectors {
			sectors = append(sectors, run.Bytes)
		}
		banks = append(banks, p.Banks[i].Size())
	}
	p.Erase = inherit(p.Erase, base.Erase, keys["erase"] > 0, sectors)
	p.BankErase = inherit(p.BankErase, base.BankErase, keys["bank_erase"] > 0, banks)
	p.WaitStates = slices.Clone(p.WaitStates)
	if keys["swap"] == 0 && !p.hasHalves() {
		p.Swap = Swap{}
	}
}

// inherit adds to a part's own erase times those of its base for sizes that it has.
func inherit(own, base []EraseTime, has bool, sizes []uint32) []EraseTime {
	if !has {
		own = nil
	}
	own = slices.Clone(own)
	for _, t := range base {
		same := func(o EraseTime) bool { return o.Bytes == t.Bytes && o.Width == t.Width }
		if slices.Contains(sizes, t.Bytes) && !slices.ContainsFunc(own, same) {
			own = append(own, t)
		}
	}
	return own
}

// readPart reads a part and what it extends.
func readPart(file string, text []byte, depth int) (*Part, error) {
	p := new(Part)
	keys, err := decodeKeys(file, text, p)
	if err != nil {
		return nil, err
	}
	if p.Extends == "" {
		return p, checkAt(file, keys, p)
	}
	if depth > 4 {
		return nil, fmt.Errorf("%s:%d: extends: %q goes round in a circle or too deep: five parts at most build on each other", file, keys["extends"], p.Extends)
	}
	base, err := findBase(beside(file, p.Extends), depth)
	if err != nil {
		return nil, fmt.Errorf("%s:%d: extends: %w", file, keys["extends"], err)
	}
	p.extend(base, keys)
	return p, checkAt(file, keys, p)
}

// beside is the name of what a part in a file extends: a file of its own is looked for from that file's folder.
func beside(file, name string) string {
	if !strings.HasSuffix(name, ".toml") || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(file), name)
}

// findBase finds what a part extends: a family or a part that comes with the program, or a file.
func findBase(name string, depth int) (*Part, error) {
	if !strings.HasSuffix(name, ".toml") && slices.Contains(names("families"), name) {
		file, text, err := open("families", "family", name)
		if err != nil {
			return nil, err
		}
		// A family holds the facts that its parts have in common: anything may be missing.
		f := new(Part)
		_, err = decodeKeys(file, text, f)
		return f, err
	}
	file, text, err := open("parts", "part", partFile(name))
	if err != nil {
		return nil, fmt.Errorf("%w, or one of %s", err, strings.Join(names("families"), ", "))
	}
	return readPart(file, text, depth+1)
}
