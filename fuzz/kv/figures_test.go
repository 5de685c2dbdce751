package kv

import (
	"context"
	"fmt"
	"math/bits"
	"strings"
	"testing"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/internal/figures"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/internal/golden"
	"dualbank/internal/long"
	"dualbank/kvstore"
)

// tell writes the figures of a sweep, a line for each finding.
func tell(b *strings.Builder, name string, s *explore.Sweep, err error) {
	fmt.Fprintf(b, "%s: %d steps, %d cuts, %d second ones, %v\n", name, s.Map.Steps, s.Stats.Cuts, s.Stats.Second, err)
	figures.Findings(b, s.Findings, func(c explore.Case) any { return &c.(*Case).Steps[c.Len()-1] })
	if len(s.Findings) == 0 {
		return
	}
	// Where else the fault of the first one may be.
	c, near := s.Findings[0].Case.(*Case), 0
	for range c.Near() {
		near++
	}
	fmt.Fprintf(b, "; %d cases near it, remedies %v\n", near, len(c.Remedies()))
}

// TestFigures: what small sweeps of each kind find, how often and where, stays as it is unless a change means to change it.
func TestFigures(t *testing.T) {
	long.Alone(t)
	var b strings.Builder
	secure := explore.Device{Sectors: "24x512", Unit: 8, Size: 12288}
	for _, p := range kvstore.Profiles {
		for _, unit := range []uint32{1, 16} {
			d := explore.Device{Sectors: "8x512", Unit: unit, Size: 4096}
			name := fmt.Sprintf("%v, units of %d", p, unit)
			c := Sweep{Device: d, Profile: p, Seed: 5, Collections: 1, MaxCuts: 150, Most: 150, Workers: 1, Modes: []string{"before", "torn", "weak"}}
			s, err := Cut(context.Background(), c, nil)
			tell(&b, "cuts, "+name, s, err)
			c.Deep, c.Most, c.DeepSteps, c.Modes = true, 6, 10, []string{"after", "torn"}
			s, err = Cut(context.Background(), c, nil)
			tell(&b, "deep cuts, "+name, s, err)
			s, err = Live(context.Background(), Sweep{Device: d, Profile: p, Seed: 5, Collections: 1, Most: 60})
			tell(&b, "no cuts, "+name, s, err)
			s, err = Fail(context.Background(), Sweep{Device: d, Profile: p, Seed: 5, Collections: 1, MaxCuts: 150, Most: 100})
			tell(&b, "errors, "+name, s, err)
		}
		s, err := Attack(context.Background(), Sweep{Device: secure, Secure: true, Profile: p, Ops: script.Attacked(1, 40)})
		tell(&b, fmt.Sprintf("attacks, %v", p), s, err)
		s, err = Cut(context.Background(), Sweep{Device: secure, Secure: true, Profile: p, Seed: 3, MaxCuts: 60, Most: 60, Workers: 1}, nil)
		tell(&b, fmt.Sprintf("cuts of a SecureStore, %v", p), s, err)
	}
	golden.Compare(t, "figures.golden", b.String())
}

// TestFiguresOfDefects: what is found of each defect of the past stays as it is unless a change means to change it.
func TestFiguresOfDefects(t *testing.T) {
	long.Alone(t)
	var b strings.Builder
	ctx, secure := context.Background(), explore.Device{Sectors: "24x512", Unit: 8, Size: 12288}
	for d := kvstore.DefectNoCollection; d < kvstore.DefectSliceBaseTwice; d <<= 1 {
		of := fmt.Sprintf(", defects %x", uint64(d))
		if d >= kvstore.DefectWriteOnceUnguarded {
			s, err := Attack(ctx, Sweep{Device: secure, Secure: true, Defects: d, Ops: script.Attacked(1, 30)})
			tell(&b, "attacks"+of, s, err)
			s, err = Cut(ctx, Sweep{Device: secure, Secure: true, Defects: d, Seed: 3, Most: 30, MaxCuts: 30, Workers: 1}, nil)
			tell(&b, "cuts of a SecureStore"+of, s, err)
			continue
		}
		device := explore.Device{Sectors: "8x512", Unit: []uint32{1, 32}[bits.TrailingZeros64(uint64(d))%2], Size: 4096}
		s, err := Live(ctx, Sweep{Device: device, Defects: d, Seed: 4, Ops: plainOps()})
		tell(&b, "no cuts"+of, s, err)
		s, err = Fail(ctx, Sweep{Device: device, Defects: d, Seed: 4, Collections: 1, MaxCuts: 40, Most: 40})
		tell(&b, "errors"+of, s, err)
		s, err = Cut(ctx, Sweep{Device: device, Defects: d, Seed: 4, Collections: 1, MaxCuts: 40, Most: 40, Workers: 1}, nil)
		tell(&b, "cuts"+of, s, err)
	}
	w := Watched{Sweep: Sweep{Device: f429, Seed: 1, Ops: []script.Op{{Kind: script.Set, Key: "a", Size: 9}, {Kind: script.Reset}}}, Driver: "mbed", Corner: "typ"}
	s, err := w.Run(ctx)
	tell(&b, "watchdogs", s, err)
	w.New = func(dev kvstore.BlockDevice) sut.Store { return kvstore.NewTDB(dev, kvstore.Options{}) }
	s, err = w.Run(ctx)
	tell(&b, "watchdogs, a store of one's own", s, err)
	golden.Compare(t, "defects.golden", b.String())
}

// TestFiguresOfInputs: what runs with faults and attacks anywhere lead to stays as it is unless a change means to change it.
func TestFiguresOfInputs(t *testing.T) {
	long.Alone(t)
	var b strings.Builder
	for _, target := range []explore.Target{Target, SecureTarget} {
		for i, p := range []kvstore.Profile{kvstore.MbedCE, kvstore.Hardened, kvstore.MbedCE} {
			fmt.Fprintf(&b, "%s, %v, with defects: %v\n", target.Name, p, i == 2)
			figures.Inputs(&b, &target, 200, 160, func(seed uint64) explore.Planted {
				if i == 2 { // each defect in some of the runs
					return explore.Planted{Planted: 1 << (seed % 20)}
				}
				return PlantProfile(p)
			})
		}
	}
	golden.Compare(t, "inputs.golden", b.String())
}
