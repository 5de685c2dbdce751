package bench

import (
	"strings"
	"testing"
)

func TestPlanSectionErrors(t *testing.T) {
	for text, want := range map[string]string{
		"years = 0":                     "plan.years: 0: give more than 0, up to 1000",
		"years = nan":                   "plan.years: NaN",
		"longest_set = '2h'":            "plan.longest_set: 2h0m0s: give 0s to 1h",
		"places = []":                   "plan.places: is empty",
		"places = ['middle']":           `plan.places[0]: place "middle" is unknown: choose one of start, end, lower`,
		"sets_per_day = -1":             "plan.sets_per_day: -1",
		"sets_per_day = inf":            "plan.sets_per_day: +Inf",
		"updates_per_year = -1":         "plan.updates_per_year: -1",
		"devices = 5":                   "plan.devices: 5: give 100 to 1000000",
		"kvstore_bytes = [1024, 0]":     "plan.kvstore_bytes[1]: 0: give bytes",
		"kvstore_bytes = [99999999999]": "",
	} {
		_, err := Parse("x.toml", []byte("[plan]\n"+text+"\n"))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
