package fuzz

import (
	"context"
	"fmt"
	"io"
	"math/bits"
	"os"
	"strings"
	"syscall"
	"testing"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/internal/long"
	"dualbank/kvstore"
)

// TestCatalogueIsWhole: every switch is in the catalogue once, with what it does and where it can be read
// about, and there are at least 24.
func TestCatalogueIsWhole(t *testing.T) {
	var kv kvstore.Defects
	var bt boot.Defects
	names := map[string]bool{}
	for _, d := range Catalogue {
		if bits.OnesCount64(uint64(d.KV))+bits.OnesCount64(uint64(d.Boot)) != 1 || kv&d.KV != 0 || bt&d.Boot != 0 {
			t.Errorf("%s is not one switch of its own", d.Name)
		}
		kv, bt = kv|d.KV, bt|d.Boot
		if names[d.Name] || d.Name == "" || d.What == "" || !strings.Contains(d.Ref, "/") {
			t.Errorf("%+v says too little", d)
		}
		names[d.Name] = true
	}
	if last := kvstore.DefectSliceBaseTwice; kv != last<<1-1 {
		t.Errorf("switches of the stores: %b", kv)
	}
	if last := boot.DefectEraseAcross; bt != last<<1-1 {
		t.Errorf("switches of the bootloader: %b", bt)
	}
	if len(Catalogue) < 24 {
		t.Errorf("%d defects", len(Catalogue))
	}
}

// hunter is a campaign of a few sweeps of the default one.
func hunter(t *testing.T) *Hunter {
	t.Helper()
	all := DefaultCampaign(kvstore.MbedCE, 1)
	h := &Hunter{Campaign: Campaign{Attacked: all.Attacked, Lives: all.Lives[:1]}}
	for _, s := range all.Live {
		if d := s.Device.Sectors; d == "32x128" || (d == "4x1K+1x4K" || d == "8x512") && s.Device.Unit == 32 && s.Ops == nil {
			h.Campaign.Live = append(h.Campaign.Live, s)
		}
	}
	if _, err := h.Baseline(context.Background(), true); err != nil {
		t.Fatal(err)
	}
	return h
}

// TestHunt: a few defects that sweeps without cuts find are found, with a finding that replays; software
// without a defect has none.
func TestHunt(t *testing.T) {
	long.Test(t)
	h := hunter(t)
	if s, err := h.Hunt(context.Background(), &Defect{Name: "none"}); err != nil || s.Found {
		t.Errorf("without a defect: found %v (%s), %v", s.Found, s.Finding.Symptom, err)
	}
	found := 0
	for i := range Catalogue {
		d := &Catalogue[i]
		switch d.Name {
		case "variable-sectors", "short-clean", "header-padding", "trusted-flags", "software-resets":
		default:
			continue
		}
		found++
		s, err := h.Hunt(context.Background(), d)
		if err != nil || !s.Found {
			t.Errorf("%s: found %v, %v", d.Name, s.Found, err)
			continue
		}
		if broken, err := s.Finding.Replay(io.Discard); err != nil || !broken {
			t.Errorf("%s: %s: replayed: %v, %v", d.Name, s.Finding.Symptom, broken, err)
		}
	}
	if found != 5 {
		t.Errorf("%d of the 5 defects are in the catalogue", found)
	}
}

// TestScorePage: the page has a row for every defect.
func TestScorePage(t *testing.T) {
	scores := []Score{{Defect: &Catalogue[0], Found: true, Finding: explore.Finding{Subject: "KVStore", Symptom: explore.Symptom{Rule: 7, Kind: "a|b"}}, Sweep: "s"}, {Defect: &Catalogue[1]}}
	page := CataloguePage(scores, []float64{1.25, 2})
	for _, want := range []string{"1 of 2 found", "| `" + Catalogue[0].Name + "` |", "KVStore 7: a/b", "| 1.2 |", "| no |"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
}

// TestPageHasTheCatalogue: docs/catalogue.md has a row for every defect, and no others.
func TestPageHasTheCatalogue(t *testing.T) {
	text, err := os.ReadFile(cataloguePage)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n| `"); n != len(Catalogue) {
		t.Errorf("%d rows for %d defects: make catalogue writes them anew", n, len(Catalogue))
	}
	for _, d := range Catalogue {
		if !strings.Contains(string(text), "| `"+d.Name+"` | "+d.What+" | "+d.Ref+" |") {
			t.Errorf("no row for %s: make catalogue writes them anew", d.Name)
		}
	}
}

const cataloguePage = "../docs/catalogue.md"

// printed is the table of the catalogue. A benchmark's own log is cut after ten lines.
var printed string

func TestMain(m *testing.M) {
	code := m.Run()
	fmt.Print(printed)
	os.Exit(code)
}

// BenchmarkCatalogue scores the catalogue of known defects: the default campaign's sweeps that take seconds,
// from a cold start for every defect, until one finds what it does not find without. With DUALBANK_CATALOGUE
// set it writes docs/catalogue.md.
func BenchmarkCatalogue(b *testing.B) {
	for b.Loop() {
		h := &Hunter{Campaign: DefaultCampaign(kvstore.MbedCE, 1)}
		start := cpuSeconds(b)
		stats, err := h.Baseline(context.Background(), true)
		if err != nil {
			b.Fatal(err)
		}
		baseline := fmt.Sprintf("without a defect: %d cuts, %.1f CPU s", stats.Cuts, cpuSeconds(b)-start)
		var scores []Score
		var seconds []float64
		found, slowest := 0, 0.0
		for i := range Catalogue {
			start := cpuSeconds(b)
			s, err := h.Hunt(context.Background(), &Catalogue[i])
			if err != nil {
				b.Fatal(err)
			}
			took := cpuSeconds(b) - start
			scores, seconds, slowest = append(scores, s), append(seconds, took), max(slowest, took)
			if s.Found {
				found++
			}
		}
		b.ReportMetric(float64(found), "defects-found")
		b.ReportMetric(float64(len(Catalogue)), "defects")
		b.ReportMetric(slowest, "CPU-s-slowest")
		printed = fmt.Sprintf("%s\n%d of %d found\n\n%s", baseline, found, len(scores), ScoreTable(scores, seconds))
		if os.Getenv("DUALBANK_CATALOGUE") != "" {
			if err := os.WriteFile(cataloguePage, []byte(CataloguePage(scores, seconds)), 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// cpuSeconds is the processor time that the program has taken.
func cpuSeconds(b *testing.B) float64 {
	b.Helper()
	return processorTime()
}

// processorTime is the processor time that the program has taken, in seconds; 0 if the system does not tell.
func processorTime() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
