package boot

import (
	"errors"
	"fmt"
	"math/bits"
	"time"
)

// Link models the connection between server and device: CoAP blockwise transfer, one confirmable request and
// one response at a time (RFC 7252, 7959). The zero values of Block, Timeout and Retransmits stand
// for the defaults.
type Link struct {
	BitsPerSecond uint64        // of payload and overhead; 0: no time for the bytes
	RoundTrip     time.Duration // from request to response, without the bytes' own time
	LossPPM       uint32        // lost exchanges per million
	Block         uint32        // bytes a block; 0: DefaultBlock
	Overhead      uint32        // bytes that go with each block: headers of all layers
	Timeout       time.Duration // until the first retransmission; 0: 2 s
	Retransmits   int           // until an exchange fails; 0: 4, -1: none
	Seed          uint64        // of the losses
}

// DefaultBlock is the size in bytes of CoAP blocks that the update client asks for.
const DefaultBlock = 1024

// ErrLink means that all retransmissions of an exchange were lost. What was downloaded stays.
var ErrLink = errors.New("no answer from the server")

// Check returns an error that names the first field out of range and what to give instead.
func (l *Link) Check() error {
	switch {
	case l.LossPPM > 1_000_000:
		return fmt.Errorf("loss_ppm: is %d: more than all; give at most 1000000", l.LossPPM)
	case l.Block != 0 && (l.Block < 16 || l.Block > 1<<20 || l.Block&(l.Block-1) != 0):
		return fmt.Errorf("block: is %d; give a power of two from 16 on, 1024 is CoAP's largest", l.Block)
	case l.RoundTrip < 0 || l.Timeout < 0 || l.Retransmits < -1:
		return errors.New("link: a time or a count is less than nothing; give at least 0")
	}
	return nil
}

// conn is a link in use.
type conn struct {
	Link
	state uint64 // of the losses
	stats *Transfer
}

// Transfer counts what downloads cost.
type Transfer struct {
	Blocks      uint64 // received
	Bytes       uint64 // of firmware received
	Retransmits uint64
	Pauses      uint64        // after blocks that did not come
	Waited      time.Duration // for the link
}

func (l Link) open(stats *Transfer) *conn {
	if l.Block == 0 {
		l.Block = DefaultBlock
	}
	if l.Timeout == 0 {
		l.Timeout = 2 * time.Second
	}
	switch l.Retransmits {
	case 0:
		l.Retransmits = 4
	case -1:
		l.Retransmits = 0
	}
	return &conn{Link: l, state: l.Seed, stats: stats}
}

// random returns the next number of splitmix64.
func (c *conn) random() uint64 {
	c.state += 0x9E3779B97F4A7C15
	z := c.state
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// below returns a random number from 0 to n-1.
func (c *conn) below(n uint64) uint64 {
	hi, _ := bits.Mul64(c.random(), n)
	return hi
}

// exchange transfers n bytes of payload and passes the time of each try to wait. The first timeout is
// stretched by a random amount of up to one half, and each retransmission doubles it (RFC 7252).
func (c *conn) exchange(n int, wait func(time.Duration)) error {
	took := c.RoundTrip
	if c.BitsPerSecond > 0 {
		hi, lo := bits.Mul64(uint64(n)+uint64(c.Overhead), 8*uint64(time.Second))
		ns := uint64(1<<63 - 1)
		if hi < c.BitsPerSecond {
			ns, _ = bits.Div64(hi, lo, c.BitsPerSecond)
		}
		took += time.Duration(min(ns, uint64(1000*time.Hour)))
	}
	timeout := c.Timeout
	if c.LossPPM > 0 {
		timeout += time.Duration(c.below(uint64(c.Timeout/2) + 1))
	}
	for try := 0; c.LossPPM > 0 && c.below(1_000_000) < uint64(c.LossPPM); try++ {
		c.stats.Waited += timeout
		wait(timeout)
		if try == c.Retransmits {
			return ErrLink
		}
		c.stats.Retransmits++
		timeout = min(2*timeout, 24*time.Hour)
	}
	c.stats.Waited += took
	wait(took)
	return nil
}
