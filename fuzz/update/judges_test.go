package update

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/model"
)

// puppet is client and bootloader in one, which do what a test says. What runs is put on the flash without a step.
type puppet struct {
	l       *life
	fails   Phase                       // of the download; "": none
	runs    uint64                      // version of the image that a boot puts there and starts; 0: what is there
	ends    boot.Result                 // of a boot
	writes  func(f *model.Flash)        // what a boot does beside
	prepare func()                      // what Prepare does beside
	boots   func(ram boot.RAM) boot.RAM // sees what is left in RAM, and leaves something
	resets  int                         // of the client
	reasons []boot.ResetReason          // of the boots
}

var errPuppet = errors.New("no")

func (p *puppet) fail(at Phase) error {
	if p.fails == at {
		return errPuppet
	}
	return nil
}

func (p *puppet) Prepare(uint32, *boot.Details) error {
	if p.prepare != nil {
		p.prepare()
	}
	return p.fail(Prepare)
}

func (p *puppet) Write(uint32, uint32, []byte) error { return p.fail(Write) }
func (p *puppet) Finalize(uint32) error              { return nil }
func (p *puppet) Activate(uint32) error              { return p.fail(Activate) }
func (p *puppet) Reset()                             { p.resets++ }

func (p *puppet) Boot(reason boot.ResetReason, ram *boot.RAM) boot.Outcome {
	p.reasons = append(p.reasons, reason)
	if p.boots != nil {
		*ram = p.boots(*ram)
	}
	if p.writes != nil {
		p.writes(p.l.f)
	}
	if p.runs != 0 && p.ends == boot.Jumped {
		p.image(p.runs).poke(p.l.f, &p.l.cfg.Boot)
	}
	return boot.Outcome{Result: p.ends, Version: p.runs}
}

// image is the one of a version, whether it may run or not.
func (p *puppet) image(version uint64) *image {
	if p.l.candidate != nil && p.l.candidate.Version == version {
		return p.l.candidate
	}
	i := slices.IndexFunc(p.l.images, func(im *image) bool { return im.Version == version })
	return p.l.images[i]
}

// onStage makes a life of a puppet.
func onStage(t *testing.T, c Sweep) *puppet {
	t.Helper()
	p := &puppet{}
	c.Software = Software{Client: func(boot.Flash) Client { return p }, Loader: func(boot.Flash) Loader { return p }}
	c.Old = firstImage
	var err error
	if p.l, err = newLife(&c); err != nil {
		t.Fatal(err)
	}
	return p
}

// act performs events and lists what was reported: rule, kind, and where it has them operation and error.
func (p *puppet) act(t *testing.T, lines ...string) string {
	t.Helper()
	for _, line := range lines {
		var s Step
		if err := s.UnmarshalText([]byte(line)); err != nil {
			t.Fatal(err)
		}
		p.l.step(&s)
	}
	return reported(p.l.bad)
}

func reported(bad []explore.Violation) string {
	var all []string
	for _, v := range bad {
		s := v.Symptom
		all = append(all, strings.Join(strings.Fields(fmt.Sprint(s.Rule, " ", s.Kind, " ", s.Op, " ", s.Error)), " "))
	}
	return strings.Join(all, "; ")
}

// three is a device with three slots of 0x2000 bytes; the header takes 112 of them, so that images up to 8080 bytes fit.
var three = Sweep{Device: inputLayouts[1].device, Boot: inputLayouts[1].boot}

