package explore

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dualbank"
)

// written is a journal with chunks 0 to 2 of a configuration, each with its number.
func written(t *testing.T, path string) {
	t.Helper()
	j, err := openJournal(path, "one")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := j.save(i, i); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
}

// loaded are the chunks that the journal has, by number.
func loaded(t *testing.T, path string) map[int]int {
	t.Helper()
	j, err := openJournal(path, "one")
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	got := map[int]int{}
	for i := range 100 {
		var v int
		if j.load(i, &v) {
			got[i] = v
		}
	}
	return got
}

// TestJournalFlips changes each character of a line: no change makes a chunk of another number, of another
// configuration or with another result.
func TestJournalFlips(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	written(t, path)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := strings.Index(string(text), "\n")
	for at := range first {
		for _, c := range "17\"" {
			changed := []byte(string(text))
			if changed[at] == byte(c) {
				continue
			}
			changed[at] = byte(c)
			if err := os.WriteFile(path, changed, 0o600); err != nil {
				t.Fatal(err)
			}
			got := loaded(t, path)
			if v, ok := got[0]; ok && v != 0 || got[1] != 1 || got[2] != 2 || len(got) > 3 {
				t.Fatalf("character %d made %q: %v of\n%s", at, c, got, changed)
			}
		}
	}
}

// TestJournalKnowsItsProgram: a journal of another program, or of a version that did not say which, is set aside.
func TestJournalKnowsItsProgram(t *testing.T) {
	for _, program := range []string{"0123456789abcdef", ""} {
		dir := t.TempDir()
		path := filepath.Join(dir, "journal")
		written(t, path)
		own, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		foreign := strings.Replace(string(own), dualbank.Digest(), "0123456789abcdef", 1)
		if err := os.WriteFile(path, []byte(foreign), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := loaded(t, path); len(got) != 2 {
			t.Errorf("a line whose sum is wrong sets aside: %v", got)
		}
		l := line{head{Program: program, Chunk: 1}, []byte("7")}
		text := fmt.Appendf(own, "{\"program\":%q,\"config\":0,\"chunk\":1,\"sum\":%d,\"result\":7}\n", program, l.sum())
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		aside, err := SetAside(path)
		if err != nil || aside == "" {
			t.Fatalf("%q, %v", aside, err)
		}
		if kept, err := os.ReadFile(aside); err != nil || !strings.HasPrefix(string(kept), string(own)) {
			t.Errorf("what is set aside is not what was there: %v", err)
		}
		if got := loaded(t, path); len(got) != 0 {
			t.Errorf("verdicts of another program are used: %v", got)
		}
	}
}

func TestJournalContradicts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	written(t, path)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	twice := append(text, text[:strings.Index(string(text), "\n")+1]...)
	if err := os.WriteFile(path, twice, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := loaded(t, path); len(got) != 3 {
		t.Errorf("the same line twice: %v", got)
	}
	j, err := openJournal(path, "one")
	if err != nil {
		t.Fatal(err)
	}
	if err := j.save(1, 5); err != nil {
		t.Fatal(err)
	}
	j.close()
	if _, err := openJournal(path, "one"); err == nil || !strings.Contains(err.Error(), "differ about chunk 1") {
		t.Errorf("two lines for a chunk: %v", err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := openJournal(link, "one"); err == nil {
		t.Error("a symbolic link is followed")
	}
}

// FuzzJournal: any text is a journal or an error of one line. What is added to it afterwards is there when it is opened
// again, and none of its lines makes a chunk without its sum.
func FuzzJournal(f *testing.F) {
	path := filepath.Join(f.TempDir(), "journal")
	j, err := openJournal(path, "one")
	if err != nil {
		f.Fatal(err)
	}
	for i := range 3 {
		if err := j.save(i, i); err != nil {
			f.Fatal(err)
		}
	}
	if err := j.close(); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte("{\"chunk\":1,\"result\":7}\n\n{}\nnull\n[]"))
	f.Add([]byte(`{"program":"0123456789abcdef","config":1,"chunk":1,"sum":1,"result":{}}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "journal")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := openJournal(path, "one")
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%v", err)
			}
			return
		}
		var v int
		for i := range 3 {
			if j.load(i, &v) && !strings.Contains(string(text), dualbank.Digest()) {
				t.Fatalf("chunk %d of another program", i)
			}
		}
		err = j.save(99, 7)
		if closed := j.close(); err != nil || closed != nil {
			t.Fatal(err, closed)
		}
		if j, err = openJournal(path, "one"); err != nil {
			t.Fatal(err)
		}
		defer j.close()
		if !j.load(99, &v) || v != 7 {
			t.Fatalf("what was added is %d", v)
		}
	})
}
