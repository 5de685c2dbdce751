package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"dualbank/internal/long"
)

// TestNewUser does what a new user does, in a clone, with the words of README and docs alone: run, look at the page,
// replay the first finding, describe a part, plan with it, and make a gate of two runs. What each step takes is logged.
func TestNewUser(t *testing.T) {
	long.Test(t)
	for _, tool := range []string{"git", "make", "sh"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	source, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(source, ".git")); err != nil {
		t.Skip("the sources are no repository to clone")
	}
	clone, bin := filepath.Join(t.TempDir(), "dualbank"), t.TempDir()
	env := append(os.Environ(), "GOBIN="+bin, "PATH="+searched(bin, os.Getenv("PATH")), "GITHUB_STEP_SUMMARY=")
	// step runs a shell command, which must end with an exit code, and returns what it prints.
	step := func(want int, command string) string {
		t.Helper()
		c := exec.Command("sh", "-c", command)
		c.Dir, c.Env = clone, env
		if strings.HasPrefix(command, "git clone") {
			c.Dir = ""
		}
		began := time.Now()
		out, err := c.CombinedOutput()
		t.Logf("%5.1f s  %s", time.Since(began).Seconds(), strings.ReplaceAll(command, "\n", "; "))
		if got := c.ProcessState.ExitCode(); got != want {
			t.Fatalf("%s: exit code %d, want %d: %v\n%s", command, got, want, err, out)
		}
		return string(out)
	}

	step(0, "git clone -q "+source+" "+clone)
	step(0, "make run")
	page, err := os.ReadFile(filepath.Join(clone, "out/report.html"))
	if err != nil || !strings.Contains(string(page), "Made by dualbank ") {
		t.Fatalf("the page: %v, %d bytes", err, len(page))
	}

	step(0, "go install ./cmd/dualbank")
	opened(t, bin, clone, env)

	var first struct {
		Findings []struct{ Command string }
	}
	if err := json.Unmarshal([]byte(step(0, "dualbank report out --json")), &first); err != nil || len(first.Findings) == 0 {
		t.Fatalf("%d findings, %v", len(first.Findings), err)
	}
	if story := step(1, first.Findings[0].Command); !strings.Contains(story, "is broken") {
		t.Errorf("the story of the first finding:\n%s", story)
	}

	step(0, "mkdir -p out/own")
	step(0, "dualbank parts --template part > out/own/part.toml")
	step(0, "dualbank parts out/own/part.toml")
	step(0, "dualbank parts --template board > out/own/board.toml")
	board := filepath.Join(clone, "out/own/board.toml")
	text, err := os.ReadFile(board)
	if err != nil {
		t.Fatal(err)
	}
	// What its comments ask for: the part beside it, which has its own clock and flash.
	for from, to := range map[string]string{
		`(?m)^part = "\S+"`: `part = "part.toml"`, `(?m)^target = "\S+"`: `target = "OUR_BOARD"`, `168_000_000`: `80_000_000`, `base = 0x0810_0000, bytes = 131072`: `base = 0x0808_0000, bytes = 32768`,
	} {
		changed := regexp.MustCompile(from).ReplaceAllString(string(text), to)
		if changed == string(text) {
			t.Fatalf("the template has no %s", from)
		}
		text = []byte(changed)
	}
	if err := os.WriteFile(board, text, 0o666); err != nil {
		t.Fatal(err)
	}
	if said := step(0, "dualbank plan --board out/own/board.toml --keys 20 --size 100 --writes-per-day 300 --kv 32K --out out/own-plan"); !strings.Contains(said, "My part") || !strings.Contains(said, "Smallest store that meets the wishes: 32 KiB") {
		t.Errorf("the plan:\n%s", said)
	}

	step(0, "dualbank run --quick --out out/before")
	step(0, "dualbank run --print > out/own/my.toml")
	step(0, "dualbank run --quick out/own/my.toml --out out/after")
	if said := step(0, "dualbank compare out/before out/after"); !strings.HasPrefix(said, "ok: ") {
		t.Errorf("two runs of the same:\n%s", said)
	}
	step(0, "sed 's/sets_per_hour = 60/sets_per_hour = 90/' out/own/my.toml > out/own/more.toml")
	step(0, "dualbank run --quick out/own/more.toml --out out/more")
	if said := step(1, "dualbank compare out/before out/more"); !strings.Contains(said, "worse than allowed") {
		t.Errorf("a gate:\n%s", said)
	}
	if dirty := step(0, "git status --porcelain"); dirty != "" {
		t.Errorf("the clone is no longer clean:\n%s", dirty)
	}
}

// opened looks at the page as `dualbank open` serves it.
func opened(t *testing.T, bin, dir string, env []string) {
	t.Helper()
	c := exec.Command(filepath.Join(bin, "dualbank"), "open", "out")
	c.Dir, c.Env = dir, env
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = c.Process.Kill(), c.Wait() }() // it would go on until Ctrl-C
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Get(strings.TrimSpace(address))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if page, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(page), "<h1>") {
		t.Errorf("%s: %s, %d bytes, %v", address, answer.Status, len(page), err)
	}
}
