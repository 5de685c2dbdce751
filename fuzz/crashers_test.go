package fuzz

import (
	"bytes"
	"go/format"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/kv/sut"
	"dualbank/fuzz/update"
	"dualbank/kvstore"
)

// crashers are findings of random inputs on a store with a defect, of each target.
func crashers(t *testing.T, name string, p explore.Planted) []explore.Finding {
	t.Helper()
	tg := target(t, name)
	var inputs [][]byte
	for seed := uint64(0); len(inputs) < 3 && seed < 300; seed++ {
		data := randomInput(seed, 300)
		if bad, _ := unknown(t, tg, data, p); len(bad) > 0 {
			inputs = append(inputs, data)
		}
	}
	found, err := tg.Crashers(inputs, p)
	if err != nil || len(found) == 0 {
		t.Fatalf("%d inputs, %d findings, %v", len(inputs), len(found), err)
	}
	return found
}

// TestCrashers: what an input breaks becomes a finding that is written, read, replayed, made smaller, and
// printed as a test.
func TestCrashers(t *testing.T) {
	for name, p := range map[string]explore.Planted{
		"FuzzKV":     {kv.Planted: uint64(kvstore.DefectNoReadBack)},
		"FuzzSecure": {kv.Planted: uint64(kvstore.DefectWriteOnceUnguarded)},
		"FuzzUpdate": {update.Planted: uint64(Catalogue[len(Catalogue)-5].Boot)},
		"FuzzLayout": {kv.Planted: uint64(kvstore.DefectOddSectors)},
	} {
		dir := filepath.Join(t.TempDir(), "findings")
		for _, f := range crashers(t, name, p)[:1] {
			before := f.Case.Len()
			if n := f.Minimize(300, explore.Env{}); n < 2 || f.Case.Len() > before {
				t.Errorf("%s: %d steps, %d before, in %d tries", name, f.Case.Len(), before, n)
			}
			path := filepath.Join(dir, f.ID+".json")
			if err := WriteFindings(dir, []explore.Finding{f}); err != nil {
				t.Fatal(err)
			}
			got, err := ReadFinding(path)
			if err != nil {
				t.Fatal(err)
			}
			want, err := f.Text()
			if err != nil {
				t.Fatal(err)
			}
			again, err := got.Text()
			if err != nil || !bytes.Equal(want, again) {
				t.Errorf("%s: a finding changes on its way through a file (%v):\n%s", name, err, cmp.Diff(string(want), string(again)))
			}
			var story bytes.Buffer
			if broken, err := got.Replay(&story); err != nil || !broken {
				t.Errorf("%s: replayed: %v, %v", name, broken, err)
			}
			for _, want := range []string{f.Symptom.String(), f.Place.String()} {
				if !strings.Contains(story.String(), want) {
					t.Errorf("%s: no %q in\n%s", name, want, &story)
				}
			}
			image, err := os.ReadFile(filepath.Join(dir, f.ID+".bin"))
			if err != nil || len(image) == 0 {
				t.Errorf("%s: %d bytes of image, %v", name, len(image), err)
			}
			got.Case = got.Case.Clean()
			if broken, err := got.Replay(io.Discard); err != nil || broken {
				t.Errorf("%s, without the defect: %v, %v", name, broken, err)
			}
			src, err := AsTest(&f, "findings")
			if out, err2 := format.Source([]byte(src)); err != nil || err2 != nil || !strings.Contains(string(out), "func TestFinding_") {
				t.Errorf("%s as a test: %v, %v", name, err, err2)
			}
		}
	}
}

// TestKnownCrashers: an input that shows what the reference is known for is a finding that says so.
func TestKnownCrashers(t *testing.T) {
	found, err := target(t, "FuzzKV").Crashers([][]byte{seedInput(t, "FuzzKV", "sizes-wrap"), nil, {1, 2}}, nil)
	if err != nil || len(found) != 1 || !found[0].Known || found[0].Symptom.Rule != sut.RuleOpens {
		t.Errorf("%+v, %v", found, err)
	}
}
