package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/alecthomas/kong"

	"dualbank/internal/long"
)

// inputPath is a way on which a command reads a file.
type inputPath struct {
	args    string // FILE is the file, VIA a file that names it
	via     string // text of VIA, with @@ for the file's path
	as      string // where the file has to be, or the ending that it has to have
	formats string // that are read there, separated by commas
	any     bool   // what is in none of the formats is taken as raw bytes
	folder  string // that a message may name in place of the file
}

// inputPaths are all of them.
var inputPaths = []inputPath{
	{args: "run --print FILE", formats: "scenario"},
	{args: "update FILE --size 1000", formats: "scenario"},
	{args: "plan FILE", formats: "scenario"},
	{args: "inspect d.bin --scenario FILE", formats: "scenario"},
	{args: "compare b.txt b.txt --thresholds FILE", formats: "scenario"},
	{args: "compare r r", as: "r/scenario.toml", formats: "scenario"},

	{args: "parts FILE", as: ".toml", formats: "part,board,driver,core,wear law"},
	{args: "parts VIA", as: ".toml", formats: "part", via: "name = 'x'\nextends = '@@'\n"},
	{args: "layout c.json --target NUCLEO_F429ZI --part FILE", as: ".toml", formats: "part"},
	{args: "layout c.json --target NUCLEO_F429ZI --part stm32f429zi --driver FILE", as: ".toml", formats: "driver"},
	{args: "inspect d.bin --part FILE", as: ".toml", formats: "part"},
	{args: "inspect d.bin --board FILE", as: ".toml", formats: "board"},
	{args: "plan --print --board FILE", as: ".toml", formats: "board"},
	{args: "plan --driver FILE", as: ".toml", formats: "driver"},
	{args: "update --size 1000 --driver FILE", as: ".toml", formats: "driver"},
	{args: "update --size 1000 --board FILE", as: ".toml", formats: "board"},
	{args: "native check --board FILE /bin/true", as: ".toml", formats: "board"},
	{args: "crash --exec /bin/true --board FILE", as: ".toml", formats: "board"},
	{args: "run VIA", as: ".toml", formats: "board", via: "[board]\nname = '@@'\n"},
	{args: "run VIA", as: ".toml", formats: "part", via: "[board]\npart = '@@'\n"},
	{args: "run VIA", as: ".toml", formats: "driver", via: "[board]\ndriver = '@@'\n"},
	{args: "run VIA", as: ".toml", formats: "driver", via: "[board]\ncompare = ['@@']\n"},
	{args: "run VIA", as: ".toml", formats: "driver", via: "[application]\ndrivers = ['@@']\n"},
	{args: "run VIA", as: ".toml", formats: "wear law", via: "[board]\nwear = '@@'\n"},
	{args: "run VIA", as: ".toml", formats: "serial NOR", via: "[store]\nstorage_type = 'TDB_EXTERNAL'\nexternal = '@@'\n"},

	{args: "layout FILE --target NUCLEO_F429ZI", formats: "configuration"},
	{args: "layout c.json FILE --target NUCLEO_F429ZI", formats: "configuration"},
	{args: "inspect d.bin --config FILE --target NUCLEO_F429ZI", formats: "configuration"},
	{args: "run VIA", formats: "configuration", via: "[layout]\nbootloader = '@@'\napplication = 'c.json'\n"},
	{args: "run VIA", formats: "configuration", via: "[layout]\nbootloader = 'c.json'\napplication = '@@'\n"},

	{args: "inspect FILE", formats: "image", any: true},
	{args: "update --driver mbed --firmware FILE", formats: "image", any: true},
	{args: "update --driver mbed --running FILE", formats: "image", any: true},
	{args: "update VIA --driver mbed", formats: "image", any: true, via: "[update]\nfirmware = '@@'\n"},
	{args: "update VIA --driver mbed", formats: "image", any: true, via: "[update]\nrunning = '@@'\n"},
	{args: "layout VIA --target NUCLEO_F429ZI", formats: "image", any: true, via: `{"target_overrides": {"*": {"target.bootloader_img": "@@"}}}`},

	{args: "plan --trace FILE", formats: "trace"},
	{args: "plan VIA", formats: "trace", via: "[plan]\ntrace = '@@'\n"},

	{args: "crash --target FuzzKV --input FILE", formats: "corpus", any: true},
	{args: "crash --target FuzzLayout --input FILE", formats: "corpus", any: true},
	{args: "replay FILE", formats: "finding,case"},
	{args: "minimize FILE", as: ".json", formats: "finding,case"},
	{args: "findings FILE", formats: "finding"},
	{args: "findings --as-test FILE", formats: "finding"},

	{args: "compare FILE b.txt", formats: "bench"},
	{args: "compare b.txt FILE", formats: "bench"},
	{args: "compare r b.txt", as: "r/bench.txt", formats: "bench"},
	{args: "report r", as: "r/records.json", formats: "records"},
	{args: "open r", as: "r/records.json", formats: "records", folder: " r: "},
	{args: "run --out r", as: "r/.dualbank", formats: "mark"},
	{args: "crash --out r", as: "r/.dualbank", formats: "mark"},
	{args: "plan --out r", as: "r/.dualbank", formats: "mark"},

	{args: "worker nats://127.0.0.1:1 --token-file FILE", formats: "secret", any: true},
	{args: "worker nats://127.0.0.1:1 --nkey-file FILE", formats: "secret"},
	{args: "worker tls://127.0.0.1:1 --ca-file FILE", formats: "secret"},
	{args: "crash --nats nats://127.0.0.1:1 --token-file FILE", formats: "secret", any: true},
	{args: "crash --nats nats://127.0.0.1:1 --nkey-file FILE", formats: "secret"},
	{args: "crash --nats tls://127.0.0.1:1 --ca-file FILE", formats: "secret"},

	{args: "native check FILE", formats: "program"},
	{args: "crash --exec FILE", formats: "program"},
	{args: "worker nats://127.0.0.1:1 --exec FILE", formats: "program", any: true},
	{args: "run --exec FILE", formats: "program"},
	{args: "plan --exec FILE", formats: "program"},
	{args: "replay own.json --exec FILE", formats: "program"},
	{args: "minimize own.json --exec FILE", formats: "program"},
}

