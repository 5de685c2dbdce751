package dualbank_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestConcurrent: the Makefile tests with the race detector all packages in which something can run side by side.
func TestConcurrent(t *testing.T) {
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^CONCURRENT := (.*)$`).FindSubmatch(makefile)
	if line == nil {
		t.Fatal("the Makefile has no CONCURRENT")
	}
	listed := func(dir string) bool {
		return slices.ContainsFunc(strings.Fields(string(line[1])), func(p string) bool {
			under, all := strings.CutSuffix(strings.TrimPrefix(p, "./"), "/...")
			return dir == under || all && strings.HasPrefix(dir, under+"/")
		})
	}
	starts, own, uses := goroutines(t)
	var seen map[string]bool
	var reaches func(dir string) bool
	reaches = func(dir string) bool {
		if seen[dir] {
			return false
		}
		seen[dir] = true
		return starts[dir] || slices.ContainsFunc(uses[dir], reaches)
	}
	all := 0
	for _, dir := range slices.Sorted(maps.Keys(uses)) {
		seen = map[string]bool{}
		concurrent := reaches(dir) || starts[dir] || own[dir]
		if concurrent {
			all++
		}
		if concurrent && !listed(dir) {
			t.Errorf("something in %s runs side by side: add it to CONCURRENT in the Makefile", dir)
		}
	}
	if all < 20 {
		t.Errorf("only %d packages in which something runs side by side", all)
	}
}

// goroutines says by folder whether a package starts some, whether its tests do, and which packages of the module it
// uses.
func goroutines(t *testing.T) (starts, own map[string]bool, uses map[string][]string) {
	starts, own, uses = map[string]bool{}, map[string]bool{}, map[string][]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		name := d.Name()
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (name == "testdata" || name == "out" || strings.HasPrefix(name, ".")):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		in := starts
		if strings.HasSuffix(name, "_test.go") {
			in = own
		}
		if begins(file) {
			in[dir] = true
		}
		if uses[dir] == nil {
			uses[dir] = []string{}
		}
		for _, i := range file.Imports {
			if strings.HasSuffix(name, "_test.go") {
				break // a package that its tests use has tests of its own
			}
			if of, _ := strconv.Unquote(i.Path.Value); strings.HasPrefix(of, "dualbank/") {
				uses[dir] = append(uses[dir], strings.TrimPrefix(of, "dualbank/"))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return starts, own, uses
}

// begins reports whether a file has a go statement, or calls what begins a goroutine.
func begins(file *ast.File) (found bool) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = true
		case *ast.CallExpr:
			if of, ok := n.Fun.(*ast.SelectorExpr); ok {
				found = found || slices.Contains([]string{"Go", "Parallel", "RunParallel", "AfterFunc"}, of.Sel.Name)
			}
		}
		return !found
	})
	return found
}
