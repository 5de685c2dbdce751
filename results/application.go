package results

import (
	"fmt"
	"slices"
)

// hourly is a time or number of the whole run for each hour of it.
func (a *Application) hourly(v float64) float64 {
	if a.Hours <= 0 {
		return 0
	}
	return v / a.Hours
}

// applicationTables are one table of what the processor does, and one for each interrupt, case by case.
func applicationTables(all []Application) []table {
	if len(all) == 0 {
		return nil
	}
	t := table{Caption: "Application: time stalled, time with interrupts masked, resets by the watchdog", Head: []cell{
		{Text: "Case"}, number("Stalled in 1 h"), number("At a stretch"), number("Masked in 1 h"), number("At a stretch"), number("Resets"),
	}}
	for i := range all {
		a := &all[i]
		t.Rows = append(t.Rows, []cell{
			{Text: a.Name}, number(never(a.hourly(a.Stall))), number(never(a.LongestStall)), number(never(a.hourly(a.Masked))), number(never(a.LongestMasked)), number(count(a.Resets)),
		})
	}
	tables := []table{t}
	for _, name := range interruptNames(all) {
		t := table{Head: []cell{{Text: "Case"}, number("Activations"), number("Missed in 1 h"), number("Lost in 1 h"), number("Worst latency")}}
		for i := range all {
			for _, q := range all[i].Interrupts {
				if q.Name != name {
					continue
				}
				t.Caption = "Interrupt " + q.rhythm()
				missed := number(digits(all[i].hourly(float64(q.Late)), 4))
				if q.Deadline == 0 {
					missed = number("no deadline")
				}
				t.Rows = append(t.Rows, []cell{
					{Text: all[i].Name}, number(count(q.Activations)), missed, number(digits(all[i].hourly(float64(q.Lost)), 4)), number(duration(q.Worst)),
				})
			}
		}
		tables = append(tables, t)
	}
	return tables
}

// never is a time, or what people call none at all.
func never(seconds float64) string {
	if seconds == 0 {
		return "never"
	}
	return duration(seconds)
}

// rhythm says when an interrupt comes and when its handler must run.
func (q *InterruptLatency) rhythm() string {
	s := fmt.Sprintf("%s, every %s", q.Name, duration(q.Period))
	if q.Deadline > 0 {
		s += ", deadline " + duration(q.Deadline)
	}
	return s
}

// interruptNames are the interrupts' names in the order of their first appearance.
func interruptNames(all []Application) []string {
	var names []string
	for _, a := range all {
		for _, q := range a.Interrupts {
			if !slices.Contains(names, q.Name) {
				names = append(names, q.Name)
			}
		}
	}
	return names
}

func checkApplication(r *Report) error {
	for i, a := range r.Application {
		at := fmt.Sprintf("application[%d]", i)
		if err := times(at, a.Hours, a.Stall, a.LongestStall, a.Masked, a.LongestMasked); err != nil {
			return err
		}
		for j, q := range a.Interrupts {
			at := fmt.Sprintf("%s.interrupts[%d]", at, j)
			if err := times(at, q.Period, q.Deadline, q.Worst); err != nil {
				return err
			}
			for _, o := range a.Interrupts[:j] {
				if o.Name == q.Name {
					return fmt.Errorf("%s: %s is there twice", at, q.Name)
				}
			}
			var last LatencyPoint
			for k, p := range q.Points {
				at := fmt.Sprintf("%s.points[%d]", at, k)
				if err := times(at, p.Seconds); err != nil {
					return err
				}
				if p.Seconds < last.Seconds || p.Within < last.Within {
					return fmt.Errorf("%s: %v s, %d activations: less than before", at, p.Seconds, p.Within)
				}
				last = p
			}
			if last.Within != q.Activations && (len(q.Points) > 0 || q.Activations > 0) {
				return fmt.Errorf("%s: %d activations, its points have %d", at, q.Activations, last.Within)
			}
		}
	}
	return nil
}

func checkCollections(r *Report) error {
	for i, c := range r.Collections {
		at := fmt.Sprintf("collections[%d]", i)
		if err := times(at+".end", c.End); err != nil {
			return err
		}
		for j, t := range c.Tracks {
			if err := checkSpans(fmt.Sprintf("%s.tracks[%d].spans", at, j), t.Spans); err != nil {
				return err
			}
		}
		for j, q := range c.Interrupts {
			at := fmt.Sprintf("%s.interrupts[%d]", at, j)
			if err := times(at, q.Period, q.Deadline, q.Usual); err != nil {
				return err
			}
			first := 0.0
			for k, d := range q.Delays {
				at := fmt.Sprintf("%s.delays[%d]", at, k)
				if err := times(at, d.First, d.Until); err != nil {
					return err
				}
				if d.Count == 0 || d.First < first || d.First+float64(d.Count-1)*q.Period > d.Until+1e-9*d.Until {
					return fmt.Errorf("%s: %d activations from %v s on, served at %v s: out of order", at, d.Count, d.First, d.Until)
				}
				first = d.First
			}
		}
	}
	return nil
}
