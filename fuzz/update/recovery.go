package update

import (
	"fmt"
	"slices"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/model"
)

// recovery judges a device after a cut of an update: it boots, and where the old image runs it downloads and
// installs the update anew. It is the explore.Runner of the subject.
//
// What many cuts have in common is done once. The bootloader of package boot reads the same firmware after most
// cuts (known). Where its install begins it erases the active image, and what follows depends on the candidate's
// cells alone; likewise with a new download and the slot that its Prepare erases.
type recovery struct {
	*run
	step  Step // the download, without a fault
	plain bool // judge everything anew, for comparison

	installs  map[installKey]rest
	begun     *install           // under way; nil: no boot is looked at
	downloads map[[4]uint64]rest // by the cells outside of what Prepare erases: from where a new download begins
	erased    span               // by Prepare
	again     map[uint64]rest    // by all cells, once Prepare is over, where cells do not read as they stand
}

// rest is what a stretch of a judgement led to which depends on the cells outside of those that it erases first.
type rest struct {
	bad     []explore.Violation
	running *image
}

// installKey is what an install depends on, from where it erases the active image.
type installKey struct {
	outside [4]uint64             // cells that are not of the active image
	header  [boot.HeaderSize]byte // that was active, and may have told the bootloader what to do
	whole   *image                // that was active; nil: none was
}

// install is one that has begun.
type install struct {
	begun bool
	key   installKey
	sure  bool // key says all that matters
	from  int  // of bad: what the install led to
	known bool // it has been judged before: the boot is ended
}

func newRecovery(r *run, step *Step, plain bool) *recovery {
	j := &recovery{
		run: r, step: step.undisturbed(), plain: plain,
		installs: map[installKey]rest{}, downloads: map[[4]uint64]rest{}, again: map[uint64]rest{},
	}
	if b, ok := r.loader.(*boot.Bootloader); ok && !plain && !r.cfg.Boot.Swap {
		j.known = newKnown(r.f)
		b.Known = j.of
		// One that goes on where an install was cut keeps some of what is there.
		if !r.cfg.Boot.Repairs.Has(boot.RepairResumeCopy) {
			b.Enter = j.enter
		}
	}
	return j
}

// of answers for the bootloader: an image of this hash and size is there, byte by byte, or its hash is not that of
// what is there.
func (j *recovery) of(addr uint32, d *boot.Details) (right, sure bool) {
	for _, im := range j.images {
		if im.sum == d.Hash && uint64(len(im.bytes)) == d.Size {
			return j.known.holds(addr, im, j.buf)
		}
	}
	return false, false
}

// Begin says that the cuts that follow hit operation op. All are judged alike.
func (j *recovery) Begin(int) {}

// Judge is called with the power on again.
func (j *recovery) Judge(int, model.Mode, uint64) ([]explore.Violation, uint64, error) {
	j.bad = nil
	j.f.Observe(j.cam.Observer(j.watch))
	defer j.f.Observe(nil)
	running := j.settles()
	// What a cut has left undecided in a header of a software's own may read now so, now otherwise.
	for n := 0; n < moreBoots && running != nil && j.cfg.Software.Whole; n++ {
		now := j.untilRunning("")
		if now != nil && now.Version < running.Version {
			j.report(explore.Symptom{Rule: RuleNoOlder, Kind: "older-runs"}, fmt.Sprintf("version %d or later", running.Version), fmt.Sprintf("version %d", now.Version))
		}
		running = now
	}
	switch {
	case running == nil:
	case j.step.Bad != GoodCandidate:
		if running == j.candidate {
			j.report(explore.Symptom{Rule: RuleSound, Kind: "bad-runs", Op: string(j.step.Bad)}, "the old image runs", "the candidate runs")
		}
	case running == j.first:
		j.redownload()
	}
	return j.bad, 0, nil
}

// moreBoots is how often a device boots again once an image runs.
const moreBoots = 3

// settles is untilRunning, with what is known of an install that begins on the way.
func (j *recovery) settles() *image {
	in := &install{}
	j.begun = in
	running := j.untilRunning("")
	j.begun = nil
	switch {
	case in.known:
		j.f.Boot() // which has been ended
		r := j.installs[in.key]
		j.bad = append(j.bad[:in.from], r.bad...)
		return r.running
	case in.sure:
		j.installs[in.key] = rest{slices.Clone(j.bad[in.from:]), running}
	}
	return running
}

// enter is called by the bootloader at the beginning of each of its phases.
func (j *recovery) enter(p boot.Phase) {
	in := j.begun
	if in == nil || in.begun || p != boot.EraseActive {
		return
	}
	in.begun, in.from = true, len(j.bad)
	if in.key.outside, in.sure = j.known.outside(j.active.from, j.active.to); !in.sure || in.from > 0 {
		in.sure = false
		return
	}
	j.f.Peek(j.cfg.Boot.Details, in.key.header[:])
	for _, im := range j.images {
		if equal, _ := j.known.holds(j.cfg.Boot.AppStart, im, j.buf); equal {
			in.key.whole = im
		}
	}
	if _, in.known = j.installs[in.key]; in.known {
		j.f.Arm(model.Cut{Mode: model.Before})
	}
}

// redownload lets the first image, which runs, download and install the update anew.
func (j *recovery) redownload() {
	j.client.Reset()
	j.may = &j.storage
	key, sure := [4]uint64{}, false
	// The client of package boot reads nothing before it erases.
	if _, ours := j.client.(*boot.Client); ours && j.known != nil && j.erased.to != 0 {
		if key, sure = j.known.outside(j.erased.from, j.erased.to); sure {
			if r, ok := j.downloads[key]; ok {
				j.bad = append(j.bad, r.bad...)
				return
			}
		}
	}
	var hash uint64
	first, from, keep := len(j.bad), 0, false // what of bad the cells that Prepare left lead to
	defer func() {
		if keep {
			j.again[hash] = rest{bad: slices.Clone(j.bad[from:])}
		}
		if sure && first == 0 {
			j.downloads[key] = rest{bad: slices.Clone(j.bad)}
		}
	}()
	if j.erased.to == 0 {
		j.f.Observe(j.cam.Observer(j.watchErases))
	}
	for p, err := range j.download(&j.step) {
		if err != nil {
			j.report(explore.Symptom{Rule: RuleProgress, Kind: "redownload-fails", Op: p.op(), Error: err.Error()}, "the update completes", err.Error())
			return
		}
		if p != Prepare {
			continue
		}
		j.f.Observe(j.cam.Observer(j.watch))
		hash = j.f.Hash()
		if r, ok := j.again[hash]; ok && !j.plain {
			j.bad = append(j.bad, r.bad...)
			return
		}
		from, keep = len(j.bad), true
	}
	if j.untilRunning(afterDownload) == j.first {
		j.report(explore.Symptom{Rule: RuleProgress, Kind: "never-installed"}, "version 2 runs", "version 1 runs")
	}
}

// watchErases is watch, and notes what is erased.
func (j *recovery) watchErases(e *model.Event) {
	j.watch(e)
	if e.Kind == model.Erase {
		if j.erased.to == 0 {
			j.erased.from = e.Addr
		}
		j.erased.from, j.erased.to = min(j.erased.from, e.Addr), max(j.erased.to, e.Addr+e.Size)
	}
}
