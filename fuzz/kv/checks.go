package kv

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
)

// moment is what is known of an operation when it is over.
type moment struct {
	step      *script.Step
	done      sut.Done
	layout    kvstore.Layout // before the operation; zero where the store has none
	locks     int            // held before it
	held      int            // held after it
	collected bool           // it collected garbage
}

// check is one thing that is looked at while a store runs without cuts. Each function may be nil.
type check struct {
	name  string
	after func(m *moment, sound bool) // after each operation; sound: the running store answers rightly
	image func(fork *sut.Run)         // on a second TDBStore, opened after each operation
	end   func()                      // at the end of the run
}

// newChecks are the checks of a run of the store at work.
func newChecks(r *sut.Run, forked map[uint32]uint32) []check {
	iterator := &openIterator{Run: r}
	if sut.ListsAtOnce(r.Store) {
		iterator = nil
	}
	return []check{
		{name: "lock", after: func(m *moment, _ bool) { checkLock(r, m) }},
		{name: "answers", after: func(_ *moment, sound bool) {
			if sound {
				r.Answers("")
			}
		}},
		{name: "answers after a reboot", image: func(fork *sut.Run) { fork.Answers("clean-reboot") }},
		{name: "open iterator", after: iterator.after},
		{name: "copies of reserved data", image: checkCopies},
		{name: "padding", image: checkPadding},
		{name: "wear", end: func() { checkWear(r, forked) }},
	}
}

// checkLock: an operation that is over holds no lock that it took.
func checkLock(r *sut.Run, m *moment) {
	want := m.locks
	switch m.step.Kind {
	case script.Reboot:
		want = 0
	case script.Abandon:
		return
	}
	if m.held != want {
		r.Report(explore.Symptom{Rule: sut.RuleWorks, Kind: lockKind(m.held, want), Op: sut.OpCode(m.step.Kind)}, fmt.Sprintf("held %d times", want), fmt.Sprintf("held %d times", m.held))
	}
}

// lockKind is the kind of symptom of a lock that is held a wrong number of times.
func lockKind(held, want int) string {
	if held < want {
		return "lock-released"
	}
	return "lock-held"
}

// openIterator is an iterator that stays open while the store is used: every key that was there all the time
// is listed once.
type openIterator struct {
	*sut.Run
	it   kvstore.Iterator // nil: none is open
	must []bool           // by key: it was there all the time
	seen []bool           // by key: it was listed
}

// after takes a step of the iterator.
func (o *openIterator) after(m *moment, sound bool) {
	if o == nil {
		return // lists are made at once
	}
	switch m.step.Kind {
	case script.Reboot, script.Reset, script.Abandon:
		o.it = nil
		return
	}
	if !sound || m.done.Err != nil {
		o.it = nil
		return
	}
	if o.it == nil {
		it, err := o.Store.Iterate("")
		if err != nil {
			o.Report(explore.Symptom{Rule: sut.RuleNoMore, Kind: "no-list", When: "running", Error: sut.ErrorName(err)}, "an iterator", err.Error())
			return
		}
		o.it, o.must, o.seen = it, make([]bool, len(o.Exp.Keys)), make([]bool, len(o.Exp.Keys))
		for i := range o.Exp.Keys {
			o.must[i] = o.Exp.Keys[i].Now != nil
		}
	} else if m.step.Key != "" {
		if i := o.Exp.Index[m.step.Key]; o.Exp.Keys[i].Now == nil || o.Before.Keys[i].Now == nil {
			o.must[i] = false
		}
	}
	o.next()
}

