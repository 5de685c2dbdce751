package site

import (
	"bytes"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dualbank/results"
	"dualbank/results/page"
)

// folders writes small reports into folders of their own: the second is one per cent slower.
func folders(t *testing.T) (dir string, all []string) {
	t.Helper()
	dir = t.TempDir()
	for i, name := range []string{"first", "second"} {
		r := &results.Report{
			Title: "A small run", Board: "a board", Facts: []results.Fact{{Name: results.LifeFact, Question: "How long does the flash last?", Value: []string{"10 years", "9.9 years"}[i]}},
			Bench: []results.Benchmark{{Name: "Set/size=16", N: 1, Metrics: []results.Metric{{Unit: "sim-sec/op", Value: 1 + 0.01*float64(i), Exact: true, Better: "lower"}}}},
		}
		at := filepath.Join(dir, name)
		files, err := page.Files(r)
		if err != nil {
			t.Fatal(err)
		}
		for name, data := range files {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(at, name)), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(at, name), data, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, at)
	}
	return dir, all
}

// TestSite: a folder of folders is an index with what changed; only the files of reports are served, to this machine.
func TestSite(t *testing.T) {
	dir, all := folders(t)
	if err := os.WriteFile(filepath.Join(all[0], "secret.txt"), []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(all[0], "plots"), 0o777); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(all[0], "secret.txt"), filepath.Join(all[0], "plots", "out.svg")); err != nil {
		t.Fatal(err)
	}
	dirs, err := Folders([]string{dir})
	if err != nil || len(dirs) != 2 {
		t.Fatalf("%v, %v", dirs, err)
	}
	both, err := New(dirs)
	if err != nil {
		t.Fatal(err)
	}
	defer both.Close()
	one, err := New(all[:1])
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	for _, c := range []struct {
		site         *Site
		method, path string
		host         string
		code         int
		want, kind   string
	}{
		{both, "GET", "/", "127.0.0.1:1234", 200, "10 years", "text/html; charset=utf-8"},
		{both, "GET", "/", "localhost", 200, "1.00%", "text/html; charset=utf-8"},
		{both, "GET", "/2/report.html", "localhost:1", 200, "A small run", "text/html; charset=utf-8"},
		{both, "HEAD", "/1/bench.txt", "localhost:1", 200, "", "text/plain; charset=utf-8"},
		{one, "GET", "/", "localhost:1", 302, "/1/report.html", "text/html; charset=utf-8"},
		{both, "GET", "/1/secret.txt", "localhost:1", 404, "", ""},
		{both, "GET", "/1/.dualbank", "localhost:1", 404, "", ""},
		{both, "GET", "/1/plots/out.svg", "localhost:1", 404, "", ""},
		{both, "GET", "/1/../first/records.json", "localhost:1", 404, "", ""},
		{both, "GET", "/1/plots", "localhost:1", 404, "", ""},
		{both, "GET", "/3/report.html", "localhost:1", 404, "", ""},
		{both, "GET", "/x", "localhost:1", 404, "", ""},
		{both, "POST", "/", "localhost:1", 405, "", ""},
		{both, "GET", "/", "evil.invalid", 403, "", ""},
		{both, "GET", "/", "", 403, "", ""},
	} {
		r := httptest.NewRequest(c.method, c.path, nil)
		r.Host = c.host
		w := httptest.NewRecorder()
		c.site.ServeHTTP(w, r)
		got := w.Result()
		body, _ := io.ReadAll(got.Body)
		if got.StatusCode != c.code || !strings.Contains(string(body), c.want) || c.kind != "" && got.Header.Get("Content-Type") != c.kind {
			t.Errorf("%s %s of %s: %d %s, %.200q; want %d, %q", c.method, c.path, c.host, got.StatusCode, got.Header.Get("Content-Type"), body, c.code, c.want)
		}
		if c.code < 300 && (got.Header.Get("X-Content-Type-Options") != "nosniff" || bytes.Contains(body, []byte("<script src"))) {
			t.Errorf("%s: headers %v", c.path, got.Header)
		}
	}
	if _, err := Folders([]string{t.TempDir()}); err == nil || !strings.Contains(err.Error(), "no results in it") {
		t.Errorf("an empty folder: %v", err)
	}
}
