package results

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
	Verdict                         cell
	Facts                           []Fact
	Figures                         []figure
	HasFindings                     bool
	FindingTable                    table
	Findings                        []finding
	Sections                        []section
	Again                           table
	Seed                            string
	Sources                         table
	Marks                           string
}

// figure is one picture twice: for screens and paper, and for phones.
type figure struct {
	Name, Text   string
	Wide, Narrow template.HTML
}

type finding struct {
	Finding
	Anchor, Cuts string
}

// section is a heading with tables below.
type section struct {
	ID, Title, Text string
	Tables          []table
}

// rule names the broken rule.
func (f Finding) rule() string { return fmt.Sprintf("%s %d", f.Subject, f.Rule) }

// severities, gravest first.
var severities = []string{"high", "medium", "low"}

// bySeverity gives the findings of r, gravest first, else in their order.
func bySeverity(r *Report) []Finding {
	out := slices.Clone(r.Findings)
	slices.SortStableFunc(out, func(a, b Finding) int {
		return slices.Index(severities, a.Severity) - slices.Index(severities, b.Severity)
	})
	return out
}

// verdict says in one line what the power cuts showed, and how grave it is; nothing where there was no
// thought of any.
func verdict(r *Report) (text, severity string) {
	if r.Plan != nil {
		return r.Plan.verdict()
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
		return fmt.Sprintf("No findings in %s", plural(judged, "power cut")), "good"
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
	text = fmt.Sprintf("%s: %s", plural(len(r.Findings), "finding"), strings.Join(parts, ", "))
	if judged > 0 {
		text += fmt.Sprintf("; %s judged", plural(judged, "power cut"))
	}
	return text, severity
}

// Page renders the web page of r: one file that needs no network and no script.
func Page(r *Report) ([]byte, error) {
	if err := Check(r); err != nil {
		return nil, err
	}
	return renderPage(r, pictures(r))
}

func renderPage(r *Report, pics []*picture) ([]byte, error) {
	text, severity := verdict(r)
	p := page{
		Title: r.Title, Board: r.Board, Command: r.Command, Scenario: strings.TrimRight(r.Scenario, "\n"),
		Style:       template.CSS(pageStyle + "@media screen and (prefers-color-scheme: dark) {\n  " + darkRules() + "\n}\n"),
		Verdict:     cell{Text: text, Severity: severity},
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
			Name: pic.name, Text: pic.caption(),
			Wide:   inline(pic, wideWidth, "wide"),
			Narrow: inline(pic, narrowWidth, "narrow"),
		})
	}
	p.FindingTable = table{Caption: "Findings, gravest first", Head: []cell{{Text: "Severity"}, {Text: "Finding"}, {Text: "Rule"}, number("Cuts")}}
	for i, f := range bySeverity(r) {
		anchor := fmt.Sprintf("finding-%d", i+1)
		p.Findings = append(p.Findings, finding{f, anchor, plural(f.Count, "power cut")})
		p.FindingTable.Rows = append(p.FindingTable.Rows, []cell{
			{Text: f.Severity, Severity: f.Severity}, {Text: f.Title, Note: f.Where, Link: anchor}, {Text: f.rule()}, number(count(f.Count)),
		})
	}
	p.Sections = sections(r)
	p.Again, p.Seed = reproduction(r, pics, p.Sections), r.seed()
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
func inline(pic *picture, width vg.Length, class string) template.HTML {
	markup := pic.svg(width, "pic-"+pic.name+"-"+class, false)
	return template.HTML(strings.Replace(markup, "<svg ", `<svg class="`+class+`" `, 1))
}

