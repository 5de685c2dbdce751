package fuzz

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"dualbank/kvstore"
)

// WriteFindings writes one file for each finding into dir, which it makes anew: a finding that is no
// longer found leaves no file behind.
func WriteFindings(dir string, findings []Finding) error {
	old, err := filepath.Glob(filepath.Join(dir, "*-rule*.json"))
	if err != nil {
		return err
	}
	for _, f := range old {
		if err := os.Remove(f); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for i := range findings {
		text, err := json.MarshalIndent(&findings[i], "", "\t")
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, findings[i].ID+".json"), append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// ReadFinding reads a finding's file.
func ReadFinding(path string) (*Finding, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := parseFinding(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func parseFinding(text []byte) (*Finding, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	f := new(Finding)
	if err := dec.Decode(f); err != nil {
		line := 1 + bytes.Count(text[:min(int(dec.InputOffset()), len(text))], []byte("\n"))
		return nil, fmt.Errorf("line %d: not a finding: %s", line, strings.TrimPrefix(err.Error(), "json: "))
	}
	if (f.KV == nil) == (f.Update == nil) {
		return nil, fmt.Errorf("not a finding: it needs one case, kv or update")
	}
	return f, nil
}

// Replay runs the finding's case from nothing and tells w what happens. broken says whether the rule
// is broken again, in the same way.
func (f *Finding) Replay(w io.Writer) (broken bool, err error) { return f.ReplayOn(nil, w) }

// ReplayOn is Replay for a finding of a store of your own, which store makes.
func (f *Finding) ReplayOn(store func(kvstore.BlockDevice) kvstore.Store, w io.Writer) (broken bool, err error) {
	fmt.Fprintf(w, "finding  %s\nrule     %d of the rules for the %s: %s\n", f.ID, f.Rule, f.Subject, ruleText(f.Subject, f.Rule))
	var bad []Violation
	if f.KV != nil {
		bad, err = f.KV.replay(w, store)
	} else {
		bad, err = f.Update.replay(w)
	}
	if err != nil {
		return false, err
	}
	if len(bad) == 0 {
		fmt.Fprintln(w, "outcome  no rule is broken")
	}
	for _, v := range bad {
		fmt.Fprintf(w, "outcome  rule %d is broken: %s\n         expected %s\n         seen     %s\n", v.Rule, v.Symptom, v.Expected, v.Seen)
		broken = broken || v.Rule == f.Rule && v.Symptom == f.Symptom
	}
	return broken, nil
}

var ruleTexts = map[string][]string{
	"KVStore": {
		"it opens", "what was acknowledged reads back", "the operation in flight is done entirely or not at all, and stays so",
		"nothing else exists, and the iterator lists exactly the keys", "reserved data stays the same for ever",
		"write-once keys never change", "the next set succeeds and survives a reboot, and one after a second cut",
	},
	"update": {
		"some number of undisturbed boots ends in a running application", "what runs is a complete image whose hash matches",
		"never an older version than before", "the update completes once cuts stop, or the old image runs and a new download is possible",
		"bootloader and KVStore are never touched", "no erase or program outside the region meant",
	},
}

func ruleText(subject string, rule int) string {
	t := ruleTexts[subject]
	if rule < 1 || rule > len(t) {
		return "unknown"
	}
	return t[rule-1]
}
