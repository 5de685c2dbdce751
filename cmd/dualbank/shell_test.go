package main

import (
	"bytes"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// printed is what a call of the program prints.
func printedBy(t *testing.T, args ...string) string {
	t.Helper()
	var out, err bytes.Buffer
	if code := run(args, &out, &err); code != 0 || err.Len() > 0 {
		t.Fatalf("%q: exit code %d, %s", args, code, &err)
	}
	return out.String()
}

// TestShells: completion and manual have every command and every flag, and are what shells and groff read.
func TestShells(t *testing.T) {
	texts := map[string]string{"man": printedBy(t, "man")}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		texts[shell] = printedBy(t, "completion", shell)
	}
	for kind, text := range texts {
		plain := strings.ReplaceAll(text, `\-`, "-")
		for name, n := range leaves(t) {
			if n.Hidden {
				continue
			}
			words := strings.Fields(name)
			if !strings.Contains(plain, words[len(words)-1]) {
				t.Errorf("%s: no command %s", kind, name)
			}
			for _, f := range n.Flags {
				if want := map[bool]string{true: " -l " + f.Name, false: "--" + f.Name}[kind == "fish"]; !strings.Contains(plain, want) {
					t.Errorf("%s: no flag %s of %s", kind, want, name)
				}
			}
		}
		check := map[string][]string{"bash": {"bash", "-n"}, "zsh": {"zsh", "-n"}, "fish": {"fish", "-n"}, "man": {"groff", "-man", "-ww", "-z", "-Tascii"}}[kind]
		if _, err := exec.LookPath(check[0]); err != nil {
			t.Logf("%s is not checked: %v", kind, err)
			continue
		}
		c := exec.Command(check[0], check[1:]...)
		c.Stdin = strings.NewReader(text)
		if out, err := c.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%.500s", kind, err, out)
		}
	}
}

// TestBashCompletes calls the completion as bash does.
func TestBashCompletes(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip(err)
	}
	text := printedBy(t, "completion", "bash")
	for line, want := range map[string][]string{
		"dualbank comp":             {"compare", "completion"},
		"dualbank crash --fail":     {"--fail-on-findings"},
		"dualbank crash --profile ": {"MbedCE", "MbedOS", "Hardened"},
		"dualbank native check --b": {"--board"},
		"dualbank completion z":     {"zsh"},
	} {
		words := strings.Split(line, " ")
		c := exec.Command("bash", append([]string{"-c", text + "\nCOMP_WORDS=(\"$@\") COMP_CWORD=$(($#-1)); _dualbank; echo ${COMPREPLY[@]}", "-"}, words...)...)
		out, err := c.CombinedOutput()
		if got := strings.Fields(string(out)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q, %v", line, got, want, err)
		}
	}
}
