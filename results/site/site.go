// Package site serves results folders to a browser on this machine.
//
//  1. Folders finds them among the names on the command line.
//  2. New reads their records, and compares each with the one before.
//  3. A Site answers requests: with the report of the only folder, or with a page over several (page.Index).
//
// Invariants: nothing but the files of a report is served. Links that leave a folder are not followed. A page of another
// site, which asks under another name, gets nothing.
package site

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"dualbank/results"
	"dualbank/results/compare"
	"dualbank/results/page"
)

// mostRuns bounds the folders that are served.
const mostRuns = 64

// Folders are the folders with results among those that are named, and in one that has none itself.
func Folders(named []string) (dirs []string, err error) {
	has := func(dir string) bool {
		st, err := os.Stat(filepath.Join(dir, results.RecordsName))
		return err == nil && st.Mode().IsRegular()
	}
	for _, dir := range named {
		if has(dir) {
			dirs = append(dirs, dir)
			continue
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w: give a results folder", dir, err)
		}
		n := len(dirs)
		for _, e := range entries {
			if sub := filepath.Join(dir, e.Name()); e.IsDir() && has(sub) {
				dirs = append(dirs, sub)
			}
		}
		if len(dirs) == n {
			return nil, fmt.Errorf("%s: no results in it or in its folders: `dualbank run --out %s` makes some", dir, dir)
		}
	}
	if len(dirs) > mostRuns {
		return nil, fmt.Errorf("%d results folders: give up to %d", len(dirs), mostRuns)
	}
	return dirs, nil
}

// Site serves results folders, and a page over them.
type Site struct {
	index []byte // nil: there is one folder, whose report is the first page
	roots []*os.Root
}

// New makes a site of results folders. The caller closes it.
func New(dirs []string) (*Site, error) {
	s := &Site{}
	var runs []page.Run
	for i, dir := range dirs {
		r, err := results.Read(dir)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.roots = append(s.roots, root)
		run := page.Run{Name: filepath.Clean(dir), Link: fmt.Sprintf("%d/", i+1), Report: r}
		if i > 0 {
			if run.Since, err = compare.Files(dirs[i-1], dir, compare.DefaultThresholds()); err != nil {
				run.Apart = err.Error()
			}
		}
		runs = append(runs, run)
	}
	if len(runs) == 1 {
		return s, nil
	}
	var err error
	s.index, err = page.Index(runs)
	return s, err
}

// Close lets the folders go.
func (s *Site) Close() (err error) {
	for _, r := range s.roots {
		err = errors.Join(err, r.Close())
	}
	return err
}

// ServeHTTP serves reports to programs on this machine: a page of another site that a browser shows is refused.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	switch {
	case host != "localhost" && host != "127.0.0.1":
		http.Error(w, "only for this machine", http.StatusForbidden)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if name == "" && s.index == nil {
		http.Redirect(w, r, "/1/report.html", http.StatusFound)
		return
	}
	if name == "" {
		h.Set("Content-Type", "text/html; charset=utf-8")
		w.Write(s.index) // a browser that goes away is no failure
		return
	}
	number, name, _ := strings.Cut(name, "/")
	i, err := strconv.Atoi(number)
	if err != nil || i < 1 || i > len(s.roots) || !served(name) {
		http.NotFound(w, r)
		return
	}
	file, err := s.roots[i-1].Open(filepath.FromSlash(name))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil || !st.Mode().IsRegular() {
		http.NotFound(w, r)
		return
	}
	if kind := contentTypes[path.Ext(name)]; kind != "" {
		h.Set("Content-Type", kind)
	}
	http.ServeContent(w, r, "", time.Time{}, file)
}

// contentTypes do not depend on the machine's tables.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png", ".json": "application/json",
	".txt": "text/plain; charset=utf-8", ".toml": "text/plain; charset=utf-8", ".md": "text/plain; charset=utf-8",
	".hex": "text/plain; charset=utf-8", ".bin": "application/octet-stream",
}

// served reports whether name is one of the files of a report.
func served(name string) bool {
	if !fs.ValidPath(name) {
		return false
	}
	dir, base := path.Split(name)
	ext := path.Ext(base)
	switch dir {
	case "":
		return base == "report.html" || base == results.RecordsName || base == results.BenchName || base == results.ScenarioName
	case "plots/":
		return ext == ".svg" || ext == ".png"
	case "findings/":
		return ext == ".json" || ext == ".txt" || ext == ".bin" || ext == ".hex"
	}
	return false
}
