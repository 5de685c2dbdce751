package table_test

import (
	"fmt"

	"dualbank/results/table"
)

// Numbers are aligned right, and the last column is broken at spaces.
func ExampleTable_Text() {
	t := table.Table{
		Caption: "Stores that were tried",
		Head:    []table.Cell{{Text: "KVStore"}, table.Number("Life"), {Text: "Meets the wishes"}},
		Rows: [][]table.Cell{
			{{Text: "64 KiB"}, table.Number("6.81 years"), {Text: "no: it lasts 6.81 of 10 years"}},
			{{Text: "128 KiB"}, table.Number("15.9 years"), {Text: "yes"}},
		},
	}
	fmt.Print(t.Text(45))
	// Output:
	// Stores that were tried
	// KVStore        Life  Meets the wishes
	// -------  ----------  ------------------------
	// 64 KiB   6.81 years  no: it lasts 6.81 of 10
	//                      years
	// 128 KiB  15.9 years  yes
}
