package edge

import (
	"fmt"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
	"dualbank/model"
)

// clearingErase sets values of one size in turn, so that records of an earlier life lie where the next ones do, and
// cuts every erase: between two areas, at the start of a unit, and where what follows the log is cleared.
func clearingErase(t *trial, n int) (bool, error) {
	for _, d := range []explore.Device{
		small(8), {Sectors: "8x1K", Unit: 1, Size: 8192}, {Part: "stm32f429zi", Unit: 1, Base: 0x08100000, Size: 128 << 10},
	} {
		_, dev, err := d.Region()
		if err != nil {
			return false, err
		}
		s := kvstore.NewTDB(dev, t.c.options())
		if err := s.Open(); err != nil {
			return false, err
		}
		sizes := aligned(s.Layout(), dev)
		if n < len(sizes) {
			return true, t.clearing(&d, sizes[n])
		}
		n -= len(sizes)
	}
	return false, nil
}

// aligned are sizes of records of which, in a row, one begins where an erase unit of an area does.
func aligned(l kvstore.Layout, dev kvstore.BlockDevice) (sizes []uint32) {
	for at := dev.EraseSize(0); at < l.Size; at += dev.EraseSize(at) {
		found := 0
		for size := sut.RoundUp(40, l.Unit); size < 800 && found < 2; size += l.Unit {
			if at > l.First && (at-l.First)%size == 0 && 2*size < l.Size-l.First {
				sizes = append(sizes, size)
				found++
			}
		}
	}
	return sizes
}

// clearing sets keys in turn to values whose records have size bytes each.
func (t *trial) clearing(d *explore.Device, size uint32) error {
	t.part("records of one size")
	t.tell("records of %d bytes", size)
	var ops []script.Op
	value := int(size-sut.RoundUp(sut.RecordHeader, d.Unit)) - 2
	for i := range int(4 * d.Size / 2 / size) {
		ops = append(ops, script.Op{Kind: script.Set, Key: fmt.Sprintf("k%d", i%min(8, int(d.Size/4/size)+1)), Size: value, Seed: uint64(i)})
	}
	keys := script.Keys(script.Steps(ops))
	s, err := t.open(d, false, keys, value)
	if err != nil {
		return err
	}
	erases := make([][]uint64, len(ops)) // by operation: its steps that are erases
	for i := range ops {
		now := uint64(0) // steps of the operation
		s.F.Observe(func(e *model.Event) {
			if e.Kind == model.Read {
				return
			}
			for n := range e.Steps {
				if e.Kind == model.Erase {
					erases[i] = append(erases[i], now+n)
				}
			}
			now += e.Steps
		})
		if s.perform(&ops[i]) != nil {
			return nil
		}
	}
	if s, err = t.open(d, false, keys, value); err != nil {
		return err
	}
	fork, err := sut.NewRun(s.F, d, func(dev kvstore.BlockDevice) sut.Store { return kvstore.NewTDB(dev, t.c.options()) }, keys, nil, value)
	if err != nil {
		return err
	}
	fork.Own = s.Own
	for i := range ops {
		for _, at := range erases[i] {
			for m, mode := range []model.Mode{model.Before, model.After, model.Torn, model.Prefix} {
				t.cuts++
				s.F.Mark()
				fork.Exp.CopyFrom(&s.Exp)
				if fork.Reopen(sut.RuleOpens, "clean-reboot") {
					step := script.Step{Op: ops[i], Fault: explore.Fault{Mode: mode, At: at, Seed: uint64(4*i + m)}}
					done := fork.Perform(&step)
					fork.Expect(&step, done)
					if done.Off && fork.Reopen(sut.RuleOpens, "") {
						fork.Look("")
					}
				}
				t.take(fork.Bad)
				fork.Bad = nil
				s.F.Rollback()
				s.F.Boot()
			}
		}
		if s.perform(&ops[i]) != nil {
			return nil
		}
	}
	s.looks()
	return nil
}
