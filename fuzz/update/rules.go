package update

import (
	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/model/part"
)

// SubjectName is the name of this subject in findings.
const SubjectName = "update"

// The keys of the defects of client and bootloader (boot.Defects), and of their repairs (boot.Repairs), in
// explore.Planted.
const (
	Planted        = "boot"
	PlantedRepairs = "boot-repairs"
)

// PlantRepairs is what makes a guided search look at software with repairs; nil for none.
func PlantRepairs(r boot.Repairs) explore.Planted {
	if r == 0 {
		return nil
	}
	return explore.Planted{PlantedRepairs: uint64(r)}
}

// The rules for a firmware update.
const (
	RuleRuns      = 1 // some number of undisturbed boots ends in a running application
	RuleComplete  = 2 // what runs is a complete image whose hash matches
	RuleNoOlder   = 3 // never an older version than before
	RuleProgress  = 4 // the update completes, or a new download is possible
	RuleUntouched = 5 // bootloader and KVStore are never touched
	RuleInside    = 6 // no erase or program outside the region meant
	RuleSound     = 7 // a bad candidate is never installed
)

// The moments after which a symptom shows.
const (
	afterDownload  = "new-download"
	afterWatchdogs = "watchdog-resets"
	atEnd          = "end"
)

// Places.
const (
	opInstall  = "install"
	opRecovery = "recovery"
	opEnd      = "end-of-life"

	noFault = "no-fault"
	andBoot = "+boot" // suffix of the key of a fault: another one hits the boot after it
)

// repairs are those of package boot, as remedies.
var repairs = []explore.Remedy{
	{
		Name: boot.RepairMaskFaults.String(),
		What: "The bootloader hashes images with ECC faults enabled. A unit that a cut has left half programmed or half erased stops it at every boot.",
		Cure: "Mask the fault while images and headers are read, and take an image that cannot be read for a bad one: it is then replaced.",
		For:  explore.ECCErrors,
	},
	{
		Name: boot.RepairResumeCopy.String(),
		What: "An install that is interrupted starts from its beginning at every boot.",
		Cure: "Copy sector by sector and leave out the sectors that are right already.",
	},
	{
		Name: boot.RepairFeedWatchdog.String(),
		What: "The bootloader does not feed the watchdog, which resets it in the middle of an install, at every boot.",
		Cure: "Feed the watchdog after each sector that is erased, each KiB that is programmed and each buffer that is read.",
	},
	{
		Name: boot.RepairHeaderLast.String(),
		What: "The older client programs a candidate's header first: what was never activated is installed.",
		Cure: "Keep the header in RAM until the candidate is activated.",
	},
	{
		Name: boot.RepairHeaderMagic.String(),
		What: "The bootloader takes a candidate's header by its CRC alone, whatever its magic and version are.",
		Cure: "Look at magic and version, as for the active image.",
	},
	{
		Name: boot.RepairNotItself.String(),
		What: "An image that fails and also lies in a slot is installed over itself again and again.",
		Cure: "Leave out a candidate with the version and the hash of the active image, if that is intact.",
	},
	{
		Name: boot.RepairFitsFirst.String(),
		What: "An image whose last erase unit reaches beyond the application is refused when the active header is erased already.",
		Cure: "Find that out before anything is erased. The layout should let the application end with a sector.",
	},
	{
		Name: boot.RepairWideSizes.String(),
		What: "Sizes of 64 bits are compared and counted in 32: an image that is too large is taken, read beyond the flash, or hashed in part.",
		Cure: "Compare in 64 bits with what the application and the slot may have, before anything is read or erased.",
	},
}

