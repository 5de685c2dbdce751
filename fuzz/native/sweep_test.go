package native_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dualbank/fuzz"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/fuzz/native"
	"dualbank/fuzz/native/examples/logstore"
	"dualbank/internal/long"
	"dualbank/kvstore"
)

// pages is a device of eight small sectors.
var pages = explore.Device{Sectors: "8x1K", Unit: 8, Size: 8192}

// workload is sets, removes, reboots and a reset on some keys.
func workload(n, keys int) (ops []script.Op) {
	for i := range n {
		op := script.Op{Kind: script.Set, Key: fmt.Sprintf("key%02d", i*7%keys), Size: 20 + i*13%42, Seed: uint64(i)}
		switch {
		case i%31 == 30:
			op = script.Op{Kind: script.Reboot}
		case i%17 == 16:
			op = script.Op{Kind: script.Remove, Key: op.Key}
		case i == n-10:
			op = script.Op{Kind: script.Reset}
		}
		ops = append(ops, op)
	}
	return ops
}

func cut(t *testing.T, c kv.Sweep) *explore.Sweep {
	t.Helper()
	s, err := kv.Cut(context.Background(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSameFindings: the store in C and the same store in Go have the same steps, the same outcome of every cut
// and the same findings (rule, place, case), whatever is wrong with them.
func TestSameFindings(t *testing.T) {
	for _, d := range some(14, 4) {
		c := kv.Sweep{Device: pages, Ops: workload(30, 12), Modes: []string{"after", "torn", "weak"}, MaxCuts: 40, Seed: 1}
		c.New = func(dev kvstore.BlockDevice) kv.Store {
			return uninformed{Store: logstore.New(dev.(logstore.Device), d)}
		}
		want := cut(t, c)
		p := program(t, planted(t, "examples/logstore.c"), fmt.Sprint(d))
		c.New = p.Store
		got := cut(t, c)
		p.Close()
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(explore.Stats{}, "Judged", "Equal")); diff != "" {
			t.Errorf("defect %d: Go against C:\n%s", d, diff)
		}
		// So few operations and cuts do not show the 1st, 3rd, 5th and 10th; the last two are no matter of power.
		if want := !slices.Contains([]int{0, 1, 3, 5, 10, 13, 14}, d); len(got.Findings) > 0 != want {
			t.Errorf("defect %d: %d findings", d, len(got.Findings))
		}
	}
}

// uninformed is the store in Go without Info, which the header has no function for: the judge asks both the same.
type uninformed struct {
	*logstore.Store
	Info struct{}
}

// some is the sound store, 0, with every defect up to the last; without DUALBANK_LONG only with those named.
func some(last int, named ...int) []int {
	if !long.Enabled() {
		return append([]int{0}, named...)
	}
	all := make([]int, last+1)
	for i := range all {
		all[i] = i
	}
	return all
}

// TestSnapstore: the store in C++ has no finding in any mode, second cuts included, and each of its planted defects
// has one.
func TestSnapstore(t *testing.T) {
	for _, d := range some(10, 7) {
		t.Run(fmt.Sprint("defect ", d), func(t *testing.T) {
			p := program(t, planted(t, "examples/snapstore.cc"), fmt.Sprint(d))
			c := kv.Sweep{Device: pages, Ops: workload(40, 5), Modes: []string{"before", "torn", "weak"}, MaxCuts: 60, Seed: 1, New: p.Store}
			found := cut(t, c).Findings
			if d == 0 {
				c.Deep, c.DeepSteps, c.MaxCuts, c.Ops = true, 2, 20, workload(20, 5)
				found = append(found, cut(t, c).Findings...)
			}
			if d == 0 && len(found) > 0 {
				t.Errorf("the sound store: %v", found[0].Symptom)
			}
			if d > 0 && len(found) == 0 {
				t.Error("not found")
			}
		})
	}
}

// TestPlantedDefects: the campaigns of a store and of a bootloader find every planted defect of the examples, and
// nothing in the sound ones. Without DUALBANK_DEFECTS=1 some of their sweeps run on some of the examples.
func TestPlantedDefects(t *testing.T) {
	// The sound log store is swept by TestSameFindings.
	every := os.Getenv("DUALBANK_DEFECTS") != "" // of all three examples: three minutes
	board := fuzz.F429KV
	most := uint64(3000)
	if !every {
		most = 500
	}
	stores := func(p *native.Program) (fuzz.Campaign, []string, error) {
		return fuzz.StoreCampaign(p.Store, "", board, 1, most)
	}
	updates := func(p *native.Program) (fuzz.Campaign, []string, error) {
		return fuzz.UpdateCampaign(p.Updates, "", board, 1, most)
	}
	for _, e := range []struct {
		cc, source, std string
		defects         int
		short           []int // that the first sweeps find; the default set has the first of the bootloader's
		campaign        func(*native.Program) (fuzz.Campaign, []string, error)
	}{
		{"gcc", "examples/logstore.c", "-std=c99", 14, []int{5, 0, 13}, stores},
		{"g++", "examples/snapstore.cc", "-std=c++11", 10, nil, stores},
		{"gcc", "examples/abloader.c", "-std=c99", 10, []int{4, 0}, updates},
	} {
		for d := range e.defects + 1 {
			if !every && (!slices.Contains(e.short, d) || !long.Enabled() && (d != e.short[0] || e.defects == 14)) {
				continue
			}
			t.Run(fmt.Sprintf("%s %d", e.source, d), func(t *testing.T) {
				p := program(t, build(t, e.cc, e.source, "-O1", e.std, fmt.Sprintf("-DDEFECT=%d", d)))
				c, left, err := e.campaign(p)
				if err != nil || len(left) > 0 {
					t.Fatal(left, err)
				}
				if !every {
					c.KV, c.Live, c.Failing, c.Stores = c.KV[:min(len(c.KV), 1)], c.Live[:min(len(c.Live), 2)], c.Failing[:min(len(c.Failing), 1)], nil
					for i := range c.Failing {
						c.Failing[i].MaxCuts = 20
					}
					if d == 0 || d == 13 {
						c.KV = nil // TestSameFindings cuts the sound store; the 13th is no matter of power
					}
					for i := range c.KV {
						c.KV[i].Draws = 3
					}
					c.Updates = c.Updates[:min(len(c.Updates), 1)]
					for i := range c.Updates {
						c.Updates[i].Modes, c.Updates[i].Deep = []string{"torn"}, 1
					}
				}
				began := cpuTime()
				r, err := c.Sweep(context.Background(), nil)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%d findings, %.1f CPU-s", len(r.Findings), (cpuTime() - began + time.Duration(p.CPU())).Seconds())
				if (len(r.Findings) > 0) != (d > 0) {
					t.Errorf("%d findings", len(r.Findings))
				}
				for i := range r.Findings[:min(len(r.Findings), 2)] {
					if _, broken, err := r.Findings[i].ReplayIn(io.Discard, c.Env); err != nil || !broken {
						t.Errorf("%v does not replay: %v", r.Findings[i].Symptom, err)
					}
				}
			})
		}
	}
}

type failures struct{ text []string }

func (f *failures) Helper() {}

func (f *failures) Errorf(format string, args ...any) {
	f.text = append(f.text, fmt.Sprintf(format, args...))
}

// TestExplore: a store in a program is explored as one in Go is, and what crashes is a finding that replays.
func TestExplore(t *testing.T) {
	device := explore.Device{Sectors: "8x1K", Unit: 1, Size: 8192}
	path := build(t, "gcc", "testdata/misbehave.c", "-O1", "-std=c99")
	for way, want := range map[string]string{"null": "crashes: SIGSEGV, null pointer", "halt": "halts: assertion failed", "static": ""} {
		var f failures
		fuzz.Explore(&f, native.Store(path, way), kv.Sweep{Device: device, Ops: workload(6, 1)[:6], Modes: []string{"before"}, Seed: 1, MaxCuts: 40})
		text := strings.Join(f.text, "\n")
		if want == "" && text != "" || !strings.Contains(text, want) || strings.Contains(text, "not when replayed") {
			t.Errorf("%s: %s", way, text)
		}
	}
}

// TestSameElsewhere: without a cut, with a device that fails and with a watchdog the store in C does what the same store
// in Go does: the same findings, whatever is wrong with it.
func TestSameElsewhere(t *testing.T) {
	for _, d := range []int{0, 6} {
		c := kv.Sweep{Device: pages, Ops: workload(25, 6), MaxCuts: 30, Seed: 1}
		p := program(t, build(t, "gcc", "examples/logstore.c", "-O1", "-std=c99", fmt.Sprintf("-DDEFECT=%d", d)))
		for name, sweep := range map[string]func(context.Context, kv.Sweep) (*explore.Sweep, error){
			"no cut": kv.Live, "device errors": kv.Fail,
			"watchdog": func(ctx context.Context, c kv.Sweep) (*explore.Sweep, error) {
				c.Device = fuzz.F429KV
				w := kv.Watched{Sweep: c, Driver: "mbed", Corner: "typ"}
				return w.Run(ctx)
			},
		} {
			c.New = func(dev kvstore.BlockDevice) kv.Store {
				return sut.Store(plain{logstore.New(dev.(logstore.Device), d)})
			}
			want, err := sweep(context.Background(), c)
			if err != nil {
				t.Fatal(err)
			}
			c.New = func(dev kvstore.BlockDevice) kv.Store { return plain{p.Store(dev)} }
			got, err := sweep(context.Background(), c)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("defect %d, %s: Go against C:\n%s", d, name, diff)
			}
			if want.Stats.Judged == 0 {
				t.Errorf("defect %d, %s: nothing is judged", d, name)
			}
		}
	}
}

// plain is a store with what all have.
type plain struct{ sut.Store }

func (plain) ListsAtOnce() bool { return true }

func (plain) Removes() bool { return true }

// TestDoing: the story of a finding says what the code was at, as it has told by db_tag.
func TestDoing(t *testing.T) {
	p := program(t, build(t, "gcc", "examples/logstore.c", "-O1", "-std=c99", "-DDEFECT=3"))
	c := kv.Sweep{Device: pages, Ops: workload(80, 12), Modes: []string{"after"}, MaxCuts: 300, Seed: 1, New: p.Store}
	s := cut(t, c)
	for i := range s.Findings {
		var story strings.Builder
		if _, _, err := s.Findings[i].ReplayIn(&story, explore.Env{Software: c.New}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(story.String(), "the store was at: compact") {
			return
		}
	}
	t.Errorf("%d findings, none of them in compact", len(s.Findings))
}
