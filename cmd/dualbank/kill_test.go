package main

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"dualbank/internal/long"
)

// unluckyJob is a command over an earlier complete result in the folder o of dir, in which it runs.
type unluckyJob struct {
	dir            string
	args           []string
	earlier, later map[string]string // files of o before, and after the command undisturbed
	took           time.Duration     // undisturbed
}

// unluckyJobs are jobs of a second or two that write a folder of results.
var unluckyJobs = []struct {
	name   string
	first  []string                 // makes the earlier result
	change func(text string) string // of the finding that the second command is about
	second []string
}{
	{"run", []string{"run", "one.toml", "--out", "o"}, nil, []string{"run", "two.toml", "--out", "o"}},
	{"report", []string{"run", "one.toml", "--out", "o"}, nil, []string{"report", "o"}},
	{"crash", []string{"crash", "--cuts", "50", "--out", "o"}, nil, []string{"crash", "--cuts", "90", "--out", "o"}},
	{
		"plan",
		[]string{"plan", "--quick", "--kv", "32K", "--place", "start", "--keys", "4", "--size", "16-64", "--out", "o"},
		nil,
		[]string{"plan", "--quick", "--kv", "32K", "--place", "start,end", "--keys", "5", "--size", "16-64", "--out", "o"},
	},
	{"minimize", []string{"crash", "--cuts", "50", "--out", "o"}, lengthen, []string{"minimize", "FINDING"}},
}

// lengthened are findings of every campaign that need no cut, so that steps before it do no harm.
const lengthened = "o/findings/kvstore-rule4-*.json"

// lengthen gives a finding's script steps that it does not need.
func lengthen(text string) string {
	return strings.Replace(text, `"script": [`, `"script": [`+strings.Repeat("\n\t\t\t\"set \\\"k00\\\", 40 bytes, seed 3\",", 120), 1)
}

// unlucky makes a job in a folder below dir, with its results.
func unlucky(t *testing.T, dir string, n int) *unluckyJob {
	t.Helper()
	d := unluckyJobs[n]
	j := &unluckyJob{dir: dir, args: d.second}
	for name, text := range map[string]string{"one.toml": smallestScenario, "two.toml": "seed = 2\n" + smallestScenario} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	j.must(t, d.first...)
	if d.change != nil {
		found, err := filepath.Glob(filepath.Join(dir, lengthened))
		if err != nil || len(found) == 0 {
			t.Fatalf("no %s: %v", lengthened, err)
		}
		path := found[0]
		j.args = []string{"minimize", path}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(d.change(string(text))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	j.earlier = files(t, filepath.Join(dir, "o"))
	began := time.Now()
	j.must(t, j.args...)
	j.took = time.Since(began)
	if j.later = files(t, filepath.Join(dir, "o")); d.name != "report" && maps.Equal(withoutJournals(j.earlier), withoutJournals(j.later)) {
		t.Fatalf("%v changes nothing", j.args)
	}
	return j
}

func (j *unluckyJob) command(args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(program, "dualbank"), args...)
	c.Dir = j.dir
	return c
}

func (j *unluckyJob) must(t *testing.T, args ...string) {
	t.Helper()
	if out, err := j.command(args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// restore makes o the earlier result again.
func (j *unluckyJob) restore(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(j.dir, "o")); err != nil {
		t.Fatal(err)
	}
	for name, text := range j.earlier {
		path := filepath.Join(j.dir, "o", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// withoutJournals leaves out of a folder's files the journals, in which a campaign keeps what it has explored.
func withoutJournals(files map[string]string) map[string]string {
	some := maps.Clone(files)
	maps.DeleteFunc(some, func(name, _ string) bool { return strings.HasPrefix(name, "journal/") })
	return some
}

// whole checks that o holds the earlier or the later result.
func (j *unluckyJob) whole(t *testing.T, what string) {
	t.Helper()
	got := withoutJournals(files(t, filepath.Join(j.dir, "o")))
	if !maps.Equal(got, withoutJournals(j.earlier)) && !maps.Equal(got, withoutJournals(j.later)) {
		t.Fatalf("%v, %s, leaves neither the earlier nor the new result: %d files", j.args, what, len(got))
	}
}

// again runs the command once more, which must come to the bytes of an undisturbed one and leave nothing beside o.
func (j *unluckyJob) again(t *testing.T, what string) {
	t.Helper()
	j.must(t, j.args...)
	if got := files(t, filepath.Join(j.dir, "o")); !maps.Equal(withoutJournals(got), withoutJournals(j.later)) {
		t.Fatalf("%v after it was %s differs from an undisturbed one", j.args, what)
	}
	if left, err := filepath.Glob(filepath.Join(j.dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("%v leaves %v, %v", j.args, left, err)
	}
}

// rounds is how often each job is disturbed: DUALBANK_KILLS=50 is the whole.
func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("DUALBANK_KILLS")); err == nil && n > 0 {
		return n
	}
	if long.Enabled() {
		return 6
	}
	return 1
}

// TestKilled kills commands at random moments over an earlier complete result: the folder then holds that result or
// the new one, whole, and the same command again gives the bytes of an undisturbed one. Moments are not repeatable;
// what must hold is.
func TestKilled(t *testing.T) {
	for n := range unluckyJobs {
		t.Run(unluckyJobs[n].name, func(t *testing.T) {
			if unluckyJobs[n].name != "minimize" {
				long.Test(t)
			}
			j := unlucky(t, t.TempDir(), n)
			for range rounds() {
				j.restore(t)
				victim := j.command(j.args...)
				if err := victim.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Duration(rand.Int64N(int64(j.took))))
				_ = victim.Process.Kill() // it may have ended
				_ = victim.Wait()
				j.whole(t, "killed")
				j.again(t, "killed")
			}
		})
	}
}

// TestFullDevice: a standard output that takes nothing is an error.
func TestFullDevice(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	dir := t.TempDir()
	for name, text := range companions {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range []string{
		"--help", "run --help", "run --print", "plan --print", "parts", "parts --all", "parts stm32f429zi", "native --header",
		"compare b.txt b.txt", "compare b.txt b.txt --json", "inspect d.bin", "inspect d.bin --json", "layout c.json --target NUCLEO_F429ZI",
		"findings own.json", "findings --as-test own.json", "version", "--version", "help run", "completion bash", "man",
	} {
		c := exec.Command(filepath.Join(program, "dualbank"), strings.Fields(args)...)
		c.Dir, c.Stdout = dir, full
		var stderr bytes.Buffer
		c.Stderr = &stderr
		if err := c.Run(); err == nil || c.ProcessState.ExitCode() != 1 || !strings.Contains(stderr.String(), "no space left") {
			t.Errorf("%v into a full device: %v, %s", args, err, &stderr)
		}
	}
}
