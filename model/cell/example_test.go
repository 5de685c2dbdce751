package cell_test

import (
	"fmt"

	"dualbank/model/cell"
)

// The same two programs under two rules: an STM32F4 takes the AND of both, an STM32L4 refuses the second.
func Example() {
	for _, rule := range []cell.Rule{cell.AND, cell.RejectNonblank} {
		a := cell.New(cell.Config{Bytes: 1024, Page: 256, Rule: rule, Access: cell.Access{Unit: 8, Width: 8}})
		a.Program(0, []byte{0xF0, 1, 2, 3, 4, 5, 6, 7})
		_, ok := a.Program(0, []byte{0x3C, 1, 2, 3, 4, 5, 6, 7})
		got := make([]byte, 8)
		a.Read(0, got)
		fmt.Printf("%s: %v, % x\n", rule, ok, got)
	}
	// Output:
	// and: true, 30 01 02 03 04 05 06 07
	// reject-nonblank: false, f0 01 02 03 04 05 06 07
}

// An erase that a power cut hits: some bits have risen, some have not.
func ExampleArray_CutErase() {
	a := cell.New(cell.Config{Bytes: 1024, Page: 256, Rule: cell.AND, Access: cell.Access{Unit: 1, Width: 1}})
	a.Program(0, make([]byte, 1024))
	a.CutErase(0, 1024, cell.Torn, 7)
	got := make([]byte, 4)
	a.Peek(0, got)
	fmt.Printf("% x\n", got)
	a.Erase(0, 1024)
	a.Peek(0, got)
	fmt.Printf("% x\n", got)
	// Output:
	// d7 0d 32 59
	// ff ff ff ff
}
