package update

import (
	"io"
	"strings"
	"testing"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/film"
	"dualbank/results"
)

// TestFilm: the film of a cut in an install shows both images, the cut, and the boot that installs again. It is
// bounded although the flash has 2 MiB.
func TestFilm(t *testing.T) {
	c := Sweep{Device: f429, Boot: f429Guide, Client: boot.ClientNew, Old: 3000, New: 5000, Seed: 1}
	u, err := record(&c, c.script())
	if err != nil {
		t.Fatal(err)
	}
	op := len(operations) - 1
	at := explore.Hit{Op: op, Step: (u.rec.Ops[op+1] - u.rec.Ops[op]) / 2, Mode: "torn", Seed: 7}
	cam := new(film.Camera)
	if _, err := u.caseOf(at).Replay(io.Discard, explore.Env{Film: cam}); err != nil {
		t.Fatal(err)
	}
	got := cam.Film()
	if got == nil || !got.Partial || len(got.Frames) > results.MaxFrames || got.Cut < 1 || got.Cut == len(got.Frames)-1 {
		t.Fatalf("film %+v", got)
	}
	bytes, scenes, kinds, installed := 0, map[string]bool{}, map[string]bool{}, false
	for _, p := range got.Start {
		bytes += len(p.Data)
	}
	for i := range got.Frames {
		f := &got.Frames[i]
		scenes[f.Scene] = true
		for _, b := range f.Boxes {
			kinds[b.Kind] = true
			installed = installed || i > got.Cut && strings.HasPrefix(b.Text, "the active image: the first 5000 of 5000 bytes of version 2")
		}
	}
	if bytes == 0 || bytes > 24<<10 || !kinds["header"] || !kinds["image"] || !installed {
		t.Errorf("%d bytes, boxes %v, installed %v", bytes, kinds, installed)
	}
	if got.Frames[got.Cut].Text != "the power is cut" || !strings.Contains(got.Frames[got.Cut].Scene, "bootloader") {
		t.Errorf("cut: %+v", got.Frames[got.Cut])
	}
}
