package results

import (
	"fmt"
	"strings"
	"testing"
)

// timed is an update of n bytes with a phase in which the application runs and one in which it does not.
func timed(name string, n uint32, runs, down float64) UpdateTime {
	return UpdateTime{Name: name, Size: n, Phases: []Phase{
		{Name: "download", Seconds: runs, Masked: runs / 2},
		{Name: "copy", Seconds: down, Stall: down, Masked: down / 4, Down: true},
	}}
}

// Where sizes are compared one table has all of them, and each name a table of its phases.
func TestUpdateTablesBySize(t *testing.T) {
	all := []UpdateTime{timed("mbed", 64<<10, 4, 2), timed("mbed", 128<<10, 8, 3), timed("word", 64<<10, 4, 1)}
	var b strings.Builder
	for _, table := range updateTables(all) {
		b.WriteString(table.text(80))
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
	var all []UpdateTime
	for i := range updateColumns + 2 {
		all = append(all, timed(fmt.Sprintf("driver %d", i), 1000, 1, 1))
	}
	tables := updateTables(all)
	if len(tables) != 2 || len(tables[0].Head) != 1+updateColumns || len(tables[1].Head) != 3 || tables[1].Head[2].Text != "driver 7" {
		t.Errorf("%d tables: %v", len(tables), tables)
	}
	if updateTables(nil) != nil {
		t.Error("tables of nothing")
	}
}

func TestUpdatePictures(t *testing.T) {
	var all []UpdateTime
	for i := range 10 {
		for _, n := range []uint32{1000, 3000, 2000} {
			all = append(all, timed(fmt.Sprintf("driver %d", i), n, float64(n), float64(i)))
		}
	}
	bars := updatesPicture(all)
	if got := len(bars.words); got != 10 || !strings.Contains(bars.words[0], "driver 0: 50 min 00 s in all") || !strings.Contains(bars.note, "20 more") {
		t.Errorf("%d bars, %q, %s", got, bars.words[0], bars.note)
	}
	sizes := updateSizesPicture(all)
	if len(sizes.words) != 10 || !strings.Contains(sizes.note, "2 more") ||
		sizes.words[3] != "driver 3: from 16 min 43 s for 1,000 B to 50 min 03 s for 2.930 KiB; of it down 3 s to 3 s." {
		t.Errorf("%q, %s", sizes.words, sizes.note)
	}
	// Without time down there is no panel for it.
	one := sizes.svg(wideWidth, "x", true)
	none := updateSizesPicture([]UpdateTime{timed("a", 1, 1, 0), timed("a", 2, 2, 0)}).svg(wideWidth, "x", true)
	if strings.Count(one, "size of the firmware") != 2 || strings.Count(none, "size of the firmware") != 1 {
		t.Error("panels are missing, or one too many")
	}
	if updateSizesPicture([]UpdateTime{timed("a", 1, 1, 1), timed("b", 2, 2, 2)}) != nil {
		t.Error("a curve of one size each")
	}
}

// Phases of one kind share a colour and an entry; what nobody knows has its own.
func TestPhaseLegend(t *testing.T) {
	entries, shades := phaseLegend([]string{"prepare", "verify", "dance", "verify active", "verify candidate", "verify installed"})
	var labels []string
	for _, e := range entries {
		labels = append(labels, e.label)
	}
	if got, want := strings.Join(labels, "|"), "prepare|verify, verify installed|dance|verify active, verify candidate"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if shades["verify"] != shades["verify installed"] || shades["verify"] == shades["verify active"] {
		t.Error("colours are mixed up")
	}
}

// A report of updates alone says nothing of power cuts.
func TestUpdatesAloneHaveNoVerdict(t *testing.T) {
	r := &Report{Title: "Update time", Updates: []UpdateTime{timed("a", 1, 1, 1)}}
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
	if text, _ := verdict(&Report{Sets: []SetLatency{{Name: "x"}}}); text == "" {
		t.Error("a run without power cuts does not say so")
	}
}
