package fuzz

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"dualbank/fuzz/explore"
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
	for _, r := range s.Map.Rows {
		modes = append(modes, r.Mode)
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
	fmt.Fprintf(w, "\n| severity | rule | what | where the cut hits | modes | cuts | devices | reproducer |\n|---|---|---|---|---|---|---|---|\n")
	for i := range r.Findings {
		f := &r.Findings[i]
		modes := strings.Join(f.Modes, " ")
		if modes == "" {
			modes = "no cut needed"
		}
		fmt.Fprintf(w, "| %s | %s %d | %s | %s | %s | %d | %s | `%s.json` |\n",
			f.Severity, f.Subject, f.Symptom.Rule, f.Symptom, f.Place, modes, f.Count, strings.Join(f.Devices, "; "), f.ID)
	}
	_, err := w.WriteTo(out)
	return err
}
