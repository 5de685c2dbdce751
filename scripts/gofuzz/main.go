// Command gofuzz runs the guided search with go-fuzz: gofuzz TIME TARGET.
//
//  1. What the native engine has, as seeds and in its cache, goes into the corpus in out/gofuzz/TARGET.
//  2. go-fuzz builds the target and searches for the time given.
//  3. What it keeps goes back into the cache of the native engine.
//  4. Its crashers become seeds of the native target, and findings.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"dualbank/fuzz"
	"dualbank/fuzz/cause"
	"dualbank/fuzz/explore"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gofuzz:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("give a time such as 60s, and a target such as FuzzKV")
	}
	limit, err := time.ParseDuration(args[0])
	if err != nil {
		return fmt.Errorf("%q is no time: give one such as 60s", args[0])
	}
	target, err := fuzz.TargetByName(args[1])
	if err != nil {
		return err
	}
	work, err := filepath.Abs(filepath.Join("out", "gofuzz", target.Name))
	if err != nil {
		return err
	}
	cache, err := nativeCache(target.Name)
	if err != nil {
		return err
	}
	seeds, corpus := filepath.Join("fuzz", "testdata", "fuzz", target.Name), filepath.Join(work, "corpus")
	for _, dir := range []string{seeds, cache, corpus} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	for _, dir := range []string{seeds, cache} {
		if err := toGoFuzz(dir, corpus); err != nil {
			return err
		}
	}
	src, err := os.MkdirTemp("", "gofuzz")
	if err != nil {
		return err
	}
	defer os.RemoveAll(src)
	if err := prepare(src); err != nil {
		return err
	}
	build := exec.Command("go", "tool", "go-fuzz-build", "-func", target.Name, "-o", filepath.Join(work, "fuzz.zip"), "./fuzz")
	build.Dir, build.Stdout, build.Stderr = src, os.Stdout, os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("go-fuzz-build: %w", err)
	}
	if err := search(work, limit); err != nil {
		return err
	}
	if err := toNative(corpus, cache); err != nil {
		return err
	}
	return crashers(target, work, seeds)
}

// nativeCache is where the native engine keeps what it has found for a target.
func nativeCache(target string) (string, error) {
	root, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOCACHE: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(root)), "fuzz", "dualbank", "fuzz", target), nil
}

// search runs go-fuzz for a time. SIGINT ends it cleanly, SIGTERM leaves files behind.
func search(work string, limit time.Duration) error {
	path, err := exec.Command("go", "tool", "-n", "go-fuzz").Output()
	if err != nil {
		return fmt.Errorf("go tool -n go-fuzz: %w", err)
	}
	ctx, stop := context.WithTimeout(context.Background(), limit)
	defer stop()
	ctx, stopped := signal.NotifyContext(ctx, os.Interrupt)
	defer stopped()
	c := exec.CommandContext(ctx, strings.TrimSpace(string(path)), "-bin="+filepath.Join(work, "fuzz.zip"), "-workdir="+work, fmt.Sprintf("-procs=%d", runtime.NumCPU()))
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGINT) }
	if err := c.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("go-fuzz: %w", err)
	}
	return nil
}

// prepare copies what the fuzzed package needs. go-fuzz-build cannot carry embedded folders, so that
// they become maps in Go source. Of results the records are enough; what draws would bring in modules
// with embedded folders of their own.
func prepare(dst string) error {
	for _, dir := range []string{"fuzz", "model", "kvstore", "boot", "internal", "results/unit"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testdata") {
				return err
			}
			return copyFile(path, filepath.Join(dst, path))
		})
		if err != nil {
			return err
		}
	}
	for _, f := range []string{"go.mod", "go.sum", "results/record.go", "results/cause.go", "results/film.go"} {
		if err := copyFile(f, filepath.Join(dst, f)); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dst, "sources.go"), []byte(digest), 0o644); err != nil {
		return err
	}
	return copyTypes("results/plan.go", filepath.Join(dst, "results/plan.go"))
}

// digest stands for the sources' digest, which embeds them: no journal is written here.
const digest = `package dualbank

func Digest() string { return "go-fuzz" }
`

// copyTypes copies the types of a Go file alone, which need no imports.
func copyTypes(from, to string) error {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, from, nil, 0)
	if err != nil {
		return err
	}
	f.Imports = nil
	f.Decls = slices.DeleteFunc(f.Decls, func(d ast.Decl) bool {
		g, ok := d.(*ast.GenDecl)
		return !ok || g.Tok != token.TYPE
	})
	var out bytes.Buffer
	if err := format.Node(&out, set, f); err != nil {
		return err
	}
	return os.WriteFile(to, out.Bytes(), 0o644)
}

