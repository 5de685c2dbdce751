package model

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestShippedData: every file that comes with the program loads and fits together.
func TestShippedData(t *testing.T) {
	for _, name := range PartNames() {
		p, err := PartByName(name)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if p.Name != name {
			t.Errorf("file %s.toml holds part %q", name, p.Name)
		}
		core, err := CoreByName(p.Core)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		for _, driver := range DriverNames() {
			d, err := DriverByName(driver)
			if err != nil {
				t.Errorf("%v", err)
				continue
			}
			if _, err := d.For(p.Family); err != nil {
				continue
			}
			if _, err := New(Config{Part: p, Driver: d, Core: core}); err != nil {
				t.Errorf("%s with driver %s: %v", name, driver, err)
			}
		}
		for _, s := range p.Sectors() {
			if s.Addr%s.Size != 0 && p.Family == "stm32f4" {
				t.Errorf("%s: sector of %d bytes at 0x%08X", name, s.Size, s.Addr)
			}
		}
	}
}

func TestF429Map(t *testing.T) {
	p, err := PartByName("stm32f429zi")
	if err != nil {
		t.Fatal(err)
	}
	s := p.Sectors()
	if len(s) != 24 || p.Size() != 2<<20 {
		t.Fatalf("%d sectors, %d bytes", len(s), p.Size())
	}
	for i, want := range map[int]Sector{0: {0x08000000, 16384, 0}, 4: {0x08010000, 65536, 0}, 5: {0x08020000, 131072, 0}, 12: {0x08100000, 16384, 1}, 16: {0x08110000, 65536, 1}, 23: {0x081E0000, 131072, 1}} {
		if s[i] != want {
			t.Errorf("sector %d: %+v, want %+v", i, s[i], want)
		}
	}
}

// TestBadPartFiles: one line that says file, line or key, and what to do.
func TestBadPartFiles(t *testing.T) {
	good, err := os.ReadFile("parts/stm32f429zi.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, old, new, want string }{
		{"syntax", `name = "stm32f429zi"`, `name = `, "part.toml:4"},
		{"unknown key", "max_hz", "maxhz", "key maxhz is unknown"},
		{"type", "180_000_000", `"fast"`, "key max_hz"},
		{"time", `"16us"`, `"16 bananas"`, "part.toml:"},
		{"cells", `rule = "and"`, `rule = "xor"`, `"xor" is unknown`},
		{"sector", "bytes = 131072 }", "bytes = 131073 }", "a sector is a power of two"},
		{"typ above max", `time = "2400ms"`, `time = "24ms"`, "is above max"},
		{"size", "count = 7", "count = 70000", "more than 256 MiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "part.toml")
			text := strings.Replace(string(good), tt.old, tt.new, 1)
			if text == string(good) {
				t.Fatal("the mistake was not planted")
			}
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := PartByName(file)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q, want one line with %q", err, tt.want)
			}
		})
	}
	if _, err := PartByName("stm32f999"); err == nil || !strings.Contains(err.Error(), "choose one of") {
		t.Errorf("unknown part: %v", err)
	}
	if _, err := PartByName("nowhere.toml"); err == nil || !strings.Contains(err.Error(), "nowhere.toml") {
		t.Errorf("missing file: %v", err)
	}
}

// FuzzPart: no part file makes the reader or the model panic.
func FuzzPart(f *testing.F) {
	for _, name := range PartNames() {
		text, err := data.ReadFile("parts/" + name + ".toml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("[[bank]]\nsectors=[{count=1,bytes=64}]"))
	d, err := DriverByName("word")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p := new(Part)
		if decode("part.toml", text, p) != nil || p.Size() > 1<<20 {
			return
		}
		fl, err := New(Config{Part: p, Driver: d})
		if err != nil {
			return
		}
		if err := fl.Program(p.Base, make([]byte, fl.PageSize())); err != nil {
			t.Errorf("programming the first unit: %v", err)
		}
		if err := fl.Erase(p.Base, fl.SectorSize(p.Base)); err != nil {
			t.Errorf("erasing the first sector: %v", err)
		}
	})
}
