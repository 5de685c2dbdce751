package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// compiler tells which mutants compile. It checks types, which takes a few hundredths of a second.
type compiler struct {
	root  string
	files map[string][]string // names of the files, by package
	deps  types.Importer
}

// newCompiler asks the go command for the files of the targets and what they import.
func newCompiler(ctx context.Context, root string) (*compiler, error) {
	args := []string{"list", "-export", "-deps", "-json=ImportPath,Dir,GoFiles,Export"}
	for i := range targets {
		args = append(args, "./"+targets[i].dir)
	}
	c := exec.CommandContext(ctx, "go", args...)
	c.Dir, c.Stderr = root, os.Stderr
	text, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	k := &compiler{root: root, files: map[string][]string{}}
	export := map[string]string{}
	for d := json.NewDecoder(bytes.NewReader(text)); ; {
		var p struct {
			ImportPath, Dir, Export string
			GoFiles                 []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		export[p.ImportPath] = p.Export
		if dir, err := filepath.Rel(root, p.Dir); err == nil {
			k.files[filepath.ToSlash(dir)] = p.GoFiles
		}
	}
	k.deps = importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) { return os.Open(export[path]) })
	return k, nil
}

// compiles reports whether the package of a mutant compiles with it.
func (k *compiler) compiles(m *mutant) (bool, error) {
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range k.files[m.target.dir] {
		source, err := os.ReadFile(filepath.Join(k.root, m.target.dir, name))
		if err != nil {
			return false, err
		}
		if m.target.dir+"/"+name == m.file {
			source = m.apply(source)
		}
		f, err := parser.ParseFile(set, name, source, parser.SkipObjectResolution)
		if err != nil {
			return false, nil
		}
		files = append(files, f)
	}
	conf := types.Config{Importer: k.deps}
	_, err := conf.Check(m.target.dir, set, files, nil)
	return err == nil, nil
}

// switchSource is a file that each package with mutants gets. %[1]s is the package's name, %[2]d the number of mutants,
// %[3]q a folder. Its file which says what mutant is on, by its number from 1 on; 0 is none. With -1 none is on, and the
// numbers of those whose function is called become lines of the file reached. A file reaches programs that tests run, too.
const switchSource = `package %[1]s

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
)

const mutantDir = %[3]q

var (
	mutantOn   = mutantWhich()
	mutantSeen [%[2]d + 1]atomic.Bool
)

func mutantWhich() int {
	text, _ := os.ReadFile(mutantDir + "/which")
	n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return n
}

func mutantIs(n int) bool {
	if mutantOn > 0 {
		return mutantOn == n
	}
	if !mutantSeen[n].Swap(true) {
		if f, err := os.OpenFile(mutantDir+"/reached", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
			fmt.Fprintln(f, n)
			f.Close()
		}
	}
	return false
}
`

// edit replaces bytes of a source.
type edit struct {
	from, to int
	text     string
}

// edited applies edits, which may not overlap.
func edited(source []byte, edits []edit) []byte {
	slices.SortStableFunc(edits, func(a, b edit) int { return a.from - b.from })
	var out []byte
	at := 0
	for _, e := range edits {
		out = append(append(out, source[at:e.from]...), e.text...)
		at = e.to
	}
	return append(out, source[at:]...)
}

// switchable reports whether a mutant can be switched on in a program that has others, too: it is in a function
// that can be called under another name.
func (m *mutant) switchable() bool {
	return m.in != nil && m.in.decl.Body != nil && m.in.decl.Type.TypeParams == nil && m.in.decl.Name.Name != "init" && m.in.decl.Name.Name != "_"
}

// withSwitches is a file with all of its mutants: each has a copy of its function, and the function calls the copy whose
// mutant is on. numbers are those of the mutants.
func withSwitches(source []byte, mutants []*mutant, numbers []int) []byte {
	var edits []edit
	var copies bytes.Buffer
	for i, m := range mutants {
		d, at := m.in.decl, func(p token.Pos) int { return m.in.set.Position(p).Offset }
		name := fmt.Sprintf("%sMutant%d", d.Name.Name, numbers[i])
		begin, end := at(d.Pos()), at(d.End())
		other := edited(source[begin:end], []edit{{at(d.Name.Pos()) - begin, at(d.Name.End()) - begin, name}, {m.from - begin, m.to - begin, m.text}})
		fmt.Fprintf(&copies, "\n%s\n", other)
		first := !slices.ContainsFunc(mutants[:i], func(o *mutant) bool { return o.in.decl == d })
		var args []string
		for _, f := range d.Type.Params.List {
			dots := ""
			if _, ok := f.Type.(*ast.Ellipsis); ok {
				dots = "..."
			}
			names, some := named(f, fmt.Sprintf("mutantArg%d", len(args)), at)
			if first {
				edits = append(edits, some...)
			}
			for _, n := range names {
				args = append(args, n+dots)
			}
		}
		call := name
		if d.Recv != nil {
			names, some := named(d.Recv.List[0], "mutantRecv", at)
			if first {
				edits = append(edits, some...)
			}
			call = names[0] + "." + name
		}
		call += "(" + strings.Join(args, ", ") + ")"
		then := "return " + call
		if d.Type.Results == nil || len(d.Type.Results.List) == 0 {
			then = call + "; return"
		}
		body := at(d.Body.Lbrace) + 1
		edits = append(edits, edit{body, body, fmt.Sprintf(" if mutantOn != 0 && mutantIs(%d) { %s };", numbers[i], then)})
	}
	return append(edited(source, edits), copies.Bytes()...)
}

