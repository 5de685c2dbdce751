package fuzz

import (
	"encoding/hex"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"
)

// InputCase is a run of the guided search that can be run again from nothing.
type InputCase struct {
	Target  string   `json:"target"` // whose input it is, as in Targets
	Bytes   string   `json:"bytes"`  // the input, in hex
	Planted Planted  `json:"planted,omitzero"`
	Story   []string `json:"story"` // what the bytes mean
}

// RulePanic is broken by software that panics, whatever it is judged by.
const RulePanic = 0

// longestInput bounds an input in bytes; engines keep theirs below 1 MiB.
const longestInput = 1 << 20

// examine runs an input. A panic is what it leads to.
func (t *Target) examine(data []byte, o *outcome) (in input, err error) {
	in = t.decode(&choices{data: data})
	defer func() {
		if p := recover(); p != nil {
			v := Violation{Rule: RulePanic, Symptom: fmt.Sprintf("a panic: %v", p), Expected: "none", Seen: panicPlace(debug.Stack())}
			o.note([]Violation{v}, Place{Op: "panic", Part: v.Seen})
		}
	}()
	return in, in.run(o)
}

// panicPlace is the function that panicked.
func panicPlace(stack []byte) string {
	_, after, _ := strings.Cut(string(stack), "panic(")
	for line := range strings.Lines(after) {
		if name, _, ok := strings.Cut(line, "("); ok && strings.HasPrefix(name, "dualbank/") {
			return strings.TrimSpace(line[:strings.LastIndex(line, "(")])
		}
	}
	return "somewhere"
}

// Crashers makes findings of inputs of a target, each like finding once. Where an input breaks a rule in a way
// that the reference is not known for, the known ways in it are left out.
func (t *Target) Crashers(inputs [][]byte, planted Planted) ([]Finding, error) {
	g := newGroups()
	known := map[int]bool{}
	for i, data := range inputs {
		if len(data) > longestInput {
			return nil, fmt.Errorf("input %d has %d bytes: give one of at most %d", i, len(data), longestInput)
		}
		o := outcome{planted: planted}
		if _, err := t.examine(data, &o); err != nil {
			return nil, err
		}
		fresh := t.news(&o)
		if len(fresh) == 0 {
			fresh, known[i] = o.bad, true
		}
		for _, b := range fresh {
			g.add(b.Violation, b.Place, CutCase{Op: i, Mode: noCut})
			gr := g.by[groupKey(b.Violation, b.Place)]
			for _, m := range o.hit {
				if !slices.Contains(gr.Modes, m) {
					gr.Modes = append(gr.Modes, m)
				}
			}
			slices.Sort(gr.Modes)
		}
	}
	return g.findings(func(f *Finding, at CutCase) {
		f.Subject = t.Subject
		f.Input, f.Known = t.newCase(inputs[at.Op], planted), known[at.Op]
	}), nil
}

// newCase is the case of an input.
func (t *Target) newCase(data []byte, planted Planted) *InputCase {
	return &InputCase{Target: t.Name, Bytes: hex.EncodeToString(data), Planted: planted, Story: story(t.decode(&choices{data: data}))}
}

func story(in input) []string {
	return strings.Split(strings.TrimRight(in.String(), "\n"), "\n")
}

// read is the target and the bytes of a case.
func (c *InputCase) read() (*Target, []byte, error) {
	t, err := TargetByName(c.Target)
	if err != nil {
		return nil, nil, fmt.Errorf("input.target: %w", err)
	}
	data, err := hex.DecodeString(c.Bytes)
	if err != nil || len(data) > longestInput {
		return nil, nil, fmt.Errorf("input.bytes: not up to %d bytes in hex", longestInput)
	}
	return t, data, nil
}

