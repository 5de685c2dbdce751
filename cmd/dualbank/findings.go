package main

import (
	"fmt"
	"go/parser"
	"go/token"
	"path/filepath"

	"dualbank/fuzz"
	"dualbank/internal/input"
)

type findingsCommand struct {
	Finding string `arg:"" help:"A file in the findings folder of a run."`
	AsTest  bool   `help:"Print the finding as a Go test that fails while it stands. A comment in it says what its module needs."`
	Package string `needs:"as-test" placeholder:"NAME" help:"The test's package; without it, that of the Go files in the current folder, or findings."`
}

func (c *findingsCommand) Run(t terminal) error {
	f, err := fuzz.ReadFinding(c.Finding)
	if err != nil {
		return badInput(err)
	}
	if c.AsTest {
		name := c.Package
		if name == "" {
			name = packageOf(".")
		}
		src, err := fuzz.AsTest(f, name)
		if err != nil {
			return badInput(fmt.Errorf("%s: --package: %w", c.Finding, err))
		}
		_, err = fmt.Fprint(t.out, src)
		return err
	}
	fmt.Fprintf(t.out, "%s: %s rule %d, %s: %s\ncut      %v\nexpected %s\nseen     %s\n",
		f.ID, f.Subject, f.Symptom.Rule, f.Severity, f.Symptom, f.Place, f.Expected, f.Seen)
	return nil
}

// packageOf is the package of the first Go file in a folder, or findings.
func packageOf(dir string) string {
	files, _ := filepath.Glob(filepath.Join(dir, "*.go")) // the pattern is good
	for _, file := range files {
		text, err := input.ReadAgain(file, input.Config)
		if err != nil {
			continue
		}
		if f, err := parser.ParseFile(token.NewFileSet(), file, text, parser.PackageClauseOnly); err == nil {
			return f.Name.Name
		}
	}
	return "findings"
}
