// Package page makes what people read of a report: the folder with pictures and the HTML page, and the summary
// on the terminal.
//
// A report is shown in these steps:
//
//  1. A command has a results.Report. Files returns the records (results.Files), the pictures of package plot under
//     plots/, and report.html. Redraw makes an older folder again from its records.
//  2. The verdict and the findings, by severity, come first on page and terminal (findings.go).
//  3. The files named after tables turn records into table.Table: applications, plans, updates, benchmarks;
//     tables.go has the short ones.
//  4. Page fills the template page.html with summary, pictures, findings, sections of tables, how each figure
//     is made again (reproduce.go), and the sources of the model's facts.
//  5. WriteSummary prints facts, tables and findings for a terminal of a given width.
//
// Invariants:
//
//   - report.html is one file without scripts. It needs no network, works in light and dark, on a phone and on
//     paper, and says in words what each picture shows.
//   - Every string of the records is escaped.
//   - Every picture and every section says with which settings, seed and command it is made again.
//   - Redraw replaces the folder as a whole. Pictures that an earlier run left in plots/ are removed; files that are
//     not ours stay.
package page

import (
	"errors"
	"path"
	"slices"
	"strings"

	"dualbank/internal/outdir"
	"dualbank/results"
	"dualbank/results/plot"
)

// Names in a results folder.
const (
	pageName  = "report.html"
	plotsName = "plots"
)

// Files returns all files of a results folder, by their slash-separated paths in it: those of results.Files, then
// plots/*.png and *.svg, and report.html.
func Files(r *results.Report) (map[string][]byte, error) {
	files, err := results.Files(r)
	if err != nil {
		return nil, err
	}
	for _, pic := range plot.Pictures(r) {
		name := path.Join(plotsName, pic.Name)
		if files[name+".png"], err = pic.PNG(); err != nil {
			return nil, err
		}
		files[name+".svg"] = []byte(pic.SVG(plot.WideWidth, "pic-"+pic.Name, true))
	}
	files[pageName], err = Page(r)
	return files, err
}

// Redraw makes all files in the results folder dir again from r, which results.Read has read there, whole or not at
// all. A folder without a mark, as older versions left it, is marked.
func Redraw(dir string, r *results.Report) (err error) {
	kind := "run"
	if words := strings.Fields(r.Command); len(words) > 1 && (words[1] == "plan" || words[1] == "update") {
		kind = words[1]
	}
	out, err := outdir.Open(dir, outdir.Options{
		Kind: kind,
		Keep: func(name string) bool { return path.Dir(name) != plotsName },
		Adopt: func(name string) bool {
			own := []string{results.RecordsName, results.ScenarioName, results.BenchName, pageName}
			return slices.Contains(own, name) || path.Dir(name) == plotsName && plot.IsFile(path.Base(name))
		},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	files, err := Files(r)
	if err != nil {
		return err
	}
	if err := out.WriteAll(files); err != nil {
		return err
	}
	return out.Commit()
}