// replay runs the case from an erased device, tells w what happens, and returns what is broken.
func (c *InputCase) replay(w io.Writer, rule int, symptom string) (*replayed, error) {
	t, data, err := c.read()
	if err != nil {
		return nil, err
	}
	o := outcome{planted: c.Planted, keep: true, rule: rule, symptom: symptom}
	in, err := t.examine(data, &o)
	if err != nil {
		return nil, err
	}
	if told := story(in); len(c.Story) > 0 && !slices.Equal(told, c.Story) {
		return nil, fmt.Errorf("input.story: these bytes mean another run to this version of dualbank: find it again, or remove the story")
	}
	fmt.Fprintf(w, "input    %d bytes of %s\n", len(data), t.Name)
	for _, line := range story(in) {
		fmt.Fprintf(w, "         %s\n", line)
	}
	if len(o.hit) > 0 {
		fmt.Fprintf(w, "faults   that hit: %s\n", strings.Join(o.hit, ", "))
	}
	re := &replayed{base: o.base, image: o.image}
	for i := range o.bad {
		b := &o.bad[i]
		if b.Rule == rule && b.Symptom == symptom {
			fmt.Fprintf(w, "shows    in: %v\n", b.Place)
		}
		re.bad = append(re.bad, b.Violation)
	}
	return re, nil
}

// minimizeInput looks for a shorter and simpler input that breaks the same rule in the same way: fewer
// steps, smaller numbers. It replays at most tries.
func (f *Finding) minimizeInput(tries int) int {
	t, data, err := f.Input.read()
	if err != nil {
		return 0
	}
	m := &inputMinimizer{t: t, f: f, data: data, left: tries}
	if !m.breaks(data) {
		return 1
	}
	c := &choices{data: data}
	t.decode(c)
	m.breaks(data[:c.at]) // what is behind it was never read
	for again := true; again && m.left > 0; {
		again = m.steps()
		again = m.numbers() || again
	}
	f.Input = t.newCase(m.data, f.Input.Planted)
	return tries - m.left
}

type inputMinimizer struct {
	t    *Target
	f    *Finding
	data []byte
	left int
}

// breaks runs data and keeps it if it breaks the rule as the finding does.
func (m *inputMinimizer) breaks(data []byte) bool {
	if m.left == 0 {
		return false
	}
	m.left--
	o := outcome{planted: m.f.Input.Planted}
	if _, err := m.t.examine(data, &o); err != nil {
		return false
	}
	for i := range o.bad {
		if b := &o.bad[i]; b.Rule == m.f.Rule && b.Symptom == m.f.Symptom {
			m.data, m.f.Expected, m.f.Seen, m.f.Place = data, b.Expected, b.Seen, b.Place
			m.f.Modes = slices.Sorted(slices.Values(o.hit))
			return true
		}
	}
	return false
}

// steps removes runs of steps, long runs first.
func (m *inputMinimizer) steps() (smaller bool) {
	at := m.t.starts(m.data)
	for n := len(at) - 1; n > 0 && m.left > 0; n = min(n/2, len(at)-1) {
		for i := 0; i+n < len(at); {
			if m.breaks(slices.Delete(slices.Clone(m.data), at[i], at[i+n])) {
				smaller, at = true, m.t.starts(m.data)
				continue
			}
			i++
		}
	}
	return smaller
}

// numbers makes bytes smaller, and drops zeros at the end, which are there anyway.
func (m *inputMinimizer) numbers() (smaller bool) {
	for i := range m.data {
		for _, n := range []byte{0, m.data[i] / 2, m.data[i] - 1} {
			if n >= m.data[i] {
				continue
			}
			data := slices.Clone(m.data)
			data[i] = n
			if m.breaks(data) {
				smaller = true
				break
			}
		}
	}
	// A number that decides about others goes together with them.
	for i := 0; i < len(m.data); i++ {
		for n := 1; n <= 8 && i+1+n <= len(m.data); n++ {
			data := slices.Delete(slices.Clone(m.data), i+1, i+1+n)
			data[i] = 0
			if m.breaks(data) {
				smaller = true
				break
			}
		}
	}
	data := m.data
	for len(data) > 0 && data[len(data)-1] == 0 {
		data = data[:len(data)-1]
	}
	if len(data) < len(m.data) && m.breaks(data) {
		smaller = true
	}
	return smaller
}