// TestLifeIsJudged: each good and each bad outcome of a download and of a boot is judged as what it is.
func TestLifeIsJudged(t *testing.T) {
	const to0, to1 = ", to slot 0", ", to slot 1"
	get := func(version, bytes int, slot string) string {
		return fmt.Sprintf("download version %d, %d bytes%s", version, bytes, slot)
	}
	for _, tt := range []struct {
		name   string
		before []string         // events in which nothing is wrong
		runs   uint64           // version that the boots of before start, and the last one unless change says otherwise
		change func(p *puppet)  // what goes otherwise from now on
		then   []string         // events in which it shows
		want   string           // what is reported
		now    uint64           // version that is said to run at the end
		check  func(*life) bool // what else holds
	}{
		{name: "it is installed", runs: 2, then: []string{get(2, 900, to0), "reset SOFTWARE"}, now: 2},
		{name: "it is not installed", runs: 1, then: []string{get(2, 900, to0), "reset SOFTWARE"}, want: "4 not-installed", now: 1},
		{name: "the newest of two", runs: 3, then: []string{get(2, 900, to0), get(3, 901, to1), "reset SOFTWARE"}, now: 3},
		{name: "not the newest of two", runs: 2, then: []string{get(2, 900, to0), get(3, 901, to1), "reset SOFTWARE"}, want: "4 not-installed", now: 2},
		{name: "the newest first", runs: 3, then: []string{get(3, 900, to0), get(2, 901, to1), "reset SOFTWARE"}, now: 3},
		{
			name: "an older one is no update", before: []string{get(3, 900, to0), "reset SOFTWARE"}, runs: 3,
			then: []string{get(2, 901, to1), "reset SOFTWARE"}, now: 3,
		},
		{
			name: "an older one is installed", before: []string{get(3, 900, to0), "reset SOFTWARE"}, runs: 3,
			change: func(p *puppet) { p.runs = 2 }, then: []string{get(2, 901, to1), "reset SOFTWARE"}, want: "4 not-installed", now: 2,
		},
		{name: "what is left is not installed", runs: 1, then: []string{get(2, 900, to0+", not activated"), "reset SOFTWARE"}, now: 1},
		{name: "what is left is installed", runs: 2, then: []string{get(2, 900, to0+", not activated"), "reset SOFTWARE"}, want: "7 left-runs", now: 2},
		{
			name: "what is left makes way", runs: 3, then: []string{get(2, 900, to0+", not activated"), get(3, 901, to0), "reset SOFTWARE"}, now: 3,
			check: func(l *life) bool { return l.left[0] == nil && l.held[0] == l.now && l.newest == 3 },
		},
		{
			name: "what is left takes the place of what was activated", runs: 1, then: []string{get(2, 900, to0), get(3, 901, to0+", not activated"), "reset SOFTWARE"},
			now: 1, check: func(l *life) bool { return l.held[0] == nil && l.left[0] != nil && l.newest == 3 },
		},
		{
			name: "a bad one takes the place of what was activated", runs: 1, then: []string{get(2, 900, to0), get(3, 901, to0+", bad hash"), "reset SOFTWARE"},
			now: 1, check: func(l *life) bool { return l.held[0] == nil && l.left[0] == nil && len(l.images) == 2 },
		},
		{name: "a bad one runs", runs: 2, then: []string{get(2, 900, to0+", bad hash"), "reset SOFTWARE"}, want: "3 unknown-version", now: 1},
		{
			name: "other bytes run", runs: 2, change: func(p *puppet) {
				p.boots = func(r boot.RAM) boot.RAM { p.l.candidate.bytes[899] ^= 1; p.boots = nil; return r }
				p.writes = func(*model.Flash) { p.image(2).poke(p.l.f, &p.l.cfg.Boot); p.image(2).bytes[899] ^= 1; p.runs = 0 }
			}, then: []string{get(2, 900, to0), "reset SOFTWARE"}, want: "2 other-image", now: 1,
		},
		{
			name: "no header", runs: 0, change: func(p *puppet) { p.l.f.Poke(p.l.cfg.Boot.Details, make([]byte, 8)) },
			then: []string{"reset SOFTWARE"}, want: "2 no-header", now: 1,
		},
		{name: "nothing runs", runs: 1, change: func(p *puppet) { p.ends = boot.Halted }, then: []string{"reset SOFTWARE"}, want: "1 boot-fails HALT", now: 1},
		{
			name: "a boot with nothing to install writes", runs: 1, then: []string{"reset SOFTWARE"}, want: "6 idle-boot-writes", now: 1,
			change: func(p *puppet) {
				p.writes = func(f *model.Flash) { f.Program(p.l.active.to-8, make([]byte, 8)) }
			},
		},
		{
			name: "an install writes", runs: 2, then: []string{get(2, 900, to0), "reset SOFTWARE"}, now: 2,
			change: func(p *puppet) {
				p.writes = func(f *model.Flash) { f.Program(p.l.active.to-8, make([]byte, 8)) }
			},
		},
		{
			name: "a boot writes into a slot", runs: 2, then: []string{get(2, 900, to0), "reset SOFTWARE"}, want: "6 write-outside", now: 2,
			change: func(p *puppet) {
				p.writes = func(f *model.Flash) { f.Program(p.l.storage.from, make([]byte, 8)) }
			},
		},
		{
			name: "a boot writes elsewhere", runs: 2, then: []string{get(2, 900, to0), "reset SOFTWARE"}, want: "5 foreign-write", now: 2,
			change: func(p *puppet) {
				p.writes = func(f *model.Flash) { f.Program(f.Start(), make([]byte, 8)) }
			},
		},
		{
			name: "a download writes into its slot", runs: 1, then: []string{get(2, 900, to1)}, now: 1,
			change: func(p *puppet) { p.prepare = func() { p.l.f.Erase(p.l.slots[1].Addr, 2048) } },
		},
		{
			name: "a download writes into another slot", runs: 1, then: []string{get(2, 900, to1)}, want: "6 write-outside", now: 1,
			change: func(p *puppet) { p.prepare = func() { p.l.f.Erase(p.l.slots[0].Addr, 2048) } },
		},

		{name: "the largest", runs: 2, then: []string{get(2, 8080, to0), "reset SOFTWARE"}, now: 2},
		{
			name: "the largest is refused", runs: 1, change: func(p *puppet) { p.fails = Prepare },
			then: []string{get(2, 8080, to0)}, want: "4 download-fails download/prepare no", now: 1,
		},
		{name: "too large", runs: 1, then: []string{get(2, 8081, to0)}, want: "6 oversize-taken", now: 1},
		{
			name: "too large, and what was there is installed", before: []string{get(2, 900, to0)}, runs: 2, change: func(p *puppet) { p.fails = Prepare },
			then: []string{get(3, 8081, to0), "reset SOFTWARE"}, now: 2, check: func(l *life) bool { return l.newest == 2 },
		},
		{
			name: "too large, and what was there is not installed", before: []string{get(2, 900, to0)}, runs: 1, change: func(p *puppet) { p.fails = Prepare },
			then: []string{get(3, 8081, to0), "reset SOFTWARE"}, want: "4 not-installed", now: 1,
		},
		{
			name: "a write fails", runs: 1, change: func(p *puppet) { p.fails = Write },
			then: []string{get(2, 900, to0)}, want: "4 download-fails download/write no", now: 1,
		},
		{
			name: "activation fails", runs: 1, change: func(p *puppet) { p.fails = Activate },
			then: []string{get(2, 900, to0)}, want: "4 download-fails download/activate no", now: 1,
		},
		{
			name: "activation is left out", runs: 1, change: func(p *puppet) { p.fails = Activate },
			then: []string{get(2, 900, to0+", not activated")}, now: 1,
		},
		{
			name: "the running image is erased, and an older one runs", before: []string{get(2, 900, to0), "reset SOFTWARE"}, runs: 2,
			change: func(p *puppet) { p.runs, p.prepare = 1, func() { p.l.wrong = true } },
			then:   []string{get(3, 900, to0)}, want: "3 older-runs", now: 2,
		},
		{
			name: "the running image is erased, and it runs", before: []string{get(2, 900, to0), "reset SOFTWARE"}, runs: 2,
			change: func(p *puppet) { p.prepare = func() { p.l.wrong = true } },
			then:   []string{get(3, 900, to0)}, now: 2,
		},
		{
			name: "the running image is erased, and nothing runs", before: []string{get(2, 900, to0), "reset SOFTWARE"}, runs: 2,
			change: func(p *puppet) { p.ends, p.prepare = boot.Fault, func() { p.l.wrong = true } },
			then:   []string{get(3, 900, to0)}, want: "1 never-boots FAULT", now: 2,
		},
		{
			name: "warm resets are counted", runs: 1, then: []string{"reset SOFTWARE", "reset WATCHDOG", "reset SOFTWARE"}, now: 1,
			check: func(l *life) bool { return l.warm == 3 },
		},
		{
			name: "a power cycle begins anew", runs: 1, then: []string{"reset SOFTWARE", "reset POWER_ON"}, now: 1,
			check: func(l *life) bool { return l.warm == 0 },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := onStage(t, three)
			p.runs = tt.runs
			if got := p.act(t, tt.before...); got != "" {
				t.Fatalf("before: %s", got)
			}
			if tt.change != nil {
				tt.change(p)
			}
			if got := p.act(t, tt.then...); got != tt.want {
				t.Errorf("%q is reported, want %q", got, tt.want)
			}
			if p.l.now.Version != tt.now {
				t.Errorf("version %d runs, want %d", p.l.now.Version, tt.now)
			}
			if tt.check != nil && !tt.check(p.l) {
				t.Errorf("held %v, left %v, newest %d, %d images, %d warm resets", p.l.held, p.l.left, p.l.newest, len(p.l.images), p.l.warm)
			}
		})
	}
}