// named are the names of a parameter or receiver, and the edits that give a name to what has none.
func named(f *ast.Field, name string, at func(token.Pos) int) (names []string, edits []edit) {
	if len(f.Names) == 0 {
		return []string{name}, []edit{{at(f.Type.Pos()), at(f.Type.Pos()), name + " "}}
	}
	for i, id := range f.Names {
		n := id.Name
		if n == "_" {
			n = fmt.Sprintf("%sAs%d", name, i)
			edits = append(edits, edit{at(id.Pos()), at(id.End()), n})
		}
		names = append(names, n)
	}
	return names, edits
}

// program is test binaries with some mutants.
type program struct {
	root, dir string
	overlay   string            // file
	traces    map[string]test   // by binary and pattern
	binaries  map[string]string // files, by package
}

func programIn(root, dir string) *program {
	return &program{root: root, dir: dir, overlay: filepath.Join(dir, "overlay.json"), traces: map[string]test{}, binaries: map[string]string{}}
}

// newProgram is a program without anything in it, in a folder that is made.
func newProgram(root, dir string) (*program, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	return programIn(root, dir), os.MkdirAll(dir, 0o755)
}

// known are the files of a program's folder that say what it is, and how its tests went.
const (
	keyFile    = "key"
	tracesFile = "traces.json"
)

// openProgram is the program with the mutants. What is in dir from an earlier call is kept if it is of the same mutants in
// the same sources. Tests may differ: those of a changed package are built and traced again.
func openProgram(root, dir string, mutants []*mutant) (*program, error) {
	sum := sha256.New()
	for _, m := range mutants {
		fmt.Fprintln(sum, m.key())
	}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (d.Name() == ".git" || d.Name() == "out") {
			return cmp.Or(err, filepath.SkipDir)
		}
		if d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(sum, "%s %d\n%s", path, len(text), text)
		return err
	})
	if err != nil {
		return nil, err
	}
	key := hex.EncodeToString(sum.Sum(nil))
	p := programIn(root, dir)
	if was, err := os.ReadFile(filepath.Join(dir, keyFile)); err == nil && string(was) == key {
		text, err := os.ReadFile(filepath.Join(dir, tracesFile))
		if errors.Is(err, os.ErrNotExist) {
			return p, nil
		}
		return p, errors.Join(err, json.Unmarshal(text, &p.traces))
	}
	if p, err = newProgram(root, dir); err != nil {
		return nil, err
	}
	if err := p.switched(mutants); err != nil {
		return nil, err
	}
	return p, os.WriteFile(filepath.Join(dir, keyFile), []byte(key), 0o600)
}

// lay lays files, by their path below root, over the sources.
func (p *program) lay(files map[string][]byte) error {
	over := map[string]string{}
	for path, text := range files {
		to := filepath.Join(p.dir, strings.ReplaceAll(path, "/", "-"))
		if err := os.WriteFile(to, text, 0o600); err != nil {
			return err
		}
		over[filepath.Join(p.root, filepath.FromSlash(path))] = to
	}
	text, err := json.Marshal(map[string]any{"Replace": over})
	if err != nil {
		return err
	}
	return os.WriteFile(p.overlay, text, 0o600)
}

// switched lays all of the mutants, which are switchable, over the sources. A mutant's number is 1 more than its index.
func (p *program) switched(mutants []*mutant) error {
	files := map[string][]*mutant{}
	numbers := map[string][]int{}
	laid := map[string][]byte{}
	for i, m := range mutants {
		files[m.file] = append(files[m.file], m)
		numbers[m.file] = append(numbers[m.file], i+1)
	}
	for file, some := range files {
		source, err := os.ReadFile(filepath.Join(p.root, filepath.FromSlash(file)))
		if err != nil {
			return err
		}
		laid[file] = withSwitches(source, some, numbers[file])
		f, err := parser.ParseFile(token.NewFileSet(), file, source, parser.PackageClauseOnly)
		if err != nil {
			return err
		}
		laid[some[0].target.dir+"/mutant_switch.go"] = fmt.Appendf(nil, switchSource, f.Name.Name, len(mutants), p.dir)
	}
	return p.lay(laid)
}

// single lays one mutant over the sources.
func (p *program) single(m *mutant) error {
	source, err := os.ReadFile(filepath.Join(p.root, filepath.FromSlash(m.file)))
	if err != nil {
		return err
	}
	return p.lay(map[string][]byte{m.file: m.apply(source)})
}

// build builds the test binary of a package, unless that is done. Its name has a digest of the package's tests.
func (p *program) build(ctx context.Context, pack string) error {
	if p.binaries[pack] != "" {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(p.root, filepath.FromSlash(pack), "*_test.go"))
	if err != nil {
		return err
	}
	sum := sha256.New()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s %d\n%s", filepath.Base(file), len(text), text)
	}
	name := strings.ReplaceAll(strings.TrimPrefix(pack, "./"), "/", "-")
	binary := filepath.Join(p.dir, fmt.Sprintf("%s-%.6x.test", name, sum.Sum(nil)))
	p.binaries[pack] = binary
	if _, err := os.Stat(binary); err == nil {
		return nil
	}
	args := []string{"test", "-c", "-vet=off", "-o", binary, pack}
	c := exec.CommandContext(ctx, "go", args...)
	c.Dir, c.Env = p.root, p.env()
	if text, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%.2000s", strings.Join(args, " "), err, text)
	}
	return nil
}

// env is the environment of the tests: the default set. Programs that they build have the mutants, too. Property tests
// draw the same, and keep nothing.
func (p *program) env() []string {
	return append(os.Environ(), "GOFLAGS=-overlay="+p.overlay, "DUALBANK_LONG=", "RAPID_SEED=1", "RAPID_CHECKS=20", "RAPID_NOFAILFILE=true")
}
