package plot

import (
	"strings"
	"testing"

	"dualbank/results/internal/sample"
)

// TestWordsOfApplication: who cannot see the pictures is told the same.
func TestWordsOfApplication(t *testing.T) {
	r := sample.Report()
	text := ""
	for _, p := range Pictures(r) {
		text += p.desc() + "\n"
	}
	for _, want := range []string{
		"driver mbed: of 36,000,000 activations half wait for 66.7 ns, 99.999 % for 250 ms at most, the worst for 250 ms; 2,497 an hour miss their deadline.",
		"driver word: of 36,000,000 activations half wait for 66.7 ns, 99.999 % for 66.7 ns at most, the worst for 66.7 ns; none misses its deadline.",
		"driver mbed: a set with garbage collection takes 384 ms. In total: bank 1 busy never, bank 2 busy 379 ms, CPU running 384 ms, CPU stalled never, interrupts masked 250 ms. Of interrupt control, which usually waits for 66.7 ns, 2,500 activations must wait longer, up to 250 ms.",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
