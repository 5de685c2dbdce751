package bench

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"dualbank/internal/input"
	"dualbank/internal/tomltext"
	"dualbank/model/part"
	"dualbank/results/compare"
)

// ReadFile reads a scenario and the files that it names, whose paths are relative to its folder. Errors are one
// line that names the file.
func ReadFile(path string) (*Scenario, error) {
	s, _, err := readFile(path)
	return s, err
}

// ReadPlan is ReadFile for a plan, which notes what the file does not ask: see Assume.
func ReadPlan(path string) (*Scenario, error) {
	s, text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	s.Assume(tomltext.KeyLines(text))
	return s, nil
}

// readFile is ReadFile, with the text of the scenario.
func readFile(path string) (s *Scenario, text []byte, err error) {
	if text, err = input.ReadText(path, input.Scenario); err != nil {
		return nil, nil, fmt.Errorf("%s: %w: give the path of a scenario file", path, err)
	}
	if s, err = Parse(path, text); err != nil {
		return nil, nil, err
	}
	if err := s.readNamed(path); err != nil {
		return nil, nil, err
	}
	return s, text, nil
}

// readNamed reads the files that the scenario at path names.
func (s *Scenario) readNamed(path string) error {
	if err := s.findDataFiles(path); err != nil {
		return err
	}
	if err := s.Layout.read(path); err != nil {
		return err
	}
	if err := s.Update.read(path); err != nil {
		return err
	}
	return s.Plan.read(path)
}

// read reads the configuration files that the scenario at path names, unless it holds their texts.
func (l *Layout) read(path string) error {
	for _, c := range []struct {
		key, file string
		text      *string
	}{{"bootloader", l.Bootloader, &l.BootloaderText}, {"application", l.Application, &l.ApplicationText}} {
		if c.file == "" || *c.text != "" {
			continue
		}
		text, err := readBeside(path, "layout."+c.key, c.file, input.Config)
		if err != nil {
			return err
		}
		if len(text) == 0 {
			return fmt.Errorf("layout.%s: %s: is empty: name the mbed_app.json or mbed_config.h of the build", c.key, c.file)
		}
		*c.text = string(text)
	}
	return nil
}

// read reads the firmware files that the scenario at path names.
func (u *Update) read(path string) (err error) {
	if u.Firmware != "" {
		if u.FirmwareFile, err = readBeside(path, "update.firmware", u.Firmware, input.Firmware); err != nil {
			return err
		}
	}
	if u.Running != "" {
		u.RunningFile, err = readBeside(path, "update.running", u.Running, input.Firmware)
	}
	return err
}

// ReadFirmware reads the new firmware and the running one from files, in place of the scenario's; "" leaves what
// the scenario says. Errors are one line.
func (u *Update) ReadFirmware(firmware, running string) error {
	for _, f := range []struct {
		path string
		name *string
		file *[]byte
	}{{firmware, &u.Firmware, &u.FirmwareFile}, {running, &u.Running, &u.RunningFile}} {
		if f.path == "" {
			continue
		}
		data, err := input.Read(f.path, input.Firmware)
		if err != nil {
			return fmt.Errorf("%s: %w: give the path of a firmware file", f.path, err)
		}
		*f.name, *f.file = f.path, data
	}
	return nil
}

// beside returns the path of a file that the scenario at path names.
func beside(path, file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(filepath.Dir(path), file)
}

// readBeside reads the file, of at most most bytes, that a key of the scenario at path names.
func readBeside(path, key, file string, most int64) ([]byte, error) {
	text, err := input.Read(beside(path, file), most)
	if err != nil {
		return nil, unreadable(path, key, file, err)
	}
	return text, nil
}

// unreadable is the error of a file that a key of the scenario at path names.
func unreadable(path, key, file string, err error) error {
	return fmt.Errorf("%s: %s: %s: %w: correct the path, which is relative to the scenario's folder", path, key, file, err)
}

// Stored returns the scenario as it is written into a results folder, and the files that it needs there, by their
// paths in that folder. Running it again reproduces every figure.
func (s *Scenario) Stored() (*Scenario, map[string][]byte) {
	stored, files := *s, map[string][]byte{}
	for _, f := range []struct {
		name *string
		file []byte
	}{{&stored.Update.Firmware, s.Update.FirmwareFile}, {&stored.Update.Running, s.Update.RunningFile}} {
		if f.file == nil {
			continue
		}
		name := path.Join("firmware", filepath.Base(*f.name))
		if other, taken := files[name]; taken && !bytes.Equal(other, f.file) {
			name = path.Join("firmware", "running", filepath.Base(*f.name))
		}
		files[name], *f.name = f.file, name
	}
	stored.storeDataFiles(files)
	if s.Plan.TraceFile != nil {
		stored.Plan.Trace = "trace.csv"
		files[stored.Plan.Trace] = s.Plan.TraceFile
	}
	return &stored, files
}

// dataFile is a data file of the user's that a scenario names: of a part, a driver, a wear law or a serial NOR
// flash.
type dataFile struct {
	key  string
	name *string
}

// dataFiles returns the data files that the scenario names. Data that come with the program are not among them.
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

// findDataFiles replaces the names of data files by paths beside the scenario at path, and checks that they can be
// read.
func (s *Scenario) findDataFiles(path string) error {
	for _, f := range s.dataFiles() {
		from := beside(path, *f.name)
		if _, err := input.ReadAgain(from, input.Data); err != nil {
			return unreadable(path, f.key, *f.name, err)
		}
		*f.name = from
	}
	return nil
}

// storeDataFiles adds the data files to files and makes the scenario name the copies. A part that extends another
// file is not copied: the scenario names it by its absolute path.
func (s *Scenario) storeDataFiles(files map[string][]byte) {
	s.Board.Compare, s.App.Drivers = append([]string{}, s.Board.Compare...), append([]string{}, s.App.Drivers...)
	stored := map[string]string{} // by path
	for _, f := range s.dataFiles() {
		from := *f.name
		if at, ok := stored[from]; ok {
			*f.name = at
			continue
		}
		text, err := input.ReadAgain(from, input.Data)
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

// ReadThresholds reads the [compare] section of a scenario file, or of the scenario in a results folder. The file
// may hold that section alone; files that the scenario names are not read.
func ReadThresholds(path string) (compare.Thresholds, error) {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		path = filepath.Join(path, "scenario.toml")
	}
	text, err := input.ReadText(path, input.Scenario)
	if err != nil {
		return compare.Thresholds{}, fmt.Errorf("%s: %w: give a scenario file with a [compare] section", path, err)
	}
	s, err := Parse(path, text)
	if err != nil {
		return compare.Thresholds{}, err
	}
	return s.Compare, nil
}
