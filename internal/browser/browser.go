//go:build browser

package browser

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// Page is a headless Chromium with one page, spoken to in the DevTools protocol over a pair of
// pipes: messages are JSON with a zero byte behind.
type Page struct {
	t        *testing.T
	to, from *os.File
	in       *bufio.Reader
	next     int
	session  string
	events   []event
}

// event is what the page reported by itself.
type event struct {
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// Start starts a Chromium, which ends with the test. It fails the test where there is no Chromium: a check that does not run is no check.
func Start(t *testing.T) *Page {
	t.Helper()
	path := os.Getenv("CHROMIUM")
	if path == "" {
		path = "chromium"
	}
	path, err := exec.LookPath(path)
	if err != nil {
		t.Fatalf("no Chromium: %v (apt-get install chromium, or set CHROMIUM to its path)", err)
	}
	childIn, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, childOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
		"--disable-dev-shm-usage", "--remote-debugging-pipe", "--user-data-dir="+t.TempDir(), "about:blank")
	cmd.ExtraFiles = []*os.File{childIn, childOut}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	childIn.Close()
	childOut.Close()
	c := &Page{t: t, to: to, from: from, in: bufio.NewReaderSize(from, 1<<20)}
	t.Cleanup(func() {
		c.send("Browser.close", nil)
		done := make(chan struct{})
		go func() { cmd.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			cmd.Process.Kill()
			<-done
		}
		to.Close()
		from.Close()
	})
	var target struct {
		TargetID string `json:"targetId"`
	}
	c.Call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	c.Call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	c.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network", "Accessibility"} {
		c.Call(domain+".enable", nil, nil)
	}
	return c
}

func (c *Page) send(method string, params any) int {
	c.next++
	msg := map[string]any{"id": c.next, "method": method}
	if params != nil {
		msg["params"] = params
	}
	if c.session != "" {
		msg["sessionId"] = c.session
	}
	data, err := json.Marshal(msg)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.to.Write(append(data, 0)); err != nil {
		c.t.Errorf("chromium: %s: %v", method, err)
	}
	return c.next
}

