package script

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Attack is what an attacker with access to the external region does to it. Attacks that follow each other
// add up; the next operation finds the flash as it was before them.
type Attack struct {
	What  string // one of the attacks on bytes, or of RecordAttacks
	Key   string // whose record is attacked
	At    uint32 // offset in the external region, taken modulo its size
	Bit   int    // to turn over
	Image int    // the state of the region before so many operations is put back, modulo how many there were
}

// The attacks on bytes rather than records.
const (
	AttackFlip    = "turn a bit over"
	AttackZero    = "clear a byte"
	AttackErase   = "erase a sector"
	AttackCut     = "erase everything from an address on"
	AttackReplay  = "put everything back as it was"
	AttackRestore = "put a sector back as it was"
)

var rawAttacks = []string{AttackFlip, AttackZero, AttackErase, AttackCut, AttackReplay, AttackRestore}

// RecordAttacks are the attacks on the record of one key, by name: see kv's forger.
var RecordAttacks = []string{
	"remove", "change a byte of the data", "change the last byte", "clear the flags", "ask for less protection", "shorten the size",
	"cut the record short", "put another key's record in its place", "put the first record that it had back", "put the record before this one back",
}

// attackPrefix begins an attack in a script.
const attackPrefix = "attack: "

// String is the attack as a script has it.
func (a *Attack) String() string {
	s := attackPrefix + a.What
	switch a.What {
	case AttackFlip:
		return fmt.Sprintf("%s, at 0x%X, bit %d", s, a.At, a.Bit)
	case AttackZero, AttackErase, AttackCut:
		return fmt.Sprintf("%s, at 0x%X", s, a.At)
	case AttackReplay:
		return fmt.Sprintf("%s, state %d", s, a.Image)
	case AttackRestore:
		return fmt.Sprintf("%s, at 0x%X, state %d", s, a.At, a.Image)
	}
	return fmt.Sprintf("%s, of %q, state %d", s, a.Key, a.Image)
}

// parseAttack reads what String writes.
func parseAttack(line string) (*Attack, error) {
	what, rest, _ := strings.Cut(strings.TrimPrefix(line, attackPrefix), ", ")
	a := &Attack{What: what}
	if !slices.Contains(rawAttacks, what) && !slices.Contains(RecordAttacks, what) {
		return nil, fmt.Errorf("attack %q is unknown: use one of %q, %q", what, rawAttacks, RecordAttacks)
	}
	if quoted, err := strconv.QuotedPrefix(strings.TrimPrefix(rest, "of ")); err == nil {
		a.Key, _ = strconv.Unquote(quoted) // QuotedPrefix has checked it
		rest = strings.TrimPrefix(rest, "of "+quoted)
	}
	for part := range strings.SplitSeq(rest, ", ") {
		name, number, _ := strings.Cut(part, " ")
		n, err := strconv.ParseUint(number, 0, 31)
		switch {
		case part == "":
		case err != nil:
			return nil, fmt.Errorf("attack %q: %q is no number in range", line, part)
		case name == "at":
			a.At = uint32(n)
		case name == "bit" && n < 8:
			a.Bit = int(uint32(n))
		case name == "state":
			a.Image = int(uint32(n))
		default:
			return nil, fmt.Errorf("attack %q: %q is unknown: use at, bit and state", line, part)
		}
	}
	if a.String() != line {
		return nil, fmt.Errorf("attack %q: write it as %q", line, a)
	}
	return a, nil
}
