package cexpr_test

import (
	"fmt"

	"dualbank/boot/layout/cexpr"
)

func ExampleEvaluate() {
	macros := map[string]string{"MBED_ROM_START": "0x08000000", "MBED_ROM_SIZE": "0x200000", "BANK": "MBED_ROM_SIZE/2", "LOOP": "LOOP+1"}
	macro := func(name string) (string, bool) { text, ok := macros[name]; return text, ok }
	for _, text := range []string{"(MBED_ROM_START + BANK)", "2*64*1024u", "STORE_SIZE", "LOOP"} {
		v, err := cexpr.Evaluate(text, macro)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Printf("0x%X\n", v)
	}
	// Output:
	// 0x8100000
	// 0x20000
	// unknown macro STORE_SIZE; define it under "macros", or give the mbed_lib.json whose option it is
	// macro LOOP needs its own value (in LOOP); break the cycle
}
