package model

import "slices"

// Cache says which of a part's caches the firmware has switched on.
type Cache int

// The settings of the caches.
const (
	CacheOn      Cache = iota // instruction and data cache and prefetch
	PrefetchOnly              // prefetch alone
	CacheOff                  // none of them
)

var cacheNames = []string{"on", "prefetch", "off"}

func (c Cache) String() string { return cacheNames[c] }

// dataCache is a cache of lines, all of which may hold any address, replaced by least recent use. It
// holds line numbers only, as runs of lines that were used one after the other, so that a read costs
// no more for its length.
type dataCache struct {
	size uint32 // lines
	used uint32
	runs []lines // the one used last at the end
}

// lines are line numbers in a row, the first of them used first.
type lines struct{ first, last uint32 }

func (c *dataCache) flush() { c.used, c.runs = 0, c.runs[:0] }

// read uses the lines first to last in turn and returns how many were not there.
func (c *dataCache) read(first, last uint32) (misses uint64) {
	if n := len(c.runs); n > 0 {
		// What begins in the run used last, or right behind it, and goes on to its end makes no
		// difference to the order.
		r := &c.runs[n-1]
		if first >= r.first && first <= r.last+1 && last >= r.last && !c.holds(c.runs[:n-1], r.last+1, last) {
			more := last - r.last
			r.last = last
			c.grow(more)
			return uint64(more)
		}
	}
	if !c.holds(c.runs, first, last) {
		c.runs = append(c.runs, lines{first, last})
		c.grow(last - first + 1)
		return uint64(last-first) + 1
	}
	for line := first; ; line++ {
		if !c.use(line) {
			misses++
		}
		if line == last {
			return misses
		}
		if !c.holds(c.runs, line+1, last) {
			return misses + c.read(line+1, last)
		}
	}
}

// holds reports whether one of the lines first to last is in runs.
func (c *dataCache) holds(runs []lines, first, last uint32) bool {
	for _, r := range runs {
		if first <= r.last && last >= r.first {
			return true
		}
	}
	return false
}

// grow counts lines that came in and drops those used longest ago if there are too many.
func (c *dataCache) grow(n uint32) {
	c.used += n
	for c.used > c.size {
		over := c.used - c.size
		r := &c.runs[0]
		if k := r.last - r.first + 1; k <= over {
			c.used -= k
			c.runs = append(c.runs[:0], c.runs[1:]...)
		} else {
			r.first += over
			c.used -= over
		}
	}
}

// use makes a line the one used last and reports whether it was there.
func (c *dataCache) use(line uint32) bool {
	for i, r := range c.runs {
		if line < r.first || line > r.last {
			continue
		}
		switch {
		case r.first == line && r.last == line:
			c.runs = slices.Delete(c.runs, i, i+1)
		case r.first == line:
			c.runs[i].first++
		case r.last == line:
			c.runs[i].last--
		default:
			c.runs[i].last = line - 1
			c.runs = slices.Insert(c.runs, i+1, lines{line + 1, r.last})
		}
		c.last(line)
		return true
	}
	c.last(line)
	c.grow(1)
	return false
}

// last puts a line at the end.
func (c *dataCache) last(line uint32) {
	if n := len(c.runs); n > 0 && c.runs[n-1].last+1 == line {
		c.runs[n-1].last = line
		return
	}
	c.runs = append(c.runs, lines{line, line})
}