// TestLifeOfLargeImages: a candidate that its slot has room for and the application has not is never asked for.
func TestLifeOfLargeImages(t *testing.T) {
	c := Sweep{Device: inputLayouts[0].device, Boot: inputLayouts[0].boot} // a slot of 0x6000 bytes, an application of 0x3800
	for bytes, want := range map[int]string{0x3800: "4 not-installed", 0x3801: ""} {
		p := onStage(t, c)
		if got := p.act(t, fmt.Sprintf("download version 2, %d bytes, to slot 0", bytes), "reset SOFTWARE"); got != want {
			t.Errorf("%d bytes: %q is reported, want %q", bytes, got, want)
		}
	}
}

// TestRAMInALife: resets leave RAM as it was, a power cycle leaves zeros or what a seed makes.
func TestRAMInALife(t *testing.T) {
	p := onStage(t, three)
	var got []string
	p.boots = func(ram boot.RAM) boot.RAM {
		got = append(got, fmt.Sprintf("%d %d", ram.Version, ram.Counter))
		return boot.RAM{Version: 5, Counter: ram.Counter + 1}
	}
	p.act(t, "reset SOFTWARE", "reset WATCHDOG", "reset POWER_ON", "reset POWER_ON, RAM seed 3")
	if want := []string{"0 0", "5 1", "0 0"}; !slices.Equal(got[:3], want) || got[3] == "0 0" || p.resets != 4 {
		t.Errorf("RAM %v, %d resets of the client, want %v and something else, and 4", got, p.resets, want)
	}
}

// divider is a puppet with the device to itself. What runs lies at the start of the flash.
type divider struct{ *puppet }

func (d *divider) Boot(boot.ResetReason, *boot.RAM) boot.Outcome {
	if d.writes != nil {
		d.writes(d.l.f)
	}
	return boot.Outcome{Result: boot.Jumped, Version: d.runs}
}

// Started implements Teller.
func (d *divider) Started() (addr, size uint32, version uint64) {
	im := d.l.candidate
	if d.runs == 1 {
		im = d.l.first
	}
	d.l.f.Poke(d.l.f.Start(), im.bytes)
	return d.l.f.Start(), uint32(len(im.bytes)), im.Version
}

// Failed implements Teller.
func (d *divider) Failed() string { return "" }

// TestLifeOfWholeSoftware: what has the device to itself may turn down what is bad or no newer, and know better how much
// it has room for. It must take the rest, and may write in a boot.
func TestLifeOfWholeSoftware(t *testing.T) {
	for _, tt := range []struct {
		name  string
		line  string // the download
		fails Phase
		runs  uint64 // version that runs afterwards
		want  string
	}{
		{"a good one", "download version 2, 900 bytes, to slot 0", "", 2, ""},
		{"a good one is turned down", "download version 2, 900 bytes, to slot 0", Activate, 1, "4 download-fails download/activate no"},
		{"the same version is turned down", "download version 1, 900 bytes, to slot 0", Activate, 1, ""},
		{"a bad one is turned down", "download version 2, 900 bytes, to slot 0, bad empty", Prepare, 1, ""},
		{"a bad one is taken and not run", "download version 2, 900 bytes, to slot 0, bad hash", "", 1, ""},
		{"more than the application may have", "download version 2, 1025 bytes, to slot 0", "", 1, ""},
		{"more than the application may have, turned down", "download version 2, 1025 bytes, to slot 0", Prepare, 1, ""},
		{"as much as the application may have", "download version 2, 1024 bytes, to slot 0", "", 1, "4 not-installed"},
	} {
		c := Sweep{Device: three.Device, Boot: DividedBy(1024), Old: firstImage}
		d := &divider{&puppet{runs: 1}}
		made := 0
		c.Software = Software{Whole: true, Client: func(boot.Flash) Client { return d }, Loader: func(boot.Flash) Loader { made++; return d }}
		l, err := newLife(&c)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		d.l = l
		if err := l.room(); err != nil || made != 2 {
			t.Errorf("%s: %v, %d bootloaders", tt.name, err, made)
		}
		d.fails, d.runs = tt.fails, tt.runs
		d.writes = func(f *model.Flash) { f.Program(f.Start()+f.Size()-8, make([]byte, 8)) }
		got := d.act(t, tt.line, "reset SOFTWARE")
		if got != tt.want {
			t.Errorf("%s: %q is reported, want %q", tt.name, got, tt.want)
		}
	}
}

