package fuzz

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/kvstore"
)

// Defect is one entry of the catalogue of known defects: a defect that the KVStore, the bootloader, the
// update client or a relative of theirs had in its history, as a switch of the stores or of the bootloader.
// The catalogue scores how well the campaigns find defects; they do not know of it.
type Defect struct {
	Name string
	KV   kvstore.Defects
	Boot boot.Defects
	What string
	Ref  string // where it can be read about, on github.com
}

// Catalogue lists the known defects.
var Catalogue = []Defect{
	{Name: "no-collection", KV: kvstore.DefectNoCollection, Ref: "ARMmbed/mbed-os#9200", What: "no garbage collection after a failed write: its rest is in the way for ever"},
	{Name: "no-read-back", KV: kvstore.DefectNoReadBack, Ref: "ARMmbed/mbed-os#9200, littlefs-project/littlefs#497", What: "the free space is taken for erased, what was written is not read back"},
	{Name: "variable-sectors", KV: kvstore.DefectVariableSectors, Ref: "ARMmbed/mbed-os#9241", What: "sectors of several sizes are not erased before they are written to"},
	{Name: "one-sector-size", KV: kvstore.DefectOneSectorSize, Ref: "ARMmbed/mbed-os#12558", What: "area 1 is taken to have the sector size of area 0"},
	{Name: "blank-by-value", KV: kvstore.DefectBlankByValue, Ref: "ARMmbed/mbed-os#11349", What: "what reads as erased is not erased: on flash with ECC it may have been programmed"},
	{Name: "wrapped-size", KV: kvstore.DefectWrappedSize, Ref: "ARMmbed/mbed-os#8986", What: "sizes in a header that wrap are not found out"},
	{Name: "no-stale-check", KV: kvstore.DefectNoStaleCheck, Ref: "ARMmbed/mbed-os#11862, #11918", What: "valid records of an earlier life follow the last one"},
	{Name: "single-reserved", KV: kvstore.DefectSingleReserved, Ref: "ARMmbed/mbed-os#11987", What: "one copy of the reserved data"},
	{Name: "erase-standby", KV: kvstore.DefectEraseStandby, Ref: "ARMmbed/mbed-os#11987", What: "every open erases the standby area"},
	{Name: "short-clean", KV: kvstore.DefectShortClean, Ref: "ARMmbed/mbed-os#11987", What: "cleaning an area is one program unit short"},
	{Name: "copy-past-end", KV: kvstore.DefectCopyPastEnd, Ref: "ARMmbed/mbed-os#11987", What: "a collection copies past the end of the area"},
	{Name: "lock-held", KV: kvstore.DefectLockHeld, Ref: "ARMmbed/mbed-os#11723, #11971", What: "the lock stays held across a garbage collection"},
	{Name: "last-record-fatal", KV: kvstore.DefectLastRecordFatal, Ref: "ARMmbed/mbed-os#12844", What: "an unfinished last record halts the system at open"},
	{Name: "odd-sectors", KV: kvstore.DefectOddSectors, Ref: "ARMmbed/mbed-os#12799", What: "an odd number of sectors does not split"},
	{Name: "header-padding", KV: kvstore.DefectHeaderPadding, Ref: "ARMmbed/mbed-os#13996", What: "stack bytes behind the header on flash with large program units"},
	{Name: "reserved-overrun", KV: kvstore.DefectReservedOverrun, Ref: "ARMmbed/mbed-os#12822, #12875", What: "a device key longer than the buffer overruns it"},
	{Name: "exact-fit", KV: kvstore.DefectExactFit, Ref: "mbed-ce/mbed-os#449", What: "a record that ends with its area is not believed"},
	{Name: "iterator-index", KV: kvstore.DefectIteratorIndex, Ref: "ARMmbed/mbed-os#8667 (as reviewed: geky/mbed@769c0e3)", What: "open iterators skip and repeat keys while others are set and removed"},
	{Name: "write-once-unguarded", KV: kvstore.DefectWriteOnceUnguarded, Ref: "ARMmbed/mbed-os#8865, #8987", What: "no rollback protection for write-once values"},
	{Name: "optional-integrity", KV: kvstore.DefectOptionalIntegrity, Ref: "ARMmbed/mbed-os#8865, #8987", What: "values are authenticated only where asked for"},
	{Name: "remove-refused", KV: kvstore.DefectRemoveRefused, Ref: "ARMmbed/mbed-os#8865, #8987", What: "a key that fails its rollback check cannot be removed"},
	{Name: "trusted-flags", KV: kvstore.DefectTrustedFlags, Ref: "ARMmbed/mbed-os#11988", What: "flags in the untrusted store switch the rollback check off"},
	{Name: "slice-base-twice", KV: kvstore.DefectSliceBaseTwice, Ref: "ARMmbed/mbed-os#11781, #11797", What: "the base of a sliced device is added twice when an erase is checked"},
	{Name: "software-resets", Boot: boot.DefectSoftwareResets, Ref: "PelionIoT/mbed-bootloader#68 (833ca0b)", What: "software resets count as failed boots"},
	{Name: "header-first", Boot: boot.DefectHeaderFirst, Ref: "PelionIoT/mbed-cloud-client#52 (3.4.0)", What: "the candidate's header is written before its body is authorised"},
	{Name: "last-sector-size", Boot: boot.DefectLastSectorSize, Ref: "PelionIoT/mbed-cloud-client#83 (4.9.0)", What: "the length of an erase is rounded by the last sector's size"},
	{Name: "oversize", Boot: boot.DefectOversize, Ref: "PelionIoT/mbed-cloud-client changelog 1.3.2, 2.1.0", What: "an image larger than its slot is accepted"},
	{Name: "not-resumed", Boot: boot.DefectNotResumed, Ref: "PelionIoT/mbed-cloud-client#89 (4.10.0)", What: "an interrupted install is not resumed"},
	{Name: "intent-lost", Boot: boot.DefectIntentLost, Ref: "mcu-tools/mcuboot#480, #485", What: "the mark that asks for an install is gone before it is over"},
	{Name: "partial-page", Boot: boot.DefectPartialPage, Ref: "PelionIoT/pelion-client-lite 1.2.1", What: "a resumed install takes a half-written page for whole"},
	{Name: "bank-two-sizes", Boot: boot.DefectBankTwoSizes, Ref: "ARMmbed/mbed-os#5450", What: "wrong sector sizes in bank 2 of the STM32F429"},
	{Name: "erase-across", Boot: boot.DefectEraseAcross, Ref: "ARMmbed/mbed-os#6077", What: "FlashIAP cannot erase across sectors of several sizes"},
}

