package page

import (
	"bytes"
	"strings"
	"testing"

	"dualbank/results"
	"dualbank/results/internal/sample"
	"dualbank/results/plot"
)

func TestPlanReport(t *testing.T) {
	r := &results.Report{Title: "Capacity plan", Plan: sample.Plan(""), Wear: sample.Wear(), Sets: sample.Report().Sets[:1]}
	if err := results.Check(r); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range plot.Pictures(r) {
		names = append(names, p.Name)
		if !plot.IsFile(p.Name + ".png") {
			t.Errorf("plots/%s.png would not be taken away when it is not drawn again", p.Name)
		}
	}
	if got := strings.Join(names, " "); got != "lifetime live wear latency" {
		t.Errorf("pictures %s", got)
	}
	if wear := plot.Pictures(r)[2]; wear.Title != "Wear after 10 years: erases of each flash sector, extrapolated" {
		t.Error(wear.Title)
	}
	var summary bytes.Buffer
	if err := WriteSummary(&summary, r, 200); err != nil {
		t.Fatal(err)
	}
	page, err := Page(r)
	if err != nil {
		t.Fatal(err)
	}
	sample.WellFormed(t, "page", page)
	for _, want := range []string{
		"Smallest store that meets the wishes: 128 KiB at the start, which lasts 15.7 years", "128 KiB at the start *", "yes: the smallest", "no: it lasts 5.58 of 10 years",
	} {
		if !strings.Contains(summary.String(), want) || !bytes.Contains(page, []byte(want)) {
			t.Errorf("no %q in summary or page:\n%s", want, &summary)
		}
	}
	if strings.Contains(string(page), "power cut") || !strings.Contains(string(page), "± 0.29 %") {
		t.Error("the page speaks of power cuts, or not of uncertainty")
	}
	r.Plan.Best, r.Plan.Shown = -1, 1
	if text, severity := verdict(r); severity != "high" || text != "No store that was tried meets the wishes: 10 years, firmware of 400 KiB. The closest is 64 KiB at the start: it lasts 5.58 of 10 years" {
		t.Errorf("%s: %s", severity, text)
	}
}

func TestPagesOfPlansStandEdges(t *testing.T) {
	for name, plan := range sample.EdgePlans() {
		if _, err := Page(&results.Report{Plan: plan}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
