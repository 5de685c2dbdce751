package fuzz

import (
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/kv/sut"
)

// TestAsTest: whatever a finding's file says stays in one string and one comment, and the string is the
// finding.
func TestAsTest(t *testing.T) {
	for _, text := range []string{
		"plain", "two\nlines\npackage evil", "a comment's end */ func init() { panic(1) } /*", "back`quotes` + os.Exit(1)", "\r\u2028\ufeff\x00\xff", "//go:embed x\n//go:embed y", `"quotes" \\`,
	} {
		f := &explore.Finding{
			ID: "kvstore-rule1-0badcafe", Subject: sut.SubjectName, Symptom: explore.Symptom{Rule: 1, Kind: text, Op: text, Error: text},
			Place: explore.Place{Op: text, Part: text}, Devices: []string{text}, Expected: text, Seen: text, Case: &kv.Case{Build: text},
		}
		src, err := AsTest(f, "mine")
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), "x_test.go", src, parser.ParseComments)
		if err != nil {
			t.Errorf("%q: %v\n%s", text, err, src)
			continue
		}
		if out, err := format.Source([]byte(src)); err != nil || string(out) != src {
			t.Errorf("%q: not as gofmt writes it: %v\n%s", text, err, out)
		}
		if len(file.Decls) != 2 || len(file.Comments) != 2 || file.Name.Name != "mine" || file.Doc != nil {
			t.Errorf("%q: %d declarations, %d comments in package %s", text, len(file.Decls), len(file.Comments), file.Name)
		}
		var literals []string
		ast.Inspect(file.Decls[1], func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				literals = append(literals, l.Value)
			}
			return true
		})
		if len(literals) != 1 {
			t.Fatalf("%q: %d strings", text, len(literals))
		}
		json, err := strconv.Unquote(literals[0])
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseFinding([]byte(json))
		if want := strings.ToValidUTF8(text, "\ufffd"); err != nil || got.Symptom.Error != want || got.Seen != want {
			t.Errorf("%q: the test holds %+v, %v", text, got, err)
		}
	}
}

// TestAsTestNames: names that no finding has are refused before they become a name in Go.
func TestAsTestNames(t *testing.T) {
	for _, f := range []explore.Finding{
		{ID: "x(t *testing.T) {}; func TestY"},
		{ID: "a\nb"},
		{ID: "A"},
		{ID: "é"},
		{ID: strings.Repeat("a", 101)},
		{Subject: "TV"},
		{Severity: "*/"},
		{Case: &kv.Case{Keys: []string{"a b"}}},
		{Case: &kv.Case{Profile: "own", Keys: []string{""}}},
	} {
		if f.Case == nil {
			f.Case = new(kv.Case)
		}
		if src, err := AsTest(&f, "mine"); err == nil || src != "" || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

func TestAsTestPackage(t *testing.T) {
	for _, name := range []string{"", "_", "a b", "x;import \"os\"", "func", "a.b", "1st"} {
		if src, err := AsTest(new(explore.Finding), name); err == nil || src != "" || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", name, err)
		}
	}
}
