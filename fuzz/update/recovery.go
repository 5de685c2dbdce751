package update

import (
	"slices"

	"dualbank/fuzz/explore"
	"dualbank/model"
)

// recovery judges a device after a cut of an update: it boots, and where the old image runs it downloads and
// installs the update anew. It is the explore.Runner of the subject.
type recovery struct {
	*run
	step  Step // the download, without a fault
	plain bool // judge everything anew, for comparison
	// again is the judgement of a new download by the cells that its Prepare leaves. What follows
	// depends on nothing else: the client's memory is set by Prepare, the bootloader starts afresh.
	again map[uint64][]explore.Violation
}

func newRecovery(r *run, step *Step, plain bool) *recovery {
	return &recovery{run: r, step: step.undisturbed(), plain: plain, again: map[uint64][]explore.Violation{}}
}

// Begin says that the cuts that follow hit operation op. All are judged alike.
func (j *recovery) Begin(int) {}

// Judge is called with the power on again.
func (j *recovery) Judge(int, model.Mode, uint64) ([]explore.Violation, uint64, error) {
	j.bad = nil
	j.f.Observe(j.cam.Observer(j.watch))
	defer j.f.Observe(nil)
	running := j.untilRunning("")
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

// redownload lets the first image, which runs, download and install the update anew.
func (j *recovery) redownload() {
	j.client.Reset()
	j.may = &j.storage
	var hash uint64
	from, keep := 0, false // what of bad the cells that Prepare left lead to
	defer func() {
		if keep {
			j.again[hash] = slices.Clip(j.bad[from:])
		}
	}()
	for p, err := range j.download(&j.step) {
		if err != nil {
			j.report(explore.Symptom{Rule: RuleProgress, Kind: "redownload-fails", Op: p.op(), Error: err.Error()}, "the update completes", err.Error())
			return
		}
		if p != Prepare {
			continue
		}
		hash = j.f.Hash()
		if v, ok := j.again[hash]; ok && !j.plain {
			j.bad = append(j.bad, v...)
			return
		}
		from, keep = len(j.bad), true
	}
	if j.untilRunning(afterDownload) == j.first {
		j.report(explore.Symptom{Rule: RuleProgress, Kind: "never-installed"}, "version 2 runs", "version 1 runs")
	}
}
