package fuzz

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"dualbank/boot/firmware"
	"dualbank/kvstore"
)

// WriteFindings writes the findings into dir, which it makes anew: a finding that is no longer found
// leaves nothing behind. Each has four files: ID.json, which replays; ID.txt, the story of the replay;
// ID.bin and ID.hex, the flash as the software finds it after the cut, to be put on a real board.
func WriteFindings(dir string, findings []Finding) error {
	old, err := filepath.Glob(filepath.Join(dir, "*-rule*"))
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
		if err := findings[i].Write(filepath.Join(dir, findings[i].ID+".json")); err != nil {
			return err
		}
	}
	return nil
}

// Write writes the finding to file, which ends in .json, and beside it its story and the image.
func (f *Finding) Write(file string) error {
	path, ok := strings.CutSuffix(file, ".json")
	if !ok {
		return fmt.Errorf("%s: a finding's file ends in .json", file)
	}
	text, err := json.MarshalIndent(f, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
		return err
	}
	if f.KV != nil && f.KV.Profile == ownStore {
		return nil
	}
	var story, hex bytes.Buffer
	re, broken, err := f.replay(nil, &story)
	if err == nil && !broken {
		err = fmt.Errorf("the finding does not replay")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := firmware.WriteHex(&hex, []firmware.Segment{{Addr: re.base, Data: re.image}}); err != nil {
		return err
	}
	files := map[string][]byte{".txt": story.Bytes(), ".bin": re.image, ".hex": hex.Bytes()}
	if len(re.image) == 0 { // what is wrong with a layout may be so without any flash
		files = map[string][]byte{".txt": story.Bytes()}
	}
	for ext, data := range files {
		if err := os.WriteFile(path+ext, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// ReadFinding reads a finding's file.
func ReadFinding(path string) (*Finding, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: give a .json file of a findings folder", err)
	}
	f, err := ParseFinding(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// ParseFinding reads the text of a finding's file.
func ParseFinding(text []byte) (*Finding, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	f := new(Finding)
	if err := dec.Decode(f); err != nil {
		line := 1 + bytes.Count(text[:min(int(dec.InputOffset()), len(text))], []byte("\n"))
		return nil, fmt.Errorf("line %d: not a finding: %s", line, strings.TrimPrefix(err.Error(), "json: "))
	}
	cases := 0
	for _, is := range []bool{f.KV != nil, f.Update != nil, f.Life != nil, f.Input != nil, f.Watchdog != nil} {
		if is {
			cases++
		}
	}
	if cases != 1 {
		return nil, fmt.Errorf("not a finding: it needs one case, kv, update, life or input")
	}
	return f, nil
}

// Replay runs the finding's case from nothing and tells w what happens. broken says whether the rule
// is broken again, in the same way.
func (f *Finding) Replay(w io.Writer) (broken bool, err error) { return f.ReplayOn(nil, w) }

// ReplayOn is Replay for a finding of a store of your own, which store makes.
func (f *Finding) ReplayOn(store func(kvstore.BlockDevice) kvstore.Store, w io.Writer) (broken bool, err error) {
	_, broken, err = f.replay(store, w)
	return broken, err
}

// replayed is what a case leads to.
type replayed struct {
	bad   []Violation
	base  uint32                                  // address of image
	image []byte                                  // the flash as the software finds it after the cut
	where func(v Violation) (p Place, known bool) // nil: not known
}

func (f *Finding) replay(store func(kvstore.BlockDevice) kvstore.Store, w io.Writer) (re *replayed, broken bool, err error) {
	fmt.Fprintf(w, "finding  %s\nrule     %d of the rules for the %s: %s\n", f.ID, f.Rule, f.Subject, ruleText(f.Subject, f.Rule))
	switch {
	case f.KV != nil:
		re, err = f.KV.replay(w, store)
	case f.Update != nil:
		re, err = f.Update.replay(w)
	case f.Input != nil:
		re, err = f.Input.replay(w, f.Rule, f.Symptom)
	case f.Watchdog != nil:
		re, err = f.Watchdog.replay(w)
	default:
		re, err = f.Life.replay(w)
	}
	if err != nil {
		return nil, false, err
	}
	if len(re.bad) == 0 {
		fmt.Fprintln(w, "outcome  no rule is broken")
	}
	for _, v := range re.bad {
		fmt.Fprintf(w, "outcome  rule %d is broken: %s\n         expected %s\n         seen     %s\n", v.Rule, v.Symptom, v.Expected, v.Seen)
		broken = broken || v.Rule == f.Rule && v.Symptom == f.Symptom
	}
	return re, broken, nil
}

var ruleTexts = map[string][]string{
	"KVStore": {
		"it opens", "what was acknowledged reads back", "the operation in flight is done entirely or not at all, and stays so",
		"nothing else exists, and the iterator lists exactly the keys", "reserved data stays the same for ever",
		"write-once keys never change", "the next set succeeds and survives a reboot, and one after a second cut",
		"no operation outside the store's region, or against the part's rules", "an open and a set take no more steps than they need, and the areas wear evenly",
		"confidential data is never readable, tampered or replayed records are never believed, no cut makes a key unreadable for good",
	},
	"update": {
		"some number of undisturbed boots ends in a running application", "what runs is a complete image whose hash matches",
		"never an older version than before", "the update completes once cuts stop, or the old image runs and a new download is possible",
		"bootloader and KVStore are never touched", "no erase or program outside the region meant",
		"a candidate with a bad hash or header, a wrong size or a lower version is never installed",
	},
	"layout": {
		"the same files always give the same layout and the same problems", "what overlaps, or lies off erase boundaries or outside the flash, is reported",
		"the layout has the addresses that the files say", "on a layout without errors a whole update goes through",
		"nothing outside the region meant is erased or programmed", "the KVStore works, and keeps its keys",
	},
}

func ruleText(subject string, rule int) string {
	if rule == RulePanic {
		return "nothing makes it panic"
	}
	t := ruleTexts[subject]
	if rule < 1 || rule > len(t) {
		return "unknown"
	}
	return t[rule-1]
}
