package outdir_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dualbank/internal/outdir"
)

// fill makes files below dir.
func fill(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("mine "+name), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// tree returns what is below dir, without the mark.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == ".dualbank" {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if d.Type()&fs.ModeSymlink != 0 {
			all[name], err = os.Readlink(path)
			return err
		}
		text, err := os.ReadFile(path)
		all[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// result writes a result of kind into dir.
func result(t *testing.T, dir, kind string, files map[string][]byte) error {
	t.Helper()
	out, err := outdir.Open(dir, outdir.Options{Kind: kind, Names: slices.Sorted(maps.Keys(files))})
	if err != nil {
		return err
	}
	defer func() {
		if err := out.Close(); err != nil {
			t.Error(err)
		}
		if left, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".*.dualbank")); err != nil || len(left) > 0 {
			t.Errorf("%v is left beside %s, %v", left, dir, err)
		}
	}()
	if err := out.WriteAll(files); err != nil {
		return err
	}
	return out.Commit()
}

func refused(t *testing.T, what string, err error) {
	t.Helper()
	if r, ok := errors.AsType[*outdir.Refused](err); !ok || strings.Contains(r.Error(), "\n") {
		t.Errorf("%s: %v, want one line that refuses it", what, err)
	}
}

func TestReplaces(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "a*[b")
	first := map[string][]byte{"one": []byte("1"), "findings/x-rule1.json": []byte("2"), "plots/p.png": []byte("3")}
	if err := result(t, dir, "run", first); err != nil {
		t.Fatal(err)
	}
	fill(t, dir, "notes.txt", "findings/my-rule-notes/deep", "plots/my.png", "findings/y-rule2.json")
	if err := os.Symlink("/nowhere", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	neighbour := filepath.Join(filepath.Dir(dir), "ab")
	fill(t, neighbour, "z-rule3.json")
	if err := result(t, dir, "run", map[string][]byte{"one": []byte("4"), "two": []byte("5")}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"one": "4", "two": "5", "notes.txt": "mine notes.txt", "findings/my-rule-notes/deep": "mine findings/my-rule-notes/deep",
		"plots/my.png": "mine plots/my.png", "findings/y-rule2.json": "mine findings/y-rule2.json", "link": "/nowhere",
	}
	if got := tree(t, dir); !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if got := tree(t, neighbour); len(got) != 1 {
		t.Errorf("a folder that the name would match has %v", got)
	}
}

func TestRefuses(t *testing.T) {
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	one := map[string][]byte{"scenario.toml": []byte("ours")}
	fill(t, root, "src/scenario.toml", "file", "git/.git/HEAD")
	if err := result(t, at("run"), "run", one); err != nil {
		t.Fatal(err)
	}
	if err := result(t, at("seed1"), "crash, seed 1", one); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(at("run"), at("link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(at("gone"), at("dangling")); err != nil {
		t.Fatal(err)
	}
	before := tree(t, root)
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ dir, kind string }{
		{at("src"), "run"},
		{at("git"), "run"},
		{at("file"), "run"},
		{at("file/in"), "run"},
		{at("link"), "run"},
		{at("dangling"), "run"},
		{"/", "run"},
		{"", "run"},
		{here, "run"},
		{filepath.Dir(here), "run"},
		{at("run"), "plan"},
		{at("seed1"), "crash, seed 2"},
		{at("none"), ""},
		{"/proc/dualbank", "run"},
	} {
		refused(t, c.dir+" for "+c.kind, result(t, c.dir, c.kind, one))
	}
	if got := tree(t, root); !maps.Equal(got, before) {
		t.Errorf("what is refused is changed:\n%v\n%v", got, before)
	}
	fill(t, at("run"), "report.html")
	refused(t, "a file of the user's in the way", result(t, at("run"), "run", map[string][]byte{"report.html": nil}))
	if got := tree(t, at("run"))["report.html"]; got != "mine report.html" {
		t.Errorf("the user's file became %q", got)
	}
	// In the way of a file that was not announced.
	out, err := outdir.Open(at("run"), outdir.Options{Kind: "run"})
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Write("report.html", nil); err != nil {
		t.Fatal(err)
	}
	refused(t, "a file that was not announced", out.Commit())
	for _, bad := range []string{"../x", "/x", "a/../b", "", ".dualbank", "a\nb"} {
		if out.Write(bad, nil) == nil {
			t.Errorf("%q is taken for a name", bad)
		}
	}
	out.Close()
	if got := tree(t, at("run")); got["report.html"] != "mine report.html" || got["scenario.toml"] != "ours" {
		t.Errorf("afterwards: %v", got)
	}
}

