package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// shellBlocks are the lines of the fenced blocks of shell commands in a Markdown file.
func shellBlocks(text string) (lines []string) {
	inside := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```sh"
		case inside && line != "":
			lines = append(lines, line)
		}
	}
	return lines
}

// What the commands run in place of the guide's scenario. Only one run needs findings.
const (
	shortScenario = `
[workload]
hours = 24
[update]
bytes = 20000
[cuts]
collections = 0
update = 0
`
	cutScenario = `
[workload]
hours = 24
[update]
bytes = 20000
[cuts]
modes = ["before"]
collections = 1
kvstore = 10
update = 0
`
)

// TestReadmeCommands runs the commands of README.md. What takes long is run small: make run is a run of
// a small scenario; the other targets of make, and what compiles for long, must exist.
func TestReadmeCommands(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(root, "boot"), filepath.Join(dir, "boot")); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"short.toml": shortScenario, "cut.toml": cutScenario} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	shell := func(line string, want int) {
		t.Helper()
		cmd := exec.Command("sh", "-c", line)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+searched(program, os.Getenv("PATH")))
		out, err := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("%s: exit code %d, want %d: %v\n%s", line, got, want, err, out)
		}
	}

	lines := shellBlocks(string(text))
	if len(lines) < 8 {
		t.Fatalf("%d commands in README.md", len(lines))
	}
	for _, line := range lines {
		switch {
		case line == "make run":
			shell("dualbank run cut.toml --out out", 0)
		case strings.HasPrefix(line, "make "):
			if target := strings.Fields(line)[1]; !regexp.MustCompile(`(?m)^` + target + `:`).Match(makefile) {
				t.Errorf("%s: the Makefile has no %s", line, target)
			}
		case line == "go install ./cmd/dualbank": // what this test is a build of
		case strings.HasPrefix(line, "go test -run '^$' -bench . ./bench"):
			if _, err := os.Stat("../../bench/bench_test.go"); err != nil {
				t.Error(err)
			}
		case line == "go tool benchstat new.txt":
			cmd := exec.Command("go", "tool", "benchstat", filepath.Join(dir, "out", "bench.txt"))
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "sim-sec/op") {
				t.Errorf("%s: %v\n%s", line, err, out)
			}
		case strings.HasPrefix(line, "dualbank replay "):
			shell(line, exitFinding)
		case strings.HasPrefix(line, "dualbank run my.toml"):
			shell(strings.Replace(line, "my.toml", "short.toml", 1), 0)
		case strings.HasPrefix(line, "dualbank run --quick"):
			shell(strings.Replace(line, "--quick", "--quick short.toml", 1), 0)
		case strings.HasPrefix(line, "dualbank plan "), strings.HasPrefix(line, "dualbank crash "):
			shell(smaller(line), 0)
		case strings.HasPrefix(line, "dualbank "):
			shell(line, 0)
		default:
			t.Errorf("%s: no test knows this command", line)
		}
	}
}
