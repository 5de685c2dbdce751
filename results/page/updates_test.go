package page

import (
	"fmt"
	"strings"
	"testing"

	"dualbank/results"
	"dualbank/results/internal/sample"
)

// Where sizes are compared one table has all of them, and each name a table of its phases.
func TestUpdateTablesBySize(t *testing.T) {
	all := []results.UpdateTime{sample.Update("mbed", 64<<10, 4, 2), sample.Update("mbed", 128<<10, 8, 3), sample.Update("word", 64<<10, 4, 1)}
	var b strings.Builder
	for _, table := range updateTables(all) {
		b.WriteString(table.Text(80))
	}
	const want = `Update time by size
Update    64 KiB   128 KiB
------  --------  --------
mbed         6 s      11 s
        down 2 s  down 3 s
word         5 s
        down 1 s
Update time by phase, mbed
Phase              64 KiB        128 KiB
----------  -------------  -------------
download              4 s            8 s
               masked 2 s     masked 4 s
copy                  2 s            3 s
              stalled 2 s    stalled 3 s
            masked 500 ms  masked 750 ms
total                 6 s           11 s
              stalled 2 s    stalled 3 s
             masked 2.5 s  masked 4.75 s
of it down            2 s            3 s
              stalled 2 s    stalled 3 s
            masked 500 ms  masked 750 ms
Update time by phase, word
`
	if !strings.HasPrefix(b.String(), want) {
		t.Errorf("got\n%s\nwant it to begin with\n%s", &b, want)
	}
}

// Updates of one size stand side by side, as many as a terminal has room for.
func TestUpdateTablesByName(t *testing.T) {
	var all []results.UpdateTime
	for i := range updateColumns + 2 {
		all = append(all, sample.Update(fmt.Sprintf("driver %d", i), 1000, 1, 1))
	}
	tables := updateTables(all)
	if len(tables) != 2 || len(tables[0].Head) != 1+updateColumns || len(tables[1].Head) != 3 || tables[1].Head[2].Text != "driver 7" {
		t.Errorf("%d tables: %v", len(tables), tables)
	}
	if updateTables(nil) != nil {
		t.Error("tables of nothing")
	}
}

// A report of updates alone says nothing of power cuts.
func TestUpdatesAloneHaveNoVerdict(t *testing.T) {
	r := &results.Report{Title: "Update time", Updates: []results.UpdateTime{sample.Update("a", 1, 1, 1)}}
	html, err := Page(r)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := WriteSummary(&b, r, 80); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(html), "power cuts") || strings.Contains(b.String(), "power cuts") || strings.Contains(string(html), `class="verdict"`) {
		t.Error("a verdict on power cuts, of which there were none to be")
	}
	if text, _ := verdict(&results.Report{Sets: []results.SetLatency{{Name: "x"}}}); text == "" {
		t.Error("a run without power cuts does not say so")
	}
}
