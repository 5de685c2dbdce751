package page

import (
	"bytes"
	"encoding/xml"
	"errors"
	plain "html"
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"dualbank/results"
	"dualbank/results/internal/sample"
	"dualbank/results/plot"
)

// element is a start tag of the page with its attributes.
type element struct {
	name  string
	attrs map[string]string
}

// elements parses the page as XML, which it is written to be, and gives its elements in order.
func elements(t *testing.T, html []byte) []element {
	t.Helper()
	var out []element
	dec := xml.NewDecoder(bytes.NewReader(html))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := tok.(xml.StartElement); ok {
			el := element{e.Name.Local, map[string]string{}}
			for _, a := range e.Attr {
				el.attrs[a.Name.Local] = a.Value
			}
			out = append(out, el)
		}
	}
}

func TestPageIsOneAccessibleFile(t *testing.T) {
	r := sample.Report()
	html, err := Page(r)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Page(sample.Report())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(html, again) {
		t.Error("the same records gave other bytes")
	}
	ids := map[string]bool{}
	var refs []string
	count, scripts := map[string]int{}, 0
	beside := regexp.MustCompile(`^(plots/[a-z0-9-]+\.(svg|png)|findings/[a-z0-9-]+\.(json|txt|bin|hex)|records\.json|bench\.txt)$`)
	for _, e := range elements(t, html) {
		count[e.name]++
		if id := e.attrs["id"]; id != "" {
			if ids[id] {
				t.Errorf("id %s twice", id)
			}
			ids[id] = true
		}
		refs = append(refs, strings.Fields(e.attrs["aria-labelledby"])...)
		if h := e.attrs["href"]; strings.HasPrefix(h, "#") {
			refs = append(refs, h[1:])
		} else if h != "" && h != "data:," && !beside.MatchString(h) {
			t.Errorf("%s href=%s: the page links to its own folder alone", e.name, h)
		}
		for _, a := range []string{"src", "srcset", "action", "data", "onload", "onclick"} {
			if v, ok := e.attrs[a]; ok {
				t.Errorf("%s %s=%s", e.name, a, v)
			}
		}
		switch e.name {
		case "script":
			if e.attrs["type"] != "application/json" {
				scripts++
			}
		case "iframe", "object", "embed", "form", "image":
			t.Errorf("a %s in the page", e.name)
		case "th":
			if s := e.attrs["scope"]; s != "col" && s != "row" {
				t.Errorf("th with scope %q", s)
			}
		case "svg":
			if e.attrs["role"] != "img" || e.attrs["aria-labelledby"] == "" {
				t.Errorf("svg without role or name: %v", e.attrs)
			}
		case "html":
			if e.attrs["lang"] != "en" {
				t.Errorf("lang %q", e.attrs["lang"])
			}
		}
	}
	if scripts != 1 || !bytes.Contains(html, []byte(script)) || !strings.Contains(plain.UnescapeString(string(html)), "script-src '"+scriptHash+"'") {
		t.Errorf("%d scripts: only the page's own may run", scripts)
	}
	for _, ref := range refs {
		if !ids[ref] {
			t.Errorf("nothing has the id %s", ref)
		}
	}
	pics := len(plot.Pictures(r))
	for name, want := range map[string]int{"figure": pics, "figcaption": pics, "svg": 2 * pics, "article": len(r.Findings), "h1": 1, "main": 1} {
		if count[name] != want {
			t.Errorf("%d %s, want %d", count[name], name, want)
		}
	}
	outside := regexp.MustCompile(`(?i)(https?:|//[a-z]|@import|url\()[^\s"'<]*`)
	for _, m := range outside.FindAllString(string(html), -1) {
		if m != "http://www.w3.org/2000/svg" {
			t.Errorf("%s in the page", m)
		}
	}
	for _, want := range []string{r.Board, r.Command, "391,268", "dualbank replay out/findings/kv-2-gc-copy.json", "profile = &#34;MbedCE&#34;", "&lt;31 bytes &amp; a torn tail&gt;", "C2: read in a third-party copy"} {
		if !bytes.Contains(html, []byte(want)) {
			t.Errorf("no %q in the page", want)
		}
	}
}

