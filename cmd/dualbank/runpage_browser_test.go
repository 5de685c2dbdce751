//go:build browser

package main

import (
	"fmt"
	"path/filepath"
	"testing"

	"dualbank/internal/browser"
)

// mostHigh is how many pixels the page of the default run may be high at a width of 1024.
const mostHigh = 12_000

// TestDefaultRunInBrowser looks at the page of the default run, as `make run` leaves it, in a real Chromium.
func TestDefaultRunInBrowser(t *testing.T) {
	dir := t.TempDir()
	done(t, dir, "run", "--out", "out")
	url := "file://" + filepath.Join(dir, "out", "report.html")
	c := browser.Start(t)
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int{390, 1024, 1600} {
			name := fmt.Sprintf("run-%s-%d", scheme, width)
			c.Media("screen", scheme)
			c.Size(width, 900)
			c.Open(url)
			for _, f := range append(c.Faults(), c.Complaints(url)...) {
				t.Errorf("%s: %s", name, f)
			}
			var high int
			if c.Eval(`document.documentElement.scrollHeight`, &high); width == 1024 && high > mostHigh || high < 900 {
				t.Errorf("%s: %d pixels high, want at most %d", name, high, mostHigh)
			}
			t.Logf("%s: %d pixels high", name, high)
			c.Keep(name+".png", c.Screenshot)
		}
	}
}
