package bench

import (
	"fmt"
	"os"
	"path/filepath"

	"dualbank/results"
	"dualbank/results/compare"
)

// ReadThresholds reads the [compare] of a scenario file; any file with just that section is one. path
// may be a results folder, which has the scenario as it was run. The configuration files that the
// scenario names are not read.
func ReadThresholds(path string) (compare.Thresholds, error) {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		path = filepath.Join(path, "scenario.toml")
	}
	text, err := results.ReadFile(path, maxScenario)
	if err != nil {
		return compare.Thresholds{}, fmt.Errorf("%s: %w: give a scenario file with a [compare] section", path, err)
	}
	s, err := Parse(path, text)
	if err != nil {
		return compare.Thresholds{}, err
	}
	return s.Compare, nil
}
