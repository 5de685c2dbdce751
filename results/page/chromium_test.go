//go:build browser

package page

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// chromium is a headless Chromium with one page, spoken to in the DevTools protocol over a pair of
// pipes: messages are JSON with a zero byte behind.
type chromium struct {
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

// startChromium fails the test where there is no Chromium: a check that does not run is no check.
func startChromium(t *testing.T) *chromium {
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
	c := &chromium{t: t, to: to, from: from, in: bufio.NewReaderSize(from, 1<<20)}
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
	c.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	c.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	c.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network", "Accessibility"} {
		c.call(domain+".enable", nil, nil)
	}
	return c
}

func (c *chromium) send(method string, params any) int {
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

// call sends a command and waits for its answer; events on the way are kept.
func (c *chromium) call(method string, params, result any) {
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

func (c *chromium) receive() (message, error) {
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

// open loads a page and returns when it has loaded, with the events since then.
func (c *chromium) open(url string) {
	c.t.Helper()
	c.events = nil
	var nav struct {
		ErrorText string `json:"errorText"`
	}
	c.call("Page.navigate", map[string]any{"url": url}, &nav)
	if nav.ErrorText != "" {
		c.t.Fatalf("%s: %s", url, nav.ErrorText)
	}
	for !c.saw("Page.loadEventFired") {
		if _, err := c.receive(); err != nil {
			c.t.Fatalf("%s: %v", url, err)
		}
	}
	// Late errors are those of requests that fail: a round trip through the page lets them arrive.
	c.eval("new Promise(done => setTimeout(done, 250))", nil)
}

func (c *chromium) saw(method string) bool {
	for _, e := range c.events {
		if e.Method == method {
			return true
		}
	}
	return false
}

// size sets the viewport.
func (c *chromium) size(width, height int) {
	c.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
}

// media sets the medium ("screen", "print") and the colour scheme ("light", "dark").
func (c *chromium) media(medium, scheme string) {
	c.call("Emulation.setEmulatedMedia", map[string]any{"media": medium, "features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// eval runs an expression in the page and stores its value.
func (c *chromium) eval(js string, value any) {
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
	c.call("Runtime.evaluate", map[string]any{"expression": js, "returnByValue": true, "awaitPromise": true}, &res)
	if res.ExceptionDetails != nil {
		c.t.Fatalf("%s: %s", js, res.ExceptionDetails.Exception.Description)
	}
	if value != nil {
		if err := json.Unmarshal(res.Result.Value, value); err != nil {
			c.t.Fatalf("%s: %v in %s", js, err, res.Result.Value)
		}
	}
}

// data is a command's answer that is base64.
func (c *chromium) data(method string, params any) []byte {
	c.t.Helper()
	var res struct {
		Data string `json:"data"`
	}
	c.call(method, params, &res)
	out, err := base64.StdEncoding.DecodeString(res.Data)
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// complaints are what a page must not do: errors and warnings in the console, exceptions, requests
// other than for itself.
func (c *chromium) complaints(own string) []string {
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
			if p.Request.URL != own && p.Request.URL != "data:," {
				out = append(out, "request: "+p.Request.URL)
			}
		}
	}
	return out
}
