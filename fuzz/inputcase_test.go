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

	"dualbank/kvstore"
)

// crashers are findings of random inputs on a store with a defect, of each target.
func crashers(t *testing.T, name string, p Planted) []Finding {
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
	for name, p := range map[string]Planted{
		"FuzzKV":     {KV: kvstore.DefectNoReadBack},
		"FuzzSecure": {KV: kvstore.DefectWriteOnceUnguarded},
		"FuzzUpdate": {Boot: Catalogue[len(Catalogue)-5].Boot},
		"FuzzLayout": {KV: kvstore.DefectOddSectors},
	} {
		dir := t.TempDir()
		for _, f := range crashers(t, name, p)[:1] {
			before := len(f.Input.Bytes)
			if n := f.Minimize(300); n < 2 || len(f.Input.Bytes) >= before {
				t.Errorf("%s: %d bytes, %d before, in %d tries", name, len(f.Input.Bytes)/2, before/2, n)
			}
			path := filepath.Join(dir, f.ID+".json")
			if err := f.Write(path); err != nil {
				t.Fatal(err)
			}
			got, err := ReadFinding(path)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(&f, got); d != "" {
				t.Errorf("%s: a finding changes on its way through a file:\n%s", name, d)
			}
			var story bytes.Buffer
			if broken, err := got.Replay(&story); err != nil || !broken {
				t.Errorf("%s: replayed: %v, %v", name, broken, err)
			}
			for _, want := range []string{f.Symptom, name, f.Place.String(), f.Input.Story[len(f.Input.Story)-1]} {
				if !strings.Contains(story.String(), want) {
					t.Errorf("%s: no %q in\n%s", name, want, &story)
				}
			}
			image, err := os.ReadFile(filepath.Join(dir, f.ID+".bin"))
			if err != nil || len(image) == 0 {
				t.Errorf("%s: %d bytes of image, %v", name, len(image), err)
			}
			got.Input.Planted = Planted{}
			if broken, err := got.Replay(io.Discard); err != nil || broken {
				t.Errorf("%s, without the defect: %v, %v", name, broken, err)
			}
			src, err := f.AsTest("findings")
			if out, err2 := format.Source([]byte(src)); err != nil || err2 != nil || !strings.Contains(string(out), "func TestFinding_") {
				t.Errorf("%s as a test: %v, %v", name, err, err2)
			}
		}
	}
}

// TestKnownCrashers: an input that shows what the reference is known for is a finding that says so.
func TestKnownCrashers(t *testing.T) {
	found, err := target(t, "FuzzKV").Crashers([][]byte{seedInput(t, "FuzzKV", "sizes-wrap"), nil, {1, 2}}, Planted{})
	if err != nil || len(found) != 1 || !found[0].Known || found[0].Rule != RuleOpens {
		t.Errorf("%+v, %v", found, err)
	}
}

// TestPanickingInput: a panic is a finding, too.
func TestPanickingInput(t *testing.T) {
	tg := &Target{Name: "FuzzKV", Subject: "KVStore", decode: func(c *choices) input { return panicking(c.next()) }}
	found, err := tg.Crashers([][]byte{{0}, {1}, {2}}, Planted{})
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	f := found[0]
	if f.Rule != RulePanic || f.Count != 2 || !strings.Contains(f.Symptom, "a panic: too much") || !strings.Contains(f.Place.Part, "fuzz.panicking.run") || ruleText(f.Subject, f.Rule) == "unknown" {
		t.Errorf("%+v", f)
	}
}

// panicking is an input that panics if it is not 0.
type panicking int

func (p panicking) String() string { return "an input" }

func (p panicking) run(*outcome) error {
	if p > 0 {
		panic("too much")
	}
	return nil
}

// TestBadInputCases: one line that says what is wrong.
func TestBadInputCases(t *testing.T) {
	good := `{"subject":"KVStore","rule":1,"input":{"target":"FuzzKV","bytes":"00","story":["8x512, 0x00000000+0x1000, program unit 1, profile MbedCE"]}}`
	if f, err := ParseFinding([]byte(good)); err != nil {
		t.Fatal(err)
	} else if broken, err := f.Replay(io.Discard); err != nil || broken {
		t.Fatal(broken, err)
	}
	for _, tt := range []struct{ old, new, want string }{
		{"FuzzKV", "FuzzTV", `input.target: target "FuzzTV" is unknown: use FuzzKV, FuzzSecure, FuzzUpdate, FuzzLayout`},
		{`"00"`, `"0"`, "input.bytes: not up to 1048576 bytes in hex"},
		{"8x512", "4x512", "input.story: these bytes mean another run to this version"},
	} {
		f, err := ParseFinding([]byte(strings.Replace(good, tt.old, tt.new, 1)))
		if err == nil {
			_, err = f.Replay(io.Discard)
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want one line with %q", err, tt.want)
		}
	}
}

// TestInputFiles: an input goes from one engine's corpus to the other's and back.
func TestInputFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "FuzzLayout")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, data := range [][]byte{nil, {0}, []byte("\"\\\n\xFF"), randomInput(1, 300)} {
		for _, text := range [][]byte{NativeInput(data), data} {
			path := filepath.Join(dir, "0123")
			if err := os.WriteFile(path, text, 0o666); err != nil {
				t.Fatal(err)
			}
			got, name, err := ReadInput(path)
			if err != nil || !bytes.Equal(got, data) || name != "FuzzLayout" {
				t.Errorf("%q: %q of %q, %v", text, got, name, err)
			}
		}
	}
	for _, text := range []string{"", "string(\"x\")", "[]byte(\"x\")\nint(1)", "[]byte(\"x\"", "[]byte(x)"} {
		if _, err := ParseInput([]byte(nativeHead + text + "\n")); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	if _, _, err := ReadInput(filepath.Join(dir, "none")); err == nil {
		t.Error("a file that is not there is read")
	}
}

// FuzzInputFile: any text is an input or an error, and an input's own file gives it back.
func FuzzInputFile(f *testing.F) {
	f.Add([]byte(nativeHead + "[]byte(\"a\\x00\")\n"))
	f.Add([]byte("raw"))
	f.Fuzz(func(t *testing.T, text []byte) {
		data, err := ParseInput(text)
		if err != nil {
			return
		}
		if again, err := ParseInput(NativeInput(data)); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%q, then %q, %v", data, again, err)
		}
	})
}
