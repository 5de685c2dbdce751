package dualbank_test

import (
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// TestPackageDocs: the doc of every package has a numbered list, its pipeline.
func TestPackageDocs(t *testing.T) {
	steps := map[string]int{} // by folder
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		name := d.Name()
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (name == "testdata" || name == "out" || strings.HasPrefix(name, ".")):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		dir := filepath.Dir(path)
		steps[dir] = max(steps[dir], pipeline(file.Doc.Text()))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
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
