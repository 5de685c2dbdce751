package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dualbank/model"
)

// A scenario with a part and drivers of the user's own runs from its results folder alone.
func TestDataFilesAreStored(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	word, err := os.ReadFile("../model/part/drivers/word.toml")
	if err != nil {
		t.Fatal(err)
	}
	write := func(dir, name, text string) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	slow := strings.Replace(string(word), "program_access = { cycles = 12,", "program_access = { cycles = 1200,", 1)
	write(dir, "my/part.toml", "name = \"mine\"\nextends = \"stm32f429zi\"\nread_while_write = { value = false, mark = \"A\", from = \"a field report\" }\n")
	write(dir, "my/word.toml", slow)
	write(dir, "word.toml", string(word))
	write(dir, "s.toml", "[board]\npart = 'my/part.toml'\ndriver = 'my/word.toml'\ncompare = ['word.toml', 'my/word.toml']\n[application]\ndrivers = ['ram-code']\n")
	s, err := ReadFile(filepath.Join(dir, "s.toml"))
	if err != nil {
		t.Fatal(err)
	}
	stored, files := s.Stored()
	if len(files) != 3 || stored.Board.Part != "data/part.toml" || stored.Board.Driver != "data/word.toml" ||
		strings.Join(stored.Board.Compare, " ") != "data/2-word.toml data/word.toml" || stored.App.Drivers[0] != "ram-code" {
		t.Errorf("%d files, %+v", len(files), stored.Board)
	}
	if s.Board.Compare[0] != filepath.Join(dir, "word.toml") {
		t.Errorf("storing changes the scenario: %v", s.Board.Compare)
	}
	write(out, "scenario.toml", stored.TOML())
	for name, text := range files {
		write(out, name, string(text))
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	again, err := ReadFile(filepath.Join(out, "scenario.toml"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := again.Device(again.Board.Driver, model.Typ)
	if err != nil {
		t.Fatal(err)
	}
	if p := d.Flash.Part(); p.Name != "mine" || p.ReadWhileWrite.Value || d.driver.ProgramAccess.Cycles != 1200 {
		t.Errorf("part %s, %d cycles around an access", p.Name, d.driver.ProgramAccess.Cycles)
	}
	if third, _ := again.Stored(); third.TOML() != stored.TOML() {
		t.Error("stored again it differs")
	}

	write(out, "gone.toml", "[board]\ndriver = 'none.toml'\n")
	if _, err := ReadFile(filepath.Join(out, "gone.toml")); err == nil || !strings.HasSuffix(err.Error(), "gone.toml: board.driver: none.toml: no such file or directory: correct the path, which is relative to the scenario's folder") {
		t.Error(err)
	}
}
