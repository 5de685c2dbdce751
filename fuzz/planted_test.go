package fuzz

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"dualbank/fuzz/explore"
	"dualbank/internal/long"
	"dualbank/kvstore"
)

const root = ".."

// apply returns the files that a patch changes, as they are to be.
func (p *patch) apply() (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, c := range p.changes {
		text, ok := files[c.file]
		if !ok {
			var err error
			if text, err = os.ReadFile(filepath.Join(root, c.file)); err != nil {
				return nil, err
			}
		}
		if n := bytes.Count(text, []byte(c.old)); n != 1 {
			return nil, fmt.Errorf("%s: %s has %d times what the patch replaces: %q", p.name, c.file, n, c.old)
		}
		files[c.file] = bytes.Replace(text, []byte(c.old), []byte(c.new), 1)
	}
	return files, nil
}

// overlay writes changed files below dir and returns the file for go build -overlay.
func overlay(dir string, files map[string][]byte) (string, error) {
	abs, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for file, text := range files {
		to := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(to, text, 0o644); err != nil {
			return "", err
		}
		replace[filepath.Join(abs, filepath.FromSlash(file))] = to
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, text, 0o644)
}

// TestPatches: there are enough, of every kind two at least, each with a name of its own, and each can be applied
// and is Go.
func TestPatches(t *testing.T) {
	names, kinds := map[string]bool{}, map[string]int{}
	for i := range patches {
		p := &patches[i]
		if names[p.name] || p.name == "" || p.why == "" || p.mbedOS != (p.kind == kindMbedOS) {
			t.Errorf("%+v is not a patch of its own", p)
		}
		names[p.name] = true
		kinds[p.kind]++
		files, err := p.apply()
		if err != nil {
			t.Error(err)
			continue
		}
		for file, text := range files {
			if _, err := parser.ParseFile(token.NewFileSet(), file, text, parser.SkipObjectResolution); err != nil {
				t.Errorf("%s: %v", p.name, err)
			}
		}
	}
	for kind, n := range kinds {
		if n < 2 {
			t.Errorf("%s: %d patch", kind, n)
		}
	}
	if len(patches) < 40 || len(kinds) != 22 {
		t.Errorf("%d patches of %d kinds", len(patches), len(kinds))
	}
}

// huntFor is what a process that hunts for a planted bug is told, as JSON in the file that the environment names.
type huntFor struct {
	Profile string  // of the stores
	CPU     float64 // seconds that the hunt may take
	Base    string  // file with what the campaign finds without the bug, by sweep
	Write   bool    // write Base: there is no bug
	Bug     int     // number of the patch that the program shows; 0: none
	Replay  string  // in place of a hunt: a finding's file to replay
	Out     string  // file for the result
}

// hunted is how a hunt went.
type hunted struct {
	Broken bool   // of a replay
	Found  string // in words; "": it was not
	Sweep  string // that found it
	Sweeps int    // that were run
	Cuts   uint64
	CPU    float64 // seconds
}

const huntEnv = "DUALBANK_HUNT"

// TestHuntPlanted is the process that hunts: the default campaign in its own order on one worker, until something
// shows that does not show without the bug, or the time is over.
func TestHuntPlanted(t *testing.T) {
	path := os.Getenv(huntEnv)
	if path == "" {
		t.Skip("BenchmarkPlanted runs it")
	}
	var h huntFor
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &h)
	}
	if err != nil {
		t.Fatal(err)
	}
	var got hunted
	if h.Replay != "" {
		f, err := ReadFinding(h.Replay)
		if err != nil {
			t.Fatal(err)
		}
		_, got.Broken = replays(f)
	} else if err := h.hunt(&got); err != nil {
		t.Fatal(err)
	}
	if err := writeJSON(h.Out, got); err != nil {
		t.Fatal(err)
	}
}

