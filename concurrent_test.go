package dualbank_test

import (
	"go/ast"
	"go/parser"
	"maps"
	"os"
	"path"
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
	goFiles(t, parser.SkipObjectResolution, func(name string, file *ast.File) {
		dir, test := path.Dir(name), strings.HasSuffix(name, "_test.go")
		in := starts
		if test {
			in = own
		}
		in[dir] = in[dir] || begins(file)
		if uses[dir] == nil {
			uses[dir] = []string{}
		}
		for _, i := range file.Imports {
			of, _ := strconv.Unquote(i.Path.Value)
			if of, ours := strings.CutPrefix(of, "dualbank/"); ours && !test { // what its tests use has tests of its own
				uses[dir] = append(uses[dir], of)
			}
		}
	})
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
