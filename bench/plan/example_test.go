package plan_test

import (
	"context"
	"fmt"

	"dualbank/bench"
	"dualbank/bench/plan"
)

// How large must the store be for a value that is set every minute to last ten years?
func ExampleRun() {
	s := bench.Guide()
	s.Workload.Keys = []bench.Key{{Name: "position", Bytes: [2]uint32{32, 32}, Weight: 1}}
	s.Plan.SetsPerDay, s.Plan.Years, s.Plan.Quick = 24*60, 10, true
	s.Plan.Sizes, s.Update.Bytes = []uint32{32 << 10, 64 << 10}, 64<<10
	s.Plan.Places = []bench.Place{bench.PlaceStart}
	report, err := plan.Run(context.Background(), s, "out", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, c := range report.Plan.Candidates {
		fmt.Printf("%s: %.1f years, best: %t %v\n", c.Name, c.Years, i == report.Plan.Best, c.Unmet)
	}
	// Output:
	// 32 KiB at the start: 9.6 years, best: false [it lasts 9.64 of 10 years]
	// 64 KiB at the start: 19.4 years, best: true []
}

// A trace says when which key was set.
func ExampleParseTrace() {
	trace, err := plan.ParseTrace("day.csv", []byte("seconds,key,bytes,op\n0,a,10,set\n30,b,20,set\n60,a,,remove\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d keys, %d operations in %g s\n", len(trace.Keys), len(trace.Ops), trace.Span)
	_, err = plan.ParseTrace("day.csv", []byte("seconds,key,bytes\n0,a,ten\n"))
	fmt.Println(err)
	// Output:
	// 2 keys, 3 operations in 90 s
	// day.csv:2: bytes "ten": give 0 to 1048576
}
