package dualbank_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dualbank"
)

// TestDigestCovers: every file of this module that package fuzz is built from is covered, data that they embed too.
func TestDigestCovers(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", `{{if and .Module .Module.Main}}{{$d := .Dir}}{{range .GoFiles}}{{$d}}/{{.}}
{{end}}{{range .IgnoredGoFiles}}{{$d}}/{{.}}
{{end}}{{range .EmbedFiles}}{{$d}}/{{.}}
{{end}}{{end}}`, "./fuzz").Output()
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for file := range strings.SplitSeq(strings.TrimSpace(string(out)), "\n") {
		if file == "" {
			continue
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			t.Fatal(err)
		}
		if name = filepath.ToSlash(name); strings.HasSuffix(name, "_test.go") {
			continue
		}
		if n++; !dualbank.Decides(name) && !strings.Contains(name, "testdata/") && name != "go.mod" && name != "go.sum" && !shown[filepath.ToSlash(filepath.Dir(name))] {
			t.Errorf("%s decides and is not in the digest: add it in sources.go", name)
		}
	}
	if n < 200 {
		t.Errorf("only %d files", n)
	}
	if len(dualbank.Digest()) != 16 {
		t.Errorf("digest %q", dualbank.Digest())
	}
}

// shown are packages that package fuzz uses and that only show what was decided.
var shown = map[string]bool{"results/unit": true, ".": true}
