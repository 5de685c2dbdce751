//go:build browser

// These tests load the page in a real Chromium. They run with `go test -tags browser ./results/page`,
// which .ci/run does after installing Debian's package; without a Chromium they fail.

package page

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dualbank/internal/browser"
	"dualbank/results"
	"dualbank/results/internal/sample"
	"dualbank/results/plot"
)

func TestPageInBrowser(t *testing.T) {
	c := browser.Start(t)
	for _, in := range []struct {
		name string
		r    *results.Report
	}{{"", sample.Report()}, {"crowded-", sample.Crowded()}, {"plan-", sample.Planned("")}, {"draws-", sample.Planned("flat")}} {
		html, err := Page(in.r)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), pageName)
		if err := os.WriteFile(file, html, 0o666); err != nil {
			t.Fatal(err)
		}
		url := "file://" + file
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int{390, 1024, 1600} {
				name := fmt.Sprintf("%s%s-%d", in.name, scheme, width)
				c.Media("screen", scheme)
				c.Size(width, 900)
				c.Open(url)
				for _, what := range c.Complaints(url) {
					t.Errorf("%s: %s", name, what)
				}
				for _, f := range c.Faults() {
					t.Errorf("%s: %s", name, f)
				}
				var background string
				c.Eval(`getComputedStyle(document.body).backgroundColor`, &background)
				if dark := background != "rgb(255, 255, 255)"; dark != (scheme == "dark") {
					t.Errorf("%s: background %s", name, background)
				}
				c.Keep(name+".png", c.Screenshot)
			}
		}
	}
}

// TestIndexInBrowser looks at the page over several runs.
func TestIndexInBrowser(t *testing.T) {
	runs := []Run{{Name: "monday", Link: "0/", Report: sample.Report()}, {Name: "tuesday", Link: "1/", Report: sample.Crowded(), Apart: "of another board"}, {Name: "plan", Link: "2/", Report: sample.Planned("flat"), Apart: "a plan is no run"}}
	html, err := Index(runs)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "index.html")
	if err := os.WriteFile(file, html, 0o666); err != nil {
		t.Fatal(err)
	}
	c := browser.Start(t)
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int{390, 1024, 1600} {
			c.Media("screen", scheme)
			c.Size(width, 900)
			c.Open("file://" + file)
			for _, f := range append(c.Faults(), c.Complaints("file://"+file)...) {
				t.Errorf("%s, %d: %s", scheme, width, f)
			}
			c.Keep(fmt.Sprintf("index-%s-%d.png", scheme, width), c.Screenshot)
		}
	}
}

func TestPrintedPageInBrowser(t *testing.T) {
	c := browser.Start(t)
	printed(t, c, "print", sample.Report())
	plan := sample.Planned("flat")
	plan.Command = "dualbank plan /home/user/projects/device/results/plan/scenario.toml --out /home/user/projects/device/results/plan"
	printed(t, c, "print-plan", plan)
}

func printed(t *testing.T, c *browser.Page, name string, r *results.Report) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, r)
	url := "file://" + filepath.Join(dir, pageName)
	// Paper is white, also for those whose screen is dark. 703 pixels is A4 within the page's margins.
	c.Media("print", "dark")
	c.Size(703, 1000)
	c.Open(url)
	for _, f := range append(c.Faults(), c.Complaints(url)...) {
		t.Errorf("%s: %s", name, f)
	}
	var colours []string
	c.Eval(`[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector("svg.wide text")).fill]`, &colours)
	if want := []string{"rgb(255, 255, 255)", "rgb(27, 32, 39)"}; strings.Join(colours, " ") != strings.Join(want, " ") {
		t.Errorf("%s: colours %v, want %v", name, colours, want)
	}
	c.Keep(name+".png", c.Screenshot)
	c.Media("", "dark")
	pdf := c.Data("Page.printToPDF", map[string]any{"preferCSSPageSize": true, "printBackground": true, "paperWidth": 8.27, "paperHeight": 11.69})
	if !strings.HasPrefix(string(pdf), "%PDF-") || len(pdf) < 20000 {
		t.Errorf("%s: %d bytes that begin %.8q", name, len(pdf), pdf)
	}
	c.Keep(name+".pdf", func() []byte { return pdf })
}

