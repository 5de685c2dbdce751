package explore_test

import (
	"fmt"

	"dualbank/fuzz/explore"
	"dualbank/model"
)

// A fault is a line of text in a script.
func ExampleParseFault() {
	f, err := explore.ParseFault("torn at step 12, seed 7")
	fmt.Println(f.Mode == model.Torn, f.At, f.Seed, err)
	fmt.Println(explore.Fault{Mode: model.Before, At: 3})
	// Output:
	// true 12 7 <nil>
	// before at step 3
}

// A recording knows which operation each step belongs to, and does them again on other flash.
func ExampleRecord() {
	d := explore.Device{Sectors: "2x512", Unit: 8}
	f, err := d.Flash()
	if err != nil {
		fmt.Println(err)
		return
	}
	r := explore.Record(f)
	r.Operation()
	_ = f.Erase(f.Start(), 512)
	r.Operation()
	_ = f.Program(f.Start(), make([]byte, 24))
	r.Operation()
	fmt.Println(r.Steps, "steps; step 2 is of operation", r.Op(2))

	other, _ := d.Flash()
	fmt.Println(r.Do(other, 0, 2)) // the erase, and the first unit
	cells := make([]byte, 10)
	other.Peek(other.Start(), cells)
	fmt.Printf("% X\n", cells)
	// Output:
	// 4 steps; step 2 is of operation 1
	// <nil>
	// 00 00 00 00 00 00 00 00 FF FF
}
