package page

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strings"

	"gonum.org/v1/plot/vg"

	"dualbank/results"
	"dualbank/results/plot"
	"dualbank/results/table"
	"dualbank/results/unit"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// page holds the data of the template page.html.
type page struct {
	Title, Board, Command, Scenario string
	Style                           template.CSS
	Verdict                         table.Cell
	Facts                           []results.Fact
	Figures                         []figure
	HasFindings                     bool
	FindingTable                    table.Table
	Findings                        []finding
	Sections                        []section
	Again                           table.Table
	Seed                            string
	Sources                         table.Table
	Marks                           string
}

// figure is one picture in two widths: for screens and paper, and for phones.
type figure struct {
	Name, Text   string
	Wide, Narrow template.HTML
}

type finding struct {
	results.Finding
	Anchor, Cuts string
}

// section is a heading with tables below.
type section struct {
	ID, Title, Text string
	Tables          []table.Table
}

// Page returns report.html: one page that needs no network and no script.
func Page(r *results.Report) ([]byte, error) {
	if err := results.Check(r); err != nil {
		return nil, err
	}
	pics := plot.Pictures(r)
	text, severity := verdict(r)
	p := page{
		Title: r.Title, Board: r.Board, Command: r.Command, Scenario: strings.TrimRight(r.Scenario, "\n"),
		Style:       template.CSS(pageStyle + "@media screen and (prefers-color-scheme: dark) {\n  " + plot.DarkRules() + "\n}\n"),
		Verdict:     table.Cell{Text: text, Severity: severity},
		Facts:       r.Facts,
		HasFindings: len(r.Findings) > 0 || len(r.Cuts) > 0,
		Sources:     sourceTable(r.Sources),
		Marks:       markWords(r.Sources),
	}
	if p.Title == "" {
		p.Title = "dualbank report"
	}
	for _, pic := range pics {
		p.Figures = append(p.Figures, figure{
			Name: pic.Name, Text: pic.Caption(),
			Wide:   inline(pic, plot.WideWidth, "wide"),
			Narrow: inline(pic, plot.NarrowWidth, "narrow"),
		})
	}
	p.FindingTable = table.Table{Caption: "Findings, gravest first", Head: []table.Cell{{Text: "Severity"}, {Text: "Finding"}, {Text: "Rule"}, table.Number("Cuts")}}
	for i, f := range bySeverity(r) {
		anchor := fmt.Sprintf("finding-%d", i+1)
		p.Findings = append(p.Findings, finding{f, anchor, unit.Plural(f.Count, "power cut")})
		p.FindingTable.Rows = append(p.FindingTable.Rows, []table.Cell{
			{Text: f.Severity, Severity: f.Severity}, {Text: f.Title, Note: f.Where, Link: anchor}, {Text: ruleOf(f)}, table.Number(unit.Count(f.Count)),
		})
	}
	p.Sections = sections(r)
	p.Again, p.Seed = reproduction(r, pics, p.Sections), seed(r)
	p.FindingTable.ID, p.Sources.ID = "table-findings", "table-sources"
	for _, s := range p.Sections {
		for i := range s.Tables {
			s.Tables[i].ID = fmt.Sprintf("table-%s-%d", s.ID, i+1)
		}
	}
	var buf bytes.Buffer
	if err := pageTemplate.Execute(&buf, p); err != nil {
		return nil, fmt.Errorf("report.html: %w", err)
	}
	return buf.Bytes(), nil
}

// inline returns a picture as an element of the page.
func inline(pic *plot.Picture, width vg.Length, class string) template.HTML {
	markup := pic.SVG(width, "pic-"+pic.Name+"-"+class, false)
	return template.HTML(strings.Replace(markup, "<svg ", `<svg class="`+class+`" `, 1))
}

// sections returns the tables of the page in order, without the findings.
func sections(r *results.Report) []section {
	var out []section
	add := func(id, title, text string, tables []table.Table) {
		if len(tables) > 0 {
			out = append(out, section{id, title, text, tables})
		}
	}
	add("plan", "Plan", "Life is until the first sector has been erased as often as it is rated for. The star marks the smallest store that meets the wishes. Sets are simulated until their rounds through the two areas are steady; what they wear out is extrapolated from there.", planTables(r.Plan))
	add("phases", "Update phases", "Simulated time of each phase; below it the time in which the application's code could not be fetched, and in which interrupts were masked, where there was any. While the device is down the application does not run at all.", updateTables(r.Updates))
	add("latencies", "Latency of a set", "Simulated time. GC is garbage collection.", latencyTables(r.Sets))
	add("application", "What the application feels", "Of one workload on the store, with each flash driver, and with the KVStore beside code, in one bank. Stalled: code could not be fetched, because its bank was busy. Missed: served after the deadline. Lost: served as one with an activation that waited.", applicationTables(r.Application))
	add("power-cuts", "Power cuts", "", cutTables(r.Cuts))
	add("sectors", "Wear", "Neighbouring sectors with equal figures share a row.", wearTables(r.Wear))
	add("benchmarks", "Benchmarks", "Metrics with \"sim\" are simulated and exact. Where a benchmark ran several times, host time is the median with its 95 % confidence interval.", benchTables(r.Bench))
	return out
}