// TestFilmInBrowser steps through a finding as a person does: with the buttons, the slider, the keyboard and a click.
func TestFilmInBrowser(t *testing.T) {
	c := browser.Start(t)
	dir := t.TempDir()
	r := sample.Report()
	write(t, dir, r)
	url := "file://" + filepath.Join(dir, pageName)
	for _, width := range []int{390, 1024, 1600} {
		c.Media("screen", "light")
		c.Size(width, 900)
		own := fmt.Sprintf("%s?%d", url, width) // another address: the page loads anew
		c.Open(own + "#finding-" + r.Findings[0].ID)
		var open bool
		if c.Eval(`document.querySelector("details.finding").open`, &open); !open {
			t.Errorf("%d: a link to a finding does not open it", width)
		}
		do := func(js string) (got string) {
			t.Helper()
			c.Eval(`(() => { const v = document.querySelector("details.film").film; `+js+`
				return [v.count.textContent, v.scene.textContent, v.dump.textContent, v.keys.textContent].join("\n"); })()`, &got)
			return got
		}
		c.Eval(`document.querySelector("details.film").open = true; new Promise(done => setTimeout(done, 100))`, nil) // it is drawn in a task of its own
		for _, step := range []struct{ js, want, not string }{
			{``, "Frame 2 of 3, the cut", "The store believes0x"},
			{`v.go(0);`, "Frame 1 of 3, 1 before the cut", ""},
			{``, "6B 65 79 3C 33 31", ""}, // the bytes that the frame changes
			{``, "the 488 bytes stored or the 31 bytes stored488 bytes at 0x081001000x08100100", ""},
			{`v.slider.value = 2; v.slider.dispatchEvent(new Event("input"));`, "it fails: read failed", "0x081001000x08100100"},
			{`v.root.querySelector(".film-bar button").click();`, "Frame 2 of 3", ""},
			{`v.root.querySelector(".film-table").dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowLeft", bubbles: true}));`, "Frame 1 of 3", ""},
			{`v.root.querySelector(".film-link").click();`, "61 20 6D 61 73 74 65 72", ""}, // "a master"
			{`const l = v.rows[4].lane, b = l.getBoundingClientRect(); l.dispatchEvent(new MouseEvent("click", {clientX: b.left + b.width / 2, bubbles: true}));`, "Bytes from 0x0811", ""},
		} {
			got := do(step.js)
			if !strings.Contains(got, step.want) || step.not != "" && strings.Contains(got, step.not) {
				t.Errorf("%d: after %q no %q, or %q, in\n%s", width, step.js, step.want, step.not, got)
			}
		}
		for _, f := range append(c.Faults(), c.Complaints(own)...) {
			t.Errorf("%d: %s", width, f)
		}
		c.Keep(fmt.Sprintf("film-%d.png", width), c.Screenshot)
		// A picture fills the window, and closes again.
		var zoomed, closed bool
		c.Eval(`(() => { document.querySelector("button.zoom").click(); return document.getElementById("zoom").open; })()`, &zoomed)
		c.Eval(`(() => { document.querySelector("#zoom button").click(); return !document.getElementById("zoom").open; })()`, &closed)
		if !zoomed || !closed {
			t.Errorf("%d: zoomed %v, closed %v", width, zoomed, closed)
		}
	}
}

// TestAxeInBrowser lets axe-core look for what keeps people with disabilities from reading the page. AXE is the path
// of its script, which is fetched where these tests run and not kept here.
func TestAxeInBrowser(t *testing.T) {
	path := os.Getenv("AXE")
	if path == "" {
		t.Skip("AXE is not set: axe-core is left out")
	}
	axe, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := browser.Start(t)
	dir := t.TempDir()
	r := sample.Report()
	write(t, dir, r)
	for _, width := range []int{390, 1600} {
		c.Size(width, 900)
		c.Call("Page.setBypassCSP", map[string]any{"enabled": true}, nil) // the page lets no foreign script run
		c.Open("file://" + filepath.Join(dir, pageName))
		c.Eval(`for (const d of document.querySelectorAll("details")) d.open = true; 0`, nil)
		c.Eval(string(axe)+"; 0", nil)
		var bad []string
		c.Eval(`axe.run().then(r => r.violations.filter(v => v.impact === "serious" || v.impact === "critical").map(v => v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 120)).join(" | ")))`, &bad)
		for _, b := range bad {
			t.Errorf("%d: %s", width, b)
		}
	}
}

