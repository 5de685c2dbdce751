package unit_test

import (
	"fmt"

	"dualbank/results/unit"
)

func ExampleDuration() {
	for _, seconds := range []float64{16e-6, 0.00235678, 0.9999e-3, 47.1, 142, 41.23 * 86400, 10.4 * 365.25 * 86400} {
		fmt.Println(unit.Duration(seconds))
	}
	// Output:
	// 16 µs
	// 2.36 ms
	// 1.00 ms
	// 47.1 s
	// 2 min 22 s
	// 41.2 d
	// 10.4 years
}

// The unit of a metric decides how its value is printed.
func ExampleMeasure() {
	fmt.Println(unit.Measure(0.00493, "sim-sec/op"))
	fmt.Println(unit.Measure(2048, "B/op"))
	fmt.Println(unit.Measure(1.3721, "write-amp"))
	// Output:
	// 4.93 ms
	// 2 KiB
	// 1.372
}

func ExamplePlural() {
	fmt.Println(unit.Plural(1, "erase"))
	fmt.Println(unit.Plural(26843, "erase"))
	fmt.Println(unit.Size(400<<10), unit.Percent(0.0038), unit.Address(0x08100000))
	// Output:
	// 1 erase
	// 26,843 erases
	// 400 KiB 0.38 % 0x08100000
}

func ExampleOrdinal() {
	for _, n := range []uint64{1, 2, 3, 11, 122, 113, 1001} {
		fmt.Printf("every %s step\n", unit.Ordinal(n))
	}
	// Output:
	// every single step
	// every 2nd step
	// every 3rd step
	// every 11th step
	// every 122nd step
	// every 113th step
	// every 1001st step
}
