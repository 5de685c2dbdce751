//go:build browser

// These tests load the page in a real Chromium. They run with `go test -tags browser ./results/page`,
// which .ci/run does after installing Debian's package; without a Chromium they fail.

package page

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dualbank/results"
	"dualbank/results/internal/sample"
	"dualbank/results/plot"
)

var shots = flag.String("shots", "", "leave screenshots and the printed page in this folder")

// layoutFaults runs in the page and lists what a reader would stumble over.
const layoutFaults = `(() => {
  const faults = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.body.querySelectorAll("*")].filter(e => e.getBoundingClientRect().right > root.clientWidth + 1 && !e.closest(".table, pre"));
    faults.push("page is " + root.scrollWidth + " wide in a window of " + root.clientWidth + " by " + wide.slice(-1).map(e => e.outerHTML.slice(0, 60)));
  }
  const seen = e => e.getClientRects().length > 0;
  for (const fig of document.querySelectorAll("figure")) {
    const shown = [...fig.querySelectorAll("svg")].filter(seen);
    if (shown.length !== 1) { faults.push(fig.id + ": " + shown.length + " pictures shown"); continue; }
    const svg = shown[0], box = svg.getBoundingClientRect(), scale = box.width / svg.viewBox.baseVal.width;
    const texts = [...svg.querySelectorAll("text")].map(e => ({s: e.textContent, size: parseFloat(e.getAttribute("font-size")) * scale, r: e.getBoundingClientRect()}));
    for (const t of texts) {
      if (t.size < 9) faults.push(fig.id + ": '" + t.s + "' is " + t.size.toFixed(1) + "px");
      if (t.r.left < box.left - 1 || t.r.right > box.right + 1 || t.r.top < box.top - 1 || t.r.bottom > box.bottom + 1) faults.push(fig.id + ": '" + t.s + "' is cut off");
    }
    for (let i = 0; i < texts.length; i++) for (let j = 0; j < i; j++) {
      const a = texts[i].r, b = texts[j].r;
      // Boxes are as high as the font; letters touch when they share more than a third of that.
      const w = Math.min(a.right, b.right) - Math.max(a.left, b.left), h = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (w > 1 && h > Math.min(a.height, b.height) / 3) faults.push(fig.id + ": '" + texts[i].s + "' and '" + texts[j].s + "' overlap");
    }
  }
  const rgb = s => s.match(/[\d.]+/g).map(Number);
  const lum = c => { const f = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; return 0.2126 * f(c[0]) + 0.7152 * f(c[1]) + 0.0722 * f(c[2]); };
  for (const e of document.body.querySelectorAll("*:not(svg *)")) {
    if (!seen(e) || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    let bg = e, c = null;
    while (bg && (c = rgb(getComputedStyle(bg).backgroundColor)).length === 4 && c[3] === 0) { bg = bg.parentElement; c = null; }
    if (!c) { faults.push("no background under '" + e.textContent.slice(0, 30) + "'"); continue; }
    const x = lum(rgb(getComputedStyle(e).color)), y = lum(c), ratio = (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
    if (ratio < 4.5) faults.push("contrast " + ratio.toFixed(2) + " of '" + e.textContent.slice(0, 30) + "'");
  }
  return faults;
})()`

func TestPageInBrowser(t *testing.T) {
	c := startChromium(t)
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
				c.media("screen", scheme)
				c.size(width, 900)
				c.open(url)
				for _, what := range c.complaints(url) {
					t.Errorf("%s: %s", name, what)
				}
				var faults []string
				c.eval(layoutFaults, &faults)
				for _, f := range faults {
					t.Errorf("%s: %s", name, f)
				}
				var background string
				c.eval(`getComputedStyle(document.body).backgroundColor`, &background)
				if dark := background != "rgb(255, 255, 255)"; dark != (scheme == "dark") {
					t.Errorf("%s: background %s", name, background)
				}
				keep(t, name+".png", func() []byte { return c.screenshot() })
			}
		}
	}
}

func TestPrintedPageInBrowser(t *testing.T) {
	c := startChromium(t)
	printed(t, c, "print", sample.Report())
	plan := sample.Planned("flat")
	plan.Command = "dualbank plan /home/user/projects/device/results/plan/scenario.toml --out /home/user/projects/device/results/plan"
	printed(t, c, "print-plan", plan)
}

func printed(t *testing.T, c *chromium, name string, r *results.Report) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, r)
	url := "file://" + filepath.Join(dir, pageName)
	// Paper is white, also for those whose screen is dark. 703 pixels is A4 within the page's margins.
	c.media("print", "dark")
	c.size(703, 1000)
	c.open(url)
	var faults []string
	c.eval(layoutFaults, &faults)
	for _, f := range append(faults, c.complaints(url)...) {
		t.Errorf("%s: %s", name, f)
	}
	var colours []string
	c.eval(`[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector("svg.wide text")).fill]`, &colours)
	if want := []string{"rgb(255, 255, 255)", "rgb(27, 32, 39)"}; strings.Join(colours, " ") != strings.Join(want, " ") {
		t.Errorf("%s: colours %v, want %v", name, colours, want)
	}
	keep(t, name+".png", func() []byte { return c.screenshot() })
	c.media("", "dark")
	pdf := c.data("Page.printToPDF", map[string]any{"preferCSSPageSize": true, "printBackground": true, "paperWidth": 8.27, "paperHeight": 11.69})
	if !strings.HasPrefix(string(pdf), "%PDF-") || len(pdf) < 20000 {
		t.Errorf("%s: %d bytes that begin %.8q", name, len(pdf), pdf)
	}
	keep(t, name+".pdf", func() []byte { return pdf })
}

