package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// test is a test, or some of one package that are run together.
type test struct {
	pack    string // such as ./kvstore
	pattern string
	CPU     time.Duration
	Reached []int // numbers of the mutants whose function it calls
}

// list builds the tests of a package and lists them one by one; with a pattern behind its name they are one test.
func (p *program) list(ctx context.Context, near string) (tests []test, err error) {
	pack, pattern, one := strings.Cut(near, " ")
	if err := p.build(ctx, pack); err != nil {
		return nil, err
	}
	if one {
		return []test{{pack: pack, pattern: pattern}}, nil
	}
	c := exec.CommandContext(ctx, p.binaries[pack], "-test.list", "^(Test|Fuzz|Example)")
	c.Dir, c.Env = filepath.Join(p.root, pack), p.env()
	text, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("tests of %s: %w", pack, err)
	}
	for name := range strings.FieldsSeq(string(text)) {
		tests = append(tests, test{pack: pack, pattern: "^" + name + "$"})
	}
	return tests, nil
}

// Bounds of a run of tests, beside some times what they take undisturbed: processor time, and time on the wall, after which
// a mutant that waits for ever is ended.
const (
	leastCPU  = 3 * time.Second
	leastWall = 30 * time.Second
)

// run runs tests of one package with the mutant of a number and returns what they say.
func (p *program) run(ctx context.Context, which int, pack, pattern string, cpu time.Duration) (text []byte, took time.Duration, err error) {
	if err := os.WriteFile(filepath.Join(p.dir, "which"), fmt.Append(nil, which), 0o600); err != nil {
		return nil, 0, err
	}
	// A mutant may ask for any amount of memory: it gets 6 GB of addresses.
	limits := fmt.Sprintf(`ulimit -v 6000000; ulimit -t %d; exec "$@"`, int((leastCPU + 5*cpu).Seconds()))
	c := exec.CommandContext(ctx, "sh", "-c", limits, "tests", p.binaries[pack], "-test.run", pattern, "-test.failfast", "-test.timeout", (leastWall + 20*cpu).String())
	c.Dir, c.Env = filepath.Join(p.root, pack), p.env()
	c.WaitDelay = 10 * time.Second
	text, err = c.CombinedOutput()
	if s := c.ProcessState; s != nil {
		took = s.UserTime() + s.SystemTime()
	}
	return text, took, err
}

// trace runs each test once without a mutant, and notes how long it takes and which mutants it reaches.
func (p *program) trace(ctx context.Context, tests []test) error {
	for i := range tests {
		t := &tests[i]
		name := filepath.Base(p.binaries[t.pack]) + " " + t.pattern
		if done, ok := p.traces[name]; ok {
			t.CPU, t.Reached = done.CPU, done.Reached
			continue
		}
		file := filepath.Join(p.dir, "reached")
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		text, took, err := p.run(ctx, -1, t.pack, t.pattern, time.Minute)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("%s fails without a mutant: %w\n%.2000s", name, err, text)
		}
		lines, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		t.CPU = took
		for line := range strings.FieldsSeq(string(lines)) {
			n, err := strconv.Atoi(line)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			if !slices.Contains(t.Reached, n) {
				t.Reached = append(t.Reached, n)
			}
		}
		p.traces[name] = *t
		if lines, err = json.Marshal(p.traces); err == nil {
			err = os.WriteFile(filepath.Join(p.dir, tracesFile), lines, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// together is how much processor time tests may take that are run in one process.
const together = time.Second

// kills reports whether one of the tests of a package fails with the mutant of a number: the short ones come first.
func (p *program) kills(ctx context.Context, number int, tests []test) (bool, error) {
	slices.SortStableFunc(tests, func(a, b test) int { return int(a.CPU - b.CPU) })
	for len(tests) > 0 {
		n, sum := 1, tests[0].CPU
		patterns := []string{tests[0].pattern}
		for n < len(tests) && sum+tests[n].CPU <= together {
			patterns = append(patterns, tests[n].pattern)
			sum += tests[n].CPU
			n++
		}
		_, _, err := p.run(ctx, number, tests[0].pack, strings.Join(patterns, "|"), sum)
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if err != nil {
			return true, nil
		}
		tests = tests[n:]
	}
	return false, nil
}

// judge gives verdicts.
type judge struct {
	root, dir  string // dir keeps the test binaries
	log        string // file
	known      map[string]verdict
	own        bool // by the tests of the package alone
	uncompiled int
}

// compiled returns the first n mutants that compile.
func (j *judge) compiled(ctx context.Context, all []mutant, n int) (some []mutant, err error) {
	k, err := newCompiler(ctx, j.root)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if len(some) == n || ctx.Err() != nil {
			break
		}
		switch ok, err := k.compiles(&all[i]); {
		case err != nil:
			return nil, err
		case ok:
			some = append(some, all[i])
		default:
			j.uncompiled++
		}
	}
	return some, ctx.Err()
}

// all judges those mutants that have no verdict.
func (j *judge) all(ctx context.Context, mutants []mutant) error {
	var inside, alone []*mutant
	for i := range mutants {
		m := &mutants[i]
		if m.switchable() {
			inside = append(inside, m)
		} else {
			alone = append(alone, m)
		}
	}
	p, err := openProgram(j.root, j.dir, inside)
	if err != nil {
		return err
	}
	for i, m := range inside {
		if err := j.one(ctx, p, m, i+1); err != nil {
			return err
		}
	}
	for _, m := range alone {
		if _, ok := j.known[m.key()]; ok {
			continue
		}
		q, err := newProgram(j.root, filepath.Join(j.dir, "alone"))
		if err != nil {
			return err
		}
		if err := q.single(m); err != nil {
			return err
		}
		q.traces = p.traces
		if err := j.one(ctx, q, m, 0); err != nil {
			return err
		}
	}
	return nil
}

// one judges one mutant of a program, unless it has a verdict: by the tests of its package, and if they pass by those of
// its neighbours. With number 0 it is on, and all tests may reach it.
func (j *judge) one(ctx context.Context, p *program, m *mutant, number int) error {
	if _, ok := j.known[m.key()]; ok {
		return nil
	}
	v := survived
	for _, pack := range append([]string{"./" + m.target.dir}, m.target.near...) {
		tests, err := p.list(ctx, pack)
		if err != nil {
			return err
		}
		if err := p.trace(ctx, tests); err != nil {
			return err
		}
		if number > 0 {
			tests = slices.DeleteFunc(tests, func(t test) bool { return !slices.Contains(t.Reached, number) })
		}
		dead, err := p.kills(ctx, number, tests)
		if err != nil {
			return err
		}
		if dead {
			v = killed
		}
		if dead || j.own {
			break
		}
	}
	j.known[m.key()] = v
	return appendLog(j.log, v, m.key())
}