// replays reports whether a finding's case shows its symptom; ok is false if it cannot be run.
func replays(f *explore.Finding) (ok, broken bool) {
	broken, err := f.Replay(io.Discard)
	return err == nil, broken
}

func writeJSON(path string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

func (h *huntFor) hunt(got *hunted) error {
	profile, _ := kvstore.ParseProfile(h.Profile)
	base := map[string][]string{}
	if !h.Write {
		text, err := os.ReadFile(h.Base)
		if err == nil {
			err = json.Unmarshal(text, &base)
		}
		if err != nil {
			return err
		}
	}
	start := processorTime()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		for processorTime()-start < h.CPU {
			time.Sleep(20 * time.Millisecond)
		}
		cancel()
	}()
	campaign := DefaultCampaign(profile, 1)
	for _, turn := range campaign.turns(campaign.tasks()) {
		name := fmt.Sprintf("%d %s, %d", turn.at, turn.name, turn.most)
		_, complete := base[name]
		if ctx.Err() != nil || !h.Write && !complete {
			break
		}
		s, err := turn.run(ctx, setting{workers: 1, most: turn.most})
		got.Sweeps++
		if s == nil {
			if h.Write {
				return err
			}
			continue // the workload itself does not get through: sweeps without cuts tell
		}
		got.Cuts += s.Stats.Cuts
		var all []string
		for k := range s.Findings {
			f := &s.Findings[k]
			id := fmt.Sprintf("%s|%+v|%+v", f.Subject, f.Symptom, f.Place)
			all = append(all, id)
			if h.Write || slices.Contains(base[name], id) || !h.needs(f) {
				continue
			}
			got.Found, got.Sweep, got.CPU = fmt.Sprintf("%s %d: %v (%v)", f.Subject, f.Symptom.Rule, f.Symptom, f.Place), turn.name, processorTime()-start
			return nil
		}
		if err == nil {
			base[name] = append(all, "")
		}
	}
	got.CPU = processorTime() - start
	if h.Write {
		return writeJSON(h.Base, base)
	}
	return nil
}

// needs reports whether a finding's case shows its symptom here, and does not in the program without the bug.
func (h *huntFor) needs(f *explore.Finding) bool {
	if ok, broken := replays(f); !ok || !broken {
		return false
	}
	text, err := f.Text()
	if err != nil {
		return false
	}
	file := h.Out + ".finding"
	if os.WriteFile(file, text, 0o644) != nil {
		return false
	}
	program, err := os.Executable()
	if err != nil {
		return false
	}
	got, err := runHunt(program, huntFor{Replay: file, Out: h.Out + ".replay"})
	return err == nil && !got.Broken
}

// runHunt runs a test program as a process that hunts.
func runHunt(program string, h huntFor) (got hunted, err error) {
	file := h.Out + ".json"
	if err := writeJSON(file, h); err != nil {
		return got, err
	}
	cmd := exec.Command(program, "-test.run", "^TestHuntPlanted$")
	cmd.Env = append(os.Environ(), huntEnv+"="+file, fmt.Sprintf("%s=%d", bugEnv, h.Bug))
	if out, err := cmd.CombinedOutput(); err != nil {
		return got, fmt.Errorf("%w: %s", err, out)
	}
	text, err := os.ReadFile(h.Out)
	if err != nil {
		return got, err
	}
	return got, json.Unmarshal(text, &got)
}

