package kv

import (
	"bytes"
	"context"
	"io"
	"testing"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/film"
	"dualbank/kvstore"
	"dualbank/results"
)

// play returns the image that a film ends with.
func play(t *testing.T, f *results.Film) []byte {
	t.Helper()
	size := uint32(0)
	for _, n := range f.Sectors {
		size += n
	}
	image := bytes.Repeat([]byte{f.Erased}, int(size))
	put := func(ps []results.Patch) {
		for _, p := range ps {
			if p.Addr < f.Base || uint64(p.Addr-f.Base)+uint64(len(p.Data))+uint64(p.Size) > uint64(size) {
				t.Fatalf("patch at 0x%X leaves the film's flash", p.Addr)
			}
			copy(image[p.Addr-f.Base:], p.Data)
			for i := range p.Size {
				image[p.Addr-f.Base+i] = p.Fill
			}
		}
	}
	put(f.Start)
	for i := range f.Frames {
		put(f.Frames[i].Patches)
	}
	return image
}

// TestFilm: the film of a finding ends with the cells that its replay ends with, marks the cut, and shows records,
// the store's table and the keys that must hold.
func TestFilm(t *testing.T) {
	c := Sweep{Device: explore.Device{Sectors: "8x512", Unit: 1, Size: 8 * 512}, Seed: 3, Profile: kvstore.MbedCE, MaxCuts: 60}
	s, err := Cut(context.Background(), c, nil)
	if err != nil || len(s.Findings) == 0 {
		t.Fatalf("%d findings, %v", len(s.Findings), err)
	}
	cuts, kinds := 0, map[string]bool{}
	for i := range s.Findings {
		f := &s.Findings[i]
		cam := new(film.Camera)
		re, broken, err := f.ReplayIn(io.Discard, explore.Env{Film: cam})
		if err != nil || !broken {
			t.Fatalf("%s: broken %v, %v", f.ID, broken, err)
		}
		plain, _, _ := f.ReplayIn(io.Discard, explore.Env{})
		if len(re.Bad) != len(plain.Bad) || !bytes.Equal(re.Image, plain.Image) {
			t.Errorf("%s: the film changes the replay", f.ID)
		}
		got := cam.Film()
		if got == nil || got.Partial || len(got.Frames) > results.MaxFrames || got.Cut >= 0 && f.Case.Len() > 1 && len(got.Frames[0].Keys) == 0 {
			t.Fatalf("%s: film %+v", f.ID, got)
		}
		if f.Place.Part == "no-cut" || f.Place.Part == "second-cut" {
			continue // the run is filmed from its end on
		}
		if got.Cut < 0 || got.Frames[got.Cut].Text != "the power is cut" || !got.Frames[got.Cut].Closed {
			t.Fatalf("%s: cut in frame %d", f.ID, got.Cut)
		}
		cuts++
		if got.Late == 0 {
			upTo := *got
			upTo.Frames = got.Frames[:got.Cut+1]
			if !bytes.Equal(play(t, &upTo), re.Image) {
				t.Errorf("%s: the film does not have the cells that the cut left", f.ID)
			}
		}
		believes := false
		for j := range got.Frames {
			for _, b := range got.Frames[j].Boxes {
				kinds[b.Kind] = true
			}
			believes = believes || len(got.Frames[j].Belief) > 0
		}
		if !believes {
			t.Errorf("%s: the store believes nothing", f.ID)
		}
	}
	if cuts == 0 || !kinds["live"] || !kinds["master"] || !kinds["torn"] {
		t.Errorf("%d films of cuts, kinds %v", cuts, kinds)
	}
}
