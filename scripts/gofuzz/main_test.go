package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"dualbank/fuzz"
	"dualbank/fuzz/explore"
	"dualbank/internal/long"
)

// TestPrepare: what go-fuzz-build is given builds, with a function for every target.
func TestPrepare(t *testing.T) {
	long.Test(t)
	t.Chdir("../..")
	src := t.TempDir()
	if err := prepare(src); err != nil {
		t.Fatal(err)
	}
	for _, target := range fuzz.Targets {
		main := "package main\n\nimport \"dualbank/fuzz\"\n\nfunc main() { println(fuzz." + target.Name + "(nil)) }\n"
		dir := filepath.Join(src, "run", target.Name)
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(main), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-tags", "gofuzz", "./fuzz", "./run/...")
	build.Dir = src
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestCorpora: an input goes to the other engine and back, and none goes in circles.
func TestCorpora(t *testing.T) {
	dir := t.TempDir()
	cache, corpus := filepath.Join(dir, "FuzzKV"), filepath.Join(dir, "corpus")
	for _, d := range []string{cache, corpus} {
		if err := os.Mkdir(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	write := func(path string, data []byte) {
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(cache, "771e938e4458e983"), explore.NativeInput([]byte("from native\x00")))
	write(filepath.Join(corpus, "da39a3ee5e6b4b0d3255bfef95601890afd80709-2"), []byte("from go-fuzz"))
	for range 2 {
		if err := toGoFuzz(cache, corpus); err != nil {
			t.Fatal(err)
		}
		if err := toNative(corpus, cache); err != nil {
			t.Fatal(err)
		}
	}
	for dir, want := range map[string]map[string]string{
		cache:  {"771e938e4458e983": "from native\x00", "gofuzz-da39a3ee5e6b4b0d": "from go-fuzz"},
		corpus: {"native-771e938e4458e983": "from native\x00", "da39a3ee5e6b4b0d3255bfef95601890afd80709-2": "from go-fuzz"},
	} {
		files, err := os.ReadDir(dir)
		if err != nil || len(files) != len(want) {
			t.Fatalf("%s: %d files, %v", dir, len(files), err)
		}
		for name, text := range want {
			if got, _, err := explore.ReadInput(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, []byte(text)) {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
	}
}
