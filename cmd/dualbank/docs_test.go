package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"dualbank/boot/firmware"
)

// tinyScenario is what the pages' runs run in place of the guide's.
const tinyScenario = `
[board]
compare = []
[application]
drivers = []
[workload]
hours = 1
[update]
bytes = 2000
[cuts]
modes = ["before"]
collections = 1
kvstore = 10
update = 0
`

// namedBlock is a fenced block whose first line names the file that it is.
var namedBlock = regexp.MustCompile("(?ms)^```(?:toml|csv)\n(# ([\\w.-]+)\n.*?)^```")

// smaller makes a page's command one of seconds: the same with less work.
func smaller(line string) string {
	switch {
	case strings.HasPrefix(line, "dualbank run --quick"):
		line = strings.Replace(line, "--quick", "", 1)
		if !strings.Contains(line, ".toml") {
			line = strings.Replace(line, "dualbank run", "dualbank run tiny.toml", 1)
		}
	case strings.HasPrefix(line, "dualbank plan") && !strings.Contains(line, "scenario.toml"):
		line += " --quick"
		if strings.Contains(line, "--keys") {
			line = strings.Replace(line, "--size 16-600", "", 1) + " --size 100"
		}
		if !strings.Contains(line, "--kv") {
			line += " --kv 64K"
		}
	case strings.HasPrefix(line, "dualbank crash"):
		line = strings.Replace(line, "--cuts 300", "", 1) + " --cuts 20"
	case strings.HasPrefix(line, "dualbank minimize"):
		line += " --tries 10"
	}
	return line
}

// TestDocsCommands runs every command of the pages in docs, each page in a folder of its own with the files
// that the page shows. A comment behind a command says its exit code, if that is not 0.
func TestDocsCommands(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) < 6 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		pictures(t, string(text))
		lines := shellBlocks(string(text))
		if len(lines) == 0 {
			continue
		}
		t.Run(filepath.Base(page), func(t *testing.T) {
			dir := docsFolder(t, string(text))
			for _, line := range lines {
				command, comment, _ := strings.Cut(line, "    # ")
				want := 0
				if code, ok := strings.CutPrefix(comment, "exit code "); ok {
					if want, err = strconv.Atoi(code); err != nil {
						t.Fatalf("%s: %v", line, err)
					}
				}
				if runElsewhere(t, command) {
					continue
				}
				cmd := exec.Command("sh", "-c", smaller(command))
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "PATH="+searched(program, os.Getenv("PATH")))
				out, err := cmd.CombinedOutput()
				if got := cmd.ProcessState.ExitCode(); got != want {
					t.Errorf("%s (run as: %s): exit code %d, want %d: %v\n%.3000s", line, smaller(command), got, want, err, out)
				}
			}
		})
	}
}

// TestInlineCommands: commands in the text of README and docs are commands with flags that there are. What
// they lack is mostly a file.
func TestInlineCommands(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("`dualbank\\s+([^`]+)`").FindAllStringSubmatch(string(text), -1) {
			seen++
			parser, err := kong.New(new(commands), kong.Name("dualbank"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parser.Parse(strings.Fields(m[1])); err != nil && !lacking.MatchString(err.Error()) {
				t.Errorf("%s: `dualbank %s`: %v", page, m[1], err)
			}
		}
	}
	if seen < 20 {
		t.Errorf("%d commands", seen)
	}
}

// pictures makes sure that the pictures and pages that a page refers to are there.
func pictures(t *testing.T, text string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`\]\(([\w/.-]+)\)`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join("../../docs", m[1])); err != nil {
			t.Errorf("%v", err)
		}
	}
}

// docsFolder is a folder with what the commands of a page find: the files that the page shows, a dump, the
// example's configuration files.
func docsFolder(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range namedBlock.FindAllStringSubmatch(text, -1) {
		body := m[1]
		if m[2] == "board.toml" {
			_, rest, _ := strings.Cut(tinyScenario, "[application]")
			body += "compare = []\n[application]" + rest
		}
		write(m[2], []byte(body))
	}
	write("tiny.toml", []byte(tinyScenario))
	write("my.toml", []byte(tinyScenario))
	// Firmware is told by what is in it, not by its name.
	for name, fill := range map[string]string{"new.hex": "new ", "old.elf": "old "} {
		var image bytes.Buffer
		if err := firmware.WriteHex(&image, []firmware.Segment{{Addr: 0x0800_8400, Data: bytes.Repeat([]byte(fill), 1000)}}); err != nil {
			t.Fatal(err)
		}
		write(name, image.Bytes())
	}
	const seed = "fuzz/testdata/fuzz/FuzzKV/sizes-wrap"
	input, err := os.ReadFile("../../" + seed)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(seed)), 0o777); err != nil {
		t.Fatal(err)
	}
	write(seed, input)
	dump, hex, err := interrupted()
	if err != nil {
		t.Fatal(err)
	}
	write("dump.bin", dump)
	write("dump.hex", hex)
	for _, name := range []string{"bootloader_app.json", "mbed_app.json"} {
		config, err := os.ReadFile("../../boot/layout/examples/" + name)
		if err != nil {
			t.Fatal(err)
		}
		write(name, config)
	}
	return dir
}

// lacking is the error of a command without its file, a flag or a flag's value.
var lacking = regexp.MustCompile(`^expected "|^missing flags|: missing value`)

var (
	fuzzTarget = regexp.MustCompile(`-fuzz '\^(\w+)\$'`)
	benchmark  = regexp.MustCompile(`-bench '?(\w+)`)
	lastFolder = regexp.MustCompile(` \./([\w/]+)`)
)

// runElsewhere tells of commands that build or run for long, or that other tests run, and makes sure that
// what they name exists.
func runElsewhere(t *testing.T, command string) bool {
	t.Helper()
	exists := func(pattern, what string, files ...string) {
		t.Helper()
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if regexp.MustCompile(pattern).Match(data) {
				return
			}
		}
		t.Errorf("%s: there is no %s", command, what)
	}
	switch {
	case strings.HasPrefix(command, "make "):
		target := strings.Fields(command)[1]
		exists(`(?m)^`+target+`:`, target+" in the Makefile", "../../Makefile")
	case strings.HasPrefix(command, "scripts/"):
		st, err := os.Stat("../../" + strings.Fields(command)[0])
		if err != nil || st.Mode()&0o111 == 0 {
			t.Errorf("%s: %v", command, err)
		}
	case strings.HasPrefix(command, "go test "):
		folder := lastFolder.FindStringSubmatch(command)
		if folder == nil {
			t.Fatalf("%s: which package?", command)
		}
		files, _ := filepath.Glob("../../" + folder[1] + "/*_test.go")
		if len(files) == 0 {
			t.Errorf("%s: no tests in %s", command, folder[1])
		}
		if m := fuzzTarget.FindStringSubmatch(command); m != nil {
			exists(`func `+m[1]+`\(f \*testing\.F\)`, m[1], files...)
		} else if m := benchmark.FindStringSubmatch(command); m != nil {
			exists(`func Benchmark`+m[1]+`\(`, "Benchmark"+m[1], files...)
		}
	default:
		return false
	}
	return true
}
