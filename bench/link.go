package bench

import (
	"time"

	"dualbank/model"
)

// channel is a link at work: it says how long each block takes. Losses are drawn from a seed.
type channel struct {
	Link
	rng     *model.Rand
	repeats uint64 // messages sent again
	resumes uint64 // blocks given up and begun anew
}

func newChannel(l Link, seed uint64) *channel { return &channel{Link: l, rng: model.NewRand(seed)} }

// airtime is the time that n bytes occupy the link, rounded up to a nanosecond.
func (c *channel) airtime(n uint32) time.Duration {
	bits := uint64(n) * 8
	return time.Duration((bits*uint64(time.Second) + c.BitsPerSecond - 1) / c.BitsPerSecond)
}

// fetch is the time from the request of a block of n bytes to its last bit. A lost message, request or
// answer, costs the time-out of RFC 7252: drawn between one and one and a half ACK_TIMEOUT, doubled
// at each repetition; after the last one the client gives up, pauses, and begins anew.
func (c *channel) fetch(n uint32) time.Duration {
	exchange := c.airtime(c.Overhead) + time.Duration(c.RoundTrip) + c.airtime(c.Overhead+n)
	var waited time.Duration
	for {
		timeout := time.Duration(c.Timeout)
		timeout += time.Duration(c.rng.Intn(int(timeout/2) + 1))
		for range c.Repeats + 1 {
			request, answer := c.lost(), c.lost()
			if !request && !answer {
				return waited + exchange
			}
			// An answer that is slower than the time-out is still the answer: no client waits less.
			waited += max(timeout, exchange)
			timeout *= 2
			c.repeats++
		}
		waited += time.Duration(c.Resume)
		c.resumes++
	}
}

// lost draws whether a message is lost.
func (c *channel) lost() bool { return c.Loss > 0 && c.rng.Intn(1000) < int(c.Loss) }
