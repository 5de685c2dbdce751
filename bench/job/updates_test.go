package job

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dualbank/bench"
	"dualbank/model"
	"dualbank/results"
)

func TestVariantErrors(t *testing.T) {
	list := func(v ...string) []string { return v }
	for _, c := range []struct {
		sizes, drivers, slots, links []string
		want                         string
	}{
		{sizes: list("0"), want: `--size: "0" is no size`},
		{sizes: list("10x"), want: `--size: "10x" is no size`},
		{sizes: list("-1"), want: `--size: "-1" is no size`},
		{sizes: list("257M"), want: `--size: 257M: give up to`},
		{sizes: list("99999999999999999999"), want: "is no size"},
		{sizes: list("18014398509481985k"), want: "is no size"},
		{sizes: list("1K", "1K"), want: "--size: 1K stands there twice"},
		{drivers: list("a", "b", "a"), want: "--driver: a stands there twice"},
		{slots: list("0"), want: `--slots: "0" is no number of slots: give 1 to 64`},
		{slots: list("two"), want: `--slots: "two" is no number`},
		{links: list("carrier-pigeon"), want: `--link: link "carrier-pigeon" is unknown: give one of none, ethernet,`},
		{links: list("0/1s"), want: "bits a second from 1 to 10^12 are wanted first"},
		{links: list("2000G/1s"), want: "bits a second"},
		{links: list("1k/1"), want: "a round trip from 0s to 1h is wanted second"},
		{links: list("1k/-1s"), want: "a round trip"},
		{links: list("1k/1s/901"), want: "losses from 0 to 900 of 1000 are wanted third"},
		{links: list("1k/1s/1/1"), want: "is unknown"},
		{sizes: seq(61), slots: seq(64), want: "7808 updates: give fewer"},
	} {
		if _, err := NewVariants(bench.Guide(), c.sizes, c.drivers, c.slots, c.links, false); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v %v %v %v: %v, want one line with %s", c.sizes, c.drivers, c.slots, c.links, err, c.want)
		}
	}
	s := bench.Guide()
	s.Update.Firmware, s.Update.FirmwareFile = "a.bin", []byte("firmware")
	if _, err := NewVariants(s, list("1K"), nil, nil, nil, false); err == nil || !strings.Contains(err.Error(), "--size: the firmware comes from files") {
		t.Error(err)
	}
	if _, err := NewVariants(s, nil, nil, nil, nil, true); err == nil || !strings.Contains(err.Error(), "--delta: a delta between a file and a generated") {
		t.Error(err)
	}
}

// seq is the numbers from 1 to n.
func seq(n int) (list []string) {
	for i := range n {
		list = append(list, strconv.Itoa(i+1))
	}
	return list
}

