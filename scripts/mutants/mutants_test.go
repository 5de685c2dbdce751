package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dualbank/internal/long"
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

func g() (int, error) {
	n, err := f(1, 2)
	if err != nil {
		return 3, err
	}
	if n == 0 {
		return 4, err
	}
	if err != nil {
		err = done()
		return 5, err
	}
	return 6, ErrOther
}

func quiet(c film) []int {
	c.cam.Note(3)
	return make([]int, 0, 5)
}
`

// TestMutate: every kind of change is made once, where it can be, and what is left is Go. Messages, capacities and
// numbers beside an error stay.
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
		"p.go:15:6: not: !ready()",
		"p.go:16:3: removed: a++",
		"p.go:22:14: 1 becomes 2",
		"p.go:22:14: 1 becomes 0",
		"p.go:22:17: 2 becomes 3",
		"p.go:22:17: 2 becomes 1",
		"p.go:23:9: != becomes ==",
		"p.go:24:13: no error: err",
		"p.go:26:7: == becomes !=",
		"p.go:26:10: 0 becomes 1",
		"p.go:27:13: no error: err",
		"p.go:27:10: 4 becomes 5",
		"p.go:27:10: 4 becomes 3",
		"p.go:29:9: != becomes ==",
		"p.go:30:3: removed: err = done()",
		"p.go:31:13: no error: err",
		"p.go:31:10: 5 becomes 6",
		"p.go:31:10: 5 becomes 4",
		"p.go:33:12: no error: ErrOther",
	}
	if !slices.Equal(got, want) {
		t.Errorf("mutants:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestSample: a sample is the same again, another seed gives another one, and every package is in it.
func TestSample(t *testing.T) {
	long.Test(t)
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

// TestSwitches: a file with all of its mutants, each in a copy of its function, is Go, whatever the functions are like.
func TestSwitches(t *testing.T) {
	const source = `package p

var outside = 1

type s struct{ n int }

func (x *s) method(a, _ int, more ...string) (n int) { n = a + 1; return n + len(more) }

func (s) nameless(int, string) bool { return 1 < 2 }

func plain() { outside = 3 }

func ofTypes[T any](T) int { return 4 }
`
	all, err := mutate("p.go", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	var inside []*mutant
	var numbers, alone []int
	for i := range all {
		if all[i].switchable() {
			inside, numbers = append(inside, &all[i]), append(numbers, 7+len(inside))
		} else {
			alone = append(alone, all[i].line)
		}
	}
	if !slices.Equal(alone, []int{3, 3, 13, 13}) {
		t.Errorf("mutants in lines %v need a build of their own, want 3 and 13, twice each", alone)
	}
	set := token.NewFileSet()
	text := withSwitches([]byte(source), inside, numbers)
	var files []*ast.File
	for _, part := range []string{string(text), "package p\nvar mutantOn int\nfunc mutantIs(n int) bool { return n == mutantOn }\n"} {
		f, err := parser.ParseFile(set, "", part, 0)
		if err != nil {
			t.Fatalf("%v\n%s", err, part)
		}
		files = append(files, f)
	}
	if _, err := new(types.Config).Check("p", set, files, nil); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
	for i, m := range inside {
		if want := m.in.decl.Name.Name + "Mutant" + strconv.Itoa(numbers[i]) + "("; strings.Count(string(text), want) != 2 {
			t.Errorf("%s stands there %d times, want a copy and its call:\n%s", want, strings.Count(string(text), want), text)
		}
	}
}

// TestLeftOut: what is left out is there.
func TestLeftOut(t *testing.T) {
	for place := range leftOut {
		file, name, _ := strings.Cut(place, " ")
		text, err := os.ReadFile("../../" + file)
		if err != nil || !strings.Contains(string(text), " "+name+"(") {
			t.Errorf("%s: there is no such function: %v", place, err)
		}
	}
}
