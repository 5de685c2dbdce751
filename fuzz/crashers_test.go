package fuzz

import (
	"bytes"
	"context"
	"go/format"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dualbank/fuzz/cause"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/internal/randominput"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/kv/sut"
	"dualbank/fuzz/update"
	"dualbank/kvstore"
)

// crashers are findings of random inputs on a store with a defect, of each target.
func crashers(t *testing.T, name string, p explore.Planted) []explore.Finding {
	t.Helper()
	for seed := range uint64(300) {
		if found := needing(t, target(t, name), randominput.Bytes(seed, 300), p); len(found) > 0 {
			return found
		}
	}
	t.Fatalf("%s: no input shows the defect", name)
	return nil
}

// needing are the findings of an input that need a defect.
func needing(t *testing.T, tg *explore.Target, data []byte, p explore.Planted) []explore.Finding {
	t.Helper()
	found, err := tg.Crashers([][]byte{data}, p)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(found, func(f explore.Finding) bool { return !f.Needs() })
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

// TestCrasherCauses: a crasher goes by its cause.
func TestCrasherCauses(t *testing.T) {
	found, err := target(t, "FuzzKV").Crashers([][]byte{seedInput(t, "FuzzKV", "sizes-wrap"), nil, {1, 2}}, nil)
	if err != nil || len(found) != 1 || found[0].Symptom.Rule != sut.RuleOpens {
		t.Fatalf("%+v, %v", found, err)
	}
	if f := cause.Attribute(context.Background(), found, explore.Env{}, 0, nil); len(f) != 1 || f[0].Cause != kvstore.RepairWrappedSizes.String() {
		t.Errorf("%+v", f)
	}
}