// TestAccessibilityInBrowser asks Chromium's accessibility tree, which is what a screen reader gets.
func TestAccessibilityInBrowser(t *testing.T) {
	dir := t.TempDir()
	r := sample.Report()
	write(t, dir, r)
	c := browser.Start(t)
	c.Size(1280, 900)
	c.Open("file://" + filepath.Join(dir, pageName))
	c.Eval(`for (const d of document.querySelectorAll("details")) d.open = true; new Promise(done => setTimeout(done, 100))`, nil)
	var tree struct {
		Nodes []struct {
			Ignored bool `json:"ignored"`
			Role    struct {
				Value string `json:"value"`
			} `json:"role"`
			Name, Description struct {
				Value string `json:"value"`
			}
		} `json:"nodes"`
	}
	c.Call("Accessibility.getFullAXTree", nil, &tree)
	seen := map[string]int{}
	for _, n := range tree.Nodes {
		role := n.Role.Value
		if n.Ignored {
			continue
		}
		seen[role]++
		switch role {
		case "img", "image":
			if !strings.Contains(n.Name.Value, "ime") && !strings.Contains(n.Name.Value, "erases") && !strings.Contains(n.Name.Value, "cuts") {
				t.Errorf("picture named %q", n.Name.Value)
			}
		case "table", "region", "columnheader", "rowheader":
			if n.Name.Value == "" {
				t.Errorf("%s without a name", role)
			}
		}
	}
	if got, want := seen["img"]+seen["image"], len(plot.Pictures(r)); got != want {
		t.Errorf("%d pictures in the tree, want %d (the hidden variants must not be there)", got, want)
	}
	for _, role := range []string{"table", "columnheader", "rowheader", "heading", "navigation", "main"} {
		if seen[role] == 0 {
			t.Errorf("no %s in the tree: %v", role, seen)
		}
	}
	var lang string
	c.Eval("document.documentElement.lang", &lang)
	if lang != "en" {
		t.Errorf("language %q", lang)
	}
}

// TestPicturesInBrowser opens each SVG file by itself.
func TestPicturesInBrowser(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, sample.Report())
	files, err := filepath.Glob(filepath.Join(dir, plotsName, "*.svg"))
	if err != nil || len(files) < 5 {
		t.Fatalf("%d pictures, %v", len(files), err)
	}
	c := browser.Start(t)
	for _, f := range files {
		for _, scheme := range []string{"light", "dark"} {
			c.Media("screen", scheme)
			c.Size(800, 600)
			url := "file://" + f
			c.Open(url)
			for _, what := range c.Complaints(url) {
				t.Errorf("%s: %s", filepath.Base(f), what)
			}
			var got struct{ Tag, Fill string }
			c.Eval(`({Tag: document.documentElement.tagName, Fill: getComputedStyle(document.querySelector("path")).fill})`, &got)
			want := "rgb(255, 255, 255)"
			if scheme == "dark" {
				want = "rgb(21, 25, 31)"
			}
			if got.Tag != "svg" || got.Fill != want {
				t.Errorf("%s, %s: %+v", filepath.Base(f), scheme, got)
			}
		}
	}
}

// TestBrowserSeesFaults plants everything that the tests above look for.
func TestBrowserSeesFaults(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bad.html")
	bad := `<!DOCTYPE html><html lang="en"><body style="background:#fff"><p style="width:3000px;color:#ccc">pale</p>
<img src="http://dualbank.invalid/x.png" alt=""><script>console.error("planted"); nowhere();</script>
<figure id="f"><svg viewBox="0 0 100 100" width="100"><text x="1" y="20" font-size="12">one</text><text x="5" y="21" font-size="12">two</text>
<text x="90" y="60" font-size="12">outside</text><text x="1" y="80" font-size="5">tiny</text></svg></figure></body></html>`
	if err := os.WriteFile(file, []byte(bad), 0o666); err != nil {
		t.Fatal(err)
	}
	c := browser.Start(t)
	c.Media("screen", "light")
	c.Size(1280, 900)
	c.Open("file://" + file)
	all := strings.Join(append(c.Complaints("file://"+file), c.Faults()...), "\n")
	for _, want := range []string{
		"console.error", "exception:", "request: http://dualbank.invalid/x.png", "log error",
		"wide in a window of 1280", "contrast 1.6", "'two' and 'one' overlap", "'outside' is cut off", "'tiny' is 5.0px",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("not seen: %s, in\n%s", want, all)
		}
	}
}
