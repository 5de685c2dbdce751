package compare_test

import (
	"fmt"
	"os"
	"path/filepath"

	"dualbank/results/compare"
)

// An exact figure that is 5 % worse fails with a limit of 2 %; one that is better never does.
func ExampleFiles() {
	dir, err := os.MkdirTemp("", "compare")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	write := func(name, set, erases string) string {
		path := filepath.Join(dir, name)
		text := "Unit sim-sec/op assume=exact better=lower\nUnit erases/op assume=exact better=lower\n" +
			"BenchmarkKVSet/keys=40 1 " + set + " sim-sec/op " + erases + " erases/op\n"
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			fmt.Println(err)
		}
		return path
	}
	th := compare.DefaultThresholds()
	th.Exact = 2
	c, err := compare.Files(write("old.txt", "0.0100", "0.5"), write("new.txt", "0.0105", "0.4"), th)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, t := range c.Tables {
		for _, r := range t.Rows {
			fmt.Println(r.Name, t.Unit, r.Delta, r.Verdict)
		}
	}
	for _, f := range c.Failures {
		fmt.Printf("%s:%d: %s\n", filepath.Base(f.File), f.Line, f.Message)
	}
	// Output:
	// KVSet/keys=40 sim-sec/op +5.00% failed
	// KVSet/keys=40 erases/op -20.00% better
	// new.txt:3: 10.00m sim-sec/op to 10.50m sim-sec/op, +5.00%: more than 2% worse
}

func ExampleThresholds_Check() {
	th := compare.DefaultThresholds()
	th.Alpha = 0
	fmt.Println(th.Check())
	// Output:
	// alpha: 0: give more than 0 and less than 1, such as 0.05
}
