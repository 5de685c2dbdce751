package compare

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchproc"
)

// Change is a setting that does not keep figures apart, and differs between the files. A side without values does
// not have it.
type Change struct {
	Key string   `json:"key"`
	Old []string `json:"old"`
	New []string `json:"new"`
}

// hostKeys are settings that describe the machine. If they differ, exact metrics are still compared, and
// measured ones are shown without a gate.
var hostKeys = []string{"goos", "goarch", "cpu", "toolchain", "/gomaxprocs"}

// runKeys are settings that differ from run to run, and runWords the last words of such: "commit-time".
var (
	runKeys  = []string{"run", "run-id", "runid", "run-number", "job", "job-id", "build-id", "build-number", "upload", "upload-part", "upload-file"}
	runWords = []string{"date", "time", "timestamp", "stamp", "runstamp"}
)

// versionKeys are settings that name the version measured or describe it, and versionWords the last words of such:
// "experiment-commit".
var (
	versionKeys  = []string{"author", "by", "uploader"}
	versionWords = []string{"commit", "branch", "revision", "sha", "note", "notes", "comment"}
)

// lastWord returns the last word of a setting's name.
func lastWord(key string) string { return key[strings.LastIndexAny(key, "-_.")+1:] }

// ofRun reports whether a setting differs from run to run, so that also repeats within one file have other values.
func ofRun(key string) bool {
	return slices.Contains(runKeys, key) || slices.Contains(runWords, lastWord(key))
}

// ofVersion reports whether a setting differs from version to version of what is measured.
func ofVersion(key string) bool {
	return slices.Contains(versionKeys, key) || slices.Contains(versionWords, lastWord(key)) || strings.HasPrefix(key, "commit-")
}

// setAside takes settings out of the grouping that must not keep figures apart, and records those that differ
// between the files. It reports whether the settings of the host are equal. Settings of the host or of the
// version that vary within a file stay in: they are part of what was measured, as with -cpu=1,2,4.
func (c *comparing) setAside(parser *benchproc.ProjectionParser, parsed [2][]*benchfmt.Result, ignore []string) (sameHost bool, err error) {
	sameHost = true
	settings := fileSettings(parsed)
	for _, key := range ignore {
		// A part of the name begins with a slash, and with a dot what is no setting.
		if strings.HasPrefix(key, "/") && hasAny(parsed, key) {
			settings = append(settings, key)
		}
		if key == "" || strings.HasPrefix(key, ".") || !slices.Contains(settings, key) {
			return false, fmt.Errorf("%s and %s have no setting %q to ignore: they have %s", c.out.Old, c.out.New, key, strings.Join(settings, ", "))
		}
	}
	for _, key := range hostKeys {
		if !slices.Contains(settings, key) {
			settings = append(settings, key)
		}
	}
	done := map[string]bool{}
	for _, key := range settings {
		host, always := slices.Contains(hostKeys, key), slices.Contains(ignore, key) || ofRun(key)
		if done[key] || !host && !always && !ofVersion(key) {
			continue
		}
		done[key] = true
		values, err := valuesOf(parsed, key)
		if err != nil {
			return false, err
		}
		if !always && (len(values[0]) > 1 || len(values[1]) > 1) {
			continue
		}
		if _, err := parser.Parse(strconv.Quote(key), nil); err != nil {
			return false, err
		}
		if !slices.Equal(values[0], values[1]) {
			c.out.Changed = append(c.out.Changed, Change{key, named(values[0]), named(values[1])})
			sameHost = sameHost && !host
		}
	}
	return sameHost, nil
}

// fileSettings returns the names of all settings of both files, in the order of their first appearance.
func fileSettings(parsed [2][]*benchfmt.Result) []string {
	var out []string
	seen := map[string]bool{}
	for side := range parsed {
		for _, res := range parsed[side] {
			for _, cfg := range res.Config {
				if cfg.File && !seen[cfg.Key] {
					seen[cfg.Key] = true
					out = append(out, cfg.Key)
				}
			}
		}
	}
	return out
}

// hasAny reports whether any benchmark's name has a part with this key.
func hasAny(parsed [2][]*benchfmt.Result, key string) bool {
	values, err := valuesOf(parsed, key)
	return err == nil && len(named(values[0]))+len(named(values[1])) > 0
}

// valuesOf returns the values of a setting in each file, sorted, with "" for results that do not have it.
func valuesOf(parsed [2][]*benchfmt.Result, key string) (values [2][]string, err error) {
	var one benchproc.ProjectionParser
	proj, err := one.Parse(strconv.Quote(key), nil)
	if err != nil {
		return values, err
	}
	for side := range parsed {
		seen := map[string]bool{}
		for _, res := range parsed[side] {
			if v := proj.Project(res).Get(proj.Fields()[0]); !seen[v] {
				seen[v] = true
				values[side] = append(values[side], v)
			}
		}
		slices.Sort(values[side])
	}
	return values, nil
}

// named returns the values without that of results that do not have the setting.
func named(values []string) []string {
	return slices.DeleteFunc(append([]string{}, values...), func(v string) bool { return v == "" })
}

// String returns the change in one line: "commit: a1b2c3 to d4e5f6".
func (ch Change) String() string {
	return fmt.Sprintf("%s: %s to %s", ch.Key, listed(ch.Old), listed(ch.New))
}

// listed returns at most three values of a setting, each cut to 60 characters.
func listed(values []string) string {
	const most, wide = 3, 60
	if len(values) == 0 {
		return "none"
	}
	var out []string
	for _, v := range values[:min(len(values), most)] {
		if r := []rune(v); len(r) > wide {
			v = string(r[:wide]) + "..."
		}
		out = append(out, v)
	}
	if n := len(values) - most; n > 0 {
		out = append(out, fmt.Sprintf("%d more", n))
	}
	return strings.Join(out, ", ")
}
