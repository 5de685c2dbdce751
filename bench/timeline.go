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

// observe notes what an operation of the flash occupies: its bank, the application's fetches, the
// interrupts. One track a bank, then "CPU stalled" and "interrupts masked".
func (u *UpdateRun) observe(e *model.Event) {
	if e.Busy == 0 {
		return
	}
	track := func(i int) *spans {
		for len(u.tracks) <= i {
			u.tracks = append(u.tracks, nil)
		}
		return &u.tracks[i]
	}
	track(trackBanks + e.Bank).add(e)
	if e.Stalled {
		track(trackStalled).add(e)
	}
	if e.Masked {
		track(trackMasked).add(e)
	}
}

// The tracks of UpdateRun.tracks.
const (
	trackStalled = iota
	trackMasked
	trackBanks // one for each bank from here on
)

// Timeline is the update over time.
func (u *UpdateRun) Timeline(f *model.Flash, title string) *results.Timeline {
	seconds := func(at uint64) float64 { return f.Seconds(at - u.began) }
	t := &results.Timeline{Title: title}
	for _, p := range u.panes {
		t.Phases = append(t.Phases, results.Span{Name: p.name, Start: seconds(p.start), End: seconds(p.end), Share: 1})
	}
	add := func(name string, i int) {
		tr := results.Track{Name: name, Spans: []results.Span{}}
		if i < len(u.tracks) {
			for _, s := range u.tracks[i] {
				tr.Spans = append(tr.Spans, results.Span{
					Start: seconds(s.start), End: seconds(s.end), Share: float64(s.taken) / float64(s.end-s.start),
				})
			}
		}
		t.Tracks = append(t.Tracks, tr)
	}
	for b := range f.Part().Banks {
		add(fmt.Sprintf("bank %d busy", b+1), trackBanks+b)
	}
	add("CPU stalled", trackStalled)
	add("interrupts masked", trackMasked)
	return t
}
