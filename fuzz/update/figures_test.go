package update

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/internal/figures"
	"dualbank/internal/golden"
)

// tell writes the figures of a sweep, a line for each finding.
func tell(b *strings.Builder, name string, s *explore.Sweep, err error) {
	if s == nil {
		fmt.Fprintf(b, "%s: %v\n", name, err)
		return
	}
	fmt.Fprintf(b, "%s: %d steps, %d cuts, %v\n", name, s.Map.Steps, s.Stats.Cuts, err)
	figures.Findings(b, s.Findings, func(c explore.Case) any { return &c.(*Case).Steps[c.Len()-1] })
	if len(s.Findings) > 0 {
		b.WriteByte('\n')
	}
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
		fmt.Fprintf(&b, "defects %b\n", d)
		figures.Inputs(&b, &Target, 150, 120, func(uint64) explore.Planted { return explore.Planted{Planted: uint64(d)} })
	}
	golden.Compare(t, "inputs.golden", b.String())
}
