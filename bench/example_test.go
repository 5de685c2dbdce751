package bench_test

import (
	"context"
	"fmt"

	"dualbank/bench"
	"dualbank/model"
)

// A day of the guide's device: what sets cost, and how long the store lasts.
func ExampleDevice_RunWorkload() {
	s := bench.Guide()
	s.Workload.Hours = 24
	d, err := s.Device("mbed", model.Typ)
	if err != nil {
		fmt.Println(err)
		return
	}
	sets, err := d.RunWorkload(context.Background(), &s.Workload, s.Seed, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	seconds := d.Flash.Seconds
	fmt.Printf("%d sets, %d with a garbage collection\n", sets.Count(), len(sets.GC))
	fmt.Printf("median %.2f ms, slowest %.0f ms\n", 1e3*seconds(bench.Quantile(500, sets.All())), 1e3*seconds(bench.Quantile(1000, sets.All())))
	hours, ok := sets.Life.Hours(d.Flash.Hz())
	fmt.Printf("%.0f years, known: %t\n", hours/24/365.25, ok)
	// Output:
	// 1440 sets, 3 with a garbage collection
	// median 1.17 ms, slowest 686 ms
	// 16 years, known: true
}

// One update of the guide's device, over a faster link than its own.
func ExampleDevice_RunUpdate() {
	s := bench.Guide()
	s.Update.Bytes, s.Update.Delta = 100<<10, false
	link, err := s.Update.Link.Named("wifi")
	if err != nil {
		fmt.Println(err)
		return
	}
	s.Update.Link = link.Link
	d, err := s.Device("word", model.Typ)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := d.KV.Open(); err != nil {
		fmt.Println(err)
		return
	}
	u, err := d.RunUpdate(context.Background(), &s.Update, s.Seed, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	seconds := d.Flash.Seconds
	fmt.Printf("version %d from slot %d in %.1f s\n", u.Version, u.Slot, seconds(u.Cycles()))
	fmt.Printf("download %.1f s, bootloader %.1f s\n", seconds(u.Phases[bench.PhaseDownload].Cycles), seconds(u.Down()))
	// Output:
	// version 2 from slot 0 in 8.1 s
	// download 4.0 s, bootloader 2.6 s
}

// Mistakes are reported on one line.
func ExampleParse() {
	_, err := bench.Parse("my.toml", []byte("[workload]\nsets_per_hour = 0\n"))
	fmt.Println(err)
	_, err = bench.Parse("my.toml", []byte("[board]\nclock = 180e6\n"))
	fmt.Println(err)
	// Output:
	// my.toml:2: workload.sets_per_hour: 0: give 1 to 3600000
	// my.toml:2:1: board.clock: unknown key: correct its spelling or remove it
}
