package bench

import (
	"context"
	"math"
	"testing"
)

// TestEnergyOfSets: what sets with and without garbage collection draw comes to what the workload draws, and a
// board without figures has no energy, not zero.
func TestEnergyOfSets(t *testing.T) {
	s := Guide()
	s.Workload.Hours = 48
	d, err := s.Device("mbed", 0)
	if err != nil {
		t.Fatal(err)
	}
	sets, err := d.RunWorkload(context.Background(), &s.Workload, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	all, ok := d.SetsEnergy(sets)
	plain, ok1 := d.SetEnergy(sets, false)
	gc, ok2 := d.SetEnergy(sets, true)
	if !ok || !ok1 || !ok2 || !all.CoreOK {
		t.Fatalf("%+v %v, %v, %v", all, ok, ok1, ok2)
	}
	n, k := float64(len(sets.Plain)), float64(len(sets.GC))
	if got := n*plain.All() + k*gc.All(); math.Abs(got/all.All()-1) > 1e-9 {
		t.Errorf("%v J set by set, %v J in all", got, all.All())
	}
	if gc.Flash < 10*plain.Flash {
		t.Errorf("a set with garbage collection draws %v J, one without %v J", gc.Flash, plain.Flash)
	}
	unknown := 0
	for _, m := range sets.Metrics(d.Flash) {
		if m.Unit == "sim-J/op" {
			unknown++
			if math.Abs(m.Value*(n+k)/all.Flash-1) > 1e-9 {
				t.Errorf("metric %v, want %v", m.Value, all.Flash/(n+k))
			}
		}
	}
	if unknown != 1 {
		t.Errorf("%d metrics of energy", unknown)
	}
	s, err = BoardScenario("nrf52840-dk")
	if err != nil {
		t.Fatal(err)
	}
	s.Workload.Hours = 1
	if d, err = s.Device("mbed", 0); err != nil {
		t.Fatal(err)
	}
	if sets, err = d.RunWorkload(context.Background(), &s.Workload, 1, nil); err != nil {
		t.Fatal(err)
	}
	if e, ok := d.SetsEnergy(sets); ok {
		t.Errorf("a part without currents draws %+v", e)
	}
	for _, m := range sets.Metrics(d.Flash) {
		if m.Unit == "sim-J/op" {
			t.Error("a part without currents has a metric of energy")
		}
	}
}
