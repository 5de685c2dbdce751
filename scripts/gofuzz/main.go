// Command gofuzz runs the guided search with go-fuzz: gofuzz TIME [Fuzz|FuzzUpdate]. Corpus and
// crashers are kept in out/gofuzz/FUNC; what the native engine has found goes in as a seed, and what
// go-fuzz finds comes back as seeds of the native target.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// natives are the native targets with the same body.
var natives = map[string]string{"Fuzz": "FuzzKV", "FuzzUpdate": "FuzzUpdate"}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gofuzz:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	fn := "Fuzz"
	if len(args) == 2 {
		fn = args[1]
	}
	native, ok := natives[fn]
	if len(args) < 1 || len(args) > 2 || !ok {
		return errors.New("give a time such as 60s, and Fuzz or FuzzUpdate")
	}
	limit, err := time.ParseDuration(args[0])
	if err != nil {
		return fmt.Errorf("%q is no time: give one such as 60s", args[0])
	}
	work, err := filepath.Abs(filepath.Join("out", "gofuzz", fn))
	if err != nil {
		return err
	}
	seeds := filepath.Join("fuzz", "testdata", "fuzz", native)
	if err := errors.Join(os.MkdirAll(filepath.Join(work, "corpus"), 0o755), os.MkdirAll(seeds, 0o755)); err != nil {
		return err
	}
	if err := toGoFuzz(seeds, filepath.Join(work, "corpus")); err != nil {
		return err
	}
	src, err := os.MkdirTemp("", "gofuzz")
	if err != nil {
		return err
	}
	defer os.RemoveAll(src)
	if err := prepare(src); err != nil {
		return err
	}
	build := exec.Command("go", "tool", "go-fuzz-build", "-func", fn, "-o", filepath.Join(work, "fuzz.zip"), "./fuzz")
	build.Dir, build.Stdout, build.Stderr = src, os.Stdout, os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("go-fuzz-build: %w", err)
	}
	if err := search(work, limit); err != nil {
		return err
	}
	return toNative(work, seeds, native)
}

// search runs go-fuzz for a time. SIGINT ends it cleanly, SIGTERM leaves files behind.
func search(work string, limit time.Duration) error {
	path, err := exec.Command("go", "tool", "-n", "go-fuzz").Output()
	if err != nil {
		return fmt.Errorf("go tool -n go-fuzz: %w", err)
	}
	ctx, stop := context.WithTimeout(context.Background(), limit)
	defer stop()
	ctx, stopped := signal.NotifyContext(ctx, os.Interrupt)
	defer stopped()
	c := exec.CommandContext(ctx, strings.TrimSpace(string(path)), "-bin="+filepath.Join(work, "fuzz.zip"), "-workdir="+work, fmt.Sprintf("-procs=%d", runtime.NumCPU()))
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGINT) }
	if err := c.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("go-fuzz: %w", err)
	}
	return nil
}

// prepare copies what the fuzzed package needs. go-fuzz-build cannot carry embedded folders, so that
// they become maps in Go source. Of results the records are enough; what draws would bring in modules
// with embedded folders of their own.
func prepare(dst string) error {
	for _, dir := range []string{"fuzz", "model", "kvstore", "boot"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testdata") {
				return err
			}
			return copyFile(path, filepath.Join(dst, path))
		})
		if err != nil {
			return err
		}
	}
	for _, f := range []string{"go.mod", "go.sum", "results/record.go"} {
		if err := copyFile(f, filepath.Join(dst, f)); err != nil {
			return err
		}
	}
	return nil
}

var embedded = regexp.MustCompile(`(?m)^//go:embed (.*)\nvar (\w+) embed\.FS$`)

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if strings.HasSuffix(from, ".go") && embedded.Match(text) {
		if text, err = unembed(filepath.Dir(from), text); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o644)
}

// unembed writes the files of a go:embed directive out as a map in the source.
func unembed(dir string, src []byte) ([]byte, error) {
	var failed error
	src = embedded.ReplaceAllFunc(src, func(m []byte) []byte {
		part := embedded.FindSubmatch(m)
		var out bytes.Buffer
		fmt.Fprintf(&out, "var %s = fstest.MapFS{\n", part[2])
		for _, pattern := range strings.Fields(string(part[1])) {
			files, err := filepath.Glob(filepath.Join(dir, pattern))
			failed = errors.Join(failed, err)
			for _, f := range files {
				failed = errors.Join(failed, filepath.WalkDir(f, func(path string, d fs.DirEntry, err error) error {
					if err != nil || d.IsDir() {
						return err
					}
					text, err := os.ReadFile(path)
					name, _ := filepath.Rel(dir, path)
					fmt.Fprintf(&out, "%q: {Data: []byte(%q)},\n", filepath.ToSlash(name), text)
					return err
				}))
			}
		}
		out.WriteString("}")
		return out.Bytes()
	})
	return bytes.Replace(src, []byte(`"embed"`), []byte(`"testing/fstest"`), 1), failed
}

// toGoFuzz gives go-fuzz the native engine's corpus: each file holds one []byte as Go source.
func toGoFuzz(seeds, corpus string) error {
	files, err := filepath.Glob(filepath.Join(seeds, "*"))
	if err != nil {
		return err
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		quoted, ok := strings.CutPrefix(lines[len(lines)-1], "[]byte(")
		data, err := strconv.Unquote(strings.TrimSuffix(quoted, ")"))
		if len(lines) != 2 || !ok || err != nil {
			return fmt.Errorf("%s: not a corpus file with one []byte: remove it", f)
		}
		if err := os.WriteFile(filepath.Join(corpus, "native-"+filepath.Base(f)), []byte(data), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// toNative makes crashers seeds of the native target, which then replays them; the corpus goes to
// where the native engine keeps its own only on demand, as it is large.
func toNative(work, seeds, native string) error {
	crashers, err := filepath.Glob(filepath.Join(work, "crashers", "*"))
	if err != nil {
		return err
	}
	n := 0
	for _, f := range crashers {
		if filepath.Ext(f) != "" { // .output and .quoted
			continue
		}
		data, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		text := fmt.Sprintf("go test fuzz v1\n[]byte(%q)\n", data)
		if err := os.WriteFile(filepath.Join(seeds, "gofuzz-"+filepath.Base(f)[:16]), []byte(text), 0o644); err != nil {
			return err
		}
		n++
	}
	if n > 0 {
		return fmt.Errorf("%d crashers in %s: DUALBANK_STRICT=1 go test -run %s ./fuzz replays them", n, filepath.Join(work, "crashers"), native)
	}
	return nil
}