// Call sends a command and waits for its answer; events on the way are kept.
func (c *Page) Call(method string, params, result any) {
	c.t.Helper()
	id := c.send(method, params)
	for {
		msg, err := c.receive()
		if err != nil {
			c.t.Fatalf("chromium: %s: %v", method, err)
		}
		if msg.ID != id {
			continue
		}
		if msg.Error != nil {
			c.t.Fatalf("chromium: %s: %s", method, msg.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(msg.Result, result); err != nil {
				c.t.Fatalf("chromium: %s: %v", method, err)
			}
		}
		return
	}
}

type message struct {
	event
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

func (c *Page) receive() (message, error) {
	var msg message
	if err := c.from.SetReadDeadline(time.Now().Add(60 * time.Second)); err != nil {
		return msg, err
	}
	data, err := c.in.ReadBytes(0)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return msg, errors.New("no answer within 60 s")
	}
	if err != nil {
		return msg, err
	}
	if err := json.Unmarshal(data[:len(data)-1], &msg); err != nil {
		return msg, err
	}
	if msg.Method != "" {
		c.events = append(c.events, msg.event)
	}
	return msg, nil
}

// Open loads a page and returns when it has loaded, with the events since then.
func (c *Page) Open(url string) {
	c.t.Helper()
	c.events = nil
	var nav struct {
		ErrorText string `json:"errorText"`
	}
	c.Call("Page.navigate", map[string]any{"url": url}, &nav)
	if nav.ErrorText != "" {
		c.t.Fatalf("%s: %s", url, nav.ErrorText)
	}
	for !c.saw("Page.loadEventFired") {
		if _, err := c.receive(); err != nil {
			c.t.Fatalf("%s: %v", url, err)
		}
	}
	// Late errors are those of requests that fail: a round trip through the page lets them arrive.
	c.Eval("new Promise(done => setTimeout(done, 250))", nil)
}

func (c *Page) saw(method string) bool {
	for _, e := range c.events {
		if e.Method == method {
			return true
		}
	}
	return false
}

// Size sets the viewport.
func (c *Page) Size(width, height int) {
	c.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
}

// Media sets the medium ("screen", "print") and the colour scheme ("light", "dark").
func (c *Page) Media(medium, scheme string) {
	c.Call("Emulation.setEmulatedMedia", map[string]any{"media": medium, "features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// Eval runs an expression in the page and stores its value.
func (c *Page) Eval(js string, value any) {
	c.t.Helper()
	var res struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		ExceptionDetails *struct {
			Exception struct {
				Description string `json:"description"`
			} `json:"exception"`
		} `json:"exceptionDetails"`
	}
	c.Call("Runtime.evaluate", map[string]any{"expression": js, "returnByValue": true, "awaitPromise": true}, &res)
	if res.ExceptionDetails != nil {
		c.t.Fatalf("%s: %s", js, res.ExceptionDetails.Exception.Description)
	}
	if value != nil {
		if err := json.Unmarshal(res.Result.Value, value); err != nil {
			c.t.Fatalf("%s: %v in %s", js, err, res.Result.Value)
		}
	}
}

// Wait waits until an expression is true in the page. The test fails if it is not within half a minute.
func (c *Page) Wait(js string) {
	c.t.Helper()
	c.Eval(fmt.Sprintf(`new Promise((done, fail) => {
  let left = 300;
  const look = () => (%s) ? done(1) : --left ? setTimeout(look, 100) : fail(new Error("it does not come true; the page says: " + document.body.innerText));
  look();
})`, js), nil)
}

// Forget forgets what the page has done until now, for Complaints.
func (c *Page) Forget() { c.events = nil }

// Data is a command's answer that is base64.
func (c *Page) Data(method string, params any) []byte {
	c.t.Helper()
	var res struct {
		Data string `json:"data"`
	}
	c.Call(method, params, &res)
	out, err := base64.StdEncoding.DecodeString(res.Data)
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// Complaints are what a page must not do: errors and warnings in the console, exceptions, requests
// other than for its own addresses.
func (c *Page) Complaints(own ...string) []string {
	var out []string
	for _, e := range c.events {
		var p struct {
			Type  string `json:"type"`
			Entry struct {
				Level, Text, URL string
			} `json:"entry"`
			Request struct {
				URL string `json:"url"`
			} `json:"request"`
			ExceptionDetails struct {
				Text string `json:"text"`
			} `json:"exceptionDetails"`
		}
		if err := json.Unmarshal(e.Params, &p); err != nil {
			c.t.Fatal(err)
		}
		switch e.Method {
		case "Runtime.consoleAPICalled":
			out = append(out, fmt.Sprintf("console.%s: %s", p.Type, e.Params))
		case "Runtime.exceptionThrown":
			out = append(out, "exception: "+p.ExceptionDetails.Text)
		case "Log.entryAdded":
			out = append(out, fmt.Sprintf("log %s: %s %s", p.Entry.Level, p.Entry.Text, p.Entry.URL))
		case "Network.requestWillBeSent":
			if p.Request.URL != "data:," && !slices.Contains(own, p.Request.URL) {
				out = append(out, "request: "+p.Request.URL)
			}
		}
	}
	return out
}

// layoutFaults runs in the page and lists what a reader would stumble over.
const layoutFaults = `(() => {
  const faults = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.body.querySelectorAll("*")].filter(e => e.getBoundingClientRect().right > root.clientWidth + 1 && !e.closest(".table, .wide, pre"));
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
      const out = Math.max(box.left - t.r.left, t.r.right - box.right, box.top - t.r.top, t.r.bottom - box.bottom);
      if (out > 1) faults.push(fig.id + ": '" + t.s + "' is cut off by " + out.toFixed(1) + "px");
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

// Faults are what a reader of the page would stumble over: a page wider than its window, letters that are too small, cut off,
// or over others, pale text.
func (c *Page) Faults() (faults []string) {
	c.t.Helper()
	c.Eval(layoutFaults, &faults)
	return faults
}

// Screenshot is the whole page as PNG.
func (c *Page) Screenshot() []byte {
	return c.Data("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true})
}

var shots = flag.String("shots", "", "leave screenshots and the printed page in this folder")

// Keep leaves a file to be looked at, where the flag -shots asks for it.
func (c *Page) Keep(name string, data func() []byte) {
	c.t.Helper()
	if *shots == "" {
		return
	}
	if err := os.MkdirAll(*shots, 0o777); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, name), data(), 0o666); err != nil {
		c.t.Fatal(err)
	}
}
