// Package board serves a page on a campaign that runs: how far it is, how fast, what it has found, who works.
//
// Whoever runs or follows a campaign keeps a State up to date and gives a function that returns it. Handler serves the
// page, its script and the state as JSON; the page asks for the state every two seconds and says when the server does not
// answer. It asks its own server alone.
package board

import (
	_ "embed"
	"encoding/json"
	"net"
	"net/http"
)

// State is what the page shows.
type State struct {
	Title    string    `json:"title"`
	Seconds  float64   `json:"seconds"` // that the campaign has run here
	Cuts     uint64    `json:"cuts"`    // explored until now
	Done     int       `json:"done"`    // parts of the campaign: chunks, or sweeps
	Total    int       `json:"total"`
	Left     float64   `json:"left"` // seconds; 0: unknown
	Note     string    `json:"note,omitempty"`
	Sweeps   []Sweep   `json:"sweeps"`
	Findings []Finding `json:"findings"` // the gravest first
	Workers  []Worker  `json:"workers"`
	Parked   []string  `json:"parked"`
}

// Sweep is one sweep of the campaign.
type Sweep struct {
	Name  string `json:"name"`
	Done  int    `json:"done"`
	Total int    `json:"total"`
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