// Every picture and every section says how it is made again: the settings, the seed, the command.
func TestEveryFigureIsReproducible(t *testing.T) {
	for _, r := range []*results.Report{sample.Report(), sample.Planned("flat")} {
		pics := plot.Pictures(r)
		rows := reproduction(r, pics, sections(r)).Rows
		want := len(pics) + len(sections(r))
		if len(r.Findings) > 0 {
			want++
		}
		if len(rows) != want {
			t.Errorf("%d rows, want %d", len(rows), want)
		}
		html, err := Page(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if row[0].Link == "" || !strings.Contains(row[1].Text, "[") && row[0].Link != "benchmarks" || row[2].Text != seed(r) || !strings.HasPrefix(row[3].Text, "dualbank ") {
				t.Errorf("%+v", row)
			}
			if !bytes.Contains(html, []byte(` id="`+row[0].Link+`"`)) {
				t.Errorf("nothing on the page has the id %s", row[0].Link)
			}
		}
	}
}

// TestPageEscapesEveryString puts markup into every string of the records.
func TestPageEscapesEveryString(t *testing.T) {
	const evil = `</title></style></svg><script src="http://evil.invalid/x.js">alert(1)</script><img src=x onerror=alert(1)> ]]> & "`
	r := sample.Report()
	plant(reflect.ValueOf(r).Elem(), evil)
	for i := range r.Findings {
		r.Findings[i].Severity = "high"
		if f := r.Findings[i].Film; f != nil {
			for j := range f.Frames {
				for k := range f.Frames[j].Boxes {
					f.Frames[j].Boxes[k].Kind = "live" // Check holds it to the known ones
				}
			}
		}
	}
	// What must be plain words stays so: Check holds them to it.
	clean := sample.Report()
	r.Config, r.Bench = clean.Config, clean.Bench
	html, err := Page(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range elements(t, html) {
		if e.name == "script" && e.attrs["src"] != "" || e.name == "img" {
			t.Errorf("a %s got in", e.name)
		}
	}
	if n := bytes.Count(html, []byte("<script")); n != 2+filmed(r) {
		t.Errorf("%d scripts", n)
	}
	if n := bytes.Count(html, []byte("&lt;script")); n < 40 {
		t.Errorf("planted text appears %d times", n)
	}
	for _, p := range plot.Pictures(r) {
		if seen := sample.WellFormed(t, p.Name, []byte(p.SVG(plot.WideWidth, "x", true))); seen["script"] != 0 {
			t.Errorf("%s: a script got in", p.Name)
		}
	}
}

// filmed is how many findings of r have a film.
func filmed(r *results.Report) (n int) {
	for i := range r.Findings {
		if r.Findings[i].Film != nil {
			n++
		}
	}
	return n
}

// plant sets every string below v.
func plant(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Struct:
		for i := range v.NumField() {
			plant(v.Field(i), s)
		}
	case reflect.Slice:
		for i := range v.Len() {
			plant(v.Index(i), s)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			plant(v.Elem(), s)
		}
	}
}

func TestPageOfLittleAndOfMuch(t *testing.T) {
	for _, c := range []struct {
		r    *results.Report
		want []string
	}{
		{&results.Report{}, []string{"No power cuts were tried", "<title>dualbank report</title>"}},
		{&results.Report{Title: "t", Cuts: sample.Cuts()[1:]}, []string{"No findings in 9,600 power cuts", "No rule was broken."}},
		{sample.Crowded(), []string{"119 % of the rated 10,000", "The tables below have the rest.", "driver word, cache flushed, 1,000 KiB", "Other broken rules", "p99.9"}},
	} {
		html, err := Page(c.r)
		if err != nil {
			t.Fatal(err)
		}
		elements(t, html)
		for _, want := range c.want {
			if !bytes.Contains(html, []byte(want)) {
				t.Errorf("no %q in the page %q", want, c.r.Title)
			}
		}
	}
}

func TestBenchTables(t *testing.T) {
	host := func(name string, v float64) results.Benchmark {
		return results.Benchmark{Name: name, N: 1, Metrics: []results.Metric{{Unit: "ns/op", Value: v, Better: "lower"}, {Unit: "sim-sec/op", Value: 0.5, Exact: true, Better: "lower"}}}
	}
	var bs []results.Benchmark
	for _, v := range []float64{100, 101, 99, 102, 98, 100} {
		bs = append(bs, host("Set/part=a/size=16-2", v))
	}
	bs = append(bs, host("Set/part=a/size=32-2", 200), host("Open", 5))
	for i := range 5 {
		bs = append(bs, host("Wide/n="+string(rune('0'+i)), float64(i)))
	}
	got := ""
	for _, tb := range benchTables(bs) {
		got += tb.Text(200) + "\n"
	}
	for _, line := range []string{"Set, part=a, -2\n", "size=16", "100 ns ± 2%", "200 ns", "Open\nMetric", "value\n", "Wide\nVariant", "n=4"} {
		if !strings.Contains(got, line) {
			t.Errorf("no %q in\n%s", line, got)
		}
	}
}
