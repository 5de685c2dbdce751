package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dualbank/bench/release"
	"dualbank/boot/firmware"
	"dualbank/model"
)

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
	series, longer := release.Series{Seed: 5, Base: base, Bytes: 30_000, Changed: 20}, release.Series{Seed: 5, Base: base, Bytes: 31_003, Changed: 20}
	old, next := series.Image(0), longer.Image(1)
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
	series := release.Series{Seed: 5, Base: 0x08008400, Bytes: 20_000, Changed: 20}
	old, next := series.Image(0), series.Image(1)
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
