// Package board serves a page on a campaign that runs: how far it is, how fast, what it has found, who works.
//
//  1. A command that runs or follows a campaign keeps a State up to date, and gives Handler a function that returns it.
//  2. Handler serves the page, its script and the state as JSON.
//  3. The page asks for the state every two seconds, and says when the server does not answer. It asks its own server alone.
package board

import (
	_ "embed"
	"encoding/json"
	"net"
	"net/http"
	"time"
)

// State is what the page shows.
type State struct {
	Title   string    `json:"title"`
	Seconds float64   `json:"seconds"` // that the campaign has run here
	Cuts    uint64    `json:"cuts"`    // explored until now
	Rate    float64   `json:"rate"`    // cuts a second of the last time
	Share   float64   `json:"share"`   // of the campaign that is done, 0 to 1
	Done    int       `json:"done"`    // sweeps that are over
	Total   int       `json:"total"`   // sweeps
	Left    float64   `json:"left"`    // seconds; 0: unknown
	Note    string    `json:"note,omitempty"`
	Sweeps  []Sweep   `json:"sweeps"`
	Causes  []Cause   `json:"causes"`           // unknown ones first, then the gravest
	Newest  string    `json:"newest,omitempty"` // cause that came last
	Waiting []Finding `json:"waiting"`          // whose causes are not looked for yet
	Workers []Worker  `json:"workers"`
	Parked  []string  `json:"parked"`
}

// Empty is the state of a campaign that has not begun.
func Empty(title string) State {
	return State{Title: title, Sweeps: []Sweep{}, Causes: []Cause{}, Waiting: []Finding{}, Workers: []Worker{}, Parked: []string{}}
}

// Sweep is one sweep of the campaign.
type Sweep struct {
	Name  string `json:"name"`
	Done  int    `json:"done"`
	Total int    `json:"total"`
}

// Rate is how fast something grows.
type Rate struct {
	at []time.Time
	n  []uint64
}

// window is the time that a Rate is of, and grain what its samples are apart at least.
const window, grain = 30 * time.Second, time.Second

// Add notes how much there is now.
func (r *Rate) Add(now time.Time, n uint64) {
	if k := len(r.at); k > 1 && now.Sub(r.at[k-2]) < grain {
		r.at[k-1], r.n[k-1] = now, n // the last one moves on
		return
	}
	r.at, r.n = append(r.at, now), append(r.n, n)
	for len(r.at) > 2 && now.Sub(r.at[1]) > window {
		r.at, r.n = r.at[1:], r.n[1:]
	}
}

// PerSecond is the growth a second over the last half minute; 0: unknown.
func (r *Rate) PerSecond(now time.Time) float64 {
	if len(r.at) < 2 || now.Sub(r.at[0]) < grain {
		return 0
	}
	return float64(r.n[len(r.n)-1]-r.n[0]) / now.Sub(r.at[0]).Seconds()
}

// Cause is what removes some findings.
type Cause struct {
	Name     string    `json:"name"`
	Severity string    `json:"severity"` // of the gravest finding
	What     string    `json:"what"`     // goes wrong
	Cure     string    `json:"cure"`
	Findings []Finding `json:"findings"` // the gravest first
}

// Finding is a violation, at one place or several.
type Finding struct {
	Severity string `json:"severity"`
	Text     string `json:"text"`
	Place    string `json:"place"`
	Count    uint64 `json:"count"`
	Story    string `json:"story,omitempty"`
}

// Worker is one worker of a fleet.
type Worker struct {
	Name   string  `json:"name"`
	Does   string  `json:"does"`
	Pieces uint64  `json:"pieces"`
	Rate   float64 `json:"rate"` // pieces a minute of its work
}

//go:embed board.html
var pageText []byte

//go:embed board.js
var script []byte

//go:embed board.css
var style []byte

// Handler serves the page and the state. hosts are the names under which it may be asked beside those of this machine: a
// page of another site, which has another name, gets nothing.
func Handler(state func() State, hosts ...string) http.Handler {
	mux := http.NewServeMux()
	file := func(path, kind string, data []byte) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Write(data) // a browser that goes away is no failure
		})
	}
	file("/{$}", "text/html; charset=utf-8", pageText)
	file("/board.js", "text/javascript; charset=utf-8", script)
	file("/board.css", "text/css; charset=utf-8", style)
	mux.HandleFunc("GET /state.json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(state())
	})
	known := map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true}
	for _, h := range hosts {
		known[h] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if !known[host] {
			http.Error(w, "unknown name: ask by address", http.StatusForbidden)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}
