package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"dualbank/internal/long"
)

// TestAsTestInAModule: the test that `dualbank findings --as-test` prints runs in a module of the user's own,
// without a network, with what its comment asks for: it fails while the finding stands and passes once the
// rule holds.
func TestAsTestInAModule(t *testing.T) {
	long.Test(t)
	module := t.TempDir()
	source, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	run := func(name string, args ...string) (string, error) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = module
		cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=-mod=mod", "GOWORK=off")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	must := func(out string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return out
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(module, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	dualbank := filepath.Join(program, "dualbank")
	must(run(dualbank, "crash", "--input", filepath.Join(source, "fuzz/testdata/fuzz/FuzzKV/sizes-wrap"), "--out", "o"))
	found, err := filepath.Glob(filepath.Join(module, "o/findings/*.json"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	finding, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}

	write("mine.go", "package mine\n")
	src := must(run(dualbank, "findings", "--as-test", found[0]))
	if !strings.Contains(src, "\npackage mine\n") || !strings.Contains(src, "//	go test -mod=mod\n") {
		t.Fatalf("beside package mine:\n%.800s", src)
	}
	goMod := "module example.org/mine\n\ngo 1.26\n"
	for _, m := range regexp.MustCompile(`(?m)^//\t((?:require|replace) .*)$`).FindAllStringSubmatch(src, -1) {
		goMod += "\n" + strings.Replace(m[1], "PATH", source, 1) + "\n"
	}
	write("go.mod", goMod)
	sums, err := os.ReadFile(filepath.Join(source, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	write("go.sum", string(sums))
	write("finding_test.go", src)
	out, err := run("go", "test", "-mod=mod")
	if err == nil || !strings.Contains(out, "--- FAIL: TestFinding_kvstore_rule1_7725a27a") || !strings.Contains(out, "the store does not open: READ_FAILED") {
		t.Errorf("a finding that stands: %v\n%.3000s", err, out)
	}

	// Rule 5 holds: as after a repair nothing is found.
	write("o/held.json", strings.Replace(string(finding), `"rule": 1`, `"rule": 5`, 1))
	write("finding_test.go", must(run(dualbank, "findings", "--as-test", "--package", "mine_test", "o/held.json")))
	if out, err := run("go", "test", "-mod=mod"); err != nil || !strings.Contains(out, "\nok ") {
		t.Errorf("a finding that no longer stands: %v\n%.3000s", err, out)
	}

	for _, bad := range []string{"my-package", "x\nimport \"os\""} {
		if out, err := run(dualbank, "findings", "--as-test", "--package", bad, found[0]); err == nil || strings.Count(out, "\n") != 1 || !strings.Contains(out, "give a name that Go allows") {
			t.Errorf("--package %q: %v, %s", bad, err, out)
		}
	}
}
