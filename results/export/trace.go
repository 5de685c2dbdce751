package export

import (
	"encoding/json"
	"io"

	"dualbank/results"
)

// event is one of the Trace Event Format. Times are microseconds.
type event struct {
	Name  string         `json:"name"`
	Cat   string         `json:"cat,omitempty"`
	Phase string         `json:"ph"`
	Time  float64        `json:"ts"`
	Dur   *float64       `json:"dur,omitempty"` // of phase X
	PID   int            `json:"pid"`
	TID   int            `json:"tid"`
	Scope string         `json:"s,omitempty"` // of phase i
	Args  map[string]any `json:"args,omitempty"`
}

// recording is something that the report has over time: an update or a garbage collection.
type recording struct {
	name   string
	tracks []results.Track
	waits  []results.InterruptDelays
}

// recordings are all of a report, in order.
func recordings(r *results.Report) (all []recording) {
	if t := r.Timeline; t != nil {
		phases := results.Track{Name: "phases", Spans: t.Phases}
		all = append(all, recording{name: t.Title, tracks: append([]results.Track{phases}, t.Tracks...)})
	}
	for _, c := range r.Collections {
		all = append(all, recording{name: "garbage collection, " + c.Name, tracks: c.Tracks, waits: c.Interrupts})
	}
	return all
}

// Trace writes the recordings of r as a Chrome trace: a process for each, a thread for each track. Intervals are complete
// events; delays of interrupts are complete events of a thread of their own, from the activation to the handler.
func Trace(w io.Writer, r *results.Report) error {
	events := []event{}
	meta := func(what string, pid, tid int, name string) {
		events = append(events, event{Name: what, Phase: "M", PID: pid, TID: tid, Args: map[string]any{"name": name}})
	}
	span := func(name, cat string, start, end float64, pid, tid int, args map[string]any) {
		dur := (end - start) * 1e6
		events = append(events, event{Name: name, Cat: cat, Phase: "X", Time: start * 1e6, Dur: &dur, PID: pid, TID: tid, Args: args})
	}
	for i, rec := range recordings(r) {
		pid, tid := i+1, 0
		meta("process_name", pid, 0, rec.name)
		for _, t := range rec.tracks {
			tid++
			meta("thread_name", pid, tid, t.Name)
			for _, s := range t.Spans {
				name := s.Name
				if name == "" {
					name = t.Name
				}
				span(name, "flash", s.Start, s.End, pid, tid, map[string]any{"busy": s.Share})
			}
		}
		for _, q := range rec.waits {
			tid++
			meta("thread_name", pid, tid, "interrupt "+q.Name+" waits")
			for _, d := range q.Delays {
				span("interrupt "+q.Name, "interrupt", d.First, d.Until, pid, tid, map[string]any{"activations": d.Count})
			}
		}
	}
	return json.NewEncoder(w).Encode(map[string]any{"traceEvents": events, "displayTimeUnit": "ms"})
}