func TestLocks(t *testing.T) {
	root := t.TempDir()
	open := func(name, kind string) (*outdir.Folder, error) {
		return outdir.Open(filepath.Join(root, name), outdir.Options{Kind: kind})
	}
	if err := result(t, filepath.Join(root, "out"), "run", nil); err != nil {
		t.Fatal(err)
	}
	first, err := open("out", "run")
	if err != nil {
		t.Fatal(err)
	}
	_, err = open("out", "run")
	refused(t, "the same folder", err)
	_, err = open("out/crash", "crash")
	refused(t, "a folder inside", err)
	first.Close()
	inside, err := open("out/crash", "crash")
	if err != nil {
		t.Fatal(err)
	}
	beside, err := open("out/plan", "plan")
	if err != nil {
		t.Fatalf("two folders in one: %v", err)
	}
	_, err = open("out", "run")
	refused(t, "the folder around", err)
	inside.Close()
	beside.Close()
	if again, err := open("out", "run"); err != nil {
		t.Error(err)
	} else {
		again.Close()
	}
}

// TestAfterKill: what a killed process leaves is removed, and half a replacement undone.
func TestAfterKill(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "out")
	if err := result(t, dir, "run", map[string][]byte{"one": []byte("1")}); err != nil {
		t.Fatal(err)
	}
	fill(t, root, ".out.dualbank/new/half")
	if err := os.Rename(dir, filepath.Join(root, ".out.dualbank", "old")); err != nil {
		t.Fatal(err)
	}
	out, err := outdir.Open(dir, outdir.Options{Kind: "run"})
	if err != nil {
		t.Fatal(err)
	}
	out.Close()
	if got := tree(t, root); !maps.Equal(got, map[string]string{"out/one": "1"}) {
		t.Errorf("afterwards: %v", got)
	}
}

func TestBeginAdoptKeep(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "out", "crash")
	out, err := outdir.Open(dir, outdir.Options{Kind: "crash"})
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Begin(); err != nil {
		t.Fatal(err)
	}
	fill(t, dir, "journal/sweep00.journal")
	out.Close() // as after an error
	if got := tree(t, dir); got["journal/sweep00.journal"] == "" {
		t.Errorf("the journal is gone: %v", got)
	}
	// A folder that holds nothing but folders of results is as good as an empty one.
	if err := result(t, filepath.Join(root, "out"), "run", map[string][]byte{"a": nil, "b": nil}); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, root); len(got) != 3 {
		t.Errorf("%v", got)
	}
	kept, err := outdir.Open(filepath.Join(root, "out"), outdir.Options{Keep: func(name string) bool { return name == "a" }})
	if err != nil {
		t.Fatal(err)
	}
	if err := kept.Write("c", nil); err != nil {
		t.Fatal(err)
	}
	if err := kept.Commit(); err != nil {
		t.Fatal(err)
	}
	kept.Close()
	if got := slices.Sorted(maps.Keys(tree(t, filepath.Join(root, "out")))); !slices.Equal(got, []string{"a", "c", "crash/journal/sweep00.journal"}) {
		t.Errorf("%v", got)
	}
	if _, name, ok := outdir.Root(filepath.Join(root, "out", "a")); !ok || name != "a" {
		t.Errorf("a is not ours: %q", name)
	}
	if _, _, ok := outdir.Root(filepath.Join(dir, "journal", "sweep00.journal")); ok {
		t.Error("a file that was not written through the package is ours")
	}
	fill(t, root, "old/records.json", "old/notes")
	if _, err := outdir.Open(filepath.Join(root, "old"), outdir.Options{Kind: "run", Adopt: func(name string) bool { return name == "x" }}); err == nil {
		t.Error("a folder without a file of ours is adopted")
	}
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, "f.json")
	file := filepath.Join(dir, "f.json")
	if err := outdir.Replace(file, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, filepath.Join(dir, "l.json")); err != nil {
		t.Fatal(err)
	}
	refused(t, "a link", outdir.Replace(filepath.Join(dir, "l.json"), []byte("worse")))
	if got := tree(t, dir); got["f.json"] != "new" || len(got) != 2 {
		t.Errorf("%v", got)
	}
}
