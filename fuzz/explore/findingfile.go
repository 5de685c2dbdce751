package explore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"dualbank/internal/input"
)

// fileFormat is the number of the format of finding files. Format 1 had cases of other kinds and sentences
// in place of symptoms.
const fileFormat = 2

// header is a finding's file without its case.
type header struct {
	Format   int      `json:"format"`
	ID       string   `json:"id"`
	Subject  string   `json:"subject"`
	Severity string   `json:"severity"`
	Symptom  Symptom  `json:"symptom"`
	Place    Place    `json:"place"`
	What     string   `json:"what"` // symptom and place in words; not read
	Count    uint64   `json:"count"`
	Modes    []string `json:"modes"`
	Devices  []string `json:"devices"`
	Expected string   `json:"expected"`
	Seen     string   `json:"seen"`
	Cause    string   `json:"cause,omitempty"`
	Within   string   `json:"within,omitempty"`
	Chance   *Chance  `json:"chance,omitempty"`
}

// MarshalJSON writes the finding's file: the header, and the case under the name of its kind.
func (f *Finding) MarshalJSON() ([]byte, error) {
	head, err := encode(header{
		fileFormat, f.ID, f.Subject, f.Severity, f.Symptom, f.Place, f.Symptom.String() + " (" + f.Place.String() + ")",
		f.Count, f.Modes, f.Devices, f.Expected, f.Seen, f.Cause, f.Within, f.Chance,
	})
	if err != nil {
		return nil, err
	}
	body, err := encode(f.Case)
	if err != nil {
		return nil, err
	}
	kind := f.kind()
	if kind == "" {
		return nil, fmt.Errorf("a case of type %T is not registered", f.Case)
	}
	return fmt.Appendf(head[:len(head)-1], ",%q:%s}", kind, body), nil
}

// encode is v as JSON, with < and > as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// kind is the name under which the case is registered.
func (f *Finding) kind() string {
	for _, k := range slices.Sorted(maps.Keys(caseKinds)) {
		if fmt.Sprintf("%T", caseKinds[k]()) == fmt.Sprintf("%T", f.Case) {
			return k
		}
	}
	return ""
}

// Text is the finding's file.
func (f *Finding) Text() ([]byte, error) {
	text, err := f.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "\t"); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// ParseFinding reads the text of a finding's file. An error is one line and names the line of the file.
func ParseFinding(text []byte) (*Finding, error) {
	if err := input.Values(text, 100_000, 200_000); err != nil {
		return nil, fmt.Errorf("line 1: not a finding: it has %w", err)
	}
	var all map[string]json.RawMessage
	dec := json.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(&all); err != nil {
		return nil, notFinding(text, dec.InputOffset(), err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, notFinding(text, dec.InputOffset(), errors.New("something follows the finding: remove it"))
	}
	if s := all["symptom"]; len(s) > 0 && s[0] == '"' || all["symptom"] == nil && all["format"] == nil && all["rule"] != nil {
		return nil, errors.New("line 1: not a finding: a file of format 1, of a dualbank before its findings held scripts: find it again with this version (dualbank crash)")
	}
	f := new(Finding)
	for kind, blank := range caseKinds {
		raw, ok := all[kind]
		if !ok {
			continue
		}
		if f.Case != nil {
			return nil, fmt.Errorf("line 1: not a finding: it has more than one case: leave one of %s", caseNames())
		}
		f.Case = blank()
		if err := decode(text, raw, f.Case); err != nil {
			return nil, err
		}
		delete(all, kind)
	}
	if f.Case == nil {
		return nil, fmt.Errorf("line 1: not a finding: it needs one case: %s", caseNames())
	}
	rest, err := json.Marshal(all)
	if err != nil {
		return nil, err
	}
	var h header
	if err := decode(text, rest, &h); err != nil {
		return nil, err
	}
	if h.Format != fileFormat {
		return nil, fmt.Errorf("line 1: not a finding: format %d is unknown: this version of dualbank reads format %d", h.Format, fileFormat)
	}
	f.ID, f.Subject, f.Severity, f.Symptom, f.Place = h.ID, h.Subject, h.Severity, h.Symptom, h.Place
	f.Count, f.Modes, f.Devices, f.Expected, f.Seen, f.Cause, f.Within, f.Chance = h.Count, h.Modes, h.Devices, h.Expected, h.Seen, h.Cause, h.Within, h.Chance
	if err := f.Check(); err != nil {
		key, _, _ := strings.Cut(err.Error(), ":")
		at := max(bytes.Index(text, []byte(`"`+key[strings.LastIndex(key, ".")+1:]+`"`)), 0)
		return nil, notFinding(text, int64(at), err)
	}
	return f, nil
}

// longestID bounds a finding's ID, which names files and a Go test.
const longestID = 100

// Check finds what no finding has, whatever its case does: an ID that is no plain name, a subject, rule or severity that is
// unknown, a key that no store takes. What a file leaves out is right. The error begins with the key in the file.
func (f *Finding) Check() error {
	plain := func(r rune) bool { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' }
	switch {
	case len(f.ID) > longestID || strings.ContainsFunc(f.ID, func(r rune) bool { return !plain(r) }):
		return fmt.Errorf("id: %q: use up to %d small letters, digits and hyphens", f.ID, longestID)
	case f.Subject != "" && subjects[f.Subject] == nil:
		return fmt.Errorf("subject: %q is unknown: use %s", f.Subject, strings.Join(slices.Sorted(maps.Keys(subjects)), ", "))
	case f.Severity != "" && f.Severity != High && f.Severity != Medium && f.Severity != Low:
		return fmt.Errorf("severity: %q is unknown: use %s, %s or %s", f.Severity, High, Medium, Low)
	case f.Chance != nil && (f.Chance.Shows < 0 || f.Chance.Shows > f.Chance.Seeds):
		return fmt.Errorf("chance: %d of %d seeds: use no more than there are", f.Chance.Shows, f.Chance.Seeds)
	case f.Subject != "" && (f.Symptom.Rule < RulePanic || f.Symptom.Rule > len(subjects[f.Subject].Rules)):
		return fmt.Errorf("symptom.rule: %d: give 1 to %d for a rule of the %s, or %d for a panic", f.Symptom.Rule, len(subjects[f.Subject].Rules), f.Subject, RulePanic)
	}
	if c, ok := f.Case.(interface{ CheckKeys() error }); ok {
		return c.CheckKeys()
	}
	return nil
}

// caseNames are the kinds of cases, for people.
func caseNames() string { return strings.Join(slices.Sorted(maps.Keys(caseKinds)), ", ") }

// decode reads a part of text into v. A key that v does not have is an error.
func decode(text, part []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(part))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil {
		return nil
	}
	at := int64(max(bytes.Index(text, part), 0)) + dec.InputOffset()
	if _, field, ok := strings.Cut(err.Error(), "unknown field "); ok {
		at = int64(max(bytes.Index(text, []byte(field)), 0))
	}
	return notFinding(text, at, err)
}

func notFinding(text []byte, at int64, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the text ends too early: give a whole file of a findings folder")
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		key := kind.Field[strings.LastIndexByte(kind.Field, '.')+1:]
		if key == "" {
			key = "the finding"
		}
		err = fmt.Errorf("%s: %s has no place here: correct it", key, kind.Value)
	}
	line := 1 + bytes.Count(text[:min(max(at, 0), int64(len(text)))], []byte("\n"))
	why := strings.TrimPrefix(err.Error(), "json: ")
	if !strings.Contains(why, ": ") {
		why += ": correct it, or give a .json file of a findings folder"
	}
	return fmt.Errorf("line %d: not a finding: %s", line, why)
}
