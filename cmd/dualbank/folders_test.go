package main

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// refusedBy runs a command that must be refused with exit code 2 and one line with want, and change nothing below dir.
func refusedBy(t *testing.T, dir, want string, args ...string) {
	t.Helper()
	before := files(t, dir)
	c := exec.Command(filepath.Join(program, "dualbank"), args...)
	c.Dir = dir
	var stderr bytes.Buffer
	c.Stderr = &stderr
	_ = c.Run() // the exit code says more
	line := strings.TrimSuffix(stderr.String(), "\n")
	if code := c.ProcessState.ExitCode(); code != 2 || strings.Contains(line, "\n") || !strings.Contains(line, want) {
		t.Errorf("%v: exit code %d, %q, want 2 and %q", args, code, line, want)
	}
	if after := files(t, dir); !maps.Equal(before, after) {
		t.Errorf("%v is refused, and changes files: %d before, %d after", args, len(before), len(after))
	}
}

// done runs a command that must succeed, and returns what it prints.
func done(t *testing.T, dir string, args ...string) string {
	t.Helper()
	c := exec.Command(filepath.Join(program, "dualbank"), args...)
	c.Dir = dir
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

// TestFolders: a folder of the user's, or of another job, is refused before the work, and nothing in it is changed.
// What is ours in a folder is replaced, whatever its name looks like.
func TestFolders(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"src/scenario.toml": "seed = 1\n", "git/.git/HEAD": "ref", "a file": "x", "ab/kvstore-rule1-00000000.json": "{}", "my-rule1/notes": "mine",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	crash := func(out string, more ...string) []string {
		return append([]string{"crash", "--cuts", "1", "--out", out}, more...)
	}
	plan := []string{"plan", "--quick", "--kv", "32K", "--place", "start", "--keys", "4", "--size", "16-64", "--out"}
	done(t, dir, crash("o")...)
	done(t, dir, append(plan, "p")...)
	for link, to := range map[string]string{"link": "p", "dangling": "nowhere"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"holds the results of another job (crash, profile MbedCE, seed 1)", crash("o", "--seed", "2")},
		{"holds the results of another job (crash, profile MbedCE, seed 1)", crash("o", "--profile", "MbedOS")},
		{"holds the results of another job", append(plan, "o")},
		{"holds the results of another job", []string{"run", "--quick", "--out", "o"}},
		{"holds the results of another job", []string{"update", "--out", "o"}},
		{"holds the results of another job (plan)", []string{"update", "--out", "p"}},
		{"is not empty and no folder of results", []string{"run", "--out", "src"}},
		{"is not empty and no folder of results", []string{"update", "--out", "src"}},
		{"is not empty and no folder of results", append(plan, "git")},
		{"is not empty and no folder of results", crash("my-rule1")},
		{"is no folder", crash("a file")},
		{"is no folder", crash("a file/in")},
		{"is a symbolic link", crash("link")},
		{"is a symbolic link", []string{"report", "link"}},
		{"is a symbolic link", crash("dangling")},
		{"is the root of a file system", crash("/")},
		{"holds the present folder", crash(".")},
		{"holds the present folder", crash("..")},
		{"cannot be", crash("/proc/dualbank")},
		{"cannot be", []string{"run", "--out", "/proc/dualbank"}},
	} {
		want := c.want
		if want == "is no folder" && strings.Contains(c.args[len(c.args)-1], "/in") {
			want = "cannot be made"
		}
		refusedBy(t, dir, want, c.args...)
	}
	// Names that would match others are names.
	for _, name := range []string{"a*", "*-rule*", "[ab]", "a?", "-", "$HOME", "a\nb"} {
		done(t, dir, crash("x/"+name)...)
		done(t, dir, crash("x/"+name)...)
		if _, err := os.Stat(filepath.Join(dir, "x", name, "findings.md")); err != nil {
			t.Error(err)
		}
	}
	got := files(t, dir)
	if got["ab/kvstore-rule1-00000000.json"] != "{}" || got["my-rule1/notes"] != "mine" || got["src/scenario.toml"] != "seed = 1\n" {
		t.Error("files of the user's are gone")
	}
}

