package fleet

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"dualbank/fuzz/cause"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/fleet/board"
)

// Outcome is what a campaign has found until now, for whoever watches it. The zero value is an empty one.
type Outcome struct {
	mu     sync.Mutex
	groups map[string]*board.Finding
	seen   map[string]bool // findings that were judged, or are about to be, by their identity without a cause
	judged []Judged
	names  map[string]bool // of causes
	newest string
}

// Judged is a finding with its cause, before the campaign's end.
type Judged struct {
	Finding json.RawMessage `json:"finding"`          // its file
	Story   string          `json:"story"`            // what a replay tells
	Lesson  *cause.Lesson   `json:"lesson,omitempty"` // what the collector need not find out again; nil: nothing

	f *explore.Finding
}

// mostStory bounds what is told of a replay, in bytes.
const mostStory = 16 << 10

// groupOf is what findings of one row of the page have in common.
func groupOf(text, place string) string { return text + "|" + place }

// Count adds cuts that show a violation at a place. Their cause need not be known.
func (o *Outcome) Count(f board.Finding) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.groups == nil {
		o.groups = map[string]*board.Finding{}
	}
	key := groupOf(f.Text, f.Place)
	if have := o.groups[key]; have != nil {
		have.Count += f.Count
		return
	}
	o.groups[key] = &f
}

// Fresh reports whether a finding has not been asked about before.
func (o *Outcome) Fresh(id string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.seen[id] {
		return false
	}
	if o.seen == nil {
		o.seen = map[string]bool{}
	}
	o.seen[id] = true
	return true
}

// Judge finds the cause of a finding by its first variant, and its story. It keeps the cause in m. ok is false if ctx has
// ended.
func Judge(ctx context.Context, f explore.Finding, env explore.Env, m *cause.Memo) (j Judged, ok bool) {
	f.Variants = f.Variants[:1]
	if m == nil {
		m = &cause.Memo{}
	}
	as := f.Variants[0].Case()
	f = m.Attribute(ctx, []explore.Finding{f}, env, 1, nil)[0]
	if ctx.Err() != nil {
		return j, false
	}
	var story bytes.Buffer
	if _, _, err := f.ReplayIn(&story, env); err != nil {
		fmt.Fprintf(&story, "it does not replay: %v\n", err)
	}
	j.f, j.Story, j.Lesson = &f, cut(story.String(), mostStory), m.Lesson(as, f.Symptom)
	var err error
	j.Finding, err = f.MarshalJSON()
	return j, err == nil
}

// Tell tells whoever watches a campaign the causes of findings that are not in seen and that no other process has told. m is
// as for Judge. The collector learns from it (Collect).
func (l *Link) Tell(ctx context.Context, d *Definition, found []explore.Finding, env explore.Env, m *cause.Memo, seen *Outcome) {
	for _, f := range found {
		key := d.Name() + "." + f.ID
		if ctx.Err() != nil || !seen.Fresh(key) {
			continue
		}
		if _, err := l.causes.Create(ctx, key, nil); err != nil {
			continue // another process's, or the server is away
		}
		j, ok := Judge(ctx, f, env, m)
		text, err := json.Marshal(&j)
		if !ok || err != nil || len(text) > mostDefinition {
			continue
		}
		if _, err := l.causes.Put(ctx, key, text); err != nil && ctx.Err() == nil {
			l.say("a cause is not told: " + err.Error())
		}
	}
}

// told calls take for each cause under keys that a worker has told or tells, until ctx ends.
func (l *Link) told(ctx context.Context, keys string, take func(key string, j Judged) error) {
	watch(ctx, l.causes, keys, func(e jetstream.KeyValueEntry) {
		if len(e.Value()) == 0 {
			return // a worker is about to tell
		}
		j, err := parseJudged(e.Value())
		if err == nil {
			err = take(e.Key(), j)
		}
		if err != nil {
			l.say(fmt.Sprintf("dropped: cause %s: %v", short(e.Key()), err))
		}
	})
}

// learn keeps the causes that workers tell of a campaign, until ctx ends: the collector need not find them again.
func (l *Link) learn(ctx context.Context, d *Definition, m *cause.Memo) {
	l.told(ctx, d.Name()+".*", func(_ string, j Judged) error {
		if j.Lesson == nil {
			return nil
		}
		return m.Learn(j.Lesson, j.f.Case)
	})
}

// parseJudged reads what a bucket holds.
func parseJudged(text []byte) (j Judged, err error) {
	if err := strict(text, mostDefinition, &j); err != nil {
		return j, err
	}
	j.Story = cut(j.Story, mostStory)
	j.f, err = explore.ParseFinding(j.Finding)
	return j, err
}

// Add takes over a finding with its cause.
func (o *Outcome) Add(j Judged) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.judged = append(o.judged, j)
	if o.names == nil {
		o.names = map[string]bool{}
	}
	if !o.names[j.f.Cause] {
		o.names[j.f.Cause], o.newest = true, j.f.Cause
	}
}

// Causes are how many causes are known, and the one that came last.
func (o *Outcome) Causes() (n int, newest string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.names), o.newest
}

// Show fills in causes and their findings.
func (o *Outcome) Show(s *board.State) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var findings []explore.Finding
	for _, j := range o.judged {
		findings = append(findings, *j.f)
	}
	s.Newest, s.Causes, s.Waiting = o.newest, []board.Cause{}, []board.Finding{}
	at, told := map[string]int{}, map[string]bool{}
	for _, r := range cause.Rows(findings) {
		at[r.Name] = len(s.Causes)
		s.Causes = append(s.Causes, board.Cause{Name: short(r.Name), Severity: r.Severity, What: r.What, Cure: r.Cure})
	}
	for _, j := range o.judged {
		text, place := j.f.Symptom.String(), j.f.Place.String()
		key := groupOf(text, place)
		told[key] = true
		c := &s.Causes[at[cmp.Or(j.f.Cause, cause.Unknown)]]
		if slices.ContainsFunc(c.Findings, func(f board.Finding) bool { return f.Text == short(text) && f.Place == short(place) }) {
			continue // of another generation of the software
		}
		f := board.Finding{Severity: j.f.Severity, Text: short(text), Place: short(place), Count: j.f.Count, Story: j.Story}
		if g := o.groups[key]; g != nil {
			f.Count = g.Count
		}
		c.Findings = append(c.Findings, f)
	}
	for i := range s.Causes {
		order(s.Causes[i].Findings)
	}
	for key, g := range o.groups {
		if !told[key] {
			w := *g
			w.Text, w.Place = short(w.Text), short(w.Place)
			s.Waiting = append(s.Waiting, w)
		}
	}
	order(s.Waiting)
}

// order puts the gravest first.
func order(of []board.Finding) {
	grave := []string{explore.High, explore.Medium, explore.Low}
	slices.SortFunc(of, func(a, b board.Finding) int {
		return cmp.Or(slices.Index(grave, a.Severity)-slices.Index(grave, b.Severity), strings.Compare(a.Text+a.Place, b.Text+b.Place))
	})
}
