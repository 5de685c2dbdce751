package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"regexp"
	"slices"
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

//go:embed film.js
var filmScript string

// script is what the page runs. The lines around it keep the page well-formed as XML, too.
var script = "//<![CDATA[\n" + filmScript + "//]]>\n"

// scriptHash names the script in the page's security policy: nothing else may run.
var scriptHash = func() string {
	sum := sha256.Sum256([]byte(script))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}()

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// page holds the data of the template page.html.
type page struct {
	Title, Board, Command, Scenario, Made string
	Style                                 template.CSS
	Script                                template.JS
	ScriptHash                            template.HTMLAttr
	Verdict                               []table.Cell
	Facts                                 []results.Fact // at most mostFacts
	More                                  table.Table    // all facts
	HasFindings                           bool
	FindingsText                          string
	Causes                                []cause
	Apart                                 []finding // of no cause
	Findings                              []finding
	Figures                               []figure
	Sections                              []section
	Again                                 table.Table
	Seed                                  string
	Sources                               table.Table
	Marks                                 string
	Kinds                                 [][2]string // what lies on a flash, for films
}

// mostFacts bounds the figures that the page begins with.
const mostFacts = 6

// figure is one picture in two widths: for screens and paper, and for phones.
type figure struct {
	Name, Text   string
	Wide, Narrow template.HTML
}

// finding is one row of the findings.
type finding struct {
	results.Finding
	Anchor, What, Cuts string
	Likely             string // how likely a power cut shows it; "": not known
	Files              []link
}

// cause is one row of the causes, with its findings.
type cause struct {
	results.Cause
	Anchor, Cuts string
	Consequences []consequence
	Findings     []finding
}

// consequence is what a cause leads to, with its count in words.
type consequence struct {
	results.Consequence
	Cuts string
}

// likely says how likely a power cut shows a finding.
func likely(f results.Finding) string {
	if f.Share == 0 {
		return ""
	}
	return fmt.Sprintf("a power cut shows it in %s of the time that the flash works in this sweep", unit.Percent(f.Share))
}

// link is one to a file beside the page.
type link struct{ Text, Link string }

// section is a heading with tables below.
type section struct {
	ID, Title, Text string
	Tables          []table.Table
}

// Page returns report.html: one page that needs no network. Without scripts it shows everything but the steps of a
// finding, of which it has the words.
func Page(r *results.Report) ([]byte, error) {
	if err := results.Check(r); err != nil {
		return nil, err
	}
	pics := plot.Pictures(r)
	p := page{
		Title: r.Title, Board: r.Board, Command: r.Command, Scenario: strings.TrimRight(r.Scenario, "\n"), Made: r.Made,
		Style:  template.CSS(pageStyle + "@media screen and (prefers-color-scheme: dark) {\n  " + plot.DarkRules() + "\n}\n"),
		Script: template.JS(script), ScriptHash: template.HTMLAttr(scriptHash), Kinds: results.BoxKinds,
		Verdict:     verdicts(r),
		Facts:       headline(r.Facts),
		HasFindings: len(r.Findings) > 0 || len(r.Cuts) > 0,
		Sources:     sourceTable(r.Sources),
		Marks:       markWords(r.Sources),
	}
	if p.Title == "" {
		p.Title = "dualbank report"
	}
	if len(r.Facts) > len(p.Facts) {
		p.More = table.Table{ID: "table-facts", Caption: "All figures", Head: table.Words("Figure", "Value", "What it means")}
		for _, f := range r.Facts {
			p.More.Rows = append(p.More.Rows, table.Words(f.Name, f.Value, f.Note))
		}
	}
	for _, pic := range pics {
		p.Figures = append(p.Figures, figure{
			Name: pic.Name, Text: pic.Caption(),
			Wide:   inline(pic, plot.WideWidth, "wide"),
			Narrow: inline(pic, plot.NarrowWidth, "narrow"),
		})
	}
	p.FindingsText, _ = verdict(r)
	for i, f := range bySeverity(r) {
		what := "finding-" + f.ID // the same on every page that has the finding
		if !plainID.MatchString(f.ID) || slices.ContainsFunc(p.Findings, func(o finding) bool { return o.Anchor == what }) {
			what = fmt.Sprintf("finding-%d", i+1)
		}
		p.Findings = append(p.Findings, finding{f, what, f.Title, unit.Plural(f.Count, "power cut"), likely(f), files(f)})
	}
	p.Causes, p.Apart = byCause(r, p.Findings)
	p.Sections = sections(r)
	p.Again, p.Seed = reproduction(r, pics, p.Sections), seed(r)
	p.Sources.ID = "table-sources"
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

// headline returns the facts that answer a question, or the first ones.
func headline(facts []results.Fact) (out []results.Fact) {
	for _, f := range facts {
		if f.Question != "" {
			out = append(out, f)
		}
	}
	if out == nil {
		out = facts
	}
	return out[:min(mostFacts, len(out))]
}

// byCause puts findings to their causes; apart are those of none.
func byCause(r *results.Report, all []finding) (causes []cause, apart []finding) {
	placed := map[string]bool{}
	for i, c := range r.Causes {
		row := cause{Cause: c, Anchor: fmt.Sprintf("cause-%d", i+1), Cuts: unit.Plural(c.Count, "power cut")}
		if plainID.MatchString(c.Name) {
			row.Anchor = "cause-" + c.Name // the same on every page that has the cause
		}
		for _, q := range c.Consequences {
			row.Consequences = append(row.Consequences, consequence{q, unit.Plural(q.Count, "power cut")})
		}
		for _, f := range all {
			if slices.Contains(c.Findings, f.ID) && !placed[f.Anchor] {
				placed[f.Anchor] = true
				row.Findings = append(row.Findings, f)
			}
		}
		causes = append(causes, row)
	}
	for _, f := range all {
		if !placed[f.Anchor] {
			apart = append(apart, f)
		}
	}
	return causes, apart
}

// plainID is what the IDs of findings look like.
var plainID = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

// files returns the links to the files of a finding, for those that a command replays from the folder of the page.
func files(f results.Finding) (out []link) {
	if !plainID.MatchString(f.ID) || !strings.HasSuffix(f.Command, f.ID+".json") {
		return nil
	}
	for _, ext := range []string{"json", "txt", "bin", "hex"} {
		out = append(out, link{f.ID + "." + ext, "findings/" + f.ID + "." + ext})
	}
	return out
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