// leftOut are defects of the same histories that cannot exist here, and why.
var leftOut = []struct{ ref, why string }{
	{"ARMmbed/mbed-os#11296 (in #11366)", "reserved data read in several chunks, all to the start of the buffer: a chunk is the work buffer of 64 bytes, reserved data has 64 bytes at most, so that there is never a second chunk."},
	{"ARMmbed/mbed-os#11986", "a buffered device that does not write its buffers at deinit: every operation of TDBStore that succeeds ends with a sync; an unfinished set is all that a buffer can hold at a close."},
	{"ARMmbed/mbed-os#11988, unvalidated sizes", "a record shorter than its metadata was read with what the stack held behind it: memory is not read past its end here. The other half of the pull request is `trusted-flags`."},
	{"ARMmbed/mbed-os#13996, work buffer", "a work buffer smaller than a program unit was overrun: the buffer grows here. The other half is `header-padding`."},
	{"PelionIoT/mbed-cloud-client 2.2.0", "rounding 0 up to a page wraps at 32 bits and comes out as 0 for every page that is a power of two."},
}

// Hunter scores a campaign: whether it finds defects that it knows nothing about. A finding counts for a
// defect if the same sweep without it has none of this rule, symptom and place, and if the finding's own
// case, run again, breaks the rule with the defect and does not without.
type Hunter struct {
	Campaign Campaign
	tasks    []task
	base     []map[signature]bool // by task: what it finds without a defect
}

// Score is how the hunt for one defect went.
type Score struct {
	Defect  *Defect
	Found   bool
	Finding explore.Finding // the one that tells; if Found
	Sweep   string          // that found it
	Stats   explore.Stats   // of all sweeps until then
}

