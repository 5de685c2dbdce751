package update

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/internal/long"
)

// The porting guide's layout for the NUCLEO-F429ZI.
var (
	f429      = explore.Device{Part: "stm32f429zi", Unit: 1}
	f429Guide = boot.Config{
		Details: 0x08008000, AppStart: 0x08008400, MaxAppSize: 0xF7C00, StorageAddr: 0x08120000, StorageSize: 0xE0000,
		Locations: 1, StoragePage: 1, BootRetries: 3, CopyRetries: 1, ResetReason: true,
	}
)

// shows fails the test unless a finding shows again when its case runs from nothing, before and after its way
// through a file.
func shows(t *testing.T, f *explore.Finding, env explore.Env) {
	t.Helper()
	text, err := f.Text()
	if err != nil {
		t.Fatal(err)
	}
	read, err := explore.ParseFinding(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if again, err := read.Text(); err != nil || string(again) != string(text) {
		t.Errorf("%s: it changes on its way through a file (%v):\n%s", f.ID, err, cmp.Diff(string(text), string(again)))
	}
	for _, f := range []*explore.Finding{f, read} {
		if _, broken, err := f.ReplayIn(io.Discard, env); err != nil || !broken {
			t.Errorf("%s (%v at %v): replayed: %v, %v", f.ID, f.Symptom, f.Place, broken, err)
		}
	}
}

func sweep(t testing.TB, c Sweep) *explore.Sweep {
	t.Helper()
	s, err := Cut(context.Background(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestUpdateSweep: the guide's layout survives every cut of a small update, with both clients: what
// the reference does is sound here, and the sweep raises no false alarm.
func TestUpdateSweep(t *testing.T) {
	for _, client := range []boot.Generation{boot.ClientNew, boot.ClientOld} {
		s := sweep(t, Sweep{Device: f429, Boot: f429Guide, Client: client, Old: 1500, New: 1000, Seed: 1})
		if want := uint64(3 * (2*(1000+112) + 2)); s.Stats.Cuts != want {
			t.Errorf("%v client: %d cuts, want %d: every step in three modes", client, s.Stats.Cuts, want)
		}
		for _, f := range s.Findings {
			t.Errorf("%v client: %s at %v: expected %s, seen %s", client, f.Symptom, f.Place, f.Expected, f.Seen)
		}
	}
}

func TestUpdateWorkersDoNotMatter(t *testing.T) {
	c := Sweep{Device: f429, Boot: f429Guide, Old: 3000, New: 4000, Seed: 3, MaxCuts: 1500, Workers: 1}
	one := sweep(t, c)
	c.Workers = 3
	if d := cmp.Diff(one, sweep(t, c)); d != "" {
		t.Errorf("one worker against three:\n%s", d)
	}
}

// configurations are those of the recorded traces, and the device each runs on.
func configurations() map[string]Sweep {
	on429 := func(change func(*boot.Config)) Sweep {
		c := f429Guide
		change(&c)
		return Sweep{Device: f429, Boot: c}
	}
	l4 := func(app, most uint32) Sweep {
		return Sweep{Device: explore.Device{Sectors: "256x2K", Start: 0x08000000, Unit: 8}, Boot: boot.Config{
			Details: 0x08008000, AppStart: app, MaxAppSize: most, StorageAddr: 0x08050000, StorageSize: 0x30000,
			Locations: 1, StoragePage: 8, BootRetries: 3, CopyRetries: 1, ResetReason: true,
		}}
	}
	return map[string]Sweep{
		"f429_1":         on429(func(*boot.Config) {}),
		"f429_3":         on429(func(c *boot.Config) { c.Locations = 3 }),
		"l4_8800":        l4(0x08008800, 0x37800),
		"l4_8400":        l4(0x08008400, 0x37C00),
		"l4_9000":        l4(0x08009000, 0x37000),
		"f429_max31k":    on429(func(c *boot.Config) { c.MaxAppSize = 31744 }),
		"f429_maxodd":    on429(func(c *boot.Config) { c.MaxAppSize = 100000 }),
		"l4_9000_maxodd": l4(0x08009000, 100000),
		"f429_default": on429(func(c *boot.Config) {
			c.MaxAppSize, c.StorageAddr, c.StorageSize = 0x08200000-0x08008400, 0x08100000, 0x100000
		}),
		"f429_1_norr": on429(func(c *boot.Config) { c.ResetReason = false }),
	}
}

// TestEveryConfiguration: a small install survives every cut in every configuration, and every cut of
// the boot after some of them.
func TestEveryConfiguration(t *testing.T) {
	for name, c := range configurations() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.Old, c.New, c.Seed, c.Workers, c.Deep = 100, 120, 2, 1, 1
			c.Modes = []string{"before", "torn"}
			if long.Enabled() {
				c.Modes = []string{"before", "after", "torn", "prefix"}
			}
			for _, c.Client = range []boot.Generation{boot.ClientNew, boot.ClientOld} {
				s := sweep(t, c)
				if s.Stats.Cuts <= uint64(len(c.Modes))*s.Map.Steps {
					t.Errorf("%d cuts of %d steps: no second cuts", s.Stats.Cuts, s.Map.Steps)
				}
				for _, f := range s.Findings {
					t.Errorf("%v client: rule %d, %v at %v: expected %s, seen %s", c.Client, f.Symptom.Rule, f.Symptom, f.Place, f.Expected, f.Seen)
				}
			}
		})
	}
}

// TestEqualStates: that equal states are judged once makes no difference, neither where everything is
// sound nor where much is not.
func TestEqualStates(t *testing.T) {
	sound := configurations()["l4_8400"]
	broken := configurations()["f429_1"]
	broken.Boot.BootRetries, broken.Boot.ResetReason = 0, false
	// Several pieces of images, and several of the bootloader's buffers; slow where nothing is remembered.
	large := configurations()["f429_1"]
	large.Old, large.New, large.MaxCuts = 20000, 25001, 4
	padded := configurations()["l4_8400"]
	padded.Old, padded.New, padded.MaxCuts = 20001, 17001, 4
	all := []Sweep{sound, broken}
	if long.Enabled() {
		all = append(all, large, padded)
	}
	for _, c := range all {
		c.Seed, c.Modes = 4, []string{"before", "after", "torn", "prefix"}
		if c.Old == 0 {
			c.Old, c.New, c.Deep = 100, 120, 1
			if long.Enabled() {
				c.Deep = 2
			}
		}
		once := sweep(t, c)
		c.plain = true
		plain := sweep(t, c)
		if plain.Stats.Cuts != once.Stats.Cuts || plain.Stats.Equal != 0 || c.MaxCuts == 0 && once.Stats.Equal == 0 {
			t.Errorf("%+v against %+v", plain.Stats, once.Stats)
		}
		plain.Stats = once.Stats
		if d := cmp.Diff(plain, once); d != "" {
			t.Errorf("every state against equal states once:\n%s", d)
		}
	}
}

// TestBadCandidates: whatever is cut while a bad candidate is downloaded, it never runs.
func TestBadCandidates(t *testing.T) {
	for _, bad := range []BadCandidate{BadHash, OlderVersion, SameVersion, EmptyCandidate, TruncatedSize} {
		for _, client := range []boot.Generation{boot.ClientNew, boot.ClientOld} {
			c := configurations()["f429_1"]
			c.Old, c.New, c.Seed, c.Bad, c.Client = 700, 600, 1, bad, client
			for _, f := range sweep(t, c).Findings {
				t.Errorf("%s, %v client: %s at %v", bad, client, f.Symptom, f.Place)
			}
		}
	}
}

// TestUpdateRulesAreJudged plants what each rule forbids and looks for that rule alone.
func TestUpdateRulesAreJudged(t *testing.T) {
	for _, tt := range []struct {
		name  string
		rule  int
		plant func(j *recovery)
	}{
		{"both headers gone", RuleRuns, func(j *recovery) {
			j.f.Poke(f429Guide.Details, make([]byte, boot.HeaderSize))
		}},
		{"another image under the same header hash", RuleComplete, func(j *recovery) {
			j.first.bytes[7] ^= 1 // what the judge knows, so that the bootloader accepts what runs
		}},
		{"a version that no image has", RuleNoOlder, func(j *recovery) {
			d := j.first.Details
			d.Version = 77
			h := make([]byte, boot.HeaderSize)
			boot.EncodeHeader(h, &d)
			j.f.Poke(f429Guide.Details, h)
		}},
		{"the application lies where it may not", RuleUntouched, func(j *recovery) {
			j.storage = span{}
			j.active = span{0x08000000, 0x08100000}
		}},
		{"the client writes into the active image's place", RuleInside, func(j *recovery) {
			j.active = span{0x08000000, 0x08200000}
			j.storage = span{}
		}},
		{"a bad candidate", RuleSound, func(j *recovery) {
			for p, err := range j.download(&j.step) {
				if err != nil {
					t.Fatal(p, err)
				}
			}
			j.step.Bad = BadHash // it is not: the bootloader takes it
		}},
		{"no room for the update", RuleProgress, func(j *recovery) {
			j.candidate.Size = 4 << 20
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &Sweep{Device: f429, Boot: f429Guide, Old: 3000, New: 2000, Seed: 1}
			f, err := c.Device.Flash()
			if err != nil {
				t.Fatal(err)
			}
			s, err := newSetup(c, f)
			if err != nil {
				t.Fatal(err)
			}
			d := &c.script()[0]
			// What the judge knows of images is changed behind its back: nothing is to be remembered.
			j := newRecovery(s.downloaded(f, d.image()), d, tt.rule == RuleComplete)
			tt.plant(j)
			bad, _, err := j.Judge(0, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			if len(bad) != 1 || bad[0].Symptom.Rule != tt.rule {
				t.Errorf("violations %+v, want one of rule %d", bad, tt.rule)
			}
		})
	}
}

// TestUpdateFindingsReplay: a bootloader built to give up on an image at once, on a target without reset
// reasons, never starts the old image after a cut. Each finding of that replays, through a file too, and made
// smaller: to images of a byte, where the cut is in the install.
func TestUpdateFindingsReplay(t *testing.T) {
	bad := f429Guide
	bad.BootRetries, bad.ResetReason = 0, false
	s := sweep(t, Sweep{Device: f429, Boot: bad, Old: 3000, New: 2000, Seed: 1, MaxCuts: 900, Deep: 2})
	if len(s.Findings) == 0 {
		t.Error("no findings")
	}
	small := 0
	for i := range s.Findings {
		f := &s.Findings[i]
		shows(t, f, explore.Env{})
		f.Minimize(300, explore.Env{})
		shows(t, f, explore.Env{})
		if c := f.Case.(*Case); c.First == 1 && c.Steps[0].Size == 1 && len(c.Steps[len(c.Steps)-1].Then) == 0 {
			small++
		}
	}
	if small == 0 {
		t.Errorf("none of %d findings has the smallest images", len(s.Findings))
	}
}

// TestOwnSoftware: a client and a bootloader that are not of this module are judged like any others, and their
// findings need them to replay.
func TestOwnSoftware(t *testing.T) {
	broken := f429Guide
	broken.Defects = boot.DefectNotResumed
	loaderOf := func(cfg boot.Config) Software {
		return Software{Loader: func(f boot.Flash) Loader { return loader{boot.NewBootloader(cfg, f, nil)} }}
	}
	both := loaderOf(broken)
	both.Client = func(f boot.Flash) Client { return client{boot.NewClient(f429Guide, f, boot.ClientOld, nil)} }
	for _, tt := range []struct {
		software Software
		client   string
		sound    bool
	}{{loaderOf(f429Guide), "old", true}, {loaderOf(broken), "old", false}, {both, own, false}} {
		s := sweep(t, Sweep{Device: f429, Boot: f429Guide, Client: boot.ClientOld, Software: tt.software, Old: 700, New: 600, Seed: 1})
		if tt.sound != (len(s.Findings) == 0) {
			t.Errorf("%s client: %d findings, sound %v", tt.client, len(s.Findings), tt.sound)
		}
		for i := range s.Findings {
			f := &s.Findings[i]
			if c := f.Case.(*Case); c.Variant() != own || c.Client != tt.client {
				t.Errorf("%s client: it is called %s, variant %s", tt.client, c.Client, c.Variant())
			}
			shows(t, f, explore.Env{Software: tt.software})
			if _, _, err := f.ReplayIn(io.Discard, explore.Env{}); err == nil || !strings.Contains(err.Error(), "not of this module") {
				t.Errorf("without the software: %v", err)
			}
		}
	}
}

// loader and client are software of other types.
type (
	loader struct{ b *boot.Bootloader }
	client struct{ Client }
)

func (l loader) Boot(reason boot.ResetReason, ram *boot.RAM) boot.Outcome {
	return l.b.Boot(reason, ram)
}

// TestResume: a sweep that is stopped resumes from its journal, and ends as one that was never stopped.
func TestResume(t *testing.T) {
	c := Sweep{Device: f429, Boot: f429Guide, Old: 900, New: 1600, Seed: 5, Workers: 1}
	whole := sweep(t, c)
	c.Journal = filepath.Join(t.TempDir(), "journal")
	ctx, cancel := context.WithCancel(context.Background())
	part, err := Cut(ctx, c, func(uint64, uint64) { cancel() })
	cancel()
	if !errors.Is(err, context.Canceled) || part.Stats.Cuts == 0 || part.Stats.Cuts == whole.Stats.Cuts {
		t.Fatalf("stopped: %v, %d of %d cuts", err, part.Stats.Cuts, whole.Stats.Cuts)
	}
	if d := cmp.Diff(whole, sweep(t, c)); d != "" {
		t.Errorf("never stopped against resumed:\n%s", d)
	}
}

// deaf is a bootloader that installs nothing.
type deaf struct{}

func (deaf) Boot(boot.ResetReason, *boot.RAM) boot.Outcome {
	return boot.Outcome{Result: boot.Jumped, Version: 1}
}

// TestFailsUncut: an update that fails without any cut is a finding that replays, and no error.
func TestFailsUncut(t *testing.T) {
	software := Software{Loader: func(boot.Flash) Loader { return deaf{} }}
	s := sweep(t, Sweep{Device: f429, Boot: f429Guide, Software: software, Old: 700, New: 600, Seed: 1})
	if len(s.Findings) != 1 {
		t.Fatalf("%d findings", len(s.Findings))
	}
	shows(t, &s.Findings[0], explore.Env{Software: software})
}

// TestFailsUncutInAFullSlot: whether an update that fails has to succeed depends on whether its image fits the slot, to the byte.
func TestFailsUncutInAFullSlot(t *testing.T) {
	c := three
	c.Software = Software{Loader: func(boot.Flash) Loader { return deaf{} }}
	c.Old, c.Seed = 700, 1
	l, err := newLife(&c)
	if err != nil {
		t.Fatal(err)
	}
	cause := explore.FailsAlone("it fails")
	for more, findings := range []int{1, 0} {
		c.New = l.fits(0) + uint32(more)
		s, err := uncut(c, cause)
		if findings == 1 && (err != nil || len(s.Findings) != 1) || findings == 0 && (err != cause || s != nil) {
			t.Errorf("%d bytes more than fit: %+v, %v", more, s, err)
		}
	}
}

// spy is a bootloader that notes what it finds in RAM, and leaves something there.
type spy struct {
	*boot.Bootloader
	found *[]boot.RAM
}

func (s *spy) Boot(reason boot.ResetReason, ram *boot.RAM) boot.Outcome {
	*s.found = append(*s.found, *ram)
	out := s.Bootloader.Boot(reason, ram)
	*ram = boot.RAM{Version: 7, Counter: 7}
	return out
}

// TestRAMAfterACut: each power cut leaves nothing in RAM.
func TestRAMAfterACut(t *testing.T) {
	var found []boot.RAM
	c := &Sweep{Device: f429, Boot: f429Guide, Old: 300, New: 200, Seed: 1}
	c.Software = Software{Loader: func(f boot.Flash) Loader { return &spy{boot.NewBootloader(c.Boot, f, nil), &found} }}
	var install Step
	if err := install.UnmarshalText([]byte("reset SOFTWARE; torn at step 3, seed 7; then before at step 1")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.caseOf(JudgeCut, append(c.script()[:1], install)).Replay(io.Discard, explore.Env{Software: c.Software}); err != nil {
		t.Fatal(err)
	}
	if len(found) < 3 || slices.ContainsFunc(found, func(r boot.RAM) bool { return r != boot.RAM{} }) {
		t.Errorf("boots find in RAM %+v", found)
	}
}

// TestBadSweeps: a sweep that cannot be run is an error that says what is wrong.
func TestBadSweeps(t *testing.T) {
	good := Sweep{Device: f429, Boot: f429Guide, Old: 700, New: 600}
	for want, spoil := range map[string]func(c *Sweep){
		`candidate "spoiled" is unknown`:      func(c *Sweep) { c.Bad = "spoiled" },
		`mode "half" is unknown`:              func(c *Sweep) { c.Modes = []string{"half"} },
		"firmware of 0 bytes":                 func(c *Sweep) { c.New = 0 },
		"firmware of 2097152 bytes":           func(c *Sweep) { c.Old = 2 << 20 },
		"fails without any cut, in its phase": func(c *Sweep) { c.Boot.StorageSize, c.New = 16<<10, 200<<10 },
	} {
		c := good
		spoil(&c)
		if _, err := Cut(context.Background(), c, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// TestBadCases: a case that cannot be run is an error of one line that names the field.
func TestBadCases(t *testing.T) {
	s := &Sweep{Device: f429, Boot: f429Guide, Old: 700, New: 600, Seed: 1}
	script := func(lines ...string) (steps []Step) {
		for _, l := range lines {
			var step Step
			if err := step.UnmarshalText([]byte(l)); err != nil {
				t.Fatal(err)
			}
			steps = append(steps, step)
		}
		return steps
	}
	download, reset := "download version 2, 600 bytes, seed 1, to slot 0", "reset SOFTWARE"
	cut := script(download, reset+"; torn at step 3, seed 7")
	for _, tt := range []struct {
		want  string
		judge string
		steps []Step
		spoil func(c *Case)
	}{
		{"update.client", JudgeCut, cut, func(c *Case) { c.Client = "newest" }},
		{"update.loader", JudgeCut, cut, func(c *Case) { c.Loader = "theirs" }},
		{"update.judge", "look", cut, nil},
		{"update.watchdog", JudgeWatchdog, cut, nil},
		{"update.script: is empty", JudgeLife, nil, nil},
		{"update.script[0]: there is no slot 1", JudgeCut, script("download version 2, 600 bytes, to slot 1; torn in write at step 3"), nil},
		{"update.script[0]: a fault belongs", JudgeCut, script(download+"; torn in write at step 3", reset+"; torn at step 3"), nil},
		{"update.script[1]: a fault belongs", JudgeLife, cut, nil},
		{"update.script[1]: judge", JudgeCut, script(download, reset+"; torn at step 3; then before at step 1; then before at step 1"), nil},
		{"needs a fault", JudgeCut, script(download, reset), nil},
		{"in which phase", JudgeCut, script(download + "; torn at step 3"), nil},
		{"takes a download", JudgeCut, script(download, download, reset+"; torn at step 3"), nil},
		{"takes a download", JudgeCut, script("download version 2, 600 bytes, to slot 0, not activated", reset+"; torn at step 3"), nil},
		{"the application may have", JudgeCut, script("download version 2, 2000000 bytes, to slot 0; torn in write at step 3"), nil},
		{"has no step 9000", JudgeCut, script(download, reset+"; torn at step 9000"), nil},
		{"has no step 9000", JudgeCut, script(download + "; torn in write at step 9000"), nil},
		{"the boot after the cut has no step 9000", JudgeCut, script(download, reset+"; torn at step 3; then torn at step 9000"), nil},
		{"boot.Locations", JudgeCut, cut, func(c *Case) { c.Boot.Locations = 1 << 20 }},
		{"does not lie in the flash", JudgeLife, script(download), func(c *Case) { c.Boot.StorageAddr = 0 }},
		{"firmware of 0 bytes", JudgeLife, script(download), func(c *Case) { c.First = 0 }},
		{"update.script[16]: the images have", JudgeWalk, script(slices.Repeat([]string{fmt.Sprintf("download version 2, %d bytes, to slot 0", MaxImage)}, 17)...), nil},
	} {
		c := s.caseOf(tt.judge, tt.steps)
		if tt.spoil != nil {
			tt.spoil(c)
		}
		if _, err := c.Replay(io.Discard, explore.Env{}); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want one line with %q", err, tt.want)
		}
	}
	if _, err := s.caseOf(JudgeCut, cut).Replay(io.Discard, explore.Env{}); err != nil {
		t.Errorf("a good case: %v", err)
	}
}
