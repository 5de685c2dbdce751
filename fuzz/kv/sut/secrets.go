package sut

import (
	"bytes"
	"errors"
	"fmt"

	"dualbank/fuzz/explore"
	"dualbank/kvstore"
)

// Leeway is what an attack may lead to with a value that nothing protects from a replay.
type Leeway struct {
	Missing  bool                // it is gone
	Other    func(v []byte) bool // it is an older one
	Failures bool                // a failure need not tell of the attack: the store below is damaged
}

// Guards are the flags of values that are protected from a replay.
const Guards = kvstore.FlagReplayProtection | kvstore.FlagWriteOnce

// Believes judges what the store gives out for a key after an attack: what was stored last, or an
// error that tells of the attack.
func (r *Run) Believes(key *Key, may Leeway) {
	guarded := key.Now != nil && key.Flags&Guards != 0
	v, err := r.Get(key.Name)
	switch {
	case err == nil && v == nil && (key.Now == nil || !guarded && may.Missing):
	case err == nil && v == nil:
		r.Report(explore.Symptom{Rule: RuleSecret, Kind: "forged-missing"}, "an error that tells of the attack", "item not found")
	case err == nil && Same(v, key.Now):
	case err == nil && !guarded && may.Other(v): // nothing protects it from a replay
	case err == nil:
		r.Report(explore.Symptom{Rule: RuleSecret, Kind: "forged-believed"}, Describe(key.Now)+", or an error", fmt.Sprintf("%d bytes that are not those stored last", len(v)))
	case may.Failures, errors.Is(err, kvstore.ErrAuthentication), errors.Is(err, kvstore.ErrRBPAuthentication):
	default:
		r.Report(explore.Symptom{Rule: RuleSecret, Kind: "attack-as-failure", Error: ErrorName(err)}, "an authentication error", err.Error())
	}
	if guarded && key.Flags&kvstore.FlagWriteOnce != 0 {
		if err := r.Store.Set(key.Name, []byte("another value"), 0); err == nil {
			r.Report(explore.Symptom{Rule: RuleSecret, Kind: "forged-once"}, "write protected", "success")
		}
	}
}

// ComeBack judges by rule 10 what a cut has left unreadable: the key in flight may be lost, but it can be
// removed, or set again with flags. It reports whether the key is readable in the end.
func (r *Run) ComeBack(flags kvstore.Flags) bool {
	k := &r.Exp.Keys[r.Flight]
	_, err := r.Get(k.Name)
	if err == nil {
		return true // it has a value, if a wrong one
	}
	v := []byte("a value to come back with")
	removed := r.Store.Remove(k.Name)
	if removed != nil && !errors.Is(removed, kvstore.ErrItemNotFound) {
		r.Report(explore.Symptom{Rule: RuleSecret, Kind: KindNotRemovable, Error: ErrorName(removed)}, "the key is removed", fmt.Sprintf("remove %q: %v; it read as: %v", k.Name, removed, err))
		r.Reopen(RuleOpens, "failed-remove") // a running store may be wrong then (docs/findings.md, 10)
	}
	// The first set after a cut may fail once, in either of the two stores: that is another rule's matter.
	for try := range 3 {
		if err = r.Store.Set(k.Name, v, flags); err == nil || try == 2 || !r.Reopen(RuleOpens, "failed-set") {
			break
		}
	}
	if err == nil {
		var got []byte
		if got, err = r.Get(k.Name); err == nil && bytes.Equal(got, v) {
			k.Holds(v, flags)
			return true
		}
	}
	n := len(r.Bad)
	r.Report(explore.Symptom{Rule: RuleSecret, Kind: KindStaysUnreadable}, "a set brings it back", fmt.Sprintf("set %q: %v", k.Name, err))
	if len(r.Bad) > n && err != nil {
		r.Bad[n].Error = ErrorName(err)
	}
	return false
}
