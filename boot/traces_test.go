package boot

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var tracesDir = flag.String("traces", filepath.Join("testdata", "traces"), "folder of reference traces (NN.script and NN.expected), sub-folders too")

// TestReferenceTraces replays traces recorded from the reference and compares all that they print:
// results, operations, reads, CRCs, console.
func TestReferenceTraces(t *testing.T) {
	dir, err := callersPath(*tracesDir)
	if err != nil {
		t.Fatal(err)
	}
	var scripts []string
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ".script") {
			scripts = append(scripts, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(scripts) == 0 {
		t.Fatalf("no *.script in %s or below", dir)
	}
	for _, script := range scripts {
		name, err := filepath.Rel(dir, script)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.ToSlash(name), ".script"), func(t *testing.T) {
			replay(t, script)
		})
	}
}

// callersPath is a path as it was seen from where go test was called, which this process, in the
// package's folder, does not know: the package's folder itself, the module's, another one below it, or
// one above.
func callersPath(path string) (string, error) {
	if filepath.IsAbs(path) {
		return path, nil
	}
	at, err := os.Getwd()
	if err != nil {
		return "", err
	}
	tried := []string{path, filepath.Join("..", path), strings.TrimPrefix(filepath.ToSlash(path), "../")}
	for up := filepath.Dir(filepath.Dir(at)); ; up = filepath.Dir(up) {
		tried = append(tried, filepath.Join(up, path))
		if up == filepath.Dir(up) {
			break
		}
	}
	for _, p := range tried {
		if _, err := os.Stat(p); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("no folder %s here, in the module or above: give its absolute path", path)
}

func lines(t *testing.T, file string) []string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.TrimRight(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n")
	return strings.Split(text, "\n")
}

func replay(t *testing.T, script string) {
	commands := lines(t, script)
	want := lines(t, strings.TrimSuffix(script, ".script")+".expected")
	config, ok := strings.CutPrefix(commands[0], "# config: ")
	if !ok {
		t.Fatalf("%s:1: want \"# config: NAME\"", script)
	}
	m, err := newMachine(strings.TrimSpace(config), t.TempDir())
	if err != nil {
		t.Fatalf("%s:1: %v", script, err)
	}
	line := 0
	for i, c := range commands {
		m.out.Reset()
		if err := m.run(c); err != nil {
			t.Fatalf("%s:%d: %v", script, i+1, err)
		}
		for got := range strings.SplitSeq(strings.TrimRight(m.out.String(), "\n"), "\n") {
			if line >= len(want) {
				t.Fatalf("%s:%d: %s: prints more than the reference: %s", script, i+1, c, got)
			}
			if strings.TrimRight(got, " ") != strings.TrimRight(want[line], " ") {
				t.Fatalf("%s:%d: %s\n got  %s\n want %s (line %d)", script, i+1, c, got, want[line], line+1)
			}
			line++
		}
	}
	if line < len(want) {
		t.Errorf("%s: ends before the reference's line %d: %s", script, line+1, want[line])
	}
}
