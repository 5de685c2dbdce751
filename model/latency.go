package model

import (
	"math"
	"math/bits"
)

// Latency is how long a periodic interrupt waited for its handler: a distribution over all its
// activations. Values are in core cycles, from the activation to the handler's first instruction.
type Latency struct {
	Interrupt
	Ticks   uint64 // activations
	Delayed uint64 // that came while interrupts were masked or the handler could not be fetched
	Late    uint64 // that were served after their deadline
	Lost    uint64 // that came while the one before was still waiting, and were served as one with it
	Worst   uint64
	Sum     uint64 // of the latencies of all activations

	counts []uint64 // by bucket
}

// Buckets are exact up to 2^bucketBits and then 2^bucketBits to an octave, so that a latency is known
// to 1.6 %.
const bucketBits = 6

func bucketOf(v uint64) int {
	if v < 1<<bucketBits {
		return int(v & (1<<bucketBits - 1))
	}
	shift := bits.Len64(v) - bucketBits - 1
	return shift<<bucketBits + int(v>>shift&(2<<bucketBits-1))
}

// bucketLow is the least value in a bucket.
func bucketLow(b int) uint64 {
	if b < 2<<bucketBits {
		return uint64(b)
	}
	shift := b>>bucketBits - 1
	return (uint64(b) - uint64(shift)<<bucketBits) << shift
}

func (l *Latency) count(v, n uint64) {
	b := bucketOf(v)
	for len(l.counts) <= b {
		l.counts = append(l.counts, 0)
	}
	l.counts[b] += n
}

// add counts n activations with latencies low, low+step, low+2*step ...
func (l *Latency) add(low, step, n uint64) {
	l.Ticks += n
	high := low + (n-1)*step
	l.Worst = max(l.Worst, high)
	l.Sum += n*low + n*(n-1)/2*step
	for n > 0 {
		b := bucketOf(low)
		k := n
		if step > 0 {
			k = min(n, (bucketLow(b+1)-1-low)/step+1)
		}
		l.count(low, k)
		low += k * step
		n -= k
	}
}

// Quantile is the latency that a share q of all activations does not exceed, from 0 to 1, to 1.6 %; the
// worst one is exact. Without an activation it is 0.
func (l *Latency) Quantile(q float64) uint64 {
	if l.Ticks == 0 {
		return 0
	}
	rank := uint64(math.Ceil(q * float64(l.Ticks)))
	sum := uint64(0)
	for b, n := range l.counts {
		if sum += n; n > 0 && sum >= max(rank, 1) {
			return min(bucketLow(b+1)-1, l.Worst)
		}
	}
	return l.Worst
}

// LatencyPoint says that Share of all activations waited for Cycles at most.
type LatencyPoint struct {
	Cycles uint64
	Share  float64
}

// CDF is the distribution as a rising list of points.
func (l *Latency) CDF() []LatencyPoint {
	var points []LatencyPoint
	sum := uint64(0)
	for b, n := range l.counts {
		if n > 0 {
			sum += n
			points = append(points, LatencyPoint{min(bucketLow(b+1)-1, l.Worst), float64(sum) / float64(l.Ticks)})
		}
	}
	return points
}

// Mean is the mean latency in cycles.
func (l *Latency) Mean() float64 {
	if l.Ticks == 0 {
		return 0
	}
	return float64(l.Sum) / float64(l.Ticks)
}
