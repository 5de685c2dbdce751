package job_test

import (
	"context"
	"fmt"

	"dualbank/bench"
	"dualbank/bench/job"
)

// Does another flash driver make an update faster?
func ExampleRunUpdates() {
	s := bench.Guide()
	v, err := job.NewVariants(s, []string{"64KiB"}, []string{"mbed", "word"}, nil, []string{"wifi"}, false)
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := job.RunUpdates(context.Background(), s, v, "out", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range report.Facts {
		fmt.Println(f.Name+":", f.Value)
	}
	// Output:
	// Update, 64 KiB: 6.89 s
	// Driver word: 5.27 s
}

// Mistakes name the flag.
func ExampleNewVariants() {
	_, err := job.NewVariants(bench.Guide(), nil, nil, []string{"100"}, nil, false)
	fmt.Println(err)
	// Output:
	// --slots: "100" is no number of slots: give 1 to 64
}
