package part_test

import (
	"errors"
	"testing"

	"dualbank/model"
	"dualbank/model/part"
)

func FuzzNOR(f *testing.F) {
	for _, dir := range []string{"parts", "drivers"} {
		for _, name := range part.NORFiles(dir) {
			text, err := part.NORData("nor/" + dir + "/" + name + ".toml")
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	driver, err := part.NORDriverByName("mbed")
	if err != nil {
		f.Fatal(err)
	}
	p, err := part.ByName("stm32f429zi")
	if err != nil {
		f.Fatal(err)
	}
	host, err := model.New(model.Config{Part: p, Hz: 100_000_000, Unit: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, p := new(part.NORDriver), new(part.NORPart)
		if part.Decode("x.toml", text, d) == nil && d.Unit.Value == 0 {
			t.Fatal("a driver without a unit passed")
		}
		if part.Decode("x.toml", text, p) != nil || p.Bytes.Bytes > 1<<24 {
			return
		}
		n, err := model.NewNOR(model.NORConfig{Part: p, Driver: driver, Host: host})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(n.Erase(0, n.EraseSize(0)), n.Program(0, []byte{1, 2}), n.Read(0, make([]byte, 2))); err != nil {
			t.Fatal(err)
		}
	})
}
