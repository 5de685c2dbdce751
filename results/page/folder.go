// Package page makes what people read of a report: the folder with pictures and the HTML page, and the summary
// on the terminal.
//
// A report is shown in these steps:
//
//  1. A command has a results.Report. Write leaves the records (results.Write), then the pictures of package
//     plot under plots/, then report.html. Redraw does the same from the records of an older folder.
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
//   - The records are written first, so an interrupted Write is completed by Redraw.
//   - Pictures that an earlier run left in plots/ are removed; other files there stay.
package page

import (
	"os"
	"path/filepath"
	"slices"

	"dualbank/results"
	"dualbank/results/plot"
)

// Names in a results folder.
const (
	pageName  = "report.html"
	plotsName = "plots"
)

// Write leaves r in the folder dir, which is made if need be: records.json, scenario.toml and bench.txt as
// results.Write does, then plots/*.png and *.svg, and report.html. The records come first: Redraw draws
// whatever an interrupted run has not drawn. The error names the file.
func Write(dir string, r *results.Report) error {
	if err := results.Write(dir, r); err != nil {
		return err
	}
	if err := writePlots(filepath.Join(dir, plotsName), plot.Pictures(r)); err != nil {
		return err
	}
	html, err := Page(r)
	if err != nil {
		return err
	}
	return results.WriteFile(dir, pageName, html)
}

// Redraw makes all files in the results folder dir again from its records.json.
func Redraw(dir string) error {
	r, err := results.Read(dir)
	if err != nil {
		return err
	}
	return Write(dir, r)
}

// writePlots writes each picture as PNG and SVG, and removes those of an earlier run.
func writePlots(dir string, pics []*plot.Picture) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	var names []string
	for _, pic := range pics {
		img, err := pic.PNG()
		if err != nil {
			return err
		}
		for ext, data := range map[string][]byte{".png": img, ".svg": []byte(pic.SVG(plot.WideWidth, "pic-"+pic.Name, true))} {
			if err := results.WriteFile(dir, pic.Name+ext, data); err != nil {
				return err
			}
			names = append(names, pic.Name+ext)
		}
	}
	old, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range old {
		if plot.IsFile(e.Name()) && !slices.Contains(names, e.Name()) {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
