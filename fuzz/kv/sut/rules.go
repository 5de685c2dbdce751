package sut

import (
	"errors"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/kvstore"
	"dualbank/model/part"
)

// SubjectName is the name of this subject in findings.
const SubjectName = "KVStore"

// The rules for a KVStore, at every reboot.
const (
	RuleOpens     = 1  // it opens
	RuleDurable   = 2  // what was acknowledged reads back
	RuleAtomic    = 3  // the operation in flight is entirely done or not at all, and stays so
	RuleNoMore    = 4  // nothing else exists
	RuleReserved  = 5  // reserved data stays
	RuleWriteOnce = 6  // write-once keys stay
	RuleWorks     = 7  // the next set succeeds, and survives a reboot and a second cut
	RuleRegion    = 8  // no operation outside the store's region, or against the part's rules
	RuleBounded   = 9  // an open and a set take no more steps than they need; the areas wear evenly
	RuleSecret    = 10 // SecureStore: nothing readable, nothing forged is believed, no key lost to a cut
)

// The kinds of symptoms that the code tells apart. All are in subject.Kinds.
const (
	KindNotOpen         = "not-open"
	KindHalts           = "halts"    // the open ends in MBED_ERROR
	KindNoBoot          = "no-boot"  // the open ends in the exception of an ECC error
	kindFaults          = "ecc-read" // so does a read of a store that is open
	KindUnreadable      = "unreadable"
	kindSetFailsOnce    = "set-fails-once"
	KindEndSetFails     = "end-set-fails"
	KindNotErased       = "not-erased"
	KindNotRemovable    = "not-removable"
	KindStaysUnreadable = "stays-unreadable"
)

// SetFails reports whether s is a set that fails where one should succeed, or that programs over something.
func SetFails(s explore.Symptom) bool {
	switch s.Kind {
	case kindSetFailsOnce, "set-fails-twice", "set-fails-later", KindNotErased:
		return true
	}
	return false
}

// Where or on what a symptom shows, and what it shows after.
const (
	InFlight = "key-in-flight"

	AfterNextSet     = "next-set"
	AfterSecondCut   = "second-cut"
	AfterDeviceError = "device-error"
	AfterEndSet      = "set-at-end"
	OfProtectedKey   = "protected"
)

