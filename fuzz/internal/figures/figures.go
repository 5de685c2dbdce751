// Package figures writes what sweeps and targets come to as text, for golden files of tests.
//
//  1. Findings has a line for each finding of a sweep, and what a replay of the first one tells and leaves.
//  2. Inputs counts what made inputs of a target lead to.
//
// Invariant: equal arguments give equal text. Only tests import this package.
package figures

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strings"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/film"
	"dualbank/model/random"
)

// Findings writes a line for each finding, and the beginning of one about the first of them. last is the last step of a case.
func Findings(b *strings.Builder, of []explore.Finding, last func(explore.Case) any) {
	for i := range of {
		f := &of[i]
		fmt.Fprintf(b, "  %s %s %v at %s/%s, %d of %v, %d steps, last %v\n", f.ID, f.Severity, f.Symptom, f.Place.Op, f.Place.Part, f.Count, f.Modes, f.Case.Len(), last(f.Case))
	}
	if len(of) == 0 {
		return
	}
	var story bytes.Buffer
	cam := new(film.Camera)
	re, err := of[0].Case.Replay(&story, explore.Env{Film: cam})
	fmt.Fprintf(b, "  replayed: %d lines, digest %08x, %v", bytes.Count(story.Bytes(), []byte("\n")), crc32.ChecksumIEEE(story.Bytes()), err)
	if err != nil {
		return
	}
	fmt.Fprintf(b, "; %d symptoms, image %08x", len(re.Bad), crc32.ChecksumIEEE(re.Image))
	if f := cam.Film(); f != nil {
		text, err := json.Marshal(f)
		fmt.Fprintf(b, ", film of %d frames, %08x, %v", len(f.Frames), crc32.ChecksumIEEE(text), err)
	}
}

// Inputs runs so many inputs of so many bytes, and writes how often each outcome came. planted are the defects in a run.
func Inputs(b *strings.Builder, target *explore.Target, runs uint64, size int, planted func(seed uint64) explore.Planted) {
	count := map[string]int{}
	for seed := range runs {
		data := make([]byte, size)
		random.New(seed).Fill(data)
		o := &explore.Outcome{Planted: planted(seed)}
		if err := target.Decode(explore.NewChoices(data)).Run(o); err != nil {
			count["error: "+err.Error()]++
		}
		count[fmt.Sprintf("interesting: %v", o.Interesting)]++
		for _, m := range o.Hit {
			count["hit by "+m]++
		}
		for _, x := range o.Bad {
			count[fmt.Sprintf("%v at %s/%s", x.Symptom, x.Op, x.Part)]++
		}
	}
	for _, k := range slices.Sorted(maps.Keys(count)) {
		fmt.Fprintf(b, "  %d %s\n", count[k], k)
	}
}
