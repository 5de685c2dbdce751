package results_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"dualbank/results"
	"dualbank/results/internal/sample"
)

// TestAnyReportIsRead holds every report that Check accepts to surviving a trip through records.json.
func TestAnyReportIsRead(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := sample.Drawn(rt)
		enc, err := results.Encode(r)
		if err != nil {
			rt.Fatal(err)
		}
		back, err := results.Decode(enc)
		if err != nil {
			rt.Fatal(err)
		}
		again, err := results.Encode(back)
		if err != nil || !bytes.Equal(enc, again) {
			rt.Errorf("records change when read and written: %v", err)
		}
	})
}