// TestEventsOfALife: what a seed makes stays: findings name their seeds. Two in five events are downloads. One in eight of
// these is of the largest size, one too large, one left, one bad, one of an older version.
func TestEventsOfALife(t *testing.T) {
	l := onStage(t, three).l
	count := map[string]int{}
	for range 20_000 {
		s := l.next()
		if err := s.check(); err != nil {
			t.Fatalf("%v: %v", &s, err)
		}
		count[string(s.Do)]++
		if s.Do == Reset {
			if s.Reason == boot.Watchdog && l.warm > 1 {
				t.Fatal("a watchdog reset after two warm ones: the application would be given up")
			}
			if l.warm++; s.Reason == boot.PowerOn {
				l.warm = 0
			}
			count[s.Reason.String()]++
			continue
		}
		switch {
		case s.Left:
			count["left"]++
		case s.Bad == BadHash:
			count["bad"]++
		case s.Version == 1:
			count["older"]++
		case s.Size > 8080:
			count["larger"]++
		case s.Size == 8080:
			count["exact"]++
		}
		if s.Seed != l.cfg.Seed+uint64(s.Size) || s.Slot > 2 || s.Version != 1 && s.Version != 2 || s.Size > 2*8080+1 {
			t.Fatalf("%v", &s)
		}
	}
	// 8000 of 20000 are downloads; an eighth of them is 1000, within four standard deviations of 30.
	for what, want := range map[string]int{"download": 8000, "reset": 12000, "left": 1000, "bad": 1000, "older": 1000, "larger": 1000, "exact": 1000, "PIN_RESET": 1714} {
		if got := count[what]; got < want*88/100 || got > want*112/100 {
			t.Errorf("%d x %s, want about %d", got, what, want)
		}
	}
	l.most = 300
	for range 2000 {
		if s := l.next(); s.Size > 300 {
			t.Fatalf("%d bytes, the most is 300", s.Size)
		}
	}
	// Where something runs that is newer than 2, an older version is the one before it.
	l.newest = 7
	for range 2000 {
		if s := l.next(); s.Do == Download && s.Version != 8 && s.Version != 6 {
			t.Fatalf("version %d", s.Version)
		}
	}
	l.cfg.Software.Whole, l.most = true, 0
	kinds := map[BadCandidate]int{}
	for range 8000 {
		s := l.next()
		kinds[s.Bad]++
	}
	// 3200 downloads, of which a quarter has one of three kinds, an eighth a bad hash.
	for kind, want := range map[BadCandidate]int{BadHash: 400, SameVersion: 267, EmptyCandidate: 267, TruncatedSize: 267} {
		if got := kinds[kind]; got < want*75/100 || got > want*125/100 {
			t.Errorf("%d x %q, want about %d", got, kind, want)
		}
	}
}

// TestPlacesOfALife: what is special about an event.
func TestPlacesOfALife(t *testing.T) {
	l := onStage(t, three).l
	for line, want := range map[string]string{
		"download version 2, 8079 bytes, to slot 0":                "download size/smaller",
		"download version 2, 8080 bytes, to slot 2":                "download size/exact",
		"download version 2, 8081 bytes, to slot 0":                "download size/larger",
		"download version 2, 10 bytes, to slot 0, not activated":   "download/left size/smaller",
		"download version 2, 8080 bytes, to slot 0, not activated": "download/left size/exact",
		"reset WATCHDOG": "reset reason/WATCHDOG",
	} {
		var s Step
		if err := s.UnmarshalText([]byte(line)); err != nil {
			t.Fatal(err)
		}
		if p := l.place(&s); p.Op+" "+p.Part != want {
			t.Errorf("%s: %s %s, want %s", line, p.Op, p.Part, want)
		}
	}
}

// TestLivesAreCounted: a sweep ends with the events that it may have, and each finding has the events until it shows.
func TestLivesAreCounted(t *testing.T) {
	c := lifeLayouts[1]
	c.Boot.BootRetries, c.Boot.CopyRetries, c.Boot.ResetReason, c.Seed = 3, 1, true, 1
	for _, tt := range []struct {
		lives        int
		events, want uint64
	}{{2, 0, 48}, {3, 0, 72}, {2, 30, 30}, {1, 24, 24}, {1, 25, 24}} {
		c.Lives, c.Events = tt.lives, tt.events
		s, err := Lives(context.Background(), c)
		if err != nil || s.Stats.Cuts != tt.want || s.Stats.Judged != tt.want || len(s.Findings) > 0 {
			t.Errorf("%+v: %+v, %d findings, %v", tt, s.Stats, len(s.Findings), err)
		}
	}
	c.Lives, c.Events, c.Client = 0, 0, boot.ClientOld
	s, err := Lives(context.Background(), c)
	if err != nil || len(s.Findings) == 0 || s.Stats.Cuts < 200 || s.Stats.Cuts >= 20*24 {
		t.Fatalf("%d findings after %d events, %v", len(s.Findings), s.Stats.Cuts, err)
	}
	for i := range s.Findings {
		f := &s.Findings[i]
		k := f.Case.(*Case)
		if f.Symptom.Kind != "left-runs" || k.Judge != JudgeLife || k.Seed < 1 || k.Seed > 20 || k.First != firstImage || len(f.Modes) > 0 || f.Place.Op == "" {
			t.Errorf("%v at %v, seed %d", f.Symptom, f.Place, k.Seed)
		}
		shows(t, f, explore.Env{})
	}
	ended, stop := context.WithCancel(context.Background())
	stop()
	if s, err := Lives(ended, c); !errors.Is(err, context.Canceled) || s.Stats.Cuts != 0 {
		t.Errorf("stopped: %+v, %v", s.Stats, err)
	}
}

