package release_test

import (
	"fmt"

	"dualbank/bench/release"
)

// A release with few changes has a small delta.
func Example() {
	s := release.Series{Seed: 1, Base: 0x0800_8400, Bytes: 100 << 10, Changed: 20}
	delta, err := s.Delta(1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d bytes of firmware, a delta of %d %%\n", len(s.Image(1)), 100*len(delta)/len(s.Image(1)))
	// Output:
	// 102400 bytes of firmware, a delta of 12 %
}
