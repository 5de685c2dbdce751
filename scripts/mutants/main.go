// Command mutants changes the sources in small ways, one at a time, and reports which changes no test notices:
//
//	go run ./scripts/mutants -n 200
//
// It works in these steps:
//
//  1. Every package of targets is parsed, and each place that can be changed gives mutants: another comparison, the
//     opposite of a condition, a constant one more or less, no statement, no error. A number returned beside an error
//     stays: nothing may read it.
//  2. A seed shuffles them. The order does not change when other places do, so that a sample can grow.
//  3. Those that do not compile are left out: their package's types are checked.
//  4. The test binaries of the packages and of their neighbours are built once, with all mutants: each is a copy of
//     its function, which is called instead if the mutant is on. What is outside of functions has a build of its own.
//  5. Each test runs once without a mutant, to see how long it takes and whose function it calls.
//  6. Each mutant meets the tests that call its function, those of its own package first and short ones before long
//     ones, until the first failure, with a limit of processor time: the default set, without the race detector.
//  7. A mutant is killed if a test fails or does not end, and survives if all pass. Each is a line of the file -log,
//     and what stands there is not judged again.
//
// The exit code is 1 if fewer than -goal per cent are killed. Nothing in the source folders is written.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"dualbank/model/random"
)

// target is a package that is mutated.
type target struct {
	dir  string
	near []string // packages whose tests it meets, too, perhaps with a pattern of tests that are run together
}

var targets = []target{
	{"kvstore", []string{"./fuzz/kv"}},
	{"kvstore/secure", []string{"./kvstore"}},
	{"kvstore/storage", []string{"./kvstore"}},
	{"boot", []string{"./fuzz/update"}},
	{"model", []string{"./bench"}},
	{"model/cell", []string{"./model"}},
	{"fuzz/kv", []string{"./fuzz"}},
	{"fuzz/kv/sut", []string{"./fuzz/kv", "./fuzz"}},
	{"fuzz/update", []string{"./fuzz"}},
	{"bench/plan", []string{"./cmd/dualbank TestScripts/plan"}},
}

// verdict is what became of a mutant.
type verdict string

const (
	killed   verdict = "killed"
	survived verdict = "survived"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	set := flag.NewFlagSet("mutants", flag.ContinueOnError)
	n := set.Int("n", 200, "mutants to judge, 1 or more; those that do not compile come on top")
	seed := set.Uint64("seed", 1, "seed of the sample")
	only := set.String("only", "", "only this package, such as kvstore, or this file, such as kvstore/collect.go")
	log := set.String("log", "out/mutants.txt", "file that keeps the verdicts; what stands there is not judged again")
	dir := set.String("dir", "out/mutants", "folder that keeps the test binaries, of the same mutants in the same sources")
	again := set.Bool("again", false, "judge those again that survived")
	limit := set.Duration("for", 0, "end after this time, such as 10m; the same command goes on from there")
	goal := set.Float64("goal", 95, "per cent that must be killed")
	own := set.Bool("own", false, "judge by the tests of a mutant's own package alone, which is fast: fewer are killed; give -log another file")
	list := set.Bool("list", false, "list the sample and end")
	if err := set.Parse(args); err != nil {
		return err
	}
	if *n < 1 || set.NArg() > 0 {
		return errors.New("give -n 1 or more, and no arguments")
	}
	root, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	if *dir, err = filepath.Abs(*dir); err != nil {
		return err
	}
	all, err := sample(root, *seed, *only)
	if err != nil {
		return err
	}
	if *list {
		for _, m := range all[:min(*n, len(all))] {
			fmt.Fprintln(out, m.key())
		}
		return nil
	}
	known, err := readLog(*log, *again)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *limit > 0 {
		ctx, stop = context.WithTimeout(ctx, *limit)
		defer stop()
	}
	j := judge{root: root, dir: *dir, log: *log, known: known, own: *own}
	if all, err = j.compiled(ctx, all, *n); err == nil {
		err = j.all(ctx, all)
	}
	if err != nil && ctx.Err() == nil {
		return err
	}
	count := map[verdict]int{}
	var alive []string
	for i := range all {
		v, ok := j.known[all[i].key()]
		if !ok {
			continue
		}
		if count[v]++; v == survived {
			alive = append(alive, all[i].key())
		}
	}
	for _, key := range alive {
		fmt.Fprintf(out, "survived %s\n", key)
	}
	judged := count[killed] + count[survived]
	share := 100 * float64(count[killed]) / float64(max(judged, 1))
	fmt.Fprintf(out, "%d of %d mutants judged: %d killed (%.1f %%), %d survived; %d more do not compile\n",
		judged, len(all), count[killed], share, count[survived], j.uncompiled)
	if judged == len(all) && share < *goal {
		return fmt.Errorf("%.1f %% are killed: at least %g %% are wanted: add tests for the survivors", share, *goal)
	}
	return nil
}

// sample returns the mutants of all targets in the order of the seed.
func sample(root string, seed uint64, only string) (all []mutant, err error) {
	for i := range targets {
		some, err := targets[i].mutants(root)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	if only != "" {
		all = slices.DeleteFunc(all, func(m mutant) bool { return m.target.dir != only && m.file != only })
		if len(all) == 0 {
			return nil, fmt.Errorf("-only %s: there are no such sources", only)
		}
	}
	place := func(m *mutant) uint64 {
		h := fnv.New64a()
		_, _ = io.WriteString(h, m.key()) // a hash takes everything
		return random.New(seed ^ h.Sum64()).Uint64()
	}
	slices.SortStableFunc(all, func(a, b mutant) int {
		switch x, y := place(&a), place(&b); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	return all, nil
}

// readLog returns the verdicts in a file, without the survivors if they are to be judged again.
func readLog(path string, again bool) (map[string]verdict, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return map[string]verdict{}, nil
	}
	if err != nil {
		return nil, err
	}
	known := map[string]verdict{}
	for line := range strings.Lines(string(text)) {
		v, key, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok {
			return nil, fmt.Errorf("%s: %q is no verdict: remove the line", path, line)
		}
		known[key] = verdict(v)
		if again && verdict(v) == survived {
			delete(known, key)
		}
	}
	return known, nil
}

// appendLog adds a verdict to a file.
func appendLog(path string, v verdict, key string) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = fmt.Fprintf(f, "%s\t%s\n", v, key)
	return err
}
