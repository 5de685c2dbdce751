package update

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"testing"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/film"
	"dualbank/internal/golden"
	"dualbank/model/random"
)

// tell writes the figures of a sweep, a line for each finding.
func tell(b *strings.Builder, name string, s *explore.Sweep, err error) {
	if s == nil {
		fmt.Fprintf(b, "%s: %v\n", name, err)
		return
	}
	fmt.Fprintf(b, "%s: %d steps, %d cuts, %v\n", name, s.Map.Steps, s.Stats.Cuts, err)
	for i := range s.Findings {
		f := &s.Findings[i]
		fmt.Fprintf(b, "  %s %s %v at %s/%s, %d of %v, %d steps, last %v\n", f.ID, f.Severity, f.Symptom, f.Place.Op, f.Place.Part, f.Count, f.Modes, f.Case.Len(), &f.Case.(*Case).Steps[f.Case.Len()-1])
	}
	if len(s.Findings) == 0 {
		return
	}
	// Of the first one what a replay tells and leaves.
	var story bytes.Buffer
	cam := new(film.Camera)
	re, err := s.Findings[0].Case.Replay(&story, explore.Env{Film: cam})
	fmt.Fprintf(b, "  replayed: %d lines, digest %08x, %v", bytes.Count(story.Bytes(), []byte("\n")), crc32.ChecksumIEEE(story.Bytes()), err)
	if err == nil {
		fmt.Fprintf(b, "; %d symptoms, image %08x", len(re.Bad), crc32.ChecksumIEEE(re.Image))
		if f := cam.Film(); f != nil {
			text, err := json.Marshal(f)
			fmt.Fprintf(b, ", film of %d frames, %08x, %v", len(f.Frames), crc32.ChecksumIEEE(text), err)
		}
	}
	b.WriteByte('\n')
}

// TestFigures: what small sweeps of each kind find, on the reference and on each defect of the past, stays as it is unless
// a change means to change it.
func TestFigures(t *testing.T) {
	var b strings.Builder
	for _, on := range []int{0, 2} {
		for d := boot.Defects(0); d < 1<<10; d = max(1, d<<1) {
			for _, client := range []boot.Generation{boot.ClientOld, boot.ClientNew} {
				l := inputLayouts[on]
				l.boot.BootRetries, l.boot.CopyRetries, l.boot.ResetReason, l.boot.Defects = 3, 1, true, d
				name := fmt.Sprintf("layout %d, %v client, defects %b", on, client, d)
				s, err := Cut(context.Background(), Sweep{
					Device: l.device, Boot: l.boot, Client: client, Old: 700, New: 900, Seed: 3, Workers: 1,
					Modes: []string{"before", "torn", "weak"}, MaxCuts: 24, Most: 24, Deep: 1 - min(on, 1),
				}, nil)
				tell(&b, "cuts, "+name, s, err)
				s, err = Lives(context.Background(), LifeSweep{Device: l.device, Boot: l.boot, Client: client, Seed: 2, Lives: 1, Events: 12})
				tell(&b, "a life, "+name, s, err)
			}
		}
	}
	golden.Compare(t, "figures.golden", b.String())
}

// TestFiguresOfInputs: what updates with faults anywhere lead to stays as it is unless a change means to change it.
func TestFiguresOfInputs(t *testing.T) {
	var b strings.Builder
	for _, d := range []boot.Defects{0, boot.DefectNotResumed | boot.DefectHeaderFirst} {
		count := map[string]int{}
		for seed := range uint64(150) {
			data := make([]byte, 120)
			random.New(seed).Fill(data)
			in := Target.Decode(explore.NewChoices(data))
			o := &explore.Outcome{Planted: explore.Planted{Planted: uint64(d)}}
			if err := in.Run(o); err != nil {
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
		fmt.Fprintf(&b, "defects %b\n", d)
		for _, k := range slices.Sorted(maps.Keys(count)) {
			fmt.Fprintf(&b, "  %d %s\n", count[k], k)
		}
	}
	golden.Compare(t, "inputs.golden", b.String())
}