// next is the next key of the iterator.
func (o *openIterator) next() {
	key, err := o.it.Next()
	switch i, ok := o.Exp.Index[key]; {
	case errors.Is(err, kvstore.ErrItemNotFound):
		for i, must := range o.must {
			if must && !o.seen[i] {
				o.Report(explore.Symptom{Rule: sut.RuleNoMore, Kind: "iterator-omits"}, "each key once", fmt.Sprintf("%q is left out", o.Exp.Keys[i].Name))
			}
		}
		_ = o.it.Close() // an error of it shows with the next iterator
		o.it = nil
	case err != nil:
		o.Report(explore.Symptom{Rule: sut.RuleNoMore, Kind: "iterator-fails", Error: sut.ErrorName(err)}, "the next key", err.Error())
		o.it = nil
	case !ok:
	case o.Exp.Keys[i].Now == nil:
		o.Report(explore.Symptom{Rule: sut.RuleNoMore, Kind: "iterator-ghost"}, "keys that exist", fmt.Sprintf("%q", key))
	case o.seen[i] && o.must[i]:
		o.Report(explore.Symptom{Rule: sut.RuleNoMore, Kind: "iterator-twice"}, "each key once", fmt.Sprintf("%q is listed again", key))
	default:
		o.seen[i] = true
	}
}

// checkCopies: reserved data is there twice, so that it survives the loss of either copy; a buffer that is too
// small is refused and not overrun.
func checkCopies(r *sut.Run) {
	want := r.Exp.Reserved
	if want.Now == nil || want.Either || len(want.Now) < 2 {
		return
	}
	store := r.Store.(*kvstore.TDBStore)
	at := store.Layout()
	buf := make([]byte, 96)
	short := buf[:len(want.Now)/2]
	n, err := store.Reserved(short)
	if slices.ContainsFunc(buf[len(short):], func(b byte) bool { return b != 0 }) {
		r.Report(explore.Symptom{Rule: sut.RuleReserved, Kind: "reserved-overrun"}, fmt.Sprintf("an error, %d bytes at most", len(short)), fmt.Sprintf("%d bytes, error %v", n, err))
	}
	for _, base := range at.Base {
		r.F.Mark()
		r.F.Poke(r.Device.Base+base, make([]byte, 72))
		r.F.Boot()
		if err := store.Open(); err == nil {
			n, err := store.Reserved(buf)
			if v := buf[:n]; err != nil || !sut.Same(v, want.Now) {
				r.Report(explore.Symptom{Rule: sut.RuleReserved, Kind: "reserved-copy"}, sut.Describe(want.Now), fmt.Sprintf("%d bytes, error %v", n, err))
			}
		}
		r.F.Rollback()
	}
}

// checkPadding: between a record's header and its key, flash holds nothing that was never stored.
func checkPadding(r *sut.Run) {
	at := r.Store.(*kvstore.TDBStore).Layout()
	up := sut.RoundUp(sut.RecordHeader, at.Unit)
	if up == sut.RecordHeader {
		return
	}
	p := make([]byte, up)
	for off := at.First; off+up <= at.Free; {
		r.F.Peek(r.Device.Base+at.Base[at.Active]+off, p)
		gap := p[sut.RecordHeader:]
		if n := len(gap); bytes.Count(gap, []byte{0}) != n && bytes.Count(gap, []byte{0xFF}) != n {
			r.Report(explore.Symptom{Rule: sut.RuleNoMore, Kind: "padding"}, "zeros or erased bytes", fmt.Sprintf("% X", gap))
			return
		}
		key, data := uint32(p[12])|uint32(p[13])<<8, uint32(p[16])|uint32(p[17])<<8|uint32(p[18])<<16
		off += up + sut.RoundUp(key+data, at.Unit)
	}
}

// checkWear compares the erases of the two areas. forked are those on forks, by sector.
func checkWear(r *sut.Run, forked map[uint32]uint32) {
	tdb, ok := r.Store.(*kvstore.TDBStore)
	if !ok {
		return
	}
	at := tdb.Layout()
	var most [2]uint32
	for _, w := range r.F.Wear() {
		off := w.Addr - r.Device.Base
		for a := range most {
			if off >= at.Base[a] && off < at.Base[a]+at.Size {
				most[a] = max(most[a], w.Erases-forked[w.Addr])
			}
		}
	}
	if most[0] > 2*most[1]+4 || most[1] > 2*most[0]+4 {
		r.Report(explore.Symptom{Rule: sut.RuleBounded, Kind: "uneven-wear"}, "at most twice as often", fmt.Sprintf("%d and %d erases", most[0], most[1]))
	}
}
