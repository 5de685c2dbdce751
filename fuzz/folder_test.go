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
	"github.com/google/go-cmp/cmp/cmpopts"

	"dualbank/boot/firmware"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/internal/long"
)

func TestFindingFiles(t *testing.T) {
	long.Test(t)
	s := sweep(t, kv.Sweep{Device: small, Seed: 1, Collections: 3, MaxCuts: 3000})
	dir := filepath.Join(t.TempDir(), "findings")
	for range 2 { // the second time over the files of the first
		if err := WriteFindings(dir, s.Findings); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 4*len(s.Findings)+1 { // and the mark
		t.Fatalf("%d files for %d findings, %v", len(files), len(s.Findings), err)
	}
	for i := range s.Findings {
		f, err := ReadFinding(filepath.Join(dir, s.Findings[i].ID+".json"))
		if err != nil {
			t.Fatal(err)
		}
		// The variants follow from the sweep, and are not in the file.
		if d := cmp.Diff(&s.Findings[i], f, cmpopts.IgnoreFields(explore.Finding{}, "Variants")); d != "" {
			t.Errorf("a finding changes on its way through a file:\n%s", d)
		}
	}
	if err := WriteFindings(dir, nil); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("findings that are no longer found leave %d files, %v", len(files), err)
	}
}

// TestExports: the image of a finding is what its hex file says, and its story tells the cut.
func TestExports(t *testing.T) {
	s := sweep(t, kv.Sweep{Device: explore.Device{Part: "stm32l4r5zi", Base: 0x08100000, Size: 16 << 10, Unit: 8}, Seed: 1, Collections: 1, MaxCuts: 100})
	dir := t.TempDir()
	s.Findings = s.Findings[:min(2, len(s.Findings))]
	if err := WriteFindings(dir, s.Findings); err != nil {
		t.Fatal(err)
	}
	for _, f := range s.Findings {
		read := func(ext string) []byte {
			text, err := os.ReadFile(filepath.Join(dir, f.ID+ext))
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		segs, err := firmware.ParseHex(read(".hex"))
		if err != nil || len(segs) != 1 || segs[0].Addr != 0x08100000 || !bytes.Equal(segs[0].Data, read(".bin")) {
			t.Errorf("%s: the hex file holds %d segments, %v", f.ID, len(segs), err)
		}
		story := string(read(".txt"))
		for _, want := range []string{"area 0 at", "rule", f.Symptom.String(), "cut  "} {
			if !strings.Contains(story, want) {
				t.Errorf("%s: no %q in the story:\n%s", f.ID, want, story)
			}
		}
		if src, err := AsTest(&f, "findings"); err != nil {
			t.Error(err)
		} else if out, err := format.Source([]byte(src)); err != nil || !strings.Contains(string(out), "func TestFinding_") {
			t.Errorf("%s as a test: %v\n%s", f.ID, err, src)
		}
	}
}

// TestBadFindings: one line that says what is wrong.
func TestBadFindings(t *testing.T) {
	good := `{"format":2,"subject":"KVStore","symptom":{"rule":1,"kind":"not-open"},
"kv":{"device":{"sectors":"8x512","unit":1,"size":4096},"profile":"MbedCE","judge":"cut","keys":["a"],
"script":["set \"a\", 3 bytes; before at step 0"]}}`
	if f, err := ParseFinding([]byte(good)); err != nil {
		t.Fatal(err)
	} else if _, err := f.Replay(io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, old, new, want string }{
		{"syntax", `"format":2,`, `"format":,`, "line 1: not a finding"},
		{"a tail", `step 0"]}}`, `step 0"]}} {}`, "something follows the finding"},
		{"a bracket too many", `step 0"]}}`, `step 0"]}}}`, "something follows the finding"},
		{"text behind it", `step 0"]}}`, `step 0"]}} # mine`, "something follows the finding"},
		{"unknown key", `"subject"`, `"object"`, `line 1: not a finding: unknown field "object"`},
		{"unknown key in the case", `"profile"`, `"profil"`, `line 2: not a finding: unknown field "profil"`},
		{"another format", `"format":2`, `"format":3`, "format 3 is unknown"},
		{"format 1", `"symptom":{"rule":1,"kind":"not-open"}`, `"rule":1,"symptom":"it does not open"`, "a file of format 1"},
		{"no case", `"kv"`, `"vk"`, "it needs one case: edge, kv, layout, update"},
		{"two cases", `"kv"`, `"update":{},"kv"`, "more than one case"},
		{"profile", "MbedCE", "Mbed", `"Mbed" is unknown: use MbedCE, MbedOS or Hardened`},
		{"judge", `"cut"`, `"cat"`, `"cat" is unknown: use cut`},
		{"sectors", "8x512", "8*512", "is not a list such as"},
		{"odd sectors", "8x512", "8x500", "a sector is a power of two"},
		{"unit", `"unit":1`, `"unit":3`, "3 is no program unit"},
		{"region", `"size":4096`, `"size":4000`, "does not lie on sector boundaries"},
		{"operation", `"set `, `"get `, `"get" is unknown`},
		{"step", `at step 0`, `at step 100000`, "has no step 100000"},
		{"mode", "before at", "behind at", `is no fault`},
		{"key", `"keys":["a"]`, `"keys":["b"]`, `"a" is missing`},
		{"id", `"subject"`, `"id":"../x","subject"`, `line 1: not a finding: id: "../x": use up to`},
		{"subject", `"KVStore"`, `"TV"`, `line 1: not a finding: subject: "TV" is unknown: use KVStore`},
		{"severity", `"subject"`, `"severity":"worst","subject"`, `line 1: not a finding: severity: "worst" is unknown`},
		{"no key of a store", `"keys":["a"]`, `"keys":["a","b/c"]`, `line 2: not a finding: kv.keys: "b/c" is no key of a store`},
		{"no key in the script", `set \"a\"`, `set \"a b\"`, `line 3: not a finding: kv.script: "a b" is no key of a store`},
		{"an empty key", `"keys":["a"]`, `"keys":["a",""]`, `kv.keys: "" is no key of a store`},
		{"more objects than a finding has", `"keys":["a"]`, `"keys":["a"` + strings.Repeat(",{}", 100_000) + "]", "more than 100000 objects"},
		{"a fault too many", `"cut"`, `"live"`, "a fault belongs to the last step"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(good, tt.old, tt.new, 1)
			if text == good {
				t.Fatal("the mistake was not planted")
			}
			f, err := ParseFinding([]byte(text))
			if err == nil {
				_, err = f.Replay(io.Discard)
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one line with %q", err, tt.want)
			}
		})
	}
}

