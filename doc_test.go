package dualbank_test

import (
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"path"
	"strings"
	"testing"
)

// TestPackageDocs: the doc of every package has a numbered list, its pipeline.
func TestPackageDocs(t *testing.T) {
	steps := map[string]int{} // by folder
	goFiles(t, parser.PackageClauseOnly|parser.ParseComments, func(name string, file *ast.File) {
		if !strings.HasSuffix(name, "_test.go") {
			dir := path.Dir(name)
			steps[dir] = max(steps[dir], pipeline(file.Doc.Text()))
		}
	})
	for dir, n := range steps {
		if n < 2 {
			t.Errorf("%s: its package doc has no numbered steps", dir)
		}
	}
	if len(steps) < 50 {
		t.Errorf("only %d packages", len(steps))
	}
}

// pipeline is the number of steps of the first numbered list in a doc.
func pipeline(text string) int {
	for _, b := range new(comment.Parser).Parse(text).Content {
		if list, ok := b.(*comment.List); ok && list.Items[0].Number != "" {
			return len(list.Items)
		}
	}
	return 0
}
