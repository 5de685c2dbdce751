package native_test

import (
	"context"
	"fmt"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/fuzz/native"
	"dualbank/model"
	"dualbank/model/cell"
)

// The workload of the comparison: as many sets as testdata/loop.c makes, and a cut at every nth step.
const (
	benchSets = 400
	benchNth  = 10
	benchKeys = 40
)

var benchDevice = explore.Device{Sectors: "4x16K+1x64K", Unit: 1, Size: 131072}

// reader opens the store and reads every key back: the least that a judge does.
type reader struct {
	f    *model.Flash
	s    sut.Store
	keys []string
	buf  []byte
}

func (r *reader) Begin(int) {}

func (r *reader) Judge(int, model.Mode, uint64) ([]explore.Violation, uint64, error) {
	calls := func(s sut.Store) {
		_ = s.Open()
		for _, k := range r.keys {
			_, _ = s.Get(k, r.buf, 0)
		}
	}
	if f, ok := r.s.(sut.Foreseer); ok {
		f.Foresee(calls)
	}
	r.f.Boot()
	calls(r.s)
	return nil, 0, nil
}

// cpuTime is the CPU time of this process.
func cpuTime() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u) // of this process there is always one
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCuts is cuts for each CPU second, of this process and of those of the program: a hand-written loop in one C
// process; the same reading through the harness; the whole judge of the subject kv; and the reading with a fork for each
// boot. All four take turns, so that a busy machine is no matter.
func BenchmarkCuts(b *testing.B) {
	path := build(b, "gcc", "examples/logstore.c", "-O2", "-std=gnu11", "-DDEFECT=0")
	loop := build(b, "gcc", "testdata/loop.c", "-O2", "-std=gnu11", "-DDUALBANK_IMPLEMENTED", "examples/logstore.c")
	var cuts [4]float64
	var spent [4]time.Duration
	for b.Loop() {
		out, err := exec.Command(loop, fmt.Sprint(benchSets), fmt.Sprint(benchNth)).Output()
		var n, ns float64
		if _, scan := fmt.Sscan(string(out), &n, &ns); err != nil || scan != nil {
			b.Fatal(err, scan)
		}
		cuts[0] += n
		spent[0] += time.Duration(ns)
		for i, c := range []struct {
			iso   native.Isolation
			whole bool
			nth   uint64
		}{{native.Reset, false, benchNth}, {native.Reset, true, benchNth}, {native.Fork, false, 2 * benchNth}} {
			p := &native.Program{Path: path, Isolate: c.iso}
			n, t := benchCuts(b, p, c.whole, c.nth)
			cuts[1+i] += float64(n)
			spent[1+i] += t
		}
	}
	for i, name := range []string{"loop", "read", "judge", "fork"} {
		b.ReportMetric(cuts[i]/spent[i].Seconds(), name+"-cuts/cpu-s")
	}
	b.ReportMetric(0, "ns/op")
}

// benchCuts explores the workload in mode torn, and returns the number of cuts and the CPU time that they took.
func benchCuts(b *testing.B, p *native.Program, whole bool, nth uint64) (uint64, time.Duration) {
	b.Helper()
	defer p.Close()
	var ops []script.Op
	for i := range benchSets {
		ops = append(ops, script.Op{Kind: script.Set, Key: fmt.Sprintf("key%02d", i%benchKeys), Size: 100, Seed: uint64(i)})
	}
	f, dev, err := benchDevice.Region()
	if err != nil {
		b.Fatal(err)
	}
	s := p.Store(dev)
	if err := s.Open(); err != nil {
		b.Fatal(err)
	}
	x := explore.Plan{
		Recording: explore.Record(f), Modes: []model.Mode{cell.Torn}, Seed: 1, Chunk: explore.BatchChunkSteps, Workers: sut.Batch(s), Plain: true,
		NewFlash: benchDevice.Flash,
		Where:    func(explore.Violation, uint64) explore.Place { return explore.Place{} },
		NewRunner: func(f *model.Flash) (explore.Runner, error) {
			dev, err := f.Region(benchDevice.Base, benchDevice.Size)
			if err != nil {
				return nil, err
			}
			r := &reader{f: f, s: p.Store(dev), buf: make([]byte, 128)}
			for i := range benchKeys {
				r.keys = append(r.keys, fmt.Sprintf("key%02d", i))
			}
			return r, nil
		},
	}
	for i := range ops {
		x.Recording.Operation()
		if err := sut.Do(&ops[i], s, f); err != nil {
			b.Fatal(err)
		}
	}
	x.Recording.Operation()
	f.Observe(nil)
	for step := uint64(0); step < x.Recording.Steps; step += nth {
		x.Steps = append(x.Steps, step)
	}
	began, used := cpuTime(), p.CPU()
	if whole {
		s, err := kv.Cut(context.Background(), kv.Sweep{Device: benchDevice, New: p.Store, Ops: ops, Modes: []string{"torn"}, MaxCuts: x.Recording.Steps / nth, Seed: 1}, nil)
		if err != nil || len(s.Findings) > 0 {
			b.Fatal(err, s.Findings)
		}
		return s.Stats.Judged, cpuTime() - began + time.Duration(p.CPU()-used)
	}
	var sweep explore.Sweep
	if err := x.Run(context.Background(), &sweep, explore.NewGroups(), nil); err != nil {
		b.Fatal(err)
	}
	return sweep.Stats.Cuts, cpuTime() - began + time.Duration(p.CPU()-used)
}
