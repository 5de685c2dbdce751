package main

import (
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

const specimen = `package p

import "fmt"

type s struct{ n [4]int }

func (s) String() string { return fmt.Sprint(1 < 2) }

func f(a, b int) (int, error) {
	if a <= 2 && ready() {
		a += b
		done()
		return 0, fmt.Errorf("%d is less than 3", a)
	}
	for !ready() {
		a++
	}
	return a, nil
}
`

// TestMutate: every kind of change is made once, where it can be, and what is left is Go.
func TestMutate(t *testing.T) {
	all, err := mutate("p.go", []byte(specimen))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range all {
		m := &all[i]
		text := m.apply([]byte(specimen))
		if _, err := parser.ParseFile(token.NewFileSet(), "p.go", text, 0); err != nil || string(text) == specimen {
			t.Errorf("%s: %v\n%s", m.key(), err, text)
		}
		got = append(got, m.key())
	}
	want := []string{
		"p.go:10:5: not: a <= 2 && ready()",
		"p.go:10:12: && becomes ||",
		"p.go:10:7: <= becomes <",
		"p.go:10:7: <= becomes >",
		"p.go:10:10: 2 becomes 3",
		"p.go:10:10: 2 becomes 1",
		"p.go:11:3: removed: a += b",
		"p.go:12:3: removed: done()",
		`p.go:13:13: no error: fmt.Errorf("%d is less than 3", a)`,
		"p.go:13:10: 0 becomes 1",
		"p.go:15:6: not: !ready()",
		"p.go:16:3: removed: a++",
	}
	if !slices.Equal(got, want) {
		t.Errorf("mutants:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestSample: a sample is the same again, another seed gives another one, and every package is in it.
func TestSample(t *testing.T) {
	keys := func(seed uint64) (keys []string) {
		all, err := sample("../..", seed, "")
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for i := range all[:1000] {
			keys = append(keys, all[i].key())
			seen[all[i].target.dir] = true
		}
		if len(seen) != len(targets) {
			t.Errorf("mutants of %d packages among 1000, want %d", len(seen), len(targets))
		}
		return keys
	}
	if one := keys(1); !slices.Equal(one, keys(1)) || slices.Equal(one, keys(2)) {
		t.Error("a sample does not depend on its seed alone")
	}
	if _, err := sample("../..", 1, "nowhere"); err == nil {
		t.Error("a package that is not there is taken")
	}
}
