package explore

import "dualbank/model"

// Choices reads an input byte by byte: what a fuzzer chose. Behind its end there are zeros.
type Choices struct {
	data   []byte
	at     int
	starts []int // where steps begin
}

// NewChoices reads data.
func NewChoices(data []byte) *Choices { return &Choices{data: data} }

// Next is the next byte.
func (c *Choices) Next() int {
	if c.at >= len(c.data) {
		return 0
	}
	c.at++
	return int(c.data[c.at-1])
}

// Of is a choice from 0 to below n.
func (c *Choices) Of(n int) int { return c.Next() % n }

// More reports whether there is a step left, and notes that it begins here.
func (c *Choices) More() bool {
	if c.at >= len(c.data) {
		return false
	}
	c.starts = append(c.starts, c.at)
	return true
}

// Fault reads a fault of one of modes, of which nil is none.
func (c *Choices) Fault(modes []model.Mode) Fault {
	f := Fault{Mode: modes[c.Of(len(modes))]}
	if f.Mode != nil {
		f.At = uint64(c.Next()) | uint64(c.Of(8))<<8
	}
	return f
}

// Recovery reads the faults of the boots after a fault: mostly none.
func (c *Choices) Recovery(modes []model.Mode) (then []Fault) {
	for n := c.Of(8) - 5; n > 0; n-- {
		then = append(then, Fault{Mode: modes[c.Of(len(modes))], At: uint64(c.Next())})
	}
	return then
}
