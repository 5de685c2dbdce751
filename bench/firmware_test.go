package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"dualbank/boot/firmware"
	"dualbank/model"
)

func TestGeneratedFirmware(t *testing.T) {
	const base, size = 0x08008400, 60 << 10
	of := func(seed uint64, changed uint32, n int) []byte { return generateFirmware(seed, size, base, changed, n) }
	first := of(1, 30, 0)
	if !bytes.Equal(first, of(1, 30, 0)) || bytes.Equal(first, of(2, 30, 0)) {
		t.Error("a firmware is not its seed's alone")
	}
	if reset := binary.LittleEndian.Uint32(first[4:]); reset&1 == 0 || reset < base || reset >= base+size {
		t.Errorf("the reset vector is 0x%08X", reset)
	}
	if _, err := firmware.Read("generated.bin", first, base, size); err != nil {
		t.Error(err)
	}
	// The more changes, the larger the difference; release 3 differs more from 0 than 1 does.
	last := 0
	for _, c := range []struct {
		changed uint32
		n       int
	}{{0, 0}, {5, 1}, {30, 1}, {30, 3}, {300, 1}, {1000, 1}} {
		d, err := firmware.MakeDelta(of(1, c.changed, 0), of(1, c.changed, c.n))
		if err != nil {
			t.Fatal(err)
		}
		if len(d) <= last || len(d) > size {
			t.Errorf("release %d with %d of 1000 functions changed: a delta of %d bytes, the one before has %d", c.n, c.changed, len(d), last)
		}
		last = len(d)
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint32Range(1, 5000).Draw(t, "size")
		if got := generateFirmware(rapid.Uint64().Draw(t, "seed"), n, base, rapid.Uint32Range(0, 1000).Draw(t, "changed"), rapid.IntRange(0, 5).Draw(t, "release")); len(got) != int(n) {
			t.Fatalf("%d bytes, want %d", len(got), n)
		}
	})
}

// firmwareFile writes data at an address as a file of a kind.
func firmwareFile(t *testing.T, dir, name string, addr uint32, data []byte) {
	t.Helper()
	file := data
	if strings.HasSuffix(name, ".hex") {
		var b bytes.Buffer
		if err := firmware.WriteHex(&b, []firmware.Segment{{Addr: addr, Data: data}}); err != nil {
			t.Fatal(err)
		}
		file = b.Bytes()
	}
	if err := os.WriteFile(filepath.Join(dir, name), file, 0o666); err != nil {
		t.Fatal(err)
	}
}

// A scenario with firmware files updates from the one to the other, whole and by a delta, and back.
func TestFirmwareFiles(t *testing.T) {
	const base = 0x08008400
	dir := t.TempDir()
	old, next := generateFirmware(5, 30_000, base, 20, 0), generateFirmware(5, 31_003, base, 20, 1)
	firmwareFile(t, dir, "old.bin", base, old)
	firmwareFile(t, dir, "new.hex", base, next)
	firmwareFile(t, dir, "boot.hex", 0x08000000, next)
	firmwareFile(t, dir, "bad.hex", 0, nil)
	read := func(text string) (*Scenario, error) {
		path := filepath.Join(dir, "s.toml")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return ReadFile(path)
	}
	s, err := read("[update]\nfirmware = 'new.hex'\nrunning = 'old.bin'\n")
	if err != nil {
		t.Fatal(err)
	}
	d := provisioned(t, s, "word")
	for n, want := range [][]byte{next, old, next} {
		s.Update.Delta = n != 1
		u, err := d.RunUpdate(context.Background(), &s.Update, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		if u.Bytes != uint32(len(want)) || (u.Delta > 0) != s.Update.Delta {
			t.Errorf("update %d: %d bytes, a delta of %d", n, u.Bytes, u.Delta)
		}
		got := make([]byte, len(want))
		d.Flash.Peek(base, got)
		if sha256.Sum256(got) != sha256.Sum256(want) {
			t.Errorf("update %d: what runs is not the file", n)
		}
	}

	for _, c := range []struct{ text, want string }{
		{"firmware = 'none.bin'", "s.toml: update.firmware: none.bin: no such file or directory: correct the path"},
		{"running = 'none.bin'", "s.toml: update.running: none.bin: no such file or directory"},
		{"firmware = 'boot.hex'", "update.firmware: boot.hex: data at 0x08000000-0x0800791B does not lie in the application's region 0x08008400-0x08100000: link the application for that region"},
		{"running = 'bad.hex'", "update.running: bad.hex: there is no data in it"},
		{"firmware = 's.toml'", ""}, // any bytes are a binary
	} {
		s, err := read("[update]\n" + c.text + "\n")
		if err == nil {
			_, err = s.Device("mbed", model.Typ)
			if _, ok := errors.AsType[*ScenarioError](err); err != nil && !ok {
				t.Errorf("%s: %T is not the scenario's error", c.text, err)
			}
		}
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.text, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%s: %v, want one line with %s", c.text, err, c.want)
		}
	}
}

// A report's scenario names the firmware files that are left beside it, and gives the same figures.
func TestStoredFirmware(t *testing.T) {
	dir := t.TempDir()
	old, next := generateFirmware(5, 20_000, 0x08008400, 20, 0), generateFirmware(5, 20_000, 0x08008400, 20, 1)
	for _, sub := range []string{"a", "b"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	firmwareFile(t, dir, "a/app.bin", 0, old)
	firmwareFile(t, dir, "b/app.bin", 0, next)
	s := Guide()
	if err := s.Update.ReadFirmware(filepath.Join(dir, "b/app.bin"), filepath.Join(dir, "a/app.bin")); err != nil {
		t.Fatal(err)
	}
	stored, files := s.Stored()
	if len(files) != 2 || stored.Update.Firmware == stored.Update.Running || s.Update.Firmware == stored.Update.Firmware {
		t.Fatalf("%q and %q, %d files", stored.Update.Firmware, stored.Update.Running, len(files))
	}
	out := t.TempDir()
	files["scenario.toml"] = []byte(stored.TOML())
	for name, data := range files {
		to := filepath.Join(out, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o777), os.WriteFile(to, data, 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	again, err := ReadFile(filepath.Join(out, "scenario.toml"))
	if err != nil {
		t.Fatal(err)
	}
	d1, one := updated(t, s, "mbed")
	d2, two := updated(t, again, "mbed")
	if diff := cmp.Diff(one.Metrics(d1.Flash), two.Metrics(d2.Flash)); diff != "" || one.Delta == 0 {
		t.Errorf("a delta of %d bytes; %s", one.Delta, diff)
	}
	if third, _ := again.Stored(); third.TOML() != stored.TOML() {
		t.Error("stored again it differs")
	}
	if err := s.Update.ReadFirmware(dir, ""); err == nil || !strings.Contains(err.Error(), "is a directory: give the path of a firmware file") {
		t.Error(err)
	}
}