// noFiles are flags and arguments of text that name no file to read, by command, beside those that take one of a few
// words. Flags that end in out are written.
var noFiles = map[string]string{
	"update":       "--size --slots --link --strategy",
	"layout":       "--target",
	"crash":        "--nats --serve --known", // a list of causes may be nearly anything: FuzzKnown and TestKnownIn read hostile ones
	"worker":       "url --name --corpus --target",
	"findings":     "--package",
	"plan":         "--corner --storage --kv --place --size --image",
	"inspect":      "--target",
	"compare":      "--ignore",
	"native check": "args",
	"help":         "command",
}

// TestInputPaths: every flag and argument of text is on a path of the list, or names no file.
func TestInputPaths(t *testing.T) {
	parser, err := kong.New(new(commands))
	if err != nil {
		t.Fatal(err)
	}
	text := func(v *kong.Value) bool {
		k := v.Target.Type().String()
		return (k == "string" || k == "[]string") && v.Enum == ""
	}
	leaf := 0
	for _, n := range parser.Model.Leaves(false) {
		leaf++
		command := strings.TrimPrefix(n.Path(), "dualbank ")
		var texts []string
		positional := false
		for _, v := range n.Positional {
			if text(v) && !slices.Contains(strings.Fields(noFiles[command]), v.Name) {
				positional = true
			}
		}
		for _, f := range n.Flags {
			if text(f.Value) && !strings.HasSuffix(f.Name, "out") && !slices.Contains(strings.Fields(noFiles[command]), "--"+f.Name) {
				texts = append(texts, "--"+f.Name)
			}
		}
		var all strings.Builder
		read := false
		for _, p := range inputPaths {
			if !strings.HasPrefix(p.args+" ", command+" ") {
				continue
			}
			all.WriteString(p.args + " ")
			words := strings.Fields(p.args)
			for i, w := range words {
				read = read || (w == "FILE" || w == "VIA" || w == "r") && !strings.HasPrefix(words[i-1], "--")
			}
		}
		for _, flag := range texts {
			if !strings.Contains(all.String(), flag+" FILE") {
				t.Errorf("%s %s is on no path: add one, or say that it names no file", command, flag)
			}
		}
		if positional && !read {
			t.Errorf("the argument of %s is on no path", command)
		}
	}
	if leaf < 13 {
		t.Errorf("%d commands", leaf)
	}
}

// companions are good files that the commands above need beside the one that is tried.
var companions = map[string]string{
	"c.json":   `{"target_overrides": {"*": {"storage.storage_type": "TDB_INTERNAL"}}}`,
	"b.txt":    "BenchmarkX 1 1 ns/op\n",
	"d.bin":    strings.Repeat("\xff", 4096),
	"own.json": `{"format":2,"subject":"KVStore","symptom":{"rule":1,"kind":"not-open"},"kv":{"device":{"sectors":"8x512","unit":1,"size":4096},"profile":"own","judge":"cut","keys":["a"],"script":["set \"a\", 3 bytes; before at step 0"]}}`,
}

// prepare makes a folder in which the command of a path can run with the file, and returns its arguments and the name
// that a message has to have.
func (p *inputPath) prepare(t *testing.T, dir, file string) (args []string, name string) {
	t.Helper()
	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range companions {
		if strings.Contains(p.args+p.via, name) {
			put(name, text)
		}
	}
	if p.as != "" && filepath.Ext(file) != p.as {
		to := p.as
		if strings.HasPrefix(p.as, ".") {
			to = filepath.Base(file) + p.as
		} else if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(p.as)), 0o700); err != nil {
			t.Fatal(err)
		}
		if to == "r/scenario.toml" {
			put("r/bench.txt", companions["b.txt"])
		}
		if err := os.Symlink(file, filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
		file = to
	}
	via := "via.toml"
	if strings.HasPrefix(p.via, "{") {
		via = "via.json"
	}
	if p.via != "" {
		put(via, strings.ReplaceAll(p.via, "@@", file))
	}
	return strings.Fields(strings.NewReplacer("FILE", file, "VIA", via).Replace(p.args)), filepath.Base(file)
}

