package page

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
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

// page is what the template shows.
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

// figure is one picture twice: for screens and paper, and for phones.
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

// ruleOf names the broken rule.
func ruleOf(f results.Finding) string { return fmt.Sprintf("%s %d", f.Subject, f.Rule) }

// severities, gravest first.
var severities = []string{"high", "medium", "low"}

// bySeverity gives the findings of r, gravest first, else in their order.
func bySeverity(r *results.Report) []results.Finding {
	out := slices.Clone(r.Findings)
	slices.SortStableFunc(out, func(a, b results.Finding) int {
		return slices.Index(severities, a.Severity) - slices.Index(severities, b.Severity)
	})
	return out
}

// verdict says in one line what the power cuts showed, and how grave it is; nothing where there was no
// thought of any.
func verdict(r *results.Report) (text, severity string) {
	if r.Plan != nil {
		return r.Plan.Verdict()
	}
	var judged uint64
	for _, m := range r.Cuts {
		judged += m.Explored
	}
	if len(r.Findings) == 0 {
		if judged == 0 && len(r.Sets) == 0 && len(r.Updates) > 0 {
			return "", "" // a report on update time alone
		}
		if judged == 0 {
			return "No power cuts were tried", "medium"
		}
		return fmt.Sprintf("No findings in %s", unit.Plural(judged, "power cut")), "good"
	}
	var parts []string
	for _, s := range severities {
		n := 0
		for _, f := range r.Findings {
			if f.Severity == s {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
			if severity == "" {
				severity = s
			}
		}
	}
	text = fmt.Sprintf("%s: %s", unit.Plural(len(r.Findings), "finding"), strings.Join(parts, ", "))
	if judged > 0 {
		text += fmt.Sprintf("; %s judged", unit.Plural(judged, "power cut"))
	}
	return text, severity
}

// Page renders the web page of r: one file that needs no network and no script.
func Page(r *results.Report) ([]byte, error) {
	if err := results.Check(r); err != nil {
		return nil, err
	}
	return renderPage(r, plot.Pictures(r))
}

func renderPage(r *results.Report, pics []*plot.Picture) ([]byte, error) {
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

// inline is a picture as an element of the page.
func inline(pic *plot.Picture, width vg.Length, class string) template.HTML {
	markup := pic.SVG(width, "pic-"+pic.Name+"-"+class, false)
	return template.HTML(strings.Replace(markup, "<svg ", `<svg class="`+class+`" `, 1))
}

// sections are the tables of the page in their order, without the findings.
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

func latencyTables(sets []results.SetLatency) []table.Table {
	t := table.Table{Caption: "Latency of a set by workload", Head: []table.Cell{{Text: "Workload"}, table.Number("Sets"), table.Number("p50"), table.Number("p99"), table.Number("p99.9"), table.Number("Max"), table.Number("With GC"), table.Number("GC from"), table.Number("GC to")}}
	for _, l := range results.MergeSets(sets) {
		row := []table.Cell{{Text: l.Name}, table.Number(unit.Count(len(l.All))), table.Number(unit.Duration(l.Quantile(0.5))), table.Number(unit.Duration(l.Quantile(0.99))), table.Number(unit.Duration(l.Quantile(0.999))), table.Number(unit.Duration(l.Max())), table.Number(unit.Count(l.NGC))}
		if lo, hi, ok := l.GCRange(); ok {
			row = append(row, table.Number(unit.Duration(lo)), table.Number(unit.Duration(hi)))
		} else {
			row = append(row, table.Number(""), table.Number(""))
		}
		t.Rows = append(t.Rows, row)
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return []table.Table{t}
}

func cutTables(maps []results.CutMap) []table.Table {
	var out []table.Table
	for _, m := range maps {
		outs := m.Outcomes()
		t := table.Table{
			Caption: fmt.Sprintf("%s: %s, %s judged (%s)", m.Name, unit.Plural(m.Steps, "step"), unit.Plural(m.Explored, "cut"), m.Sampling),
			Head:    []table.Cell{{Text: "Mode"}, table.Number(map[string]string{"cut": "Cuts", "step": "Steps"}[m.Counted()])},
		}
		for _, o := range outs {
			label := o.Label()
			t.Head = append(t.Head, table.Number(strings.ToUpper(label[:1])+label[1:]))
		}
		for _, r := range m.Rows {
			sums := make([]uint64, len(outs))
			var all uint64
			for _, run := range r.Runs {
				sums[slices.IndexFunc(outs, func(o results.Outcome) bool { return o.Has(run) })] += run.Count()
				all += run.Count()
			}
			row := append(table.Words(r.Mode), table.Number(unit.Count(all)))
			for _, n := range sums {
				row = append(row, table.Number(unit.Count(n)))
			}
			t.Rows = append(t.Rows, row)
		}
		out = append(out, t)
	}
	return out
}

func wearTables(wear []results.SectorWear) []table.Table {
	if len(wear) == 0 {
		return nil
	}
	t := table.Table{Caption: "Erases by sector", Head: []table.Cell{{Text: "Sectors"}, {Text: "Start"}, table.Number("Size each"), table.Number("Bank"), {Text: "Region"}, table.Number("Erases each"), table.Number("Of rating")}}
	for i := 0; i < len(wear); {
		s, j := wear[i], i+1
		for j < len(wear) && wear[j].Size == s.Size && wear[j].BankName() == s.BankName() && wear[j].Region == s.Region && wear[j].Erases == s.Erases && wear[j].Endurance == s.Endurance {
			j++
		}
		name := fmt.Sprint(i)
		if j-1 > i {
			name = fmt.Sprintf("%d to %d", i, j-1)
		}
		rating := "unknown"
		if s.Endurance > 0 {
			rating = unit.Percent(float64(s.Erases) / float64(s.Endurance))
		}
		t.Rows = append(t.Rows, []table.Cell{
			{Text: name},
			{Text: unit.Address(s.Addr), Code: true},
			table.Number(unit.Size(float64(s.Size))), table.Number(strings.TrimPrefix(s.BankName(), "bank ")),
			{Text: results.RegionName(s.Region)},
			table.Number(unit.Count(s.Erases)), table.Number(rating),
		})
		i = j
	}
	return []table.Table{t}
}

// benchTables gives one table for each benchmark; what all its variants have in common is in the
// caption.
func benchTables(bs []results.Benchmark) []table.Table {
	var bases []string
	variants := map[string][]string{} // names by base
	units := map[string][]string{}    // units by base
	values := map[[2]string][]float64{}
	metric := map[string]results.Metric{}
	for _, b := range bs {
		base := string(benchfmt.Name(b.Name).Base())
		if variants[base] == nil {
			bases = append(bases, base)
		}
		if !slices.Contains(variants[base], b.Name) {
			variants[base] = append(variants[base], b.Name)
		}
		for _, m := range b.Metrics {
			if !slices.Contains(units[base], m.Unit) {
				units[base] = append(units[base], m.Unit)
			}
			key := [2]string{b.Name, m.Unit}
			values[key] = append(values[key], m.Value)
			metric[m.Unit] = m
		}
	}
	var out []table.Table
	for _, base := range bases {
		common, own := splitNames(variants[base])
		t := table.Table{Caption: base}
		if common != "" {
			t.Caption += ", " + common
		}
		value := func(name, unit string) table.Cell {
			v := values[[2]string{name, unit}]
			if len(v) == 0 {
				return table.Number("")
			}
			return table.Number(summarised(v, metric[unit]))
		}
		if len(own) <= 4 {
			// Few variants and many metrics: the metrics go down.
			t.Head = table.Words("Metric")
			for _, o := range own {
				t.Head = append(t.Head, table.Number(o))
			}
			for _, u := range units[base] {
				row := []table.Cell{{Text: u, Code: true}}
				for _, n := range variants[base] {
					row = append(row, value(n, u))
				}
				t.Rows = append(t.Rows, row)
			}
		} else {
			t.Head = table.Words("Variant")
			for _, u := range units[base] {
				t.Head = append(t.Head, table.Number(u))
			}
			for i, n := range variants[base] {
				row := table.Words(own[i])
				for _, u := range units[base] {
					row = append(row, value(n, u))
				}
				t.Rows = append(t.Rows, row)
			}
		}
		out = append(out, t)
	}
	return out
}

// summarised is a sample as benchstat gives it: the value if it is exact, else the median with its
// range.
func summarised(values []float64, m results.Metric) string {
	sample := benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds)
	if m.Exact {
		return unit.Measure(benchmath.AssumeExact.Summary(sample, 0.95).Center, m.Unit)
	}
	s := benchmath.AssumeNothing.Summary(sample, 0.95)
	if len(values) == 1 {
		return unit.Measure(s.Center, m.Unit)
	}
	return unit.Measure(s.Center, m.Unit) + " ± " + s.PctRangeString()
}

// splitNames takes the parts that all names have in common, in their place, out of names of one
// base. What remains of a name that has nothing of its own is "value".
func splitNames(names []string) (common string, own []string) {
	var shared []string
	all := make([][]string, len(names))
	for i, n := range names {
		_, parts := benchfmt.Name(n).Parts()
		for _, p := range parts {
			all[i] = append(all[i], string(bytes.TrimPrefix(p, []byte("/"))))
		}
	}
	for _, p := range all[0] {
		if !slices.ContainsFunc(all, func(o []string) bool { return !slices.Contains(o, p) }) {
			shared = append(shared, p)
		}
	}
	for _, parts := range all {
		rest := slices.DeleteFunc(slices.Clone(parts), func(p string) bool { return slices.Contains(shared, p) })
		if len(rest) == 0 {
			rest = []string{"value"}
		}
		own = append(own, strings.Join(rest, " "))
	}
	return strings.Join(shared, ", "), own
}

// markMeanings explains the confidence marks of sources.
var markMeanings = [][2]string{
	{"C", "read in a primary source"},
	{"C2", "read in a third-party copy of the primary source"},
	{"M", "measured by a third party"},
	{"R", "recalled, not verified"},
	{"D", "derived by arithmetic"},
	{"A", "an assumption"},
}

func markWords(sources []results.Source) string {
	var out []string
	for _, m := range markMeanings {
		if slices.ContainsFunc(sources, func(s results.Source) bool { return s.Mark == m[0] }) {
			out = append(out, m[0]+": "+m[1])
		}
	}
	if len(out) == 0 {
		return ""
	}
	return strings.Join(out, "; ") + "."
}

func sourceTable(sources []results.Source) table.Table {
	t := table.Table{Caption: "Facts of the model", Head: table.Words("Fact", "Value", "Mark", "Source")}
	for _, s := range sources {
		t.Rows = append(t.Rows, table.Words(s.Fact, s.Value, s.Mark, s.From))
	}
	return t
}