var subject = explore.Subject{
	Name: SubjectName,
	Rules: []string{
		"some number of undisturbed boots ends in a running application", "what runs is a complete image whose hash matches",
		"never an older version than before", "the update completes once cuts stop, or the old image runs and a new download is possible",
		"bootloader and KVStore are never touched", "no erase or program outside the region meant",
		"a candidate with a bad hash or header, a wrong size or a lower version is never installed",
	},
	Kinds: map[string]string{
		"never-boots":      "the device never boots again{when}: {error}",
		"boot-fails":       "a boot without any cut ends with {error}",
		"watchdog-boots":   "the watchdog, which an option byte starts, resets the bootloader again and again: no application runs",
		"no-header":        "what runs has no valid header{when}",
		"other-image":      "what runs is not the image that its header names{when}",
		"unknown-version":  "what runs has a version that no image has{when}",
		"older-runs":       "an older version runs than before",
		"download-fails":   "a download without any cut fails in {op}: {error}",
		"redownload-fails": "a new download fails in {op}: {error}",
		"not-installed":    "an update that was activated is not installed",
		"never-installed":  "the update is not installed after a new download",
		"foreign-write":    "an update changes what belongs to neither image nor candidate",
		"write-outside":    "a write outside the region meant",
		"running-touched":  "a download changes the image that runs",
		"oversize-taken":   "an image is accepted that does not fit its slot",
		"idle-boot-writes": "a boot with nothing to install changes the flash",
		"bad-runs":         "a bad candidate runs: {op}",
		"intact-halts":     "a device whose application is intact does not run it: {error}",
		"damaged-runs":     "an application that is damaged runs: {op}",
		"over-itself":      "an image is installed over itself twice",
		"given-up-early":   "an image is given up before its retries are used up",
		"given-up-late":    "an image that fails is run after its retries are used up",
		"details-differ":   "what the client tells of a slot is not what was activated there",
		"slots-differ":     "a slot is not where the configuration puts it",
		"no-progress":      "{op} that is cut again and again comes to no end",
		"left-runs":        "an image that was never activated is installed",
	},
	Moments: map[string]string{
		afterDownload:  " after a new download",
		afterWatchdogs: " after resets by the watchdog",
		atEnd:          " at the end",
	},
	Remedies: repairs,
	Words: map[string]string{
		"download/prepare": "download: prepare", "download/write": "download: write", "download/activate": "download: activate",
		"download/left": "download, not activated", opEnd: "end of the life", noFault: "without a fault",
		"slot/erase": "erase in the slot", "image/erase": "erase of the active image",
		"image/header": "active header", "image/application": "active application",
		"options":          "option bytes",
		"candidate/header": "candidate header", "candidate/firmware": "candidate firmware",
		"size/larger": "an image that is too large", "size/exact": "an image that just fits", "size/smaller": "an image that fits",
	},
	Severity: func(s explore.Symptom, _ []string) string {
		switch {
		case s.Kind == "over-itself":
			return explore.Medium // it wears the flash, and ends with the next update
		case (s.Kind == "bad-runs" || s.Kind == "damaged-runs") && (s.Op == "magic" || s.Op == "header version" || s.Op == "size beyond 2^32"):
			return explore.Low // the image is whole, its header is one that no server makes
		}
		return explore.High
	},
}

// words are the words for a place.
func words(key string) string {
	if w, ok := subject.Words[key]; ok {
		return w
	}
	return key
}

func init() {
	for r := boot.PowerOn; r <= boot.Unknown; r++ {
		subject.Words["reason/"+r.String()] = "reset reason " + r.String()
	}
	for _, mode := range []string{"before", "after", "torn", "prefix", "weak", "ecc", "stray"} {
		subject.Words["fault/"+mode] = "fault " + mode
		subject.Words["fault/"+mode+andBoot] = "fault " + mode + " and another in the boot after it"
	}
	for _, d := range part.DriverNames() {
		for _, corner := range []string{"typ", "max"} {
			subject.Words["watchdog/unfed/"+d+"/"+corner] = "watchdog that nothing feeds, driver " + d + ", " + corner + " times"
		}
	}
	explore.RegisterSubject(&subject)
}
