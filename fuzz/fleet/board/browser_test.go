//go:build browser

// These tests load the page in a real Chromium: see internal/browser.

package board

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"dualbank/internal/browser"
)

// crowded is a state with everything that the page shows, and with long names.
func crowded() State {
	s := Empty("Power cuts, profile MbedCE, seed 1")
	s.Seconds, s.Cuts, s.Rate, s.Share, s.Done, s.Total, s.Left, s.Newest = 4000, 1234567, 5432.1, .437, 1, 3, 5000, "log-tail"
	for i, name := range []string{"8x512, 0x00000000+0x1000, program unit 8", "update, new client, stm32f429zi, program unit 1", "guided search FuzzKV"} {
		s.Sweeps = append(s.Sweeps, Sweep{name, 16 - 8*i, 16})
	}
	story := strings.Repeat("step 12: set \"a key with a name\", 106 bytes at 0x08100200, which is a long line of a story\n", 60)
	for i, c := range []struct{ name, severity string }{{"unknown/cut/read failed/no ECC", "high"}, {"log-tail", "high"}, {"earlier-life+held-unit", "medium"}, {"reserved-set", "low"}} {
		cause := Cause{Name: c.name, Severity: c.severity, What: "A record that a cut left unfinished is taken for the end of the log, and what follows is lost.", Cure: "Read on behind it."}
		for n := range 3 + i {
			cause.Findings = append(cause.Findings, Finding{c.severity, "a key that was stored is missing", fmt.Sprintf("in set, after %d steps", n), uint64(1 + 1000*n), story})
		}
		s.Causes = append(s.Causes, cause)
	}
	s.Waiting = []Finding{{"high", "<script>alert(1)</script>", "in <b>set</b>", 1, "expected a; seen b"}}
	for i := range 12 {
		s.Workers = append(s.Workers, Worker{fmt.Sprintf("a-machine-with-a-long-name-%d-abcdefgh", i), "refuses campaign 0123456789abcdef: it is of program 0123456789abcdef, this worker is program fedcba9876543210", 12345, 67.8})
	}
	s.Parked = []string{"chunks 3 to 7 of sweep 12: 3 workers have ended or lost their connection while they explored it"}
	return s
}

// TestBoardInBrowser: at every width, light and dark, with everything folded and unfolded, the page has no fault, asks its own
// server alone, and shows what the state says as text.
func TestBoardInBrowser(t *testing.T) {
	c := browser.Start(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: Handler(crowded)}
	go server.Serve(listener)
	defer server.Close()
	url := "http://" + listener.Addr().String() + "/"
	own := []string{url, url + "board.css", url + "board.js", url + "state.json"}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int{390, 1024, 1600} {
			name := fmt.Sprintf("%s-%d", scheme, width)
			c.Media("screen", scheme)
			c.Size(width, 900)
			c.Open(url)
			c.Wait(`document.querySelectorAll("#causes > details").length === 4`)
			for _, fold := range []string{"folded", "unfolded"} {
				if fold == "unfolded" {
					c.Eval(`for (const d of document.querySelectorAll("details")) d.open = true; 0`, nil)
				}
				for _, f := range c.Faults() {
					t.Errorf("%s, %s: %s", name, fold, f)
				}
				c.Keep(name+"-"+fold+".png", c.Screenshot)
			}
			var text string
			c.Eval(`document.body.innerText`, &text)
			for _, want := range []string{
				"43.7 %", "1 of 3", "1,234,567", "5,432", "1.1 h", "1.4 h", "The newest is log-tail.", "4 findings, 6,004 cuts", "reserved-set", "in set, after 2 steps; 2,001 cuts",
				"106 bytes at 0x08100200", "<script>alert(1)</script>", "67.8", "12,345", "this worker is program fedcba9876543210", "chunks 3 to 7",
			} {
				if !strings.Contains(text, want) {
					t.Errorf("%s: no %q in\n%.2000s", name, want, text)
				}
			}
			for _, what := range c.Complaints(own...) {
				t.Errorf("%s: %s", name, what)
			}
		}
	}
}

// TestServerStartsAgainInBrowser: the page says that its server is away, goes on when it is back, and keeps what the reader
// has unfolded, and the focus.
func TestServerStartsAgainInBrowser(t *testing.T) {
	c := browser.Start(t)
	var mu sync.Mutex
	s := crowded()
	state := func() State {
		mu.Lock()
		defer mu.Unlock()
		return s
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	server := &http.Server{Handler: Handler(state)}
	go server.Serve(listener)
	c.Size(1024, 900)
	c.Open("http://" + address + "/")
	c.Wait(`document.querySelectorAll("#causes > details").length === 4`)
	c.Eval(`document.querySelectorAll("#causes > details")[1].open = true; document.querySelectorAll("#causes > details > summary")[1].focus()`, nil)
	server.Close()
	c.Wait(`document.getElementById("status").className === "lost" && document.body.innerText.includes("does not answer")`)
	mu.Lock()
	s.Share, s.Causes, s.Waiting = 1, append([]Cause{{Name: "a-new-one", Severity: "low", Findings: []Finding{}}}, s.Causes...), []Finding{}
	mu.Unlock()
	if listener, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	server = &http.Server{Handler: Handler(state)}
	go server.Serve(listener)
	defer server.Close()
	c.Wait(`document.getElementById("status").className === "" && document.body.innerText.includes("Everything is explored.") && document.body.innerText.includes("a-new-one")`)
	var open, focus string
	c.Eval(`[...document.querySelectorAll("#causes > details")].filter(d => d.open).map(d => d.querySelector("strong").textContent).join()`, &open)
	c.Eval(`document.activeElement.querySelector("strong").textContent`, &focus)
	if open != "log-tail" || focus != "log-tail" {
		t.Errorf("unfolded: %q, focus: %q", open, focus)
	}
}