// TestRoomOfALife: a slot of 112 bytes has room for a header alone.
func TestRoomOfALife(t *testing.T) {
	l := onStage(t, three).l
	for size, ok := range map[uint32]bool{111: false, 112: false, 113: true} {
		l.slots[2].Size = size
		if err := l.room(); (err == nil) != ok {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// TestOnceIsJudged: an update that fails is said to fail in the stage in which it does.
func TestOnceIsJudged(t *testing.T) {
	cfg := inputLayouts[0].boot
	cfg.BootRetries, cfg.CopyRetries, cfg.ResetReason = 3, 1, true
	for _, tt := range []struct {
		name   string
		second uint32
		begin  func(u *Once, n int) // before the work number n: boots, download, boot
		want   Stage                // "": it goes well
	}{
		{"good", 900, nil, ""},
		{"nothing runs", 900, func(u *Once, n int) {
			if n == 1 {
				u.f.Poke(cfg.Details, make([]byte, boot.HeaderSize))
			}
		}, StageFirst},
		{"another image runs", 900, func(u *Once, n int) {
			if n == 1 {
				newImage(3, 500, 1).poke(u.f, &cfg)
			}
		}, StageFirst},
		{"too large", 0x6000, nil, Stage(Prepare)},
		{"the candidate is spoiled", 900, func(u *Once, n int) {
			if n == 3 {
				u.f.Poke(cfg.StorageAddr, make([]byte, boot.HeaderSize))
			}
		}, StageInstall},
		{"the image is not the one that was made", 900, func(u *Once, n int) {
			if n == 3 {
				u.run.candidate.bytes[899] ^= 1
			}
		}, StageImage},
	} {
		f, err := inputLayouts[0].device.Flash()
		if err != nil {
			t.Fatal(err)
		}
		u, ok := NewOnce(f, cfg, boot.ClientNew, 700, tt.second, 0)
		if !ok {
			t.Fatal("the first image does not lie in the flash")
		}
		var who []string
		fail := u.Perform(func(w string) {
			if who = append(who, w); tt.begin != nil {
				tt.begin(u, len(who))
			}
		})
		switch {
		case tt.want == "":
			if fail != nil || !slices.Equal(who, []string{"boot", "download", "boot"}) {
				t.Errorf("%s: %+v, %v", tt.name, fail, who)
			}
		case fail == nil || fail.Stage != tt.want || fail.Expected == "" || fail.Seen == "" || fail.Error == "" && tt.want != StageImage && tt.name != "another image runs":
			t.Errorf("%s: %+v, want %s", tt.name, fail, tt.want)
		}
	}
	f, err := inputLayouts[0].device.Flash()
	if err != nil {
		t.Fatal(err)
	}
	cfg.AppStart = 0x0800FFFC
	for size, want := range map[uint32]bool{4: true, 5: false} {
		if _, ok := NewOnce(f, cfg, boot.ClientNew, size, size, 0); ok != want {
			t.Errorf("%d bytes 4 before the end of the flash: %v", size, ok)
		}
	}
}

// TestOtherCases: what a case offers for a search of its cause: other seeds, modes, repairs, and places near its cut.
func TestOtherCases(t *testing.T) {
	s := &Sweep{Device: f429, Boot: f429Guide, Old: 300, New: 200, Seed: 1}
	var install Step
	if err := install.UnmarshalText([]byte("reset SOFTWARE; torn at step 3, seed 7; then before at step 1")); err != nil {
		t.Fatal(err)
	}
	c := s.caseOf(JudgeCut, append(s.script()[:1], install))
	if got := c.Modes(); !slices.Equal(got, []string{"before", "torn"}) {
		t.Errorf("modes %v", got)
	}
	other := c.Again(2).(*Case)
	if a, b := &c.Steps[1], &other.Steps[1]; a.Fault.Seed != 7 || b.Fault.Seed == 7 || b.Fault.At != 3 || len(b.Then) != 1 || b.Then[0].Mode != model.Before {
		t.Errorf("%v again is %v", a, b)
	}
	all := c.Remedies()
	c.Boot.Repairs = c.Boot.Repairs.With(boot.RepairHeaderLast)
	if fewer := c.Remedies(); len(fewer) != len(all)-1 || slices.Contains(fewer, boot.RepairHeaderLast.String()) {
		t.Errorf("%v without one: %v", all, fewer)
	}
	with, ok := c.With([]string{boot.RepairHeaderMagic.String()}, false)
	if w := with.(*Case); !ok || !w.Boot.Repairs.Has(boot.RepairHeaderMagic) || !w.Boot.Repairs.Has(boot.RepairHeaderLast) || w.After != 0 || c.Boot.Repairs.Has(boot.RepairHeaderMagic) {
		t.Errorf("%+v", w)
	}
	late, ok := c.With([]string{boot.RepairHeaderMagic.String()}, true)
	if w := late.(*Case); !ok || !w.After.Has(boot.RepairHeaderMagic) || w.Boot.Repairs != c.Boot.Repairs {
		t.Errorf("late: %+v", w)
	}
	if _, ok := c.With([]string{"no such repair"}, false); ok {
		t.Error("an unknown repair is taken")
	}
	clean := late.(*Case).Clean().(*Case)
	if clean.After != 0 || clean.Boot.Repairs != 0 || clean.Boot.AppStart != c.Boot.AppStart {
		t.Errorf("clean: %+v", clean)
	}
	// An install of 200 bytes: an erase, 112 bytes of header, 200 of image, each a step.
	var steps []uint64
	for near := range c.Near() {
		steps = append(steps, near.(*Case).Steps[1].Fault.At)
		if len(steps) == 4 {
			break
		}
	}
	if !slices.Equal(steps, []uint64{3, 4, 2, 5}) || c.Steps[1].Fault.At != 3 {
		t.Errorf("near step 3 are %v", steps)
	}
	total := map[uint64]bool{}
	for near := range c.Near() {
		total[near.(*Case).Steps[1].Fault.At] = true
	}
	if len(total) != 1+112+200 {
		t.Errorf("%d steps of the install", len(total))
	}
	life := s.caseOf(JudgeLife, s.script())
	if late, ok := life.With([]string{boot.RepairHeaderMagic.String()}, true); ok || late != nil {
		t.Error("a life has no repairs after a fault")
	}
	n := 0
	for near := range life.Near() {
		if n++; near != explore.Case(life) {
			t.Error("near a life is another case")
		}
	}
	if n != 1 {
		t.Errorf("%d cases near a life", n)
	}
}

// TestStoryOfACase: a replay tells on what it runs, what is downloaded, and where the cut is.
func TestStoryOfACase(t *testing.T) {
	s := &Sweep{Device: f429, Boot: f429Guide, Old: 300, New: 200, Seed: 1}
	var install Step
	if err := install.UnmarshalText([]byte("reset SOFTWARE; torn at step 3, seed 7; then before at step 1")); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if _, err := s.caseOf(JudgeCut, append(s.script()[:1], install)).Replay(&b, explore.Env{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"with version 1, 300 bytes", "to version 2, 200 bytes", "in install, after 3 of its steps, mode torn; the last thing done was", "cut after 1 steps of that, mode before"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
	if k := s.caseOf(JudgeLife, s.script()); k.Variant() != "old" && k.Variant() != "new" || k.OfOwn() || k.Len() != 2 {
		t.Errorf("variant %s", k.Variant())
	}
}

// TestSmallInstallWithAWatchdog: the install of 10 bytes erases one sector of 16 KiB, which takes 0.25 s (typical) or 0.5 s (maximum)
// by its data sheet: a watchdog that waits as long or less resets it each time.
func TestSmallInstallWithAWatchdog(t *testing.T) {
	for corner, longest := range map[string]string{"typ": "250ms", "max": "500ms"} {
		c := Watched{Sweep: Sweep{Device: f429, Boot: f429Guide, Old: 10, New: 10, Seed: 1}, Driver: "word", Corner: corner}
		s, err := c.Run(context.Background())
		if err != nil || len(s.Findings) != 1 {
			t.Fatalf("%s: %+v, %v", corner, s, err)
		}
		f := &s.Findings[0]
		k := f.Case.(*Case)
		if f.Symptom.Kind != "watchdog-boots" || k.Watchdog.Period != longest || k.Judge != JudgeWatchdog || f.Place.Part != "watchdog/unfed/word/"+corner {
			t.Errorf("%s: %v at %v with a watchdog of %s, want %s", corner, f.Symptom, f.Place, k.Watchdog.Period, longest)
		}
		// Each time to wait that is too short resets all attempts; the others reset none.
		if short := uint64(f.Count); s.Stats.Cuts != short*explore.WatchdogAttempts || s.Stats.Judged != uint64(len(explore.WatchdogPeriods)) {
			t.Errorf("%s: %+v, %d times", corner, s.Stats, f.Count)
		}
		shows(t, f, explore.Env{})
		// A bootloader that feeds the watchdog after each sector meets a time that a sector fits in.
		k.Boot.Repairs = k.Boot.Repairs.With(boot.RepairFeedWatchdog)
		var b strings.Builder
		if r, err := k.Replay(&b, explore.Env{}); err != nil || len(r.Bad) != 1 || strings.Count(b.String(), "reset by the watchdog after") != explore.WatchdogAttempts {
			t.Errorf("%s: %+v, %v\n%s", corner, r.Bad, err, &b)
		}
	}
	ended, stop := context.WithCancel(context.Background())
	stop()
	c := Watched{Sweep: Sweep{Device: f429, Boot: f429Guide, Old: 10, New: 10, Seed: 1}, Driver: "word", Corner: "typ"}
	if s, err := c.Run(ended); !errors.Is(err, context.Canceled) || s.Stats.Judged != 0 {
		t.Errorf("stopped: %+v, %v", s, err)
	}
}

// TestAttemptsWithAWatchdog: each boot that ends in no application is followed by a reset of the watchdog, which keeps RAM;
// once in between the device is switched off and on.
func TestAttemptsWithAWatchdog(t *testing.T) {
	p := onStage(t, three)
	p.ends = boot.Halted
	var counted []string
	p.boots = func(ram boot.RAM) boot.RAM {
		counted = append(counted, fmt.Sprint(ram.Counter))
		return boot.RAM{Counter: ram.Counter + 1}
	}
	w := &watched{run: p.l.run}
	w.install(io.Discard, boot.Software, &model.Watchdog{Period: time.Hour})
	want := []boot.ResetReason{boot.Software}
	for range explore.WatchdogAttempts - 1 {
		want = append(want, boot.Watchdog)
	}
	want[explore.WatchdogAttempts/2+1] = boot.PowerOn
	if !slices.Equal(p.reasons, want) {
		t.Errorf("reasons %v, want %v", p.reasons, want)
	}
	if got := strings.Join(counted, " "); got != "0 1 2 3 4 5 6 0 1 2 3 4" || w.resets != explore.WatchdogAttempts {
		t.Errorf("RAM counts %s, %d resets", got, w.resets)
	}
	if got := reported(w.bad); got != fmt.Sprintf("%d watchdog-boots", RuleRuns) {
		t.Errorf("reported %q", got)
	}
}

// TestScrambledRAM: a power cycle may leave any small version and any counter in RAM, the same for the same seed.
func TestScrambledRAM(t *testing.T) {
	versions, counters := map[uint64]bool{}, map[uint8]bool{}
	var r run
	for seed := range uint64(4000) {
		r.scramble(seed)
		was := r.ram
		if r.scramble(seed); r.ram != was {
			t.Fatalf("seed %d leaves %v, then %v", seed, was, r.ram)
		}
		versions[r.ram.Version], counters[r.ram.Counter] = true, true
	}
	if most := slices.Max(slices.Collect(maps.Keys(versions))); len(versions) != 16 || most != 15 || len(counters) != 256 {
		t.Errorf("%d versions up to %d, %d counters; want 16 up to 15, 256", len(versions), most, len(counters))
	}
}

// TestSpoiledImages: each kind of bad candidate differs from a good one in what its name says, and in nothing else.
func TestSpoiledImages(t *testing.T) {
	good := newImage(7, 300, 5)
	for kind, change := range map[BadCandidate]func(d *boot.Details){
		GoodCandidate:  func(*boot.Details) {},
		BadHash:        func(d *boot.Details) { d.Hash[31] ^= 1 },
		OlderVersion:   func(d *boot.Details) { d.Version = 0 },
		SameVersion:    func(d *boot.Details) { d.Version = 1 },
		EmptyCandidate: func(d *boot.Details) { d.Size = 0 },
		TruncatedSize:  func(d *boot.Details) { d.Size = 299 },
	} {
		want := good.Details
		change(&want)
		s := &Step{Version: 7, Size: 300, Seed: 5, Bad: kind}
		im := s.image()
		if im.Details != want || !bytes.Equal(im.bytes, good.bytes) || (im.crc32() != good.crc32()) != (kind == BadHash) {
			t.Errorf("%q: %+v, want %+v", kind, im.Details, want)
		}
	}
	if len(spoils) != 6 {
		t.Errorf("%d kinds, 6 are tested", len(spoils))
	}
}

// TestImagesDiffer: the two images of an update have different bytes, so that what runs can be told.
func TestImagesDiffer(t *testing.T) {
	f, err := inputLayouts[0].device.Flash()
	if err != nil {
		t.Fatal(err)
	}
	u, ok := NewOnce(f, inputLayouts[0].boot, boot.ClientNew, 500, 500, 0)
	if !ok || bytes.Equal(u.run.first.bytes, u.run.candidate.bytes) || u.run.first.Version != 1 || u.run.candidate.Version != 2 {
		t.Error("the first image and the second one are the same")
	}
}

// TestDeepSweep: every step of the boot after a cut is cut, too. In the middle of an install of 10 bytes, which is an
// erase, 112 bytes of header and 10 of image, the boot after it installs again.
func TestDeepSweep(t *testing.T) {
	c := Sweep{Device: f429, Boot: f429Guide, Old: 10, New: 10, Seed: 1, Modes: []string{"before"}, Install: true}
	plain := sweep(t, c)
	c.Deep = 1
	deep := sweep(t, c)
	const install = 1 + 112 + 10
	if plain.Stats.Cuts != install || deep.Stats.Cuts != 2*install {
		t.Errorf("%d cuts, and %d with those of a boot after a cut; want %d and %d", plain.Stats.Cuts, deep.Stats.Cuts, install, 2*install)
	}
}

// TestEveryByteOf: every byte is cut of an install of 512 KiB, or of the largest that slot and application take.
func TestEveryByteOf(t *testing.T) {
	for _, tt := range []struct {
		app, storage, want uint32
	}{
		{0xC0000, 0xC0000, 512 << 10}, {0x20000, 0xC0000, 0x20000}, {0xC0000, 0x20000, 0x20000 - 112},
	} {
		b := f429Guide
		b.MaxAppSize, b.StorageAddr, b.StorageSize, b.Locations = tt.app, 0x08100000, tt.storage, 1
		c, err := EveryByte(f429, b, 3)
		if err != nil || c.Old != tt.want || c.New != tt.want || !c.Install || c.Seed != 3 {
			t.Errorf("application of %d bytes, slot of %d: %+v, %v; want %d bytes", tt.app, tt.storage, c, err, tt.want)
		}
	}
}

// TestPlacesOfACut: each step of an update is told as what it changes. An erase of 128 KiB makes room in the
// slot, one of 16 KiB for header and image; each byte is a step.
func TestPlacesOfACut(t *testing.T) {
	c := Sweep{Device: f429, Boot: f429Guide, Old: 300, New: 200, Seed: 1}
	u, err := record(&c, c.script())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for step := range u.rec.Steps {
		p := u.place(step)
		got[p.Op+" "+p.Part]++
	}
	want := map[string]int{
		"download/prepare slot/erase": 1, "download/write candidate/firmware": 200, "download/activate candidate/header": 112,
		"install image/erase": 1, "install image/header": 112, "install image/application": 200,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	u.recovery = true
	if p := u.place(0); p.Op != opRecovery || p.Part != "slot/erase" {
		t.Errorf("in a recovery: %v", p)
	}
	if k := u.caseOf(explore.Hit{Op: 2, Step: 5, Mode: "torn", Seed: 9}, explore.Hit{Step: 3, Mode: "before"}); k.Len() != 1 || k.Steps[0].In != Activate || k.Steps[0].Fault.At != 5 || k.Steps[0].Then[0].At != 3 {
		t.Errorf("%v", k.Steps)
	}
	if k := u.caseOf(explore.Hit{Op: 3, Step: 5, Mode: "torn"}); k.Len() != 2 || k.Steps[0].Fault.Mode != nil || k.Steps[1].Fault.At != 5 || k.Steps[1].In != "" {
		t.Errorf("%v", k.Steps)
	}
}

// wholeRun is the first image of software with the device to itself, 904 bytes at the start of the flash.
func wholeRun(t *testing.T) *divider {
	t.Helper()
	c := Sweep{Device: three.Device, Boot: DividedBy(1024), Old: 904}
	d := &divider{&puppet{runs: 1}}
	c.Software = Software{Whole: true, Client: func(boot.Flash) Client { return d }, Loader: func(boot.Flash) Loader { return d }}
	l, err := newLife(&c)
	if err != nil {
		t.Fatal(err)
	}
	d.l = l
	return d
}

// TestRunningImageStays: software with the device to itself may write anywhere but into the image that runs.
func TestRunningImageStays(t *testing.T) {
	for at, want := range map[uint32]string{0: "6 running-touched", 448: "6 running-touched", 896: "6 running-touched", 904: "", 1024: ""} {
		d := wholeRun(t)
		d.act(t, "reset SOFTWARE")
		d.prepare = func() { d.l.f.Program(d.l.f.Start()+at, make([]byte, 8)) }
		if got := d.act(t, "download version 2, 900 bytes, to slot 0"); got != want {
			t.Errorf("8 bytes at %d of an image of 904: %q, want %q", at, got, want)
		}
	}
}

// sequel is a divider that starts another version at each boot.
type sequel struct {
	*divider
	versions []uint64
	boots    int
}

func (s *sequel) Boot(reason boot.ResetReason, ram *boot.RAM) boot.Outcome {
	if s.boots < len(s.versions) {
		s.runs = s.versions[s.boots]
	}
	s.boots++
	return s.divider.Boot(reason, ram)
}

// TestBootsAfterACut: software with the device to itself boots three more times after a cut, and never to an older version.
func TestBootsAfterACut(t *testing.T) {
	for _, tt := range []struct {
		versions []uint64
		want     string
	}{
		{[]uint64{2, 2, 2, 2}, ""}, {[]uint64{1, 2, 2, 2}, ""}, {[]uint64{2, 1, 2, 2}, "3 older-runs"}, {[]uint64{2, 2, 2, 1, 2, 2}, "3 older-runs"},
	} {
		d := wholeRun(t)
		s := &sequel{divider: d, versions: tt.versions}
		d.l.cfg.Software.Loader = func(boot.Flash) Loader { return s }
		step := Step{Do: Download, Version: 2, Size: 900}
		j := newRecovery(d.l.downloaded(d.l.f, step.image()), &step, false)
		d.l.candidate = j.candidate
		bad, _, err := j.Judge(0, nil, 0)
		if got := reported(bad); err != nil || got != tt.want || tt.want == "" && s.boots != 1+moreBoots {
			t.Errorf("versions %v: %q after %d boots, want %q; %v", tt.versions, got, s.boots, tt.want, err)
		}
	}
}

// TestEqualStatesOfABrokenBootloader: that equal states are judged once makes no difference where an install ends badly.
func TestEqualStatesOfABrokenBootloader(t *testing.T) {
	for _, tt := range []struct {
		on string
		d  boot.Defects
	}{
		{"l4_8400", boot.DefectNotResumed},
		{"l4_8400", boot.DefectIntentLost},
		{"l4_8400", boot.DefectHeaderFirst},
		{"l4_8800", boot.DefectIntentLost}, // the same install ends badly more than once
	} {
		c, d := configurations()[tt.on], tt.d
		c.Boot.Defects = d
		c.Old, c.New, c.Seed, c.Modes = 60, 90, 4, []string{"before", "torn"}
		once := sweep(t, c)
		c.plain = true
		plain := sweep(t, c)
		if once.Stats.Equal == 0 || plain.Stats.Cuts != once.Stats.Cuts {
			t.Errorf("%b: %+v against %+v", d, plain.Stats, once.Stats)
		}
		plain.Stats = once.Stats
		if d := cmp.Diff(plain, once); d != "" {
			t.Errorf("every state against equal states once:\n%s", d)
		}
		if d == boot.DefectNotResumed && len(once.Findings) == 0 {
			t.Error("the defect does not show")
		}
	}
}

// TestRepairsAfterTheFault: they go with a cut alone.
func TestRepairsAfterTheFault(t *testing.T) {
	s := &Sweep{Device: f429, Boot: f429Guide, Old: 300, New: 200, Seed: 1}
	var cut Step
	if err := cut.UnmarshalText([]byte("reset SOFTWARE; torn at step 3, seed 7")); err != nil {
		t.Fatal(err)
	}
	for judge, steps := range map[string][]Step{JudgeCut: append(s.script()[:1], cut), JudgeLife: s.script(), JudgeWalk: s.script()} {
		c := s.caseOf(judge, steps)
		c.After = boot.RepairResumeCopy
		if _, err := c.Replay(io.Discard, explore.Env{}); (err == nil) != (judge == JudgeCut) || err != nil && !strings.HasPrefix(err.Error(), "update.repairs_after") {
			t.Errorf("%s: %v", judge, err)
		}
	}
}
