package layout

import (
	bootlayout "dualbank/boot/layout"
	"dualbank/fuzz/explore"
)

// SubjectName is the name of this subject in findings.
const SubjectName = "layout"

// The rules for a layout.
const (
	RuleSame     = 1 // the same files always give the same layout and the same problems
	RuleReported = 2 // what overlaps, shares an erase unit, or lies off erase boundaries or outside the flash, is reported
	RuleValues   = 3 // the layout has the addresses that the files say
	RuleUpdate   = 4 // on a layout without errors a whole update goes through, without warnings one of the largest application
	RuleApart    = 5 // and nothing outside the region meant is erased or programmed
	RuleStore    = 6 // and the KVStore works, and keeps its keys
)

// Who writes.
const (
	byStore    = "kv-set"
	byDownload = "download"
	byBoot     = "boot"
)

var subject = explore.Subject{
	Name: SubjectName,
	Rules: []string{
		"the same files always give the same layout and the same problems", "what overlaps, shares an erase unit, or lies off erase boundaries or outside the flash, is reported",
		"the layout has the addresses that the files say", "on a layout without errors a whole update goes through",
		"nothing outside the region meant is erased or programmed", "the KVStore works, and keeps its keys",
	},
	Kinds: map[string]string{
		"layout-differs":        "the same files give another layout",
		"no-layout":             "there is neither a layout nor an error",
		"outside-unreported":    "a region outside the flash is not reported: {op}",
		"overlap-unreported":    "regions that overlap are not reported: {op}",
		"overlap-unnamed":       "no problem names both regions that overlap: {op}",
		"shared-unnamed":        "no problem names both regions that share an erase unit: {op}",
		"boundary-unreported":   "a region off an erase boundary is not reported: {op}",
		"number-differs":        "{op} of a layout without errors is not that of the files",
		"no-slots":              "the candidate storage of a layout without errors has no slots",
		"no-room":               "the application of a layout without errors does not lie in the flash",
		"largest-does-not-fit":  "a layout without a warning does not hold its largest application",
		"first-fails":           "the first application does not run: {error}",
		"layout-download-fails": "a download fails in {op}: {error}",
		"layout-install-fails":  "an update that was downloaded is not installed: {error}",
		"layout-image-differs":  "what runs is not what was downloaded",
		"region-changed":        "a {op}",
		"foreign-changed":       "a {op} changes flash that lies in no region of its own",
		"store-not-open":        "the KVStore of a layout without errors does not open: {error}",
		"store-refuses":         "the KVStore of a layout without errors refuses a set: {error}",
		"store-lost":            "the KVStore does not open any more: {error}",
		"store-value-lost":      "the KVStore has lost a value",
	},
	Words: map[string]string{byStore: "KVStore set", "update/new": "update by the new client", "update/old": "update by the old client"},
}

func init() {
	for _, who := range []string{byStore, byDownload, byBoot} {
		what := who
		if w, ok := subject.Words[who]; ok {
			what = w
		}
		for _, region := range []string{
			bootlayout.RegionBootloader, bootlayout.RegionHeader, bootlayout.RegionApplication, bootlayout.RegionKVStore, bootlayout.RegionCandidate,
			bootlayout.RegionNVStore,
		} {
			subject.Words[changes(who, region)] = what + " changes the " + region
		}
	}
	explore.RegisterSubject(&subject)
}

// changes is the key of who changes a region in symptoms.
func changes(who, region string) string { return who + "/" + region }
