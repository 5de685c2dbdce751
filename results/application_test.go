package results

import (
	"strings"
	"testing"
)

// TestCheckApplication holds Check to what no run leaves.
func TestCheckApplication(t *testing.T) {
	for _, c := range []struct {
		change func(r *Report)
		want   string
	}{
		{func(r *Report) { r.Application[1].Masked = -1 }, "application[1][3]: -1 is not a time in seconds"},
		{func(r *Report) { r.Application[0].Interrupts[0].Worst = 2 * longest }, "application[0].interrupts[0][2]: 2e+12 is not a time"},
		{func(r *Report) {
			a := &r.Application[0]
			a.Interrupts = append(a.Interrupts, a.Interrupts[0])
		}, "application[0].interrupts[1]: control is there twice"},
		{func(r *Report) { r.Application[0].Interrupts[0].Points[1].Within = 3 }, "application[0].interrupts[0].points[1]: 0.001 s, 3 activations: less than before"},
		{func(r *Report) { r.Application[0].Interrupts[0].Activations++ }, "application[0].interrupts[0]: 36000001 activations, its points have 36000000"},
		{func(r *Report) { r.Collections[1].Tracks[1].Spans[1].Start = 0.2 }, "collections[1].tracks[1].spans[1]: 0.2 to 0.384: ends before it starts"},
		{func(r *Report) { r.Collections[0].Interrupts[0].Delays[0].Count = 0 }, "collections[0].interrupts[0].delays[0]: 0 activations from 0.0001 s on, served at 0.2501 s: out of order"},
		{func(r *Report) { r.Collections[0].Interrupts[0].Delays[0].Count = 2600 }, "collections[0].interrupts[0].delays[0]: 2600 activations"},
	} {
		r := sample()
		c.change(r)
		if err := Check(r); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

// TestWordsOfApplication: who cannot see the pictures is told the same.
func TestWordsOfApplication(t *testing.T) {
	r := sample()
	text := ""
	for _, p := range pictures(r) {
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
