package layout

import (
	"fmt"
	"slices"
	"strings"
)

// findLabels fills in the names whose overrides apply, in the order in which they do: "*", extra labels, parents, the
// target. They come from the given targets.json files and the application's custom_targets, from what is known
// of the board, and from target.extra_labels_add in the application's own files.
func (b *builder) findLabels(apps []*file) bool {
	var parents, extra []string
	switch {
	case b.targetNamed(b.Target) == nil && !slices.ContainsFunc(b.targets, func(f *file) bool { return !f.library }):
		parents = boardLabels(b.Target)
	case b.targetNamed(b.Target) == nil:
		var names []string
		for _, f := range b.targets {
			for _, m := range f.targets.members {
				names = append(names, m.name)
			}
		}
		b.add(Problem{File: b.targets[0].src.Name, Text: "has no target " + b.Target, Remedy: "give a target that it has" + orNearest(b.Target, names)})
		return false
	default:
		lineage := b.lineage()
		for _, name := range slices.Backward(lineage[1:]) {
			if b.targetNamed(name) == nil {
				parents = append(parents, boardLabels(name)...)
			}
			parents = append(parents, name)
		}
		for _, name := range slices.Backward(lineage) {
			m := b.targetNamed(name)
			if m == nil {
				continue
			}
			extra = addLabels(extra, m, "extra_labels", "")
			extra = addLabels(extra, m, "extra_labels_add", "extra_labels_remove")
		}
	}
	b.labels = []string{"*"}
	known := map[string]bool{"*": true}
	for _, l := range slices.Concat(extra, parents, []string{b.Target}) {
		if !known[l] {
			known[l] = true
			b.labels = append(b.labels, l)
		}
	}
	// A file's blocks may add labels that other blocks wait for.
	for range apps {
		for _, f := range apps {
			for _, m := range f.matching(b.labels, "target.extra-labels-add", "target.extra-labels") {
				for _, v := range m.items {
					if v.kind == 's' && !known[v.text] {
						known[v.text] = true
						b.labels = slices.Insert(b.labels, len(b.labels)-1, v.text)
					}
				}
			}
		}
	}
	return true
}

// boardLabels returns the labels of a board that is known, the most general one first.
func boardLabels(name string) []string { return strings.Fields(boards[name].labels) }

// addLabels appends what m lists under add and removes what it lists under remove.
func addLabels(labels []string, m *member, add, remove string) []string {
	if list := m.find(add); list != nil {
		for _, v := range list.items {
			labels = append(labels, v.text)
		}
	}
	if list := m.find(remove); list != nil && remove != "" {
		gone := map[string]bool{}
		for _, v := range list.items {
			gone[v.text] = true
		}
		labels = slices.DeleteFunc(labels, func(l string) bool { return gone[l] })
	}
	return labels
}

// targetNamed returns a target of the given targets.json files, or nil.
func (b *builder) targetNamed(name string) *member {
	for _, f := range b.targets {
		if m := f.targets.find(name); m != nil {
			return m
		}
	}
	return nil
}

// lineage returns the target and all its parents, each before its own parents.
func (b *builder) lineage() []string {
	names, known := []string{b.Target}, map[string]bool{b.Target: true}
	for i := 0; i < len(names); i++ {
		if m := b.targetNamed(names[i]); m != nil {
			if in := m.find("inherits"); in != nil {
				for _, v := range in.items {
					if !known[v.text] {
						known[v.text] = true
						names = append(names, v.text)
					}
				}
			}
		}
	}
	return names
}

// matching returns the members of the override blocks for labels whose canonical names are among names, or
// all members if no name is given.
func (f *file) matching(labels []string, names ...string) (found []*member) {
	known := map[string]bool{}
	for _, l := range labels {
		known[l] = true
	}
	for _, block := range f.overrides {
		if !known[block.target] {
			continue
		}
		for i := range block.keys {
			if m := &block.keys[i]; len(names) == 0 || slices.Contains(names, canonical(m.name)) {
				found = append(found, m)
			}
		}
	}
	return found
}

// someLabel reports whether name is a target or a label of any target that is known.
func (b *builder) someLabel(name string) bool {
	if _, ok := boards[name]; ok || b.targetNamed(name) != nil {
		return true
	}
	for _, board := range boards {
		if slices.Contains(strings.Fields(board.labels), name) {
			return true
		}
	}
	for _, f := range b.targets {
		for i := range f.targets.members {
			labels := addLabels(addLabels(nil, &f.targets.members[i], "extra_labels", ""), &f.targets.members[i], "extra_labels_add", "")
			if slices.Contains(labels, name) {
				return true
			}
		}
	}
	return false
}

// noteLabels names override blocks of f that apply to no target that is known: a label of another Mbed
// version, or a misspelt one. If no block but "*" applies, all blocks are named.
func (b *builder) noteLabels(f *file) {
	var unknown, all []string
	at, matched := -1, false
	for _, block := range f.overrides {
		if block.target == "*" {
			continue
		}
		if slices.Contains(b.labels, block.target) {
			matched = true
			continue
		}
		all = append(all, block.target)
		if !b.someLabel(block.target) {
			unknown = append(unknown, block.target)
		}
	}
	if !matched {
		unknown = all
	}
	if len(unknown) == 0 {
		return
	}
	for _, block := range f.overrides {
		if block.target == unknown[0] {
			at = block.at
		}
	}
	names := strings.Join(unknown[:min(len(unknown), 8)], ", ")
	if more := len(unknown) - 8; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	p := f.problem(at, "target_overrides", fmt.Sprintf("no label of %s matches %s: left out", b.Target, names),
		"correct the label, or give the targets.json that has it"+orNearest(unknown[0], b.labels))
	p.Note = true
	b.add(p)
}