// TestFilmInBrowser steps through a finding as a person does: with the buttons, the slider, the keyboard and a click.
func TestFilmInBrowser(t *testing.T) {
	c := startChromium(t)
	dir := t.TempDir()
	r := sample.Report()
	write(t, dir, r)
	url := "file://" + filepath.Join(dir, pageName)
	for _, width := range []int{390, 1024, 1600} {
		c.media("screen", "light")
		c.size(width, 900)
		own := fmt.Sprintf("%s?%d", url, width) // another address: the page loads anew
		c.open(own + "#finding-" + r.Findings[0].ID)
		var open bool
		if c.eval(`document.querySelector("details.finding").open`, &open); !open {
			t.Errorf("%d: a link to a finding does not open it", width)
		}
		do := func(js string) (got string) {
			t.Helper()
			c.eval(`(() => { const v = document.querySelector("details.film").film; `+js+`
				return [v.count.textContent, v.scene.textContent, v.dump.textContent, v.keys.textContent].join("\n"); })()`, &got)
			return got
		}
		c.eval(`document.querySelector("details.film").open = true; new Promise(done => setTimeout(done, 100))`, nil) // it is drawn in a task of its own
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
		var faults []string
		c.eval(layoutFaults, &faults)
		for _, f := range append(faults, c.complaints(own)...) {
			t.Errorf("%d: %s", width, f)
		}
		keep(t, fmt.Sprintf("film-%d.png", width), func() []byte { return c.screenshot() })
		// A picture fills the window, and closes again.
		var zoomed, closed bool
		c.eval(`(() => { document.querySelector("button.zoom").click(); return document.getElementById("zoom").open; })()`, &zoomed)
		c.eval(`(() => { document.querySelector("#zoom button").click(); return !document.getElementById("zoom").open; })()`, &closed)
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
	c := startChromium(t)
	dir := t.TempDir()
	r := sample.Report()
	write(t, dir, r)
	for _, width := range []int{390, 1600} {
		c.size(width, 900)
		c.call("Page.setBypassCSP", map[string]any{"enabled": true}, nil) // the page lets no foreign script run
		c.open("file://" + filepath.Join(dir, pageName))
		c.eval(`for (const d of document.querySelectorAll("details")) d.open = true; 0`, nil)
		c.eval(string(axe)+"; 0", nil)
		var bad []string
		c.eval(`axe.run().then(r => r.violations.filter(v => v.impact === "serious" || v.impact === "critical").map(v => v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 120)).join(" | ")))`, &bad)
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
	c := startChromium(t)
	c.size(1280, 900)
	c.open("file://" + filepath.Join(dir, pageName))
	c.eval(`for (const d of document.querySelectorAll("details")) d.open = true; new Promise(done => setTimeout(done, 100))`, nil)
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
	c.call("Accessibility.getFullAXTree", nil, &tree)
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
	c.eval("document.documentElement.lang", &lang)
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
	c := startChromium(t)
	for _, f := range files {
		for _, scheme := range []string{"light", "dark"} {
			c.media("screen", scheme)
			c.size(800, 600)
			url := "file://" + f
			c.open(url)
			for _, what := range c.complaints(url) {
				t.Errorf("%s: %s", filepath.Base(f), what)
			}
			var got struct{ Tag, Fill string }
			c.eval(`({Tag: document.documentElement.tagName, Fill: getComputedStyle(document.querySelector("path")).fill})`, &got)
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
	c := startChromium(t)
	c.media("screen", "light")
	c.size(1280, 900)
	c.open("file://" + file)
	var faults []string
	c.eval(layoutFaults, &faults)
	all := strings.Join(append(c.complaints("file://"+file), faults...), "\n")
	for _, want := range []string{
		"console.error", "exception:", "request: http://dualbank.invalid/x.png", "log error",
		"wide in a window of 1280", "contrast 1.6", "'two' and 'one' overlap", "'outside' is cut off", "'tiny' is 5.0px",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("not seen: %s, in\n%s", want, all)
		}
	}
}

// screenshot is the whole page as PNG.
func (c *chromium) screenshot() []byte {
	return c.data("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true})
}

// keep leaves a file to be looked at, where the flag asks for it.
func keep(t *testing.T, name string, data func() []byte) {
	t.Helper()
	if *shots == "" {
		return
	}
	if err := os.MkdirAll(*shots, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, name), data(), 0o666); err != nil {
		t.Fatal(err)
	}
}