var embedded = regexp.MustCompile(`(?m)^//go:embed (.*)\nvar (\w+) embed\.FS$`)

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if strings.HasSuffix(from, ".go") && embedded.Match(text) {
		if text, err = unembed(filepath.Dir(from), text); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o644)
}

// unembed writes the files of a go:embed directive out as a map in the source.
func unembed(dir string, src []byte) ([]byte, error) {
	var failed error
	src = embedded.ReplaceAllFunc(src, func(m []byte) []byte {
		part := embedded.FindSubmatch(m)
		var out bytes.Buffer
		fmt.Fprintf(&out, "var %s = fstest.MapFS{\n", part[2])
		for _, pattern := range strings.Fields(string(part[1])) {
			files, err := filepath.Glob(filepath.Join(dir, pattern))
			failed = errors.Join(failed, err)
			for _, f := range files {
				failed = errors.Join(failed, filepath.WalkDir(f, func(path string, d fs.DirEntry, err error) error {
					if err != nil || d.IsDir() {
						return err
					}
					text, err := os.ReadFile(path)
					name, _ := filepath.Rel(dir, path)
					fmt.Fprintf(&out, "%q: {Data: []byte(%q)},\n", filepath.ToSlash(name), text)
					return err
				}))
			}
		}
		out.WriteString("}")
		return out.Bytes()
	})
	return bytes.Replace(src, []byte(`"embed"`), []byte(`"testing/fstest"`), 1), failed
}

// The names of files that came from the other engine begin with its name, and do not go back.
const (
	fromNative = "native-"
	fromGoFuzz = "gofuzz-"
)

// toGoFuzz gives go-fuzz what the native engine has in a folder.
func toGoFuzz(dir, corpus string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if strings.HasPrefix(filepath.Base(f), fromGoFuzz) && !strings.Contains(dir, "testdata") {
			continue
		}
		data, _, err := explore.ReadInput(f)
		if err != nil {
			return fmt.Errorf("%w; remove it", err)
		}
		if err := os.WriteFile(filepath.Join(corpus, fromNative+filepath.Base(f)), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// toNative gives the native engine what go-fuzz has in a folder.
func toNative(corpus, cache string) error {
	inputs, err := filepath.Glob(filepath.Join(corpus, "*"))
	if err != nil {
		return err
	}
	for _, f := range inputs {
		if strings.HasPrefix(filepath.Base(f), fromNative) {
			continue
		}
		data, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(cache, nameFor(f)), explore.NativeInput(data), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// nameFor is the name of a file of go-fuzz's, a hash, in a folder of the native engine.
func nameFor(file string) string {
	name := filepath.Base(file)
	return fromGoFuzz + name[:min(16, len(name))]
}

// crashers makes what go-fuzz's crashers break findings, and the crashers seeds of the native target, which
// then replays them.
func crashers(target *explore.Target, work, seeds string) error {
	files, err := filepath.Glob(filepath.Join(work, "crashers", "*"))
	if err != nil {
		return err
	}
	var inputs [][]byte
	for _, f := range files {
		if filepath.Ext(f) != "" { // .output and .quoted
			continue
		}
		data, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(seeds, nameFor(f)), explore.NativeInput(data), 0o644); err != nil {
			return err
		}
		inputs = append(inputs, data)
	}
	if len(inputs) == 0 {
		return nil
	}
	found, err := target.Crashers(inputs, nil)
	if err != nil {
		return err
	}
	dir := filepath.Join(work, "findings")
	found = cause.Attribute(context.Background(), found, explore.Env{}, 0, nil)
	for i := range found {
		f := &found[i]
		cause.Minimize(f, 5000, explore.Env{})
		path := filepath.Join(dir, f.ID+".json")
		fmt.Printf("%s rule %d, cause %s: %s (%v)\n\t%s\n", f.Subject, f.Symptom.Rule, f.Cause, f.Symptom, f.Place, path)
	}
	if err := fuzz.WriteFindings(dir, found); err != nil {
		return err
	}
	return fmt.Errorf("%d crashers in %s, %d findings in %s; DUALBANK_STRICT=1 go test -run %s ./fuzz replays the crashers", len(inputs), filepath.Join(work, "crashers"), len(found), dir, target.Name)
}
