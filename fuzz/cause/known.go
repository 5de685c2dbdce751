package cause

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"dualbank/fuzz/explore"
	"dualbank/results"
)

// fileFormat is the number of the format of a list of causes.
const fileFormat = 1

// file is a list of causes as JSON.
type file struct {
	Format int             `json:"format"`
	Causes []results.Cause `json:"causes"`
}

// JSON is the causes of findings as a file, which KnownIn reads.
func JSON(findings []explore.Finding) ([]byte, error) {
	text, err := json.MarshalIndent(file{fileFormat, Rows(findings)}, "", "\t")
	return append(text, '\n'), err
}

// KnownSet says which findings are known: by cause, or one by one.
type KnownSet map[string]bool

// Has reports whether a finding is known.
func (k KnownSet) Has(f *explore.Finding) bool { return k[f.Cause] || k[f.ID] }

// isID matches the ID of a finding.
var isID = regexp.MustCompile(`^[a-z]+-rule[0-9]+-[0-9a-f]{8}$`)

// KnownIn reads a list of what is known: a campaign's causes.json, of which each cause is known that has one, and of the
// others the findings; or lines with the name of a cause or the ID of a finding, and # before a comment. The error names
// the line.
func KnownIn(text []byte) (KnownSet, error) {
	k := KnownSet{}
	if strings.HasPrefix(strings.TrimSpace(string(text)), "{") {
		var f file
		if err := json.Unmarshal(text, &f); err != nil {
			return nil, fmt.Errorf("no list of causes: %s: give a campaign's causes.json", strings.TrimPrefix(err.Error(), "json: "))
		}
		if f.Format != fileFormat {
			return nil, fmt.Errorf("format %d is unknown: this version of dualbank reads format %d", f.Format, fileFormat)
		}
		for i := range f.Causes {
			c := &f.Causes[i]
			if Known(c.Name) {
				k[c.Name] = true
				continue
			}
			for _, id := range c.Findings {
				k[id] = true
			}
		}
		return k, nil
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if !isID.MatchString(line) && !isCause(line) {
			return nil, fmt.Errorf("line %d: %.100q is neither a cause nor the ID of a finding: use one that findings.md has", n, line)
		}
		k[line] = true
	}
	return k, nil
}

// isCause reports whether a name is one that a cause may have.
func isCause(name string) bool {
	if strings.HasPrefix(name, Unknown+"/") {
		return true
	}
	for one := range strings.SplitSeq(name, "+") {
		if explore.RemedyByName(one) == nil {
			return false
		}
	}
	return true
}
