package main

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"dualbank/boot/firmware"
	"dualbank/fuzz/kv/script"
	"dualbank/internal/long"
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
var namedBlock = regexp.MustCompile("(?ms)^```(?:toml|csv|c)\n((?:#|/\\*) ([\\w.-]+)(?: \\*/)?\n.*?)^```")

// pages returns README.md, the other pages beside it and those in docs, by name, with their text.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		names, err := filepath.Glob("../../" + pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %d pages, %v", pattern, len(names), err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all[strings.TrimPrefix(name, "../../")] = string(text)
		}
	}
	return all
}

// shellBlocks returns the lines of the fenced blocks of shell commands in a Markdown file.
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

// smaller makes a page's command one of seconds: the same with less work.
func smaller(line string) string {
	switch {
	case line == "make run":
		line = "dualbank run tiny.toml --out out"
	case strings.HasPrefix(line, "dualbank run") && !strings.Contains(line, "--print"):
		line = strings.Replace(line, "--quick", "", 1)
		line = strings.Replace(line, "my.toml", "", 1)
		if !strings.Contains(line, ".toml") {
			line = strings.Replace(line, "dualbank run", "dualbank run tiny.toml", 1)
		}
	case strings.HasPrefix(line, "dualbank update my.toml"):
		line = strings.Replace(line, "my.toml", "tiny.toml", 1)
	case strings.HasPrefix(line, "dualbank plan") && !strings.Contains(line, "scenario.toml"):
		line += " --quick"
		if strings.Contains(line, "--keys") {
			line = strings.Replace(line, "--size 16-600", "", 1) + " --size 100"
		}
		if !strings.Contains(line, "--kv") {
			line += " --kv 64K"
		}
	case strings.HasPrefix(line, "dualbank crash") && !strings.Contains(line, "--input"):
		line = strings.Replace(strings.Replace(line, "--cuts 10000", "", 1), "--time 10m", "--time 1s", 1) + " --cuts 2000"
	case strings.HasPrefix(line, "dualbank minimize"):
		line += " --tries 10"
	}
	return line
}