var Subject = explore.Subject{
	Name: SubjectName,
	Rules: []string{
		"it opens", "what was acknowledged reads back", "the operation in flight is done entirely or not at all, and stays so",
		"nothing else exists, and the iterator lists exactly the keys", "reserved data stays the same for ever",
		"write-once keys never change", "the next set succeeds and survives a reboot, and one after a second cut",
		"no operation outside the store's region, or against the part's rules", "an open and a set take no more steps than they need, and the areas wear evenly",
		"confidential data is never readable, tampered or replayed records are never believed, no cut makes a key unreadable for ever",
	},
	Kinds: map[string]string{
		KindNotOpen:         "the store does not open{when}: {error}",
		KindHalts:           "the open halts the system (MBED_ERROR){when}: {error}",
		KindNoBoot:          "the device does not boot{when}: {error}",
		kindFaults:          "a read of {op} stops the device{when}: {error}",
		KindUnreadable:      "{op} cannot be read: {error}{when}",
		"missing":           "{op} is missing{when}",
		"back":              "{op} is back{when}",
		"changed":           "{op} has another value{when}",
		"info-fails":        "what is known of a key that can be read is not told{when}: {error}",
		"info-size":         "the size told of a key is not that of its value{when}",
		"info-flags":        "the flags told of a key are not those of its set{when}",
		"offset-fails":      "a read from an offset inside a value fails{when}: {error}",
		"offset-wrong":      "a read from an offset gives something else than the value has there{when}",
		"offset-beyond":     "a read from beyond the end of a value succeeds{when}",
		"prefix-wrong":      "the list of keys with a prefix is not that of the keys that have it{when}",
		"flip-believed":     "a bit that has flipped is not found out: {op}",
		"no-root-key":       "{op} succeeds without a root of trust",
		"root-differs":      "the root of trust is not the one that was given{when}",
		"derived-differs":   "a derived key is not the one of its root of trust{when}",
		"root-refused":      "a root of trust cannot be given again{when}: {error}",
		"half-reset":        "a reset in flight has removed some keys and kept others{when}",
		"no-list":           "the keys cannot be listed{when}: {error}",
		"short-list":        "the list of keys ends early{when}: {error}",
		"ghost-key":         "a key is listed that does not exist{when}",
		"listed-twice":      "a key is listed twice{when}",
		"unlisted":          "a key is not listed{when}",
		"own-key":           "the store lists a key of its own after a clean reopen: {op}",
		"iterator-omits":    "an open iterator leaves out a key while others are set and removed",
		"iterator-fails":    "an open iterator fails while keys are set and removed: {error}",
		"iterator-ghost":    "an open iterator lists a key that was removed",
		"iterator-twice":    "an open iterator lists a key twice while others are set and removed",
		"padding":           "the padding of a record holds bytes that were never stored",
		"reserved-lost":     "reserved data cannot be read{when}: {error}",
		"reserved-changed":  "reserved data is lost or changed{when}",
		"reserved-overrun":  "reserved data is written past the end of the caller's buffer",
		"reserved-copy":     "reserved data is lost with one of its copies",
		"second-key":        "a second device key is accepted",
		"once-taken":        "a write-once key takes another {op}",
		kindSetFailsOnce:    "{op} fails once: {error}",
		"set-fails-twice":   "{op} fails, and so does another: {error}",
		"set-fails-later":   "a set fails although one succeeded before: {error}",
		KindEndSetFails:     "a set at the end fails, and so does another: {error}",
		"op-fails":          "a {op} fails although nothing is wrong: {error}",
		"running-wrong":     "a running store gives wrong answers{when}",
		"lock-held":         "the store's lock is still held after a {op}{when}",
		"lock-released":     "the store's lock is released once too often, a halt under the RTOS, after a {op}{when}",
		KindNotErased:       "the store programs units that are not erased, where they have to be",
		"refused":           "the store asks the device for what it cannot do",
		"open-too-long":     "an open takes too many steps",
		"too-long":          "a {op} takes too many steps",
		"open-writes":       "an open changes a flash that needs no repair",
		"uneven-wear":       "one area is erased far more often than the other",
		"watchdog":          "the watchdog resets the device in every attempt of a {op}",
		"leak":              "a confidential value can be read in the image",
		KindNotRemovable:    "a key that a cut has made unreadable cannot be removed: {error}",
		KindStaysUnreadable: "a key that a cut has made unreadable stays so",
		"forged-missing":    "a record that an attacker removed or changed reads as missing",
		"forged-believed":   "a record that an attacker changed or replayed is believed",
		"forged-once":       "a write-once key takes another value after an attack",
		"attack-as-failure": "an attack is not told from a failure: {error}",
	},
	Moments: map[string]string{
		"erased":          " on an erased device",
		"clean-reboot":    " after a clean reboot",
		"clean-reopen":    " after a clean reopen",
		"running":         " while the store runs",
		AfterNextSet:      " after the next set",
		"next-set-reboot": " after the next set and a reboot",
		AfterSecondCut:    " after a second cut",
		"failed-remove":   " after a remove that failed",
		"failed-set":      " after a set that failed",
		AfterDeviceError:  " after a device error",
		"error-reboot":    " after a device error and a reboot",
		"device-failed":   " whose device failed",
		"error":           " after an error",
		"attack":          " after an attack",
		"end":             " at the end",
		AfterEndSet:       " after a set at the end",
		OfProtectedKey:    " of a protected key",
		"came-back":       ", which came back",
	},
	Words: map[string]string{
		"key-stored": "a key that was stored", InFlight: "the key in flight", "key-once": "a write-once key", "key-removed": "a key that was removed",
		"next-set": "the next set", "set-after-cut": "the set after a second cut", "set-after-error": "the next set after a device error",
		"reserved-data": "reserved data", "list": "the list of keys",
		"pieces": "set in pieces", "abandon": "set left unfinished", "set-reserved": "set of reserved data",
		"end-of-run": "end of the run", "read-image": "read the image",
		"no-cut": "without any cut", "no-fault": "without a fault", "second-cut": "second cut, in a set after the recovery",
		"key-128": "key of 128 bytes", "exact-fit": "the record ends with its area", "rest/active": "the rest of an unfinished set in the active area", "after-unfinished": "after a set that was left unfinished",
		"program/internal": "program in the internal store", "program/external": "program in the external store",
		"erase/internal": "erase in the internal store", "erase/external": "erase in the external store",
	},
	Remedies: repairs,
	Severity: func(s explore.Symptom, modes []string) string {
		switch {
		case s.Rule == RuleNoMore && len(modes) == 0:
			return explore.Low
		case s.Rule == RuleNoMore, s.Kind == kindSetFailsOnce, s.Kind == KindNotErased:
			return explore.Medium // what a program that is refused leads to is a finding of its own
		}
		return explore.High
	},
}

func init() {
	for _, op := range []string{"set", "reserved", "reset", "reboot"} {
		Subject.Words[op+Collects] = op + " that collects garbage"
	}
	for _, part := range []string{"no-cut", "key-128", "exact-fit", "after-unfinished"} {
		Subject.Words[part+Collects] = Subject.Words[part] + ", with a collection"
	}
	for key, what := range map[string]string{
		"erase": "erase", "reserved": "reserved data", "master": "master record", "header": "record header", "data": "key and data",
	} {
		for _, area := range []string{"active", "standby"} {
			Subject.Words[key+"/"+area] = what + " in the " + area + " area"
		}
		Subject.Words[key+"/new"] = what + " in the area that was collected into"
	}
	for _, mode := range []string{"before", "after", "torn", "prefix", "weak", "ecc", "stray", "fail"} {
		Subject.Words["fault/"+mode] = "fault " + mode
		Subject.Words["fault/"+mode+AndBoot] = "fault " + mode + " and another in the boot after it"
	}
	for _, d := range part.DriverNames() {
		for _, corner := range []string{"typ", "max"} {
			Subject.Words["watchdog/application/"+d+"/"+corner] = "watchdog fed by the application, driver " + d + ", " + corner + " times"
		}
	}
	explore.RegisterSubject(&Subject)
}

// Suffixes of the keys of places.
const (
	Collects = "+gc"
	AndBoot  = "+boot"
)

// OpCode is the key of an operation in a symptom or a place.
func OpCode(k script.OpKind) string {
	if k == script.Reserved {
		return "set-reserved"
	}
	return string(k)
}

// undefined stands for an outcome of the reference that is undefined.
const undefined = "UNDEFINED, a stand-in"

// ErrorName is the short name of an error of the KVStore API.
func ErrorName(err error) string {
	if errors.Is(err, kvstore.ErrUndefined) {
		return undefined
	}
	var e *kvstore.Error
	if errors.As(err, &e) {
		return e.Name
	}
	return err.Error()
}
