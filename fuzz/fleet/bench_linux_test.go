package fleet_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"dualbank"
	"dualbank/fuzz"
	"dualbank/fuzz/fleet"
)

// ended kills processes and returns the processor time that they have taken.
func ended(all ...*process) (cpu time.Duration) {
	for _, p := range all {
		p.kill()
		<-p.done
		cpu += used(p)
	}
	return cpu
}

// used is the processor time that a process took which has ended.
func used(p *process) time.Duration {
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

// spent is the processor time that a running process has taken.
func spent(b *testing.B, p *process) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	var user, system int64 // in hundredths of a second
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		b.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// explored has so many workers, each on a processor of its own (taskset), explore the campaign of the roles. It returns the
// time until the collector has the result.
func explored(b *testing.B, workers int) time.Duration {
	b.Helper()
	h := play(b, "hub", freePort(b)+" "+b.TempDir())
	team := []*process{h}
	for i := range workers {
		team = append(team, play(b, "worker", fmt.Sprintf("%s w%d", h.line, i), "taskset", "-c", fmt.Sprint(i)))
	}
	began := time.Now()
	c := play(b, "collector", h.line+" "+b.TempDir())
	if err := <-c.done; err != nil {
		b.Fatal(err)
	}
	wall := time.Since(began)
	ended(team...)
	return wall
}

// campaign sets the campaign of the roles, unless CAMPAIGN does.
func campaign(b *testing.B) { b.Setenv("CAMPAIGN", cmp.Or(os.Getenv("CAMPAIGN"), "large")) }

// BenchmarkTwoWorkers is how much faster two workers are than one, each pinned to a processor, in pairs. It needs a quiet
// machine with two processors and taskset; CAMPAIGN=default has the default campaign explored.
func BenchmarkTwoWorkers(b *testing.B) {
	campaign(b)
	var one, two time.Duration
	for b.Loop() {
		one += explored(b, 1)
		two += explored(b, 2)
	}
	b.ReportMetric(float64(one)/float64(two), "x")
}

// BenchmarkOverhead is how much more processor time hub, one worker and collector take than one process for the same
// campaign, in percent. Both explore it at the same time on the same processor: the times of the same process on a shared machine
// are up to a tenth apart from one minute to the next.
func BenchmarkOverhead(b *testing.B) {
	campaign(b)
	pin := []string{"taskset", "-c", "0"}
	var fleets, alone time.Duration
	for b.Loop() {
		h := play(b, "hub", freePort(b)+" "+b.TempDir(), pin...)
		w := play(b, "worker", h.line+" w0", pin...)
		p := play(b, "alone", b.TempDir(), pin...)
		c := play(b, "collector", h.line+" "+b.TempDir(), pin...)
		if err := cmp.Or(<-c.done, <-p.done); err != nil {
			b.Fatal(err)
		}
		alone += used(p)
		fleets += used(c) + ended(h, w)
	}
	b.ReportMetric(100*(float64(fleets)/float64(alone)-1), "%more-cpu")
	b.ReportMetric(alone.Seconds()/float64(b.N), "cpu-s-alone")
}

// BenchmarkHub is a thousand workers, each with a connection of its own, and pieces without work whose results have 4 KiB:
// pieces that one hub carries a second, beside its clients on the same machine, and the hub's processor time for each.
// pieces-per-core-s is what one processor of the hub would carry.
func BenchmarkHub(b *testing.B) {
	const workers = 1000
	h := play(b, "hub", freePort(b)+" "+b.TempDir())
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var working sync.WaitGroup
	defer working.Wait()
	defer stop()
	connect := func(name string) *fleet.Link {
		l, err := fleet.Connect(ctx, fleet.Access{URL: h.line}, name, nil)
		if err != nil {
			b.Fatal(err)
		}
		return l
	}
	l := connect("collector")
	defer l.Close()
	d := &fleet.Definition{Program: dualbank.Digest(), Profile: "MbedCE", Seed: 1}
	for i := 0; i < b.N; i += 64 { // a piece has four chunks
		d.Sweeps = append(d.Sweeps, fuzz.Divided{Sweep: len(d.Sweeps), Chunks: 4 * min(b.N-i, 64)})
	}
	if err := l.Submit(ctx, d); err != nil {
		b.Fatal(err)
	}
	links := make([]*fleet.Link, workers)
	for i := range links {
		links[i] = connect(fmt.Sprintf("w%d", i))
		defer links[i].Close()
	}
	watch := l.Follow(ctx)
	before := spent(b, h)
	b.ResetTimer()
	for i, link := range links {
		w := &fleet.Worker{Name: fmt.Sprintf("w%d", i), Workers: 1, Build: func(*fleet.Definition) (*fuzz.Campaign, error) { return small(), nil }}
		w.Idle(1024)
		working.Go(func() { w.Work(ctx, link) })
	}
	for watch.State().Share < 1 {
		time.Sleep(10 * time.Millisecond)
	}
	b.StopTimer()
	cpu := spent(b, h) - before
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pieces/s")
	b.ReportMetric(float64(cpu.Microseconds())/float64(b.N), "hub-us/piece")
	b.ReportMetric(float64(b.N)/cpu.Seconds(), "pieces-per-core-s")
}