// few are variants in all directions, of which one size fits only one slot.
func few(t *testing.T, s *bench.Scenario) *Variants {
	t.Helper()
	v, err := NewVariants(s, []string{"150K", "20000", "40K"}, []string{"word", "mbed"}, []string{"1", "7"}, []string{"wifi", "250k/80ms/5"}, true)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// updates is the report of variants, which is whole.
func updates(t *testing.T, s *bench.Scenario, v *Variants) *results.Report {
	t.Helper()
	r, err := RunUpdates(context.Background(), s, v, "out", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := results.Check(r); err != nil {
		t.Error(err)
	}
	return r
}

func TestRunUpdatesRepeats(t *testing.T) {
	s := bench.Guide()
	one := updates(t, s, few(t, s))
	var runs [2]*results.Report
	for i := range runs {
		v, err := NewVariants(s, []string{"20000"}, []string{"word", "mbed"}, []string{"1"}, []string{"250k/80ms/5"}, true)
		if err != nil {
			t.Fatal(err)
		}
		runs[i] = updates(t, s, v)
	}
	if d := cmp.Diff(runs[0], runs[1]); d != "" {
		t.Errorf("a second run differs:\n%s", d)
	}
	if len(one.Updates) != 40 || len(one.Bench) != 40 || one.Timeline == nil {
		t.Errorf("%d updates, %d benchmarks", len(one.Updates), len(one.Bench))
	}
	names := map[string]bool{}
	for _, b := range one.Bench {
		names[b.Name] = true
	}
	for _, want := range []string{
		"Update/part=stm32f429zi/driver=word/layout=guide/corner=typ/bytes=40960/slots=7/link=wifi/delta=yes",
		"Update/part=stm32f429zi/driver=mbed/layout=guide/corner=typ/bytes=153600/slots=1/link=250k-80ms-5",
	} {
		if !names[want] {
			t.Errorf("no %s in %v", want, names)
		}
	}
	if len(names) != len(one.Bench) {
		t.Error("a name is there twice")
	}
	facts := map[string]results.Fact{}
	for _, f := range one.Facts {
		facts[f.Name] = f
	}
	for name, want := range map[string]string{
		"Update, 40 KiB":   "driver word, slots 1, link wifi: ",
		"Driver mbed":      " more; ",
		"Slots: 7":         "; ",
		"Link 250k-80ms-5": " more; ",
		"By delta":         " less than the whole image: ",
		"Left out":         "too large for the slot or the application's region: 150 KiB in one of 7 slots",
	} {
		if !strings.Contains(facts[name].Note, want) {
			t.Errorf("%s: %+v, want %s", name, facts[name], want)
		}
	}
	if want := "dualbank update out/scenario.toml --size 150K,20000,40K --driver word,mbed --slots 1,7 --link wifi,250k/80ms/5 --delta --out out"; one.Command != want {
		t.Errorf("%s, want %s", one.Command, want)
	}
}

// What the command's table says is what the same update of a scenario says.
func TestVariantIsTheScenarios(t *testing.T) {
	s := bench.Guide()
	s.Update.Bytes, s.Update.Delta = 30_000, false
	d, err := s.Device("mbed", model.Typ)
	if err != nil {
		t.Fatal(err)
	}
	if err := bench.NewLoad(&s.Workload, s.Seed).Provision(d.KV); err != nil {
		t.Fatal(err)
	}
	run, err := d.RunUpdate(context.Background(), &s.Update, s.Seed, nil)
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewVariants(s, []string{"30000"}, []string{"mbed"}, nil, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	r := updates(t, s, v)
	if diff := cmp.Diff(run.Metrics(d.Flash), r.Bench[0].Metrics); diff != "" {
		t.Error(diff)
	}
}

func TestRunUpdatesErrors(t *testing.T) {
	for _, c := range []struct {
		sizes, drivers, slots []string
		want                  string
	}{
		{[]string{"2M"}, nil, nil, "update.bytes: 2097152 bytes of firmware, the layout has room for 1014784"},
		{[]string{"950K"}, nil, nil, "firmware too large for the slot: give a smaller update.bytes"},
		{nil, []string{"hal"}, nil, `board.driver: driver "hal" is unknown`},
		{nil, nil, []string{"8"}, "update.slots: slot 0 of 8 is empty"},
	} {
		s := bench.Guide()
		v, err := NewVariants(s, c.sizes, c.drivers, c.slots, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		r, err := RunUpdates(context.Background(), s, v, "out", nil)
		if _, ok := errors.AsType[*bench.ScenarioError](err); !ok || r != nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: report %v, error %v, want %s", c, r != nil, err, c.want)
		}
	}
}

func TestRunUpdatesStops(t *testing.T) {
	for _, after := range []uint64{0, 3} {
		ctx, cancel := context.WithCancel(context.Background())
		s := bench.Guide()
		r, err := RunUpdates(ctx, s, few(t, s), "out", func(stage string, done, total uint64) {
			if done == after {
				cancel()
			}
		})
		if err != context.Canceled || (r != nil) != (after > 0) {
			t.Errorf("stopped after %d: %v, report %v", after, err, r != nil)
		}
		if r != nil {
			if err := results.Check(r); err != nil {
				t.Error(err)
			}
			if last := r.Facts[len(r.Facts)-1]; last.Name != "Not run" || last.Value != "45" {
				t.Errorf("%+v", last)
			}
		}
	}
}
