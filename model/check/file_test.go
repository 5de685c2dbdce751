package check

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"dualbank/internal/long"
	"dualbank/model/part"
)

// TestReadFile: every file that comes with the program is told for what it is, and works; mistakes that
// show only in use are hints.
func TestReadFile(t *testing.T) {
	for dir, kind := range map[string]string{"parts": "part", "drivers": "driver", "cores": "core", "boards": "board", "wear": "wear law"} {
		for i, name := range filesIn(t, dir) {
			if i%4 != 0 && !long.Enabled() {
				continue
			}
			f, err := ReadFile("../part/" + dir + "/" + name + ".toml")
			if err != nil {
				t.Error(err)
				continue
			}
			if f.Kind != kind || f.Name != name || f.Title == "" || len(f.Facts) == 0 || len(f.Hints) != 0 {
				t.Errorf("%s/%s: %s %s %q, %d facts, hints %q", dir, name, f.Kind, f.Name, f.Title, len(f.Facts), f.Hints)
			}
		}
	}
	for _, tt := range []struct{ file, old, new, hint, err string }{
		{"boards/nucleo-f429zi", "168_000_000", "200_000_000", "use up to 180000000 Hz", ""},
		{"boards/nucleo-f429zi", `part = "stm32f429zi"`, `part = "z80"`, "", `part "z80" is unknown`},
		{"boards/nucleo-f429zi", "base = 0x0810_0000", "base = 0x0910_0000", "kvstore: model: region 0x09100000+0x20000 is not inside the flash", ""},
		{"boards/nucleo-f429zi", "bytes = 131072", "bytes = 0", "the board has no store", ""},
		{"parts/stm32h743zi", `core = "cortex-m7"`, `core = "cortex-m99"`, `core "cortex-m99" is unknown`, ""},
		{"parts/stm32h743zi", `family = "stm32h7"`, `family = "own"`, "no driver that comes with the program knows own parts", ""},
		{"parts/stm32h743zi", "bytes = 131072\nwidth = 4", "bytes = 131072\nwidth = 16", "no erase time", ""},
		{"drivers/word", `parts = ["stm32h7"]`, `parts = ["stm32h8"]`, `of family "stm32h8"`, ""},
		{"drivers/word", "program_width = { value = 32", "program_width = { value = 64", "on stm32h743zi: driver word: part stm32h743zi has no time", ""},
		{"wear/flat", "times = 3", "times = -3", "", "life.times"},
	} {
		text, err := os.ReadFile("../part/" + tt.file + ".toml")
		if err != nil {
			t.Fatal(err)
		}
		f, err := ReadFile(withMistake(t, "own.toml", string(text), tt.old, tt.new))
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s with %s: %v, want %q", tt.file, tt.new, err, tt.err)
			}
			continue
		}
		if err != nil || !strings.Contains(strings.Join(f.Hints, "\n"), tt.hint) {
			t.Errorf("%s with %s: %v, %+v, want hint %q", tt.file, tt.new, err, f, tt.hint)
		}
	}
	if _, err := ReadFile(withMistake(t, "own.toml", "name = \"x\"\n", "", "")); err == nil || !strings.Contains(err.Error(), "neither") {
		t.Errorf("a file of no kind: %v", err)
	}
	if _, err := ReadFile("nowhere.toml"); err == nil {
		t.Error("a missing file")
	}
}

// TestTemplates: the templates can be read, nothing about them will not work, and they have every key that there is.
func TestTemplates(t *testing.T) {
	for kind, of := range map[string]reflect.Type{"part": reflect.TypeFor[part.Part](), "board": reflect.TypeFor[part.Board]()} {
		text, err := part.Template(kind)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "own.toml")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := ReadFile(path)
		if err != nil || f.Kind != kind || len(f.Hints) > 0 {
			t.Errorf("%s: %+v, %v", kind, f, err)
		}
		for i := range of.NumField() {
			key := of.Field(i).Tag.Get("toml")
			if key != "" && key != "-" && !regexp.MustCompile(`(?m)^(# )?(\[*`+key+`\]|`+key+` = )`).Match(text) {
				t.Errorf("%s: the template has no key %s", kind, key)
			}
		}
	}
	if _, err := part.Template("driver"); err == nil || !strings.Contains(err.Error(), "part or board") {
		t.Errorf("another kind: %v", err)
	}
}

// filesIn lists the data files in a folder, without their ending.
func filesIn(t testing.TB, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob("../part/" + dir + "/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".toml"))
	}
	return names
}

// withMistake writes text to a file of the user's own with old replaced by new.
func withMistake(t *testing.T, name, text, old, new string) string {
	t.Helper()
	bad := strings.Replace(text, old, new, 1)
	if bad == text && old != new {
		t.Fatalf("the mistake %q was not planted", new)
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// FuzzFile: no data file of any kind makes the reader, or the trial of what it is for, panic or take long. An error is
// one line that names the file.
func FuzzFile(f *testing.F) {
	for _, dir := range []string{"parts", "drivers", "cores", "boards", "wear"} {
		for _, name := range filesIn(f, dir)[:2] {
			text, err := os.ReadFile("../part/" + dir + "/" + name + ".toml")
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Add([]byte("name = 'x'\nextends = 'own.toml'\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "own.toml")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadFile(path); err != nil && (strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), path)) {
			t.Errorf("error %q", err)
		}
	})
}