// Baseline runs the sweeps of the campaign without any defect: all of them, or with quick those that take
// seconds. A hunt does no more.
func (h *Hunter) Baseline(ctx context.Context, quick bool) (stats explore.Stats, err error) {
	if quick {
		h.Campaign.shallow()
	}
	h.tasks = h.Campaign.tasks()
	if quick {
		h.tasks = slices.DeleteFunc(h.tasks, func(t task) bool { return t.cost > fewCuts })
	}
	h.base = make([]map[signature]bool, len(h.tasks))
	for i, t := range h.tasks {
		s, err := t.run(ctx, setting{workers: h.Campaign.Workers})
		if err != nil {
			return stats, fmt.Errorf("%s: %w", t.name, err)
		}
		stats.Add(s.Stats)
		h.base[i] = map[signature]bool{}
		for k := range s.Findings {
			h.base[i][signature{s.Findings[k].Symptom, s.Findings[k].Place}] = true
		}
	}
	return stats, nil
}

// signature is what two findings of the same cause have in common.
type signature struct {
	symptom explore.Symptom
	place   explore.Place
}

// Hunt runs the campaign with defect d, until it finds something that it does not find without.
func (h *Hunter) Hunt(ctx context.Context, d *Defect) (Score, error) {
	score := Score{Defect: d}
	for i, t := range h.tasks {
		s, err := t.run(ctx, setting{kv: d.KV, boot: d.Boot, workers: h.Campaign.Workers})
		if ctx.Err() != nil {
			return score, ctx.Err()
		}
		if err != nil {
			continue // the workload itself does not get through: sweeps without cuts tell
		}
		score.Stats.Add(s.Stats)
		for k := range s.Findings {
			f := &s.Findings[k]
			if h.base[i][signature{f.Symptom, f.Place}] {
				continue
			}
			// What no other seed shows was found by chance.
			if f.Needs() && f.Repeats() {
				score.Found, score.Finding, score.Sweep = true, *f, t.name
				return score, nil
			}
		}
	}
	return score, nil
}

// cells are what a table says of a hunt: whether the defect was found, as what, and where.
func (s *Score) cells() (mark, what, where string) {
	if !s.Found {
		return "no", "", ""
	}
	f := &s.Finding
	return "yes", cell(fmt.Sprintf("%s %d: %s", f.Subject, f.Symptom.Rule, f.Symptom)), cell(f.Place.String())
}

// cell is text in a cell of a table.
func cell(text string) string { return strings.NewReplacer("|", "/", "\n", " ").Replace(text) }

// ScoreTable is the scores as a short table.
func ScoreTable(scores []Score, seconds []float64) string {
	w := new(strings.Builder)
	fmt.Fprintf(w, "| defect | reference | found | rule and symptom | cuts | CPU s |\n|---|---|---|---|---|---|\n")
	for i := range scores {
		s := &scores[i]
		mark, what, _ := s.cells()
		fmt.Fprintf(w, "| `%s` | %s | %s | %s | %d | %.1f |\n", s.Defect.Name, s.Defect.Ref, mark, what, s.Stats.Cuts, seconds[i])
	}
	return w.String()
}

// CataloguePage is the catalogue with its scores as a page for people. seconds is the processor time of each hunt.
func CataloguePage(scores []Score, seconds []float64) string {
	w := new(strings.Builder)
	found := 0
	for _, s := range scores {
		if s.Found {
			found++
		}
	}
	fmt.Fprintf(w, `# The catalogue of known defects

Each is a switch that puts a defect of the history of Mbed OS' KVStore, mbed-bootloader, the update client or
a relative back into this implementation. The default campaign's sweeps that take seconds run from a cold
start for each of them. They do not know of it. The hunt ends when one finds something that it does not find without
the defect; the finding's own case must break its rule with the defect and must not without.

    go test -run '^$' -bench Catalogue -benchtime 1x ./fuzz

`)
	fmt.Fprintf(w, "%d of %d found.\n\n", found, len(scores))
	fmt.Fprintf(w, "| defect | what it does | reference | found | cuts | CPU s | by | rule and symptom | where |\n|---|---|---|---|---|---|---|---|---|\n")
	for i := range scores {
		s := &scores[i]
		mark, what, where := s.cells()
		fmt.Fprintf(w, "| `%s` | %s | %s | %s | %d | %.1f | %s | %s | %s |\n", s.Defect.Name, s.Defect.What, s.Defect.Ref, mark, s.Stats.Cuts, seconds[i], cell(s.Sweep), what, where)
	}
	fmt.Fprintf(w, "\n\"Cuts\" are states judged one by one: cuts, device errors, attacks, and looks between operations where there is no cut.\n\n## Left out\n\n")
	for _, l := range leftOut {
		fmt.Fprintf(w, "- %s: %s\n", l.ref, l.why)
	}
	return w.String()
}
