package fuzz

import (
	"bytes"
	"fmt"

	"dualbank/boot"
	"dualbank/model"
)

// The rules for a firmware update, after any cut.
const (
	RuleRuns      = 1 // some number of undisturbed boots ends in a running application
	RuleComplete  = 2 // what runs is a complete image whose hash matches
	RuleNoOlder   = 3 // never an older version than before
	RuleProgress  = 4 // the update completes, or a new download is possible
	RuleUntouched = 5 // bootloader and KVStore are never touched
	RuleInside    = 6 // no erase or program outside the region meant
	RuleSound     = 7 // a bad candidate is never installed
)

// bootsAllowed is how many undisturbed boots a device gets until it must run. One is enough for
// mbed-bootloader's way of installing; a watchdog would give it more.
const bootsAllowed = 5

// updateJudge judges a device after a cut of an update by rules 1 to 6.
type updateJudge struct {
	run    *updateRun
	f      *model.Flash
	client *boot.Client
	loader *boot.Bootloader
	ram    boot.RAM
	bad    []Violation
	inside *span // where the software that runs now may write
	buf    []byte
	// again is the judgement of a new download by the cells that its Prepare leaves. What follows
	// depends on nothing else: the client's memory is set by Prepare, the bootloader starts afresh.
	again map[uint64][]Violation
}

func newUpdateJudge(run *updateRun, f *model.Flash) *updateJudge {
	j := &updateJudge{
		run: run, f: f, buf: make([]byte, 16<<10), again: map[uint64][]Violation{},
		client: boot.NewClient(run.cfg.Boot, f, run.cfg.Client, nil),
		loader: boot.NewBootloader(run.cfg.Boot, f, nil),
	}
	return j
}

func (j *updateJudge) begin(int) {}

func (j *updateJudge) judge(f *model.Flash, _ int, _ model.Mode, _ uint64) (bad []Violation, second uint64, err error) {
	j.bad = nil
	f.Observe(j.watch)
	defer f.Observe(nil)
	running := j.boot("")
	switch {
	case running == nil:
	case j.run.cfg.Bad != GoodCandidate:
		if running == j.run.new {
			j.report(RuleSound, "a bad candidate runs: "+string(j.run.cfg.Bad), "the old image runs", "the candidate runs")
		}
	case running == j.run.old:
		j.download()
	}
	return j.bad, 0, nil
}

// report notes a violation; the same symptom once for each cut.
func (j *updateJudge) report(rule int, symptom, expected, seen string) {
	for _, v := range j.bad {
		if v.Rule == rule && v.Symptom == symptom {
			return
		}
	}
	j.bad = append(j.bad, Violation{Rule: rule, Symptom: symptom, Expected: expected, Seen: seen})
}

// watch sees every write of the software under judgement.
func (j *updateJudge) watch(e *model.Event) {
	if e.Kind == model.Read || j.inside.holds(e.Addr, e.Size) {
		return
	}
	seen := fmt.Sprintf("%v at 0x%08X, %d bytes", e.Kind, e.Addr, e.Size)
	if !j.run.inside[0].holds(e.Addr, e.Size) && !j.run.inside[1].holds(e.Addr, e.Size) {
		j.report(RuleUntouched, "an update changes what belongs to neither image nor candidate", "bootloader and KVStore stay as they are", seen)
		return
	}
	j.report(RuleInside, "a write outside the region meant", fmt.Sprintf("writes from 0x%08X to 0x%08X", j.inside.from, j.inside.to), seen)
}

// boot resets the device until an application runs, and says which it is: nil if none ever does or
// it is none that anybody made.
func (j *updateJudge) boot(when string) *image {
	j.inside = &j.run.inside[1]
	var out boot.Outcome
	for range bootsAllowed {
		j.f.Boot()
		j.ram = boot.RAM{}
		if out = j.loader.Boot(boot.PowerOn, &j.ram); out.Result == boot.Jumped {
			return j.running(when)
		}
	}
	j.report(RuleRuns, fmt.Sprintf("the device never boots again%s: %v", when, out.Result), "a running application",
		fmt.Sprintf("%d boots without a cut, the last one ends with %v", bootsAllowed, out.Result))
	return nil
}

// running compares the active image with the two that exist, byte by byte and not by hash.
func (j *updateJudge) running(when string) *image {
	var d boot.Details
	header := j.buf[:boot.HeaderSize]
	j.f.Peek(j.run.cfg.Boot.Details, header)
	if !boot.ParseHeader(header, &d) {
		j.report(RuleComplete, "what runs has no valid header"+when, "an image that somebody made", "a header whose CRC is wrong")
		return nil
	}
	known := false
	for _, im := range j.run.images {
		known = known || d.Version == im.Version
		if d == im.Details && j.holds(im.bytes) {
			return im
		}
	}
	if known {
		j.report(RuleComplete, "what runs is not the image that its header names"+when, fmt.Sprintf("the firmware of version %d", d.Version), "other bytes")
	} else {
		j.report(RuleNoOlder, "what runs has a version that nobody made"+when, "a version that somebody made", fmt.Sprintf("version %d", d.Version))
	}
	return nil
}

// holds tells whether the active application is b.
func (j *updateJudge) holds(b []byte) bool {
	for off := 0; off < len(b); off += len(j.buf) {
		p := j.buf[:min(len(j.buf), len(b)-off)]
		if !j.f.Peek(j.run.cfg.Boot.AppStart+uint32(off), p) || !bytes.Equal(p, b[off:off+len(p)]) {
			return false
		}
	}
	return true
}

// download lets the old image, which runs, download and install the update anew.
func (j *updateJudge) download() {
	j.client.Reset()
	j.inside = &j.run.inside[0]
	fail := func(op int, err error) {
		j.report(RuleProgress, "a new download fails in "+updateOpNames[op]+": "+err.Error(), "the update completes", err.Error())
	}
	if err := j.run.do(j.client, j.loader, opPrepare); err != nil {
		fail(opPrepare, err)
		return
	}
	hash := j.f.Hash()
	if v, ok := j.again[hash]; ok && !j.run.cfg.plain {
		j.bad = append(j.bad, v...)
		return
	}
	n := len(j.bad)
	defer func() { j.again[hash] = j.bad[n:len(j.bad):len(j.bad)] }()
	for op := opWrite; op < opInstall; op++ {
		if err := j.run.do(j.client, j.loader, op); err != nil {
			fail(op, err)
			return
		}
	}
	if im := j.boot(" after a new download"); im == j.run.old {
		j.report(RuleProgress, "the update is not installed after a new download", "version 2 runs", "version 1 runs")
	}
}
