package bench

import (
	"fmt"

	"dualbank/model"
	"dualbank/results"
)

// spans is one track of a time line: intervals in cycles, ascending.
type spans []span

// span is an interval with operations of one kind, which take some of its cycles.
type span struct {
	kind              model.Kind
	start, end, taken uint64
}

// add appends the interval of an operation. An operation of the same kind shortly after the last one extends
// its interval instead.
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

// tracks is what is busy over time, by track number.
type tracks []spans

// The track numbers.
const (
	trackStalled = iota
	trackMasked
	trackExternal // the external flash, if the candidate is on it
	trackBanks    // one for each bank from here on
)

// observe records what an operation of the flash keeps busy: its bank, and perhaps the application's fetches
// and the interrupts. An operation of the external flash keeps that busy alone.
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
	if e.Bank < 0 {
		track(trackExternal).add(e)
		return
	}
	track(trackBanks + e.Bank).add(e)
	if e.Stalled {
		track(trackStalled).add(e)
	}
	if e.Masked {
		track(trackMasked).add(e)
	}
}

// record returns track i in seconds from cycle began on.
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

// banks returns the tracks of the banks.
func (t tracks) banks(f *model.Flash, began uint64) (list []results.Track) {
	for b := range f.Part().Banks {
		list = append(list, t.record(fmt.Sprintf("bank %d busy", b+1), trackBanks+b, f, began))
	}
	return list
}

// Timeline returns the update over time as a report has it.
func (u *UpdateRun) Timeline(f *model.Flash, title string) *results.Timeline {
	seconds := func(at uint64) float64 { return f.Seconds(at - u.began) }
	t := &results.Timeline{Title: title, Tracks: u.tracks.banks(f, u.began)}
	for _, p := range u.panes {
		t.Phases = append(t.Phases, results.Span{Name: p.name, Start: seconds(p.start), End: seconds(p.end), Share: 1})
	}
	if u.OnExternal {
		t.Tracks = append(t.Tracks, u.tracks.record("external flash busy", trackExternal, f, u.began))
	}
	t.Tracks = append(t.Tracks, u.tracks.record("CPU stalled", trackStalled, f, u.began), u.tracks.record("interrupts masked", trackMasked, f, u.began))
	return t
}

// Collection is one set with a garbage collection, over time. Times are in core cycles.
type Collection struct {
	began, ended uint64
	tracks       tracks
	delays       map[string][]model.Delay // by the interrupt's name
	usual        uint64                   // latency of an interrupt that is not delayed
	app          model.App
}

// maxWatched bounds the sets that WatchCollection does.
const maxWatched = 200_000

// WatchCollection sets keys of a workload until one of the sets collects garbage, and returns that set over
// time. KV must be open. The result is nil if no set collects garbage, or if the watchdog resets the device.
func (d *Device) WatchCollection(w *Workload, seed uint64) (*Collection, error) {
	f, l := d.Flash, NewLoad(w, seed)
	c := &Collection{app: d.app}
	if err := f.Run(d.app); err != nil {
		return nil, err
	}
	f.Observe(func(e *model.Event) { c.tracks.observe(e) })
	f.ObserveDelays(func(e *model.Delay) {
		c.delays[e.Interrupt.Name] = append(c.delays[e.Interrupt.Name], model.Delay{First: e.First, Count: e.Count, Until: e.Until})
	})
	defer func() {
		f.Observe(nil)
		f.ObserveDelays(nil)
	}()
	for range maxWatched {
		c.tracks, c.delays = nil, map[string][]model.Delay{}
		c.began = f.Now()
		before := d.collections()
		err := l.Set(d.KV, l.Draw())
		if f.Off() {
			break
		}
		if err != nil {
			return nil, err
		}
		if d.collections() > before {
			c.ended = f.Now()
			if all := f.Latencies(); len(all) > 0 {
				c.usual = all[0].Quantile(0)
			}
			return c, f.Run(model.App{})
		}
	}
	return nil, f.Run(model.App{})
}

// Record returns the collection as a report has it.
func (c *Collection) Record(name string, f *model.Flash) results.Collection {
	seconds := func(at uint64) float64 { return f.Seconds(at - c.began) }
	r := results.Collection{Name: name, End: seconds(c.ended), Tracks: c.tracks.banks(f, c.began), Interrupts: []results.InterruptDelays{}}
	stalled := c.tracks.record("CPU stalled", trackStalled, f, c.began)
	r.Tracks = append(r.Tracks,
		results.Track{Name: "CPU running", Spans: rest(stalled.Spans, r.End)}, stalled, c.tracks.record("interrupts masked", trackMasked, f, c.began))
	for _, in := range c.app.Interrupts {
		q := results.InterruptDelays{Name: in.Name, Period: in.Period.Seconds(), Deadline: in.Deadline.Seconds(), Usual: f.Seconds(c.usual), Delays: []results.Delay{}}
		for _, d := range c.delays[in.Name] {
			q.Delays = append(q.Delays, results.Delay{First: seconds(d.First), Count: d.Count, Until: seconds(d.Until)})
		}
		r.Interrupts = append(r.Interrupts, q)
	}
	return r
}

// rest returns the time until end that spans do not take.
func rest(spans []results.Span, end float64) []results.Span {
	out := []results.Span{}
	at := 0.0
	add := func(from, to, share float64) {
		if to > from && share > 0 {
			out = append(out, results.Span{Start: from, End: to, Share: share})
		}
	}
	for _, s := range spans {
		add(at, s.Start, 1)
		add(s.Start, s.End, 1-s.Share)
		at = s.End
	}
	add(at, end, 1)
	return out
}