// sections are the tables of the page in their order, without the findings.
func sections(r *Report) []section {
	var out []section
	add := func(id, title, text string, tables []table) {
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

func latencyTables(sets []SetLatency) []table {
	t := table{Caption: "Latency of a set by workload", Head: []cell{{Text: "Workload"}, number("Sets"), number("p50"), number("p99"), number("p99.9"), number("Max"), number("With GC"), number("GC from"), number("GC to")}}
	for _, l := range drawn(sets) {
		row := []cell{{Text: l.name}, number(count(len(l.all))), number(duration(l.quantile(0.5))), number(duration(l.quantile(0.99))), number(duration(l.quantile(0.999))), number(duration(l.max())), number(count(l.nGC))}
		if lo, hi, ok := l.gcRange(); ok {
			row = append(row, number(duration(lo)), number(duration(hi)))
		} else {
			row = append(row, number(""), number(""))
		}
		t.Rows = append(t.Rows, row)
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return []table{t}
}

func cutTables(maps []CutMap) []table {
	var out []table
	for _, m := range maps {
		outs := outcomes(m)
		t := table{
			Caption: fmt.Sprintf("%s: %s, %s judged (%s)", m.Name, plural(m.Steps, "step"), plural(m.Explored, "cut"), m.Sampling),
			Head:    []cell{{Text: "Mode"}, number(map[string]string{"cut": "Cuts", "step": "Steps"}[counted(m)])},
		}
		for _, o := range outs {
			label := o.label()
			t.Head = append(t.Head, number(strings.ToUpper(label[:1])+label[1:]))
		}
		for _, r := range m.Rows {
			sums := make([]uint64, len(outs))
			var all uint64
			for _, run := range r.Runs {
				sums[slices.IndexFunc(outs, func(o outcome) bool { return o.is(run) })] += run.cuts()
				all += run.cuts()
			}
			row := append(words(r.Mode), number(count(all)))
			for _, n := range sums {
				row = append(row, number(count(n)))
			}
			t.Rows = append(t.Rows, row)
		}
		out = append(out, t)
	}
	return out
}

func wearTables(wear []SectorWear) []table {
	if len(wear) == 0 {
		return nil
	}
	t := table{Caption: "Erases by sector", Head: []cell{{Text: "Sectors"}, {Text: "Start"}, number("Size each"), number("Bank"), {Text: "Region"}, number("Erases each"), number("Of rating")}}
	for i := 0; i < len(wear); {
		s, j := wear[i], i+1
		for j < len(wear) && wear[j].Size == s.Size && wear[j].bank() == s.bank() && wear[j].Region == s.Region && wear[j].Erases == s.Erases && wear[j].Endurance == s.Endurance {
			j++
		}
		name := fmt.Sprint(i)
		if j-1 > i {
			name = fmt.Sprintf("%d to %d", i, j-1)
		}
		rating := "unknown"
		if s.Endurance > 0 {
			rating = percent(float64(s.Erases) / float64(s.Endurance))
		}
		t.Rows = append(t.Rows, []cell{
			{Text: name},
			{Text: address(s.Addr), Code: true},
			number(size(float64(s.Size))), number(strings.TrimPrefix(s.bank(), "bank ")),
			{Text: regionName(s.Region)},
			number(count(s.Erases)), number(rating),
		})
		i = j
	}
	return []table{t}
}

// benchTables gives one table for each benchmark; what all its variants have in common is in the
// caption.
func benchTables(bs []Benchmark) []table {
	var bases []string
	variants := map[string][]string{} // names by base
	units := map[string][]string{}    // units by base
	values := map[[2]string][]float64{}
	metric := map[string]Metric{}
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
	var out []table
	for _, base := range bases {
		common, own := splitNames(variants[base])
		t := table{Caption: base}
		if common != "" {
			t.Caption += ", " + common
		}
		value := func(name, unit string) cell {
			v := values[[2]string{name, unit}]
			if len(v) == 0 {
				return number("")
			}
			return number(summarised(v, metric[unit]))
		}
		if len(own) <= 4 {
			// Few variants and many metrics: the metrics go down.
			t.Head = words("Metric")
			for _, o := range own {
				t.Head = append(t.Head, number(o))
			}
			for _, u := range units[base] {
				row := []cell{{Text: u, Code: true}}
				for _, n := range variants[base] {
					row = append(row, value(n, u))
				}
				t.Rows = append(t.Rows, row)
			}
		} else {
			t.Head = words("Variant")
			for _, u := range units[base] {
				t.Head = append(t.Head, number(u))
			}
			for i, n := range variants[base] {
				row := words(own[i])
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
func summarised(values []float64, m Metric) string {
	sample := benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds)
	if m.Exact {
		return measure(benchmath.AssumeExact.Summary(sample, 0.95).Center, m.Unit)
	}
	s := benchmath.AssumeNothing.Summary(sample, 0.95)
	if len(values) == 1 {
		return measure(s.Center, m.Unit)
	}
	return measure(s.Center, m.Unit) + " ± " + s.PctRangeString()
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

func markWords(sources []Source) string {
	var out []string
	for _, m := range markMeanings {
		if slices.ContainsFunc(sources, func(s Source) bool { return s.Mark == m[0] }) {
			out = append(out, m[0]+": "+m[1])
		}
	}
	if len(out) == 0 {
		return ""
	}
	return strings.Join(out, "; ") + "."
}

func sourceTable(sources []Source) table {
	t := table{Caption: "Facts of the model", Head: words("Fact", "Value", "Mark", "Source")}
	for _, s := range sources {
		t.Rows = append(t.Rows, words(s.Fact, s.Value, s.Mark, s.From))
	}
	return t
}