// buildHunter builds this test program with all patches.
func buildHunter(dir string) (program string, err error) {
	files, err := variants(patches)
	if err != nil {
		return "", err
	}
	program = filepath.Join(dir, "hunter")
	path, err := overlay(dir, files)
	if err != nil {
		return "", err
	}
	if out, err := exec.Command("go", "test", "-c", "-overlay", path, "-o", program, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return program, nil
}

const (
	huntSeconds = 20 // processor time that a hunt may take
	baseSeconds = 30 // and that the campaign without a bug gets: a bug that makes software faster gets further
)

// BenchmarkPlanted plants each patch alone and runs the default campaign on one worker until it finds what it
// does not find without, for 20 seconds of processor time at most. DUALBANK_PLANTED picks patches by parts of their
// names or kinds, separated by commas, DUALBANK_PLANTED_SECONDS gives another limit, DUALBANK_PLANTED_LOG tells of each
// at once, DUALBANK_PLANTED_DIR keeps what the campaign finds without a bug, for further runs of the same program.
func BenchmarkPlanted(b *testing.B) {
	for b.Loop() {
		var table strings.Builder
		seconds := float64(huntSeconds)
		if s, err := strconv.ParseFloat(os.Getenv("DUALBANK_PLANTED_SECONDS"), 64); err == nil {
			seconds = s
		}
		found, tried, err := huntAll(b.TempDir(), os.Getenv("DUALBANK_PLANTED_DIR"), strings.Split(os.Getenv("DUALBANK_PLANTED"), ","), seconds, &table)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(found), "bugs-found")
		b.ReportMetric(float64(tried), "bugs")
		printed = fmt.Sprintf("%d of %d planted bugs found\n\n%s", found, tried, &table)
	}
}

// huntAll hunts for the patches that one of pick picks, and writes a table. keep is a folder for what the campaign finds
// without a bug; "": dir.
func huntAll(dir, keep string, pick []string, seconds float64, w io.Writer) (found, tried int, err error) {
	program, err := buildHunter(dir)
	if err != nil {
		return 0, 0, err
	}
	text, err := os.ReadFile(program)
	if err != nil {
		return 0, 0, err
	}
	version := fmt.Sprintf("%x", sha256.Sum256(text))[:16]
	base := map[bool]string{}
	fmt.Fprintf(w, "| planted | kind | found | cuts | CPU s | by | what goes wrong |\n|---|---|---|---|---|---|---|\n")
	for i := range patches {
		p := &patches[i]
		if !slices.ContainsFunc(pick, func(of string) bool { return strings.Contains(p.name+" "+p.kind, of) }) {
			continue
		}
		h := huntFor{Profile: kvstore.MbedCE.String(), CPU: seconds, Bug: i + 1, Out: filepath.Join(dir, p.name)}
		if p.mbedOS {
			h.Profile = kvstore.MbedOS.String()
		}
		if h.Base = base[p.mbedOS]; h.Base == "" {
			h.Base = filepath.Join(cmp.Or(keep, dir), fmt.Sprintf("%s-%s-%v.base", version, h.Profile, seconds))
			if _, err := os.Stat(h.Base); err != nil {
				if _, err := runHunt(program, huntFor{Profile: h.Profile, CPU: min(baseSeconds, 3*seconds), Base: h.Base, Write: true, Out: filepath.Join(dir, "base")}); err != nil {
					return 0, 0, err
				}
			}
			base[p.mbedOS] = h.Base
		}
		got, err := runHunt(program, h)
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", p.name, err)
		}
		tried++
		mark := "no"
		if got.Found != "" {
			found++
			mark = "yes"
		}
		fmt.Fprintf(w, "| `%s` | %s | %s | %d | %.1f | %s | %s |\n", p.name, p.kind, mark, got.Cuts, got.CPU, cell(got.Sweep), cell(got.Found))
		if os.Getenv("DUALBANK_PLANTED_LOG") != "" {
			fmt.Fprintf(os.Stderr, "%-24s %-3s %8d cuts %5.1f s  %s: %s\n", p.name, mark, got.Cuts, got.CPU, got.Sweep, got.Found)
		}
	}
	return found, tried, nil
}

// TestPatchesBuild: the packages compile with all patches, of which one is switched on at a time.
func TestPatchesBuild(t *testing.T) {
	long.Test(t)
	files, err := variants(patches)
	if err != nil {
		t.Fatal(err)
	}
	path, err := overlay(t.TempDir(), files)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-overlay", path, "./kvstore/...", "./boot/...")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s", out)
	}
}
