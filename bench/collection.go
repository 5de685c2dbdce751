package bench

import (
	"dualbank/model"
	"dualbank/results"
)

// Collection is one set that collects garbage, over time.
type Collection struct {
	began, ended uint64
	tracks       tracks
	delays       map[string][]model.Delay // by interrupt, without the interrupt
	usual        uint64                   // cycles until a handler runs when nothing is in the way
	app          model.App
}

// maxWatched bounds the sets in which a garbage collection is waited for.
const maxWatched = 200_000

// WatchCollection sets keys of a workload in a store that is open until one of the sets collects
// garbage. It is nil if none does, or if the watchdog does not let it.
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

// Record is the collection as a report has it.
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

// rest is what spans leave of the time until end.
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
