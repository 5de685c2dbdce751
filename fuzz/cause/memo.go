package cause

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"dualbank/fuzz/explore"
)

// Memo keeps what was found out about cases in one environment, for further findings with the same cases. The zero value
// is an empty one, nil one that keeps nothing.
type Memo struct {
	mu sync.Mutex
	by map[string]judged
}

// keyOf identifies a case and what it is to show; "": the case cannot be written down.
func keyOf(c explore.Case, want explore.Symptom) string {
	text, err := json.Marshal(c)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%T %s %+v", c, text, want))
	return hex.EncodeToString(sum[:])
}

// judge is judged.judge, unless that was done before.
func (m *Memo) judge(j *judged, c explore.Case, want explore.Symptom, env explore.Env) {
	if m == nil {
		j.judge(c, want, env)
		return
	}
	key := keyOf(c, want)
	if have, ok := m.get(key); ok {
		have.finding, have.of = j.finding, j.of
		*j = have
		return
	}
	j.judge(c, want, env)
	m.put(key, *j)
}

func (m *Memo) get(key string) (j judged, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	j, ok = m.by[key]
	return j, ok
}

func (m *Memo) put(key string, j judged) {
	if key == "" {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.by == nil {
		m.by = map[string]judged{}
	}
	m.by[key] = j
}

// Lesson is what the remedies of one case came to, for the Memo of another process.
type Lesson struct {
	Key     string            `json:"key"`             // of the case as it was, and what it is to show
	Replays bool              `json:"replays"`         // it shows that
	Shows   explore.Violation `json:"shows"`           // what it shows
	Short   bool              `json:"short,omitempty"` // it was made short: see Memo.Learn
	Within  string            `json:"within,omitempty"`
	Cures   []string          `json:"cures,omitempty"` // each alone
	Pair    []string          `json:"pair,omitempty"`  // together
	Cause   string            `json:"cause"`           // its name if no remedy gives it one
}

// Lesson is what m knows of a case; nil: nothing.
func (m *Memo) Lesson(c explore.Case, want explore.Symptom) *Lesson {
	key := keyOf(c, want)
	j, ok := m.get(key)
	if !ok {
		return nil
	}
	return &Lesson{key, j.replays, j.shows, j.short != nil, j.within, j.cures, j.pair, j.cause}
}

// Learn takes over what another process of the same program knows. short is the case that it was made short to. A lesson
// with a remedy that this program does not have is an error.
func (m *Memo) Learn(l *Lesson, short explore.Case) error {
	for _, name := range slices.Concat(l.Cures, l.Pair, []string{l.Within}) {
		if name != "" && explore.RemedyByName(name) == nil {
			return fmt.Errorf("there is no remedy %.40q", name)
		}
	}
	if !strings.HasPrefix(l.Cause, Unknown+"/") {
		return fmt.Errorf("there is no cause %.40q", l.Cause)
	}
	j := judged{replays: l.Replays, shows: l.Shows, within: l.Within, cures: l.Cures, pair: l.Pair, cause: l.Cause}
	if l.Short {
		j.short = short
	}
	m.put(l.Key, j)
	return nil
}