// FuzzFinding: no file makes the reader or the replay panic or run without an end.
func FuzzFinding(f *testing.F) {
	s := sweep(f, kv.Sweep{Device: small, Seed: 1, Collections: 1, MaxCuts: 600})
	for i := range s.Findings[:min(3, len(s.Findings))] {
		text, err := s.Findings[i].Text()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	const head = `{"format":2,"symptom":{"rule":2,"kind":"missing"},"kv":{"device":{"sectors":"24x512","unit":8,"size":12288},"profile":"MbedCE","keys":["a","b"],`
	for _, s := range []string{
		`"judge":"live","script":["set \"a\", 20 bytes","set \"b\", 3 bytes"]`,
		`"judge":"error","script":["set \"a\", 20 bytes","set \"b\", 3 bytes; fail at step 2"]`,
		`"judge":"attack","secure":true,"script":["set \"a\", 20 bytes","attack: remove, of \"a\", state 0"]`,
		`"judge":"walk","secure":true,"script":["set \"a\", 20 bytes; torn at step 3; then before at step 1","attack: clear a byte, at 0x3"]`,
		`"judge":"cut","secure":true,"script":["set \"a\", 20 bytes; torn at step 9, seed 4"]`,
	} {
		f.Add([]byte(head + s + "}}"))
	}
	f.Add([]byte(`{"format":2,"symptom":{"rule":7,"kind":"watchdog"},"kv":{"device":{"part":"stm32f429zi","unit":1,"base":135266304,"size":131072},"profile":"MbedCE","judge":"watchdog","watchdog":{"driver":"mbed","corner":"typ","period":"500ms"},"keys":[],"script":["reserved, 64 bytes"]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		fd, err := ParseFinding(text)
		if err != nil || fd.Case.Len() > 40 || len(text) > 5000 || !quick(fd.Case) {
			return
		}
		if _, err := fd.Replay(io.Discard); err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("more than one line: %v", err)
		}
	})
}

// quick reports whether a case is on a device that is small enough for a fuzz target.
func quick(c explore.Case) bool {
	k, ok := c.(*kv.Case)
	if !ok {
		return true // packages update and layout fuzz theirs
	}
	if k.Judge == kv.JudgeWatchdog {
		return len(k.Steps) < 20
	}
	sizes, err := explore.ParseSectors(k.On.Sectors)
	return err == nil && k.On.Part == "" && len(sizes) <= 64 && sizes[0] <= 4096
}
