package bench

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"dualbank/model/part"
)

// dataFile is a part's, a driver's, a wear law's or a serial NOR flash's data file of the user's own that a scenario names.
type dataFile struct {
	key  string
	name *string
}

// dataFiles are the data files that the scenario names. What comes with the program has no file.
func (s *Scenario) dataFiles() (files []dataFile) {
	add := func(key string, name *string) {
		if strings.HasSuffix(*name, ".toml") {
			files = append(files, dataFile{key, name})
		}
	}
	add("board.part", &s.Board.Part)
	add("board.driver", &s.Board.Driver)
	add("board.wear", &s.Board.Wear)
	add("store.external", &s.Store.External)
	for i := range s.Board.Compare {
		add("board.compare", &s.Board.Compare[i])
	}
	for i := range s.App.Drivers {
		add("application.drivers", &s.App.Drivers[i])
	}
	return files
}

// findDataFiles finds data files beside the scenario at path that names them.
func (s *Scenario) findDataFiles(path string) error {
	for _, f := range s.dataFiles() {
		if _, err := readBeside(path, f.key, *f.name); err != nil {
			return err
		}
		*f.name = beside(path, *f.name)
	}
	return nil
}

// storeDataFiles adds the data files to those that go into a results folder, and names them there. One
// that builds on another file stays where it is.
func (s *Scenario) storeDataFiles(files map[string][]byte) {
	s.Board.Compare, s.App.Drivers = append([]string{}, s.Board.Compare...), append([]string{}, s.App.Drivers...)
	stored := map[string]string{} // by path
	for _, f := range s.dataFiles() {
		from := *f.name
		if at, ok := stored[from]; ok {
			*f.name = at
			continue
		}
		text, err := os.ReadFile(from)
		if p, bad := part.ByName(from); err != nil || bad == nil && strings.HasSuffix(p.Extends, ".toml") {
			if at, err := filepath.Abs(from); err == nil {
				*f.name = at
			}
			continue
		}
		base := filepath.Base(from)
		at := path.Join("data", base)
		for n := 2; files[at] != nil; n++ {
			at = path.Join("data", fmt.Sprintf("%d-%s", n, base))
		}
		files[at], stored[from], *f.name = text, at, at
	}
}
