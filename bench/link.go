package bench

import (
	"time"

	"dualbank/boot"
)

// boot is the link as the update client sees it: an exchange is lost if its request or its answer is,
// and both have overhead. The losses are drawn from seed.
func (l *Link) boot(seed uint64) boot.Link {
	b := boot.Link{
		BitsPerSecond: l.BitsPerSecond,
		RoundTrip:     time.Duration(l.RoundTrip),
		LossPPM:       l.Loss * (2000 - l.Loss), // 1 - (1 - p)^2, exactly
		Block:         l.Block,
		Overhead:      2 * l.Overhead,
		Timeout:       max(time.Duration(l.Timeout), 1),
		Retransmits:   int(l.Repeats),
		Seed:          seed,
	}
	if b.Retransmits == 0 {
		b.Retransmits = -1
	}
	return b
}