// TestLocked: two processes do not work in one folder. A lock ends with its process.
func TestLocked(t *testing.T) {
	dir := t.TempDir()
	first := exec.Command(filepath.Join(program, "dualbank"), "crash", "--workers", "1", "--out", "o")
	first.Dir = dir
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	kill := func() {
		if !killed {
			_ = first.Process.Kill()
			_ = first.Wait()
			killed = true
		}
	}
	defer kill()
	for n := 0; ; n++ {
		if _, err := os.Stat(filepath.Join(dir, "o", ".dualbank")); err == nil {
			break
		}
		if n > 1000 {
			t.Fatal("no folder after 10 seconds")
		}
		time.Sleep(10 * time.Millisecond)
	}
	for _, args := range []string{"crash --cuts 1 --out o", "crash --seed 2 --out o", "run --quick --out o", "plan --out o", "update --out o"} {
		c := exec.Command(filepath.Join(program, "dualbank"), strings.Fields(args)...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err == nil || c.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "another dualbank is at work in it") {
			t.Errorf("%s: %v, %s", args, err, out)
		}
	}
	kill()
	done(t, dir, "crash", "--cuts", "1", "--out", "o")
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

// TestOtherProgram: what another program has explored does not count. Its journals are set aside and said, and the
// campaign comes to what it comes to without them.
func TestOtherProgram(t *testing.T) {
	dir := t.TempDir()
	args := []string{"crash", "--cuts", "20", "--out", "o"}
	done(t, dir, args...)
	o := filepath.Join(dir, "o")
	want := withoutJournals(files(t, o))
	journals, err := filepath.Glob(filepath.Join(o, "journal", "*.journal"))
	if err != nil || len(journals) == 0 {
		t.Fatalf("%d journals, %v", len(journals), err)
	}
	// The program's digest stands in each line. A line of a version that has none has a sum of its result alone.
	digest := regexp.MustCompile(`"program":"[0-9a-f]{16}",`)
	sum := regexp.MustCompile(`"sum":[0-9]+,"result":.*}\n`)
	for _, path := range journals {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) == 0 {
			continue
		}
		old := sum.ReplaceAll(digest.ReplaceAll(text, nil), []byte(`"sum":3320404949056263377,"result":{}}`+"\n")) // of {}
		if bytes.Equal(old, text) {
			t.Fatalf("%s: nothing is changed in\n%.300s", path, text)
		}
		if err := os.WriteFile(path, old, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := done(t, dir, args...)
	if !strings.Contains(out, "a journal of another version of the program is set aside as o/journal/sweep") {
		t.Errorf("nothing is said:\n%s", out)
	}
	if got := withoutJournals(files(t, o)); !maps.Equal(got, want) {
		t.Errorf("%d files, %d without the journals of another program", len(got), len(want))
	}
	if aside, err := filepath.Glob(filepath.Join(o, "journal", "*.old1")); err != nil || len(aside) == 0 {
		t.Errorf("%d journals are kept, %v", len(aside), err)
	}
}

// TestBadJournals: what is in the place of a journal and cannot be one is refused.
func TestBadJournals(t *testing.T) {
	dir := t.TempDir()
	done(t, dir, "crash", "--cuts", "1", "--out", "o")
	path := filepath.Join(dir, "o", "journal", "sweep00.journal")
	for want, put := range map[string]func() error{
		"no regular file":           func() error { return os.Symlink("/dev/zero", path) },
		"o/journal/sweep00.journal": func() error { return os.Mkdir(path, 0o700) },
		"more than 256 MiB": func() error {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				return err
			}
			return os.Truncate(path, 300<<20)
		},
		"a line of more than 16 MiB": func() error { return os.WriteFile(path, make([]byte, 20<<20), 0o600) },
	} {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		if err := put(); err != nil {
			t.Fatal(err)
		}
		c := limited(dir, "crash", "--cuts", "1", "--out", "o")
		out, _ := c.CombinedOutput() // the exit code says more
		if line := strings.TrimSuffix(string(out), "\n"); c.ProcessState.ExitCode() != 2 || strings.Contains(line, "\n") || !strings.Contains(line, want) {
			t.Errorf("%s: exit code %d, %.500s", want, c.ProcessState.ExitCode(), line)
		}
	}
}
