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

// Write leaves r in the folder dir, which is made if need be: the records and bench.txt as results.Write
// does, then plots/*.png and *.svg, and report.html. Each file appears whole or not at all, and the
// records come first: whatever an interrupted run has not drawn, Redraw draws. The same records give
// the same bytes. The error names the file.
func Write(dir string, r *results.Report) error {
	if err := results.Write(dir, r); err != nil {
		return err
	}
	pics := plot.Pictures(r)
	if err := writePlots(filepath.Join(dir, plotsName), pics); err != nil {
		return err
	}
	html, err := renderPage(r, pics)
	if err != nil {
		return err
	}
	return results.WriteFile(dir, pageName, html)
}

// Redraw makes everything in the results folder dir again from its records.json.
func Redraw(dir string) error {
	r, err := results.Read(dir)
	if err != nil {
		return err
	}
	return Write(dir, r)
}

// writePlots writes each picture as PNG and SVG, and takes away those of a run before.
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
