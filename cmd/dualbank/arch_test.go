package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"dualbank/internal/long"
)

// smallestScenario takes a second on the machine itself and half a minute under emulation. With the corner sampled and a
// wear law it draws from everything that is drawn from.
const smallestScenario = `
[board]
compare = []
corner = "sampled"
wear = "flat"
[application]
drivers = []
interrupts = []
[workload]
hours = 2
[update]
bytes = 2000
[cuts]
modes = ["before"]
collections = 1
kvstore = 4
update = 4
update_bytes = 2000
`

// made is the line of the records that names the program, and with it the machine that it was built for.
var made = regexp.MustCompile(`(?m)^ *"made": ".*",\n`)

// TestSameOnEveryMachine runs one scenario with programs for several processors: figures, records and findings are
// the same byte for byte, but for the name of the program. The one for arm64 runs under emulation, where that is
// installed.
func TestSameOnEveryMachine(t *testing.T) {
	long.Test(t)
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("needs linux on amd64, which runs programs for 386 too")
	}
	var want map[string]string
	for _, m := range []struct{ arch, emulator string }{{"amd64", ""}, {"386", ""}, {"arm64", "qemu-aarch64-static"}} {
		var args []string
		if m.emulator != "" {
			path, err := exec.LookPath(m.emulator)
			if err != nil {
				t.Logf("%s: not compared: %v (Debian: apt-get install qemu-user-static)", m.arch, err)
				continue
			}
			args = append(args, path)
		}
		dir := t.TempDir()
		built := filepath.Join(dir, "dualbank")
		build := exec.Command("go", "build", "-o", built, ".")
		build.Env = append(os.Environ(), "GOARCH="+m.arch, "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", m.arch, err, out)
		}
		if err := os.WriteFile(filepath.Join(dir, "tiny.toml"), []byte(smallestScenario), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, built, "run", "tiny.toml", "--out", "out")
		run := exec.Command(args[0], args[1:]...)
		run.Dir = dir
		var stderr bytes.Buffer
		run.Stderr = &stderr
		if err := run.Run(); err != nil {
			t.Fatalf("%s: %v\n%s", m.arch, err, &stderr)
		}
		got := files(t, filepath.Join(dir, "out"))
		for name := range got {
			if ext := filepath.Ext(name); ext == ".png" || ext == ".svg" || ext == ".html" {
				delete(got, name) // pictures are drawn with floats that need not be the same in the last digit
			}
		}
		records := got["records.json"]
		if got["records.json"] = made.ReplaceAllString(records, ""); got["records.json"] == records || !strings.Contains(records, "/"+m.arch+`",`) {
			t.Errorf("%s: records.json does not name the program", m.arch)
		}
		if want == nil {
			want = got
			if want["bench.txt"] == "" || len(want) < 7 {
				t.Fatalf("%d files, bench.txt of %d bytes", len(want), len(want["bench.txt"]))
			}
			continue
		}
		for name := range want {
			if got[name] != want[name] {
				t.Errorf("%s: %s differs from that of amd64", m.arch, name)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d files, on amd64 %d", m.arch, len(got), len(want))
		}
	}
}

// files returns the content of every file below dir, by its path there. There is nothing if there is no dir.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	if _, err := os.Stat(dir); os.IsNotExist(err) {
		return all
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if d.Type()&os.ModeSymlink != 0 {
			all[filepath.ToSlash(name)], err = os.Readlink(path)
			return err
		}
		text, err := os.ReadFile(path)
		all[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
