package main

import (
	"strings"
	"testing"
)

// TestLayoutNotes: a Cortex-M7 with two banks has a line about its speculative fetches, other parts have none.
func TestLayoutNotes(t *testing.T) {
	for part, want := range map[string]string{
		"stm32h743zi": "fetches ahead into the other bank: code in one bank stalls in about 20 % of the erases", "stm32f769ni": "", "stm32f429zi": "", "": "",
	} {
		if got := (&layoutCommand{Part: part}).note("STM32F429ZI"); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%s: %q, want %q", part, got, want)
		}
	}
}
