package fuzz

import (
	"bytes"
	"encoding/json"
	"go/format"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dualbank/boot/firmware"
)

func TestFindingFiles(t *testing.T) {
	s := sweep(t, KVSweep{Device: small, Seed: 1, Collections: 3, MaxCuts: 3000})
	dir := filepath.Join(t.TempDir(), "findings")
	for range 2 { // the second time over the files of the first
		if err := WriteFindings(dir, s.Findings); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 4*len(s.Findings) {
		t.Fatalf("%d files for %d findings, %v", len(files), len(s.Findings), err)
	}
	for i := range s.Findings {
		f, err := ReadFinding(filepath.Join(dir, s.Findings[i].ID+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(&s.Findings[i], f); d != "" {
			t.Errorf("a finding changes on its way through a file:\n%s", d)
		}
	}
	if err := WriteFindings(dir, nil); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("findings that are no longer found leave %d files, %v", len(files), err)
	}
}

// TestExports: the image of a finding is what its hex file says, and its story tells the cut.
func TestExports(t *testing.T) {
	s := sweep(t, KVSweep{Device: F429KV, Seed: 1, Collections: 1, MaxCuts: 300})
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
		for _, want := range []string{"area 0 at", "rule", f.Symptom, "cut  "} {
			if !strings.Contains(story, want) {
				t.Errorf("%s: no %q in the story:\n%s", f.ID, want, story)
			}
		}
		if src, err := f.AsTest("findings"); err != nil {
			t.Error(err)
		} else if out, err := format.Source([]byte(src)); err != nil || !strings.Contains(string(out), "func TestFinding_") {
			t.Errorf("%s as a test: %v\n%s", f.ID, err, src)
		}
	}
}

// TestBadFindings: one line that says what is wrong.
func TestBadFindings(t *testing.T) {
	good := `{"subject":"KVStore","rule":1,"kv":{"device":{"sectors":"8x512","unit":1,"size":4096},"profile":"MbedCE",
"keys":["a"],"ops":[{"op":"set","key":"a","size":3}],"cut":{"op":0,"step":0,"mode":"before"}}}`
	for _, tt := range []struct{ name, old, new, want string }{
		{"syntax", `"rule":1,`, `"rule":,`, "line 1: not a finding"},
		{"unknown key", `"rule"`, `"rool"`, `unknown field "rool"`},
		{"no case", `"kv"`, `"id":"x","update":null}{"kv"`, "it needs one case"},
		{"profile", "MbedCE", "Mbed", `"Mbed" is unknown: use MbedCE or MbedOS`},
		{"sectors", "8x512", "8*512", "is not a list such as"},
		{"odd sectors", "8x512", "8x500", "a sector is a power of two"},
		{"unit", `"unit":1`, `"unit":3`, "3 is no program unit"},
		{"region", `"size":4096`, `"size":4000`, "does not lie on sector boundaries"},
		{"operation", `"op":"set"`, `"op":"get"`, `"get" is unknown`},
		{"operation number", `"op":0`, `"op":5`, "5 is none of the 1 operations"},
		{"step", `"step":0`, `"step":100000`, "has no step 100000"},
		{"mode", "before", "behind", `"behind" is unknown`},
		{"key", `"keys":["a"]`, `"keys":["b"]`, `"a" is missing`},
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

// FuzzFinding: no file makes the reader or the replay panic or run for ever.
func FuzzFinding(f *testing.F) {
	s := sweep(f, KVSweep{Device: small, Seed: 1, Collections: 1, MaxCuts: 600})
	for i := range s.Findings[:min(3, len(s.Findings))] {
		text, err := json.Marshal(&s.Findings[i])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, s := range []string{
		`"live":true,"cut":{"op":0,"step":0,"mode":"none"}`,
		`"cut":{"op":1,"step":2,"mode":"fail"}`,
		`"secure":true,"live":true,"attack":"remove of key a","cut":{"op":0,"step":0,"mode":"none"}`,
		`"secure":true,"cut":{"op":1,"step":9,"mode":"torn"}`,
	} {
		f.Add([]byte(`{"rule":2,"kv":{"device":{"sectors":"24x512","unit":8,"size":12288},"profile":"MbedCE","keys":["a","b"],"ops":[{"op":"set","key":"a","size":20},{"op":"set","key":"b","size":3}],` + s + `}}`))
	}
	f.Add([]byte(`{"life":{"device":{"sectors":"32x2K","start":134217728,"unit":8},"client":"new","boot":{"Details":134225920,"AppStart":134227968,"MaxAppSize":14336,"StorageAddr":134250496,"StorageSize":24576,"Locations":1},"steps":[{"do":"download","version":2,"size":900},{"do":"reset","reason":"POWER_ON"}]}}`))
	f.Add([]byte(`{"update":{"device":{"part":"stm32f429zi","unit":1},"client":"new","old":1,"new":1,"cut":{"mode":"torn"}}}`))
	f.Add([]byte(`{"rule":7,"watchdog":{"device":{"part":"stm32f429zi","unit":1,"base":135266304,"size":131072},"driver":"mbed","corner":"typ","period":"500ms","profile":"MbedCE","ops":[{"op":"reserved","size":64}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		fd, err := ParseFinding(text)
		if err == nil && fd.Life != nil && fd.Life.Device.Part == "" && len(fd.Life.Steps) < 20 && len(text) < 5000 {
			fuzzLife(t, fd)
		}
		if err == nil && fd.Watchdog != nil && fd.Watchdog.New == 0 && len(fd.Watchdog.Ops) < 20 && len(text) < 5000 {
			if _, err := fd.Replay(io.Discard); err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %v", err)
			}
		}
		if err != nil || fd.KV == nil || fd.KV.Device.Part != "" || len(fd.KV.Ops) > 50 || len(text) > 5000 {
			return
		}
		if sizes, err := ParseSectors(fd.KV.Device.Sectors); err != nil || len(sizes) > 64 || sizes[0] > 4096 {
			return
		}
		var out bytes.Buffer
		if _, err := fd.Replay(&out); err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("more than one line: %v", err)
		}
	})
}

// fuzzLife replays a life on a device that is small enough.
func fuzzLife(t *testing.T, fd *Finding) {
	t.Helper()
	if sizes, err := ParseSectors(fd.Life.Device.Sectors); err != nil || len(sizes) > 64 || sizes[0] > 4096 || fd.Life.Boot.Locations > 8 {
		return
	}
	for _, s := range fd.Life.Steps {
		if s.Size > 1<<16 {
			return
		}
	}
	if _, err := fd.Replay(io.Discard); err != nil && strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %v", err)
	}
}
