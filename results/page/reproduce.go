package page

import (
	"strings"

	"dualbank/results"
	"dualbank/results/plot"
	"dualbank/results/table"
)

// origins are the sections of a scenario that a picture or a section of tables depends on, by the prefix of
// its name. All depend on [board], [layout] and [store] too.
var origins = []struct{ name, settings string }{
	{"lifetime", "[plan], [workload]"},
	{"live", "[plan], [workload]"},
	{"plan", "[plan], [workload], [update]"},
	{"wear", "[workload], [update]"},
	{"sectors", "[workload], [update]"},
	{"latenc", "[workload]"},
	{"gc-", "[workload], [application]"},
	{"interrupts-", "[workload], [application]"},
	{"application", "[workload], [application]"},
	{"timeline", "[update], [update.link]"},
	{"updates", "[update], [update.link]"},
	{"phases", "[update], [update.link]"},
	{"cuts-update", "[cuts], [update]"},
	{"cuts-", "[cuts]"},
	{"power-cuts", "[cuts], [update]"},
	{"findings", "[cuts], [update]"},
	{"benchmarks", "all of it"},
}

// origin returns the sections of a scenario that a picture or a section of tables depends on.
func origin(name string) string {
	for _, o := range origins {
		if strings.HasPrefix(name, o.name) {
			return o.settings
		}
	}
	return ""
}

// seed returns the seed of the run, "" if it has none.
func seed(r *results.Report) string {
	for _, s := range r.Config {
		if s.Key == "seed" {
			return s.Value
		}
	}
	return ""
}

// reproduction returns the table of how each picture and each section of tables is made again.
func reproduction(r *results.Report, pics []*plot.Picture, tables []section) table.Table {
	t := table.Table{ID: "table-reproduce", Caption: "Each figure: the settings of the scenario that it comes from, beside board, layout and store; its seed; its command", Head: table.Words("Figure", "Scenario", "Seed", "Command")}
	add := func(name, title, command string) {
		settings := origin(name)
		if r.Plan != nil && (name == "wear" || name == "sectors" || name == "latency" || name == "latencies") {
			settings = "[plan], " + settings
		}
		t.Rows = append(t.Rows, []table.Cell{{Text: title, Link: name}, {Text: settings}, {Text: seed(r)}, {Text: command, Code: command != ""}})
	}
	for _, p := range pics {
		add(p.Name, "Picture: "+p.Title, r.Command)
	}
	if len(r.Findings) > 0 {
		add("findings", "Findings: each has its command beside it, as", bySeverity(r)[0].Command)
	}
	for _, s := range tables {
		add(s.ID, "Tables: "+s.Title, r.Command)
	}
	return t
}