// reads reports whether the file's format is one of those that are read on this path.
func (p *inputPath) reads(h *hostileFile) bool {
	return slices.Contains(strings.Split(p.formats, ","), h.format)
}

// takes reports whether a file may be good on this path, although its own format's readers refuse it or it is odd.
func (p *inputPath) takes(h *hostileFile) bool {
	switch {
	case strings.Contains(p.args, "findings "):
		return h.format == "case" // it is not run
	case p.formats == "configuration":
		return h.format == "fine" || !p.reads(h) && filepath.Ext(h.name) == ".json" // whose keys are unknown
	case p.formats == "corpus" && h.name == "utf16.corpus":
		return true // go-fuzz's inputs are raw
	}
	return p.any && !p.reads(h) && h.format != "special" && h.format != "large"
}

// named reports whether a message names the file.
func (p *inputPath) named(line, name string) bool {
	return strings.Contains(line, name) || p.folder != "" && strings.Contains(line, p.folder)
}

// limited is a command of the program with 2 GB of address space and 10 s of processor time.
func limited(dir string, args ...string) *exec.Cmd {
	c := exec.Command("bash", append([]string{"-c", `ulimit -v 2097152; ulimit -t 10; exec "$0" "$@"`, filepath.Join(program, "dualbank")}, args...)...)
	c.Dir = dir
	return c
}

// TestHostile gives the hostile set to every command on every path on which it reads a file: each file is refused with
// exit code 2 and one short line that names it, in 512 MiB of memory and 10 s of processor time. Raw bytes are
// no mistake where they are taken: there the files of its own formats are refused, and the others end well.
//
// By default each path gets one file or two. In the long tests two of the paths that read a format get each file of it, in turns,
// and each path gets some of the others. DUALBANK_HOSTILE=all gives all files to all paths.
func TestHostile(t *testing.T) {
	set := hostileFiles()
	if len(set) < 120 {
		t.Fatalf("%d hostile files", len(set))
	}
	dir := t.TempDir()
	paths := make([]string, len(set))
	file := func(i int) string {
		if paths[i] == "" {
			paths[i] = set[i].write(t, dir, i)
		}
		return paths[i]
	}
	all := os.Getenv("DUALBANK_HOSTILE") == "all"
	readers := map[string]int{} // paths so far that read a format, and how many there are
	total := map[string]int{}
	for _, p := range inputPaths {
		for _, format := range strings.Split(p.formats, ",") {
			total[format]++
		}
	}
	for n, p := range inputPaths {
		var mine []int
		own, others := 0, 0
		for i := range set {
			h := &set[i]
			chosen := all
			switch {
			case h.format == "empty" && (p.formats == "scenario" || p.any):
				continue // it is all defaults, or no bytes
			case p.reads(h):
				own++
				turn := (readers[h.format] + own) % total[h.format]
				chosen = chosen || long.Enabled() && turn < 2 || own == 1+n%7
			case p.any && h.format != "special" && h.format != "large" && h.format != "random":
			default:
				others++
				chosen = chosen || long.Enabled() && others%60 == 1+n*7%60 || (n%6 == 0 || long.Enabled()) && others == 1+n*37%200
			}
			if chosen {
				mine = append(mine, i)
				file(i) // before the paths are tried at once
			}
		}
		for _, format := range strings.Split(p.formats, ",") {
			readers[format]++
		}
		t.Run(strings.ReplaceAll(p.args+p.via, "/", "|"), func(t *testing.T) {
			t.Parallel()
			for _, i := range mine {
				h := &set[i]
				here := t.TempDir()
				args, name := p.prepare(t, here, file(i))
				c := limited(here, args...)
				var stderr bytes.Buffer
				c.Stderr = &stderr
				_ = c.Run() // the exit code says more
				line, code := strings.TrimSuffix(stderr.String(), "\n"), c.ProcessState.ExitCode()
				memory := ofChild(c.ProcessState)
				switch {
				case p.takes(h) && code >= 0 && code <= 2 && !strings.Contains(line, "\x1b"): // perhaps with warnings
				case code != 2, line == "", strings.ContainsAny(line, "\n\x1b"), len(line) > 700, !p.named(line, name), strings.Contains(line, "goroutine"):
					t.Errorf("%s in %v: exit code %d, %.1000q", h.name, args, code, &stderr)
				}
				if memory > 512 {
					t.Errorf("%s in %v: %d MiB", h.name, args, memory)
				}
			}
		})
	}
}

// ofChild is the memory that a process has used at most, in MiB; 0 where that is not more than what this process has: a
// child begins as a copy of it, and counts it.
func ofChild(state *os.ProcessState) int64 {
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		return 0
	}
	used := state.SysUsage().(*syscall.Rusage).Maxrss
	if int64(used) <= int64(own.Maxrss) {
		return 0
	}
	return int64(used) >> 10
}
