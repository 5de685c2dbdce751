package fuzz

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"dualbank/fuzz/cause"
	"dualbank/fuzz/explore"
	"dualbank/results"
	"dualbank/results/unit"
)

// covered says what a sweep covered.
func covered(s *explore.Sweep) string {
	switch {
	case s.Map.Steps == 0 && s.Map.Sampling != "":
		return fmt.Sprintf("%d runs judged; %s", s.Stats.Judged, s.Map.Sampling)
	case s.Map.Steps == 0:
		return fmt.Sprintf("%d states judged", s.Stats.Judged)
	}
	var modes []string
	for rows := s.Map.Rows; len(rows) > 0; {
		n := 1
		for n < len(rows) && rows[n].Mode == rows[0].Mode {
			n++
		}
		modes, rows = append(modes, rows[0].Mode), rows[n:]
		if n > 1 {
			modes[len(modes)-1] += fmt.Sprintf(" (%d draws)", n)
		}
	}
	text := fmt.Sprintf("%d steps, %s; modes %s; %d cuts, %d judged, %d equal to one judged before",
		s.Map.Steps, s.Map.Sampling, strings.Join(modes, ", "), s.Stats.Cuts, s.Stats.Judged, s.Stats.Equal)
	if s.Stats.Second > 0 {
		text += fmt.Sprintf("; %d second cuts", s.Stats.Second)
	}
	return text
}

// Markdown writes the findings as a page for people.
func (r *CampaignResult) Markdown(out io.Writer) error {
	w := new(bytes.Buffer) // which takes everything
	for _, s := range r.Sweeps {
		fmt.Fprintf(w, "- %s: %s\n", s.Map.Name, covered(s))
	}
	rows := cause.Rows(r.Findings)
	fmt.Fprintf(w, "\n| severity | cause | what goes wrong | what it leads to, in how many cuts | cure | reproducer |\n|---|---|---|---|---|---|\n")
	for i := range rows {
		c := &rows[i]
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | `%s.json` |\n", c.Severity, c.Name, c.What, consequences(c, "; "), c.Cure, c.Findings[0])
	}
	for i := range rows {
		c := &rows[i]
		fmt.Fprintf(w, "\n<details><summary>%s: %s</summary>\n\n", c.Name, unit.Plural(len(c.Findings), "finding"))
		fmt.Fprintf(w, "| severity | rule | what | where the cut hits | modes | cuts | devices | reproducer |\n|---|---|---|---|---|---|---|---|\n")
		for k := range r.Findings {
			f := &r.Findings[k]
			if !slices.Contains(c.Findings, f.ID) {
				continue
			}
			modes := strings.Join(f.Modes, " ")
			if modes == "" {
				modes = "no cut needed"
			}
			fmt.Fprintf(w, "| %s | %s %d | %s | %s | %s | %d | %s | `%s.json` |\n",
				f.Severity, f.Subject, f.Symptom.Rule, f.Symptom, f.Place, modes, f.Count, strings.Join(f.Devices, "; "), f.ID)
		}
		fmt.Fprintf(w, "\n</details>\n")
	}
	_, err := w.WriteTo(out)
	return err
}

// consequences lists what a cause leads to, each with its count of cuts.
func consequences(c *results.Cause, between string) string {
	var list []string
	for _, q := range c.Consequences {
		list = append(list, fmt.Sprintf("%s (%d)", q.Text, q.Count))
	}
	return strings.Join(list, between)
}

// Summary writes the findings by cause for a terminal. dir is the folder of their files.
func (r *CampaignResult) Summary(out io.Writer, dir string) {
	rows := cause.Rows(r.Findings)
	for i := range rows {
		c := &rows[i]
		within := ""
		if m := explore.RemedyByName(c.Within); m != nil {
			within = ", with " + m.Name + " alone"
		}
		fmt.Fprintf(out, "%-7s %s%s: %s, %s\n        %s\n", c.Severity, c.Name, within, unit.Plural(len(c.Findings), "finding"), unit.Plural(c.Count, "cut"), c.What)
		for _, q := range c.Consequences {
			fmt.Fprintf(out, "        - %s: %s\n", q.Text, unit.Count(q.Count))
		}
		fmt.Fprintf(out, "        cure: %s\n        %s\n", c.Cure, filepath.Join(dir, c.Findings[0]+".json"))
	}
}
