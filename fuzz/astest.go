package fuzz

import (
	"fmt"
	"go/token"
	"strconv"
	"strings"

	"dualbank/fuzz/explore"
)

// AsTest returns the source of a Go test that fails while the finding stands, in package pkg of a module of
// the user's own; a comment at its head says what that module needs. An error is one line: pkg is no name of
// a package, or f is no finding (explore.Finding.Check). Nothing that it says becomes code or ends a comment.
func AsTest(f *explore.Finding, pkg string) (string, error) {
	if !token.IsIdentifier(pkg) || pkg == "_" {
		return "", fmt.Errorf("package %q: give a name that Go allows, such as findings", pkg)
	}
	if err := f.Check(); err != nil {
		return "", fmt.Errorf("not a finding: %w", err)
	}
	text, err := f.Text()
	if err != nil {
		return "", err
	}
	name := strings.ReplaceAll(f.ID, "-", "_")
	return fmt.Sprintf(`// This test replays a finding of dualbank. The go.mod of its module needs
//
//	require dualbank v0.0.0
//	replace dualbank => PATH
//
// where PATH is the folder with dualbank's sources, and its go.sum the lines of PATH/go.sum. Then run
//
//	go test -mod=mod

package %s

import (
	"os"
	"testing"

	"dualbank/fuzz"
)

// Symptom: %s
func TestFinding_%s(t *testing.T) {
	f, err := fuzz.ParseFinding([]byte(%s))
	if err != nil {
		t.Fatal(err)
	}
	broken, err := f.Replay(os.Stdout)
	if err != nil {
		t.Fatal(err)
	}
	if broken {
		t.Error(f.Symptom)
	}
}
`, pkg, strconv.Quote(f.Symptom.String()), name, goString(text)), nil
}

// goString returns text as a Go string, with backquotes where that keeps its lines.
func goString(text []byte) string {
	if strconv.CanBackquote(strings.NewReplacer("\n", "", "\t", "").Replace(string(text))) {
		return "`" + string(text) + "`"
	}
	return strconv.Quote(string(text))
}
