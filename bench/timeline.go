package bench

import (
	"fmt"

	"dualbank/model"
	"dualbank/results"
)

// spans are the intervals of one track of a time line, in cycles, ascending.
type spans []span

// span is an interval and the cycles of it that are taken, by operations of one kind.
type span struct {
	kind              model.Kind
	start, end, taken uint64
}

// add appends the interval of an operation, or lengthens the last one if it is of the same kind and
// little time went by between the two.
func (s *spans) add(e *model.Event) {
	if n := len(*s); n > 0 {
		if last := &(*s)[n-1]; last.kind == e.Kind && e.Start-last.end < (e.End-e.Start)/2 {
			last.end = e.End
			last.taken += e.Busy
			return
		}
	}
	*s = append(*s, span{e.Kind, e.Start, e.End, e.Busy})
}

// tracks is what is busy over time: "CPU stalled", "interrupts masked", then one track a bank.
type tracks []spans

// The tracks by their number.
const (
	trackStalled = iota
	trackMasked
	trackBanks // one for each bank from here on
)

// observe notes what an operation of the flash occupies: its bank, the application's fetches, the
// interrupts.
func (t *tracks) observe(e *model.Event) {
	if e.Busy == 0 {
		return
	}
	track := func(i int) *spans {
		for len(*t) <= i {
			*t = append(*t, nil)
		}
		return &(*t)[i]
	}
	track(trackBanks + e.Bank).add(e)
	if e.Stalled {
		track(trackStalled).add(e)
	}
	if e.Masked {
		track(trackMasked).add(e)
	}
}

// record is track i, in seconds from cycle began on.
func (t tracks) record(name string, i int, f *model.Flash, began uint64) results.Track {
	tr := results.Track{Name: name, Spans: []results.Span{}}
	if i < len(t) {
		for _, s := range t[i] {
			tr.Spans = append(tr.Spans, results.Span{
				Start: f.Seconds(s.start - began), End: f.Seconds(s.end - began), Share: float64(s.taken) / float64(s.end-s.start),
			})
		}
	}
	return tr
}

// banks are the tracks of the banks.
func (t tracks) banks(f *model.Flash, began uint64) (list []results.Track) {
	for b := range f.Part().Banks {
		list = append(list, t.record(fmt.Sprintf("bank %d busy", b+1), trackBanks+b, f, began))
	}
	return list
}

// Timeline is the update over time.
func (u *UpdateRun) Timeline(f *model.Flash, title string) *results.Timeline {
	seconds := func(at uint64) float64 { return f.Seconds(at - u.began) }
	t := &results.Timeline{Title: title, Tracks: u.tracks.banks(f, u.began)}
	for _, p := range u.panes {
		t.Phases = append(t.Phases, results.Span{Name: p.name, Start: seconds(p.start), End: seconds(p.end), Share: 1})
	}
	t.Tracks = append(t.Tracks, u.tracks.record("CPU stalled", trackStalled, f, u.began), u.tracks.record("interrupts masked", trackMasked, f, u.began))
	return t
}