// TestDocsCommands runs every command of README.md and of the other pages, each page in a folder of its own
// with the files that the page shows. A comment behind a command says its exit code, if that is not 0. What a
// command leaves is below out; a test that is printed goes into the current package.
func TestDocsCommands(t *testing.T) {
	long.Test(t)
	all := pages(t)
	for _, page := range slices.Sorted(maps.Keys(all)) {
		text := all[page]
		lines := shellBlocks(text)
		if len(lines) == 0 {
			continue
		}
		t.Run(filepath.Base(page), func(t *testing.T) {
			if _, err := exec.LookPath("gcc"); err != nil && filepath.Base(page) == "native.md" {
				t.Skip("no gcc")
			}
			dir := docsFolder(t, text)
			before := folderNames(t, dir)
			for _, line := range lines {
				command, comment, _ := strings.Cut(line, "    # ")
				want := 0
				if code, ok := strings.CutPrefix(comment, "exit code "); ok {
					var err error
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
			for _, name := range folderNames(t, dir) {
				if !slices.Contains([]string{"out", "finding_test.go", "dualbank.h", "mystore"}, name) && !slices.Contains(before, name) {
					t.Errorf("the commands leave %s beside out", name)
				}
			}
		})
	}
}

// folderNames returns the names of the files in a folder.
func folderNames(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestInlineCommands: commands in the text of README and docs are commands with flags that there are. What
// they lack is mostly a file.
func TestInlineCommands(t *testing.T) {
	seen := map[string]bool{}
	for page, text := range pages(t) {
		for _, m := range regexp.MustCompile("`dualbank\\s+([^`]+)`").FindAllStringSubmatch(text, -1) {
			if seen[m[1]] {
				continue // a parser for each command takes long
			}
			seen[m[1]] = true
			parser, err := kong.New(new(commands), append(values(), kong.Name("dualbank"))...)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parser.Parse(strings.Fields(m[1])); err != nil && !lacking.MatchString(err.Error()) {
				t.Errorf("%s: `dualbank %s`: %v", page, m[1], err)
			}
		}
	}
	if len(seen) < 20 {
		t.Errorf("%d commands", len(seen))
	}
}

// markdownLink is a link or a picture, without its title.
var markdownLink = regexp.MustCompile(`\]\(([^)\s]+)[^)]*\)`)

// TestLinks: what README and the pages link to inside the repository is there, headings too, and README links
// to every page.
func TestLinks(t *testing.T) {
	all, linked := pages(t), map[string]bool{}
	for page, text := range all {
		for _, m := range markdownLink.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file, heading, _ := strings.Cut(m[1], "#")
			target := page
			if file != "" {
				target = filepath.Join(filepath.Dir(page), file)
			}
			if _, err := os.Stat(filepath.Join("../..", target)); err != nil {
				t.Errorf("%s: %s: %v", page, m[1], err)
			}
			if heading != "" && !slices.Contains(anchors(all[target]), heading) {
				t.Errorf("%s: %s: there is no such heading", page, m[1])
			}
			linked[page+" "+target] = true
		}
	}
	for page := range all {
		if page != "README.md" && !linked["README.md "+page] {
			t.Errorf("README.md does not link to %s", page)
		}
	}
}

var (
	repositoryPath = regexp.MustCompile("`((?:bench|boot|cmd|docs|fuzz|inspect|kvstore|model|results|scripts)/[\\w./-]+)`")
	exportedName   = regexp.MustCompile("`([a-z]+)\\.([A-Z]\\w+)(?:\\.(\\w+))?`")
	testName       = regexp.MustCompile("`((?:Benchmark|Example|Fuzz|Test)[A-Z]\\w*)`")
)

// TestNames: files, exported names, tests and benchmarks that the pages name are there. An exported name stands
// with the last element of its package's path.
func TestNames(t *testing.T) {
	sources, tests := map[string]string{}, ""
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.Contains(path, "/testdata/") {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.HasSuffix(path, "_test.go") {
			tests += string(text)
		} else {
			sources[filepath.Base(filepath.Dir(path))] += string(text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for page, text := range pages(t) {
		for _, m := range repositoryPath.FindAllStringSubmatch(text, -1) {
			seen++
			if _, err := os.Stat("../../" + m[1]); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
		for _, m := range exportedName.FindAllStringSubmatch(text, -1) {
			for _, name := range m[2:] {
				if name == "" {
					continue
				}
				seen++
				if !regexp.MustCompile(`(?m)^\s*(?:func (?:\([^)]*\) )?|type |var |const )?` + name + `\b`).MatchString(sources[m[1]]) {
					t.Errorf("%s: package %s does not declare %s", page, m[1], name)
				}
			}
		}
		for _, m := range testName.FindAllStringSubmatch(text, -1) {
			seen++
			if !strings.Contains(tests, "func "+m[1]+"(") {
				t.Errorf("%s: there is no %s", page, m[1])
			}
		}
	}
	if seen < 100 {
		t.Errorf("%d names", seen)
	}
}

// TestDocsScript: the scripts of the pages are steps of a store's run, as findings' files write them.
func TestDocsScript(t *testing.T) {
	seen := 0
	for page, text := range pages(t) {
		for _, m := range regexp.MustCompile("(?ms)^```script\n(.*?)^```").FindAllStringSubmatch(text, -1) {
			for line := range strings.Lines(m[1]) {
				seen++
				var s script.Step
				if err := s.UnmarshalText([]byte(strings.TrimSpace(line))); err != nil {
					t.Errorf("%s: %v", page, err)
				}
			}
		}
	}
	if seen == 0 {
		t.Error("no scripts")
	}
}

// userStore is the store of the user's in the pages' Go code.
const userStore = `package mystore

import "dualbank/kvstore"

type Store struct{ values map[string][]byte }

func New(kvstore.BlockDevice) *Store { return &Store{map[string][]byte{}} }

func (s *Store) Open() error                        { return nil }
func (s *Store) Set(key string, value []byte) error { s.values[key] = value; return nil }
func (s *Store) Get(key string) ([]byte, error)     { return s.values[key], nil }
func (s *Store) Remove(key string) error            { delete(s.values, key); return nil }
func (s *Store) List() ([]string, error)            { return nil, nil }
`

// TestDocsGo: the Go code of the pages compiles in a module of the user's own.
func TestDocsGo(t *testing.T) {
	long.Test(t)
	source, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(source, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for page, text := range pages(t) {
		for _, m := range regexp.MustCompile("(?ms)^```go\n(.*?)^```").FindAllStringSubmatch(text, -1) {
			seen++
			module := t.TempDir()
			for name, text := range map[string]string{
				"go.mod":      "module example.com/mystore\n\ngo 1.26\n\nrequire dualbank v0.0.0\n\nreplace dualbank => " + source + "\n",
				"go.sum":      string(sums),
				"mystore.go":  userStore,
				"own_test.go": m[1],
			} {
				if err := os.WriteFile(filepath.Join(module, name), []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command("go", "vet", "-mod=mod", ".")
			cmd.Dir = module
			cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=-mod=mod", "GOWORK=off")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", page, err, out)
			}
		}
	}
	if seen == 0 {
		t.Error("no Go code")
	}
}

// anchors returns the names that a page's headings have in links.
func anchors(text string) (names []string) {
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		name := strings.ReplaceAll(strings.ToLower(m[1]), " ", "-")
		names = append(names, regexp.MustCompile(`[^\w-]`).ReplaceAllString(name, ""))
	}
	return names
}

// TestReadmeBegins: the first screenful has both commands and the only picture.
func TestReadmeBegins(t *testing.T) {
	text := pages(t)["README.md"]
	lines := strings.SplitAfter(text, "\n")
	first := strings.Join(lines[:min(45, len(lines))], "")
	for _, want := range []string{"\nmake run\n", "\nmake test\n", "![An update over time"} {
		if !strings.Contains(first, want) {
			t.Errorf("the first screenful lacks %q", want)
		}
	}
	if n := strings.Count(text, "!["); n != 1 {
		t.Errorf("%d pictures, one is wanted", n)
	}
}

// TestUnitsPage: docs/units.md explains every unit that a run, an update and a plan report.
func TestUnitsPage(t *testing.T) {
	long.Test(t)
	page := pages(t)["docs/units.md"]
	dir := docsFolder(t, "")
	for _, line := range []string{
		"dualbank run tiny.toml --out out/run",
		"dualbank update tiny.toml --size 8KiB --out out/update",
		"dualbank plan --quick --kv 64K --keys 20 --size 100 --out out/plan",
	} {
		cmd := exec.Command("sh", "-c", line)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+searched(program, os.Getenv("PATH")))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		bench, err := os.ReadFile(filepath.Join(dir, line[strings.LastIndex(line, "out/"):], "bench.txt"))
		if err != nil {
			t.Fatal(err)
		}
		units := regexp.MustCompile(`(?m)^Unit (\S+)`).FindAllStringSubmatch(string(bench), -1)
		if len(units) < 8 {
			t.Errorf("%s: %d units", line, len(units))
		}
		for _, m := range units {
			if !strings.Contains(page, "`"+m[1]+"`") {
				t.Errorf("%s: docs/units.md does not explain %s", line, m[1])
			}
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
var lacking = regexp.MustCompile(`^expected "|^missing flags|: missing value|: has no value|: "[A-Z]+": give `)

var (
	fuzzTarget = regexp.MustCompile(`-fuzz '\^(\w+)\$'`)
	benchmark  = regexp.MustCompile(`-bench '?(\w+)`)
	lastFolder = regexp.MustCompile(` \./([\w/]+)`)
	settings   = regexp.MustCompile(`^PACKAGE=\./(\S+) BENCH='?([\w|]+)`)
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
	case command == "make run": // what the target's recipe calls is run small
		exists(`(?m)^run:\n\t\$\(GO\) run ./cmd/dualbank run --out out$`, "run in the Makefile", "../../Makefile")
		return false
	case strings.HasPrefix(command, "make "):
		target := strings.Fields(command)[1]
		exists(`(?m)^`+target+`:`, target+" in the Makefile", "../../Makefile")
	case command == "go install ./cmd/dualbank": // what the tests run is built from this folder
	case strings.Contains(command, "scripts/"):
		words := strings.Fields(command)
		script := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "scripts/") })
		st, err := os.Stat("../../" + words[script])
		if err != nil || st.Mode()&0o111 == 0 {
			t.Errorf("%s: %v", command, err)
		}
		if m := settings.FindStringSubmatch(command); m != nil {
			files, _ := filepath.Glob("../../" + m[1] + "/*_test.go")
			for name := range strings.SplitSeq(m[2], "|") {
				exists(`func Benchmark`+name+`\(`, "Benchmark"+name, files...)
			}
		}
	case command == "go build ./...":
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

// sourceFolders are the folders in the root of the sources, but for out, which git ignores.
func sourceFolders(t *testing.T) map[string]bool {
	t.Helper()
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	folders := map[string]bool{}
	for _, e := range entries {
		if e.IsDir() && e.Name() != "out" {
			folders[e.Name()] = true
		}
	}
	return folders
}

// written matches what a shell command writes to: an output flag's value, and the target of a redirection.
var writtenTo = regexp.MustCompile(`(?:--(?:[\w]+-)?out[ =]|\s-o |-test\.\w*profile[ =]|>>?\s*|\btee |\bmkdir (?:-p )?|\b(?:dualbank report|dualbank minimize) )["']?([^\s"'&|;]+)`)

// intoSources returns what a command writes into folders of the sources.
func intoSources(folders map[string]bool, command string) (bad []string) {
	command, _, _ = strings.Cut(command, "    # ")
	for _, m := range writtenTo.FindAllStringSubmatch(command, -1) {
		path := filepath.ToSlash(filepath.Clean(m[1]))
		first, _, _ := strings.Cut(path, "/")
		if folders[first] || path == "." || first == ".." {
			bad = append(bad, m[1])
		}
	}
	return bad
}

// TestDocsWriteNowhereElse: no command of the pages writes into a folder of the sources, so that a reader may follow them in
// a clone; nor does one by default.
func TestDocsWriteNowhereElse(t *testing.T) {
	folders := sourceFolders(t)
	for _, command := range []string{
		"dualbank run --out results", "dualbank run --out=results/x", "dualbank plan --quick --out ./bench", "dualbank findings f.json --as-test > fuzz/x_test.go",
		"dualbank report results", "dualbank crash --sarif-out docs/x.sarif", "go build -o cmd/x ./cmd/dualbank", "dualbank run --out .",
	} {
		if len(intoSources(folders, command)) != 1 {
			t.Errorf("%s: not seen", command)
		}
	}
	seen := 0
	for page, text := range pages(t) {
		lines := shellBlocks(text)
		for _, m := range regexp.MustCompile("(?ms)^```text\n(.*?)^```").FindAllStringSubmatch(text, -1) {
			lines = append(lines, strings.Split(m[1], "\n")...)
		}
		for _, m := range regexp.MustCompile("`((?:dualbank|go|make|scripts/\\S+)\\s[^`]+)`").FindAllStringSubmatch(text, -1) {
			lines = append(lines, m[1])
		}
		for _, line := range lines {
			seen++
			for _, path := range intoSources(folders, line) {
				t.Errorf("%s: %s: writes into %s", page, line, path)
			}
		}
	}
	if seen < 100 {
		t.Errorf("%d commands", seen)
	}
	for name, n := range leaves(t) {
		for _, f := range n.Flags {
			if first, _, _ := strings.Cut(f.Default, "/"); f.Name == "out" && first != "out" {
				t.Errorf("%s: --out is %s by default", name, f.Default)
			}
		}
	}
}
