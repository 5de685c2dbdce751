package script

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"dualbank/fuzz/explore"
	"dualbank/kvstore"
)

// Step is one step of a script: an operation, with the faults that hit it, or an attack.
type Step struct {
	Op
	Fault explore.Fault   // in the operation
	Then  []explore.Fault // in the boots that follow Fault, one after the other
	// Attack is what an attacker does to the flash in place of an operation; nil: nothing.
	Attack *Attack
}

// String is the step for people.
func (s *Step) String() string {
	if s.Attack != nil {
		return s.Attack.String()
	}
	return s.Op.String() + s.faults()
}

// faults are the faults of the step as a script has them.
func (s *Step) faults() string {
	if s.Fault.Mode == nil {
		return ""
	}
	text := "; " + s.Fault.String()
	for _, f := range s.Then {
		text += "; then " + f.String()
	}
	return text
}

// MarshalText writes the step as a line of a finding's file: what String says, and the value's seed.
func (s *Step) MarshalText() ([]byte, error) {
	if s.Attack != nil {
		return []byte(s.Attack.String()), nil
	}
	text := s.Op.String()
	if s.Seed != 0 {
		text += fmt.Sprintf(", seed %d", s.Seed)
	}
	return []byte(text + s.faults()), nil
}

// UnmarshalText reads what MarshalText writes.
func (s *Step) UnmarshalText(text []byte) error {
	*s = Step{}
	line := string(text)
	if strings.HasPrefix(line, attackPrefix) {
		a, err := parseAttack(line)
		s.Attack = a
		return err
	}
	end := len(line) - len(strings.TrimLeft(line, "abcdefghijklmnopqrstuvwxyz"))
	s.Kind = OpKind(line[:end])
	rest := strings.TrimPrefix(line[end:], " ")
	if strings.HasPrefix(rest, `"`) {
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return fmt.Errorf("step %q: its key is not closed with a quotation mark", line)
		}
		s.Key, _ = strconv.Unquote(quoted) // QuotedPrefix has checked it
		rest = rest[len(quoted):]
	}
	rest, faults, _ := strings.Cut(rest, "; ")
	if err := s.attributes(rest); err != nil {
		return fmt.Errorf("step %q: %w", line, err)
	}
	if err := s.parseFaults(faults); err != nil {
		return fmt.Errorf("step %q: %w", line, err)
	}
	if err := s.check(); err != nil {
		return fmt.Errorf("step %q: %w", line, err)
	}
	return nil
}

// attributes reads what follows the key: ", 30 bytes in pieces of 7, flags 0x1, seed 5".
func (s *Step) attributes(text string) error {
	for _, a := range strings.Split(text, ", ") {
		a, piece, pieces := strings.Cut(a, " in pieces of ")
		number, word, two := strings.Cut(a, " ")
		var err error
		switch {
		case a == "" && !pieces:
		case two && word == "bytes":
			s.Size, err = strconv.Atoi(number)
		case number == "flags":
			var n uint64
			n, err = strconv.ParseUint(word, 0, 32)
			s.Flags = kvstore.Flags(n)
		case number == "seed":
			s.Seed, err = strconv.ParseUint(word, 10, 64)
		default:
			return fmt.Errorf("%q is unknown: write \", 30 bytes in pieces of 7, flags 0x1, seed 5\", each where it is needed", a)
		}
		if pieces && err == nil {
			s.Piece, err = strconv.Atoi(piece)
		}
		if err != nil {
			return fmt.Errorf("%q is no number in range", a+piece)
		}
	}
	return nil
}

// parseFaults reads "torn at step 3, seed 7; then before at step 2".
func (s *Step) parseFaults(text string) (err error) {
	if text == "" {
		return nil
	}
	parts := strings.Split(text, "; then ")
	if s.Fault, err = explore.ParseFault(parts[0]); err != nil {
		return err
	}
	for _, p := range parts[1:] {
		f, err := explore.ParseFault(p)
		if err != nil {
			return err
		}
		s.Then = append(s.Then, f)
	}
	return nil
}

// Smaller yields the step with smaller values.
func (s *Step) Smaller() iter.Seq[Step] {
	return func(yield func(Step) bool) {
		for _, size := range []int{0, 1, s.Size / 2} {
			if size >= s.Size {
				continue
			}
			o := *s
			o.Size, o.Piece = size, min(o.Piece, size)
			if !yield(o) {
				return
			}
		}
	}
}

// Steps are operations without faults.
func Steps(ops []Op) []Step {
	steps := make([]Step, len(ops))
	for i, o := range ops {
		steps[i].Op = o
	}
	return steps
}

// Keys lists the keys that steps use, in order of first use.
func Keys(steps []Step) []string {
	var keys []string
	for i := range steps {
		if k := steps[i].Key; k != "" && !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

// Once lists the keys that steps set with the write-once flag.
func Once(steps []Step) []string {
	var keys []string
	for i := range steps {
		if s := &steps[i]; s.Kind.Sets() && s.Flags&kvstore.FlagWriteOnce != 0 && !slices.Contains(keys, s.Key) {
			keys = append(keys, s.Key)
		}
	}
	return keys
}
