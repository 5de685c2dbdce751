package main

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"dualbank/internal/long"
)

// action is what GitHub reads of action.yml.
type action struct {
	Name, Description string
	Inputs            map[string]struct{ Description, Default string }
	Outputs           map[string]struct{ Description, Value string }
	Runs              struct {
		Using string
		Steps []struct {
			Name, ID, If, Uses, Shell, Run string
			With, Env                      map[string]string
		}
	}
}

// TestAction: action.yml is an action that GitHub reads. What its steps refer to is there, what it takes is used, and its
// step that runs the command does so: with the names of the outputs, and the command's exit code.
func TestAction(t *testing.T) {
	text, err := os.ReadFile("../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var a action
	dec := yaml.NewDecoder(strings.NewReader(string(text)))
	dec.KnownFields(true)
	if err := dec.Decode(&a); err != nil {
		t.Fatal(err)
	}
	if a.Name == "" || a.Description == "" || a.Runs.Using != "composite" || len(a.Runs.Steps) != 5 {
		t.Fatalf("%+v", a)
	}
	for name, in := range a.Inputs {
		if in.Description == "" || !strings.Contains(string(text), "inputs."+name) {
			t.Errorf("input %s: no description, or no use", name)
		}
	}
	for _, m := range regexp.MustCompile(`inputs\.([\w-]+)`).FindAllStringSubmatch(string(text), -1) {
		if _, ok := a.Inputs[m[1]]; !ok {
			t.Errorf("there is no input %s", m[1])
		}
	}
	script := ""
	var names []string
	for _, s := range a.Runs.Steps {
		if (s.Uses == "") == (s.Run == "") || (s.Run == "") != (s.Shell == "") || strings.Contains(s.Run, "${{") {
			t.Errorf("step %s%s: uses or run with a shell, and values through the environment alone", s.Name, s.Uses)
		}
		if s.Uses != "" && !regexp.MustCompile(`^[\w-]+/[\w/-]+@v\d+$`).MatchString(s.Uses) {
			t.Errorf("%s: no version", s.Uses)
		}
		if s.ID == "run" {
			script, names = s.Run, slices.Sorted(maps.Keys(s.Env))
		}
	}
	for _, m := range regexp.MustCompile(`github\.action_path }}/(\S+)|(\./cmd/\S+)`).FindAllStringSubmatch(string(text), -1) {
		if _, err := os.Stat(filepath.Join("../..", m[1]+m[2])); err != nil {
			t.Error(err)
		}
	}
	for _, v := range names {
		if !strings.Contains(script, "$"+v) {
			t.Errorf("%s is not used", v)
		}
	}

	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip(err)
	}
	long.Test(t) // runs of a whole job
	dir := docsFolder(t, "")
	for fail, want := range map[string]int{"false": 0, "true": exitFinding} {
		output, summary := filepath.Join(dir, "output-"+fail), filepath.Join(dir, "summary-"+fail)
		c := exec.Command("bash", "-e", "-o", "pipefail", "-c", script) // as GitHub calls it
		c.Dir = dir
		c.Env = append(os.Environ(), "RUNNER_TEMP="+program, "GITHUB_OUTPUT="+output, "GITHUB_STEP_SUMMARY="+summary,
			"SCENARIO=tiny.toml", "OUT=out/"+fail, "QUICK="+fail, "FAIL_ON_FINDINGS="+fail)
		out, _ := c.CombinedOutput() // the exit code says more
		if got := c.ProcessState.ExitCode(); got != want {
			t.Fatalf("fail-on-findings %s: exit code %d, want %d\n%s", fail, got, want, out)
		}
		lines, err := os.ReadFile(output)
		if err != nil {
			t.Fatal(err)
		}
		outputs := map[string]string{}
		for line := range strings.Lines(string(lines)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			outputs[name] = value
		}
		for name, o := range a.Outputs {
			if o.Value != "${{ steps.run.outputs."+name+" }}" || o.Description == "" {
				t.Errorf("output %s: %+v", name, o)
			}
			if st, err := os.Stat(filepath.Join(dir, outputs[name])); err != nil || st.IsDir() || !strings.HasPrefix(outputs[name], "out/"+fail+"/") {
				t.Errorf("output %s: %q, %v", name, outputs[name], err)
			}
		}
		if text, err := os.ReadFile(summary); err != nil || !strings.Contains(string(text), "| severity | finding |") {
			t.Errorf("summary: %v\n%s", err, text)
		}
	}
}

// TestContainer: the lines of the Dockerfile are instructions that belong together, and build what is here with the Go
// version of the module.
func TestContainer(t *testing.T) {
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(mod))[1]
	stages, built := map[string]bool{}, ""
	var order []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		instruction, rest, _ := strings.Cut(line, " ")
		words := strings.Fields(rest)
		order = append(order, instruction)
		switch instruction {
		case "FROM":
			switch {
			case len(words) == 3 && words[1] == "AS" && words[0] == "golang:"+version:
				stages[words[2]] = true
			case rest != "scratch":
				t.Errorf("%s: not with go %s, and not from nothing", line, version)
			}
		case "RUN":
			m := regexp.MustCompile(`^CGO_ENABLED=0 go build -o (/\w+) (\./cmd/\w+)$`).FindStringSubmatch(rest)
			if m == nil {
				t.Fatalf("%s: builds nothing", line)
			}
			built = m[1]
			if _, err := os.Stat("../../" + m[2]); err != nil {
				t.Error(err)
			}
		case "COPY":
			stage, copied := strings.CutPrefix(words[0], "--from=")
			if copied && (!stages[stage] || len(words) != 3 || words[1] != built) || !copied && rest != ". ." {
				t.Errorf("%s: copies what there is not", line)
			}
		case "ENTRYPOINT", "CMD":
			var args []string
			if err := json.Unmarshal([]byte(rest), &args); err != nil || len(args) != 1 {
				t.Errorf("%s: %v", line, err)
			}
			if instruction == "ENTRYPOINT" && args[0] != built {
				t.Errorf("%s: starts what was not built: %s", line, built)
			}
		case "WORKDIR", "USER":
			if len(words) != 1 {
				t.Error(line)
			}
		default:
			t.Errorf("%s: no instruction", line)
		}
	}
	if got := strings.Join(order, " "); got != "FROM WORKDIR COPY RUN FROM COPY USER WORKDIR ENTRYPOINT CMD" {
		t.Errorf("%s", got)
	}
}
