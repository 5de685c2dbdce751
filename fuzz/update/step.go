package update

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/model"
)

// Event is what a step does.
type Event string

// The events of a script.
const (
	Download Event = "download" // the client stores a candidate in a slot
	Reset    Event = "reset"    // the device boots
)

// Phase is a part of a download.
type Phase string

// The phases of a download, in their order.
const (
	Prepare  Phase = "prepare"  // the slot is erased
	Write    Phase = "write"    // the firmware is stored
	Activate Phase = "activate" // the image becomes a candidate
)

var phases = []Phase{Prepare, Write, Activate}

// op is the key of a phase in symptoms and places.
func (p Phase) op() string { return string(Download) + "/" + string(p) }

// Step is one event of a script, with the power cuts that hit it.
type Step struct {
	Do Event

	// Of a download:
	Version uint64
	Size    uint32 // bytes of firmware, 1 to MaxImage
	Seed    uint64 // of the firmware's bytes, with Version
	Slot    uint32
	Bad     BadCandidate
	Left    bool // the candidate is not activated

	// Of a reset:
	Reason boot.ResetReason
	Random bool   // after a power cycle RAM holds what the seed RAM makes; else zeros
	RAM    uint64 // seed

	Fault explore.Fault   // in the event
	In    Phase           // of a download: from whose begin Fault counts its steps; "": from the first one
	Then  []explore.Fault // in the boots that follow Fault, one after the other
}

// MaxImage is the most bytes that the firmware of a step may have.
const MaxImage = 16 << 20

// image makes the candidate of a download.
func (s *Step) image() *image {
	im := newImage(s.Version, s.Size, s.Seed)
	spoils[s.Bad](im)
	return im
}

// undisturbed is the step without faults.
func (s *Step) undisturbed() Step {
	u := *s
	u.Fault, u.In, u.Then = explore.Fault{}, "", nil
	return u
}

// installing is a download and the reset that installs it.
func installing(download Step) []Step {
	return []Step{download, {Do: Reset, Reason: boot.Software}}
}

// String is the step as a line of a script.
func (s *Step) String() string {
	var b strings.Builder
	if s.Do == Download {
		fmt.Fprintf(&b, "download version %d, %d bytes", s.Version, s.Size)
		if s.Seed != 0 {
			fmt.Fprintf(&b, ", seed %d", s.Seed)
		}
		fmt.Fprintf(&b, ", to slot %d", s.Slot)
		if s.Bad != GoodCandidate {
			fmt.Fprintf(&b, ", bad %s", s.Bad)
		}
		if s.Left {
			b.WriteString(", not activated")
		}
	} else {
		fmt.Fprintf(&b, "reset %v", s.Reason)
		if s.Random {
			fmt.Fprintf(&b, ", RAM seed %d", s.RAM)
		}
	}
	if s.Fault.Mode == nil {
		return b.String()
	}
	fault := s.Fault.String()
	if s.In != "" {
		fault = strings.Replace(fault, " at ", fmt.Sprintf(" in %s at ", s.In), 1)
	}
	b.WriteString("; " + fault)
	for _, f := range s.Then {
		b.WriteString("; then " + f.String())
	}
	return b.String()
}

// MarshalText is String.
func (s *Step) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// longestLine bounds a line of a script in bytes.
const longestLine = 4096

// UnmarshalText reads what MarshalText writes. An error is one line.
func (s *Step) UnmarshalText(text []byte) error {
	*s = Step{}
	if len(text) > longestLine {
		return fmt.Errorf("a step of %d bytes: use up to %d", len(text), longestLine)
	}
	line := string(text)
	event, faults, _ := strings.Cut(line, "; ")
	err := s.parseEvent(event)
	if err == nil {
		err = s.parseFaults(faults)
	}
	if err == nil {
		err = s.check()
	}
	if err == nil && s.String() != line {
		err = fmt.Errorf("write it as %q", s)
	}
	if err != nil {
		return fmt.Errorf("step %q: %w", line, err)
	}
	return nil
}

// parseEvent reads what stands before the faults.
func (s *Step) parseEvent(text string) (err error) {
	parts := strings.Split(text, ", ")
	do, first, _ := strings.Cut(parts[0], " ")
	switch s.Do = Event(do); s.Do {
	case Download:
		number, ok := strings.CutPrefix(first, "version ")
		if s.Version, err = strconv.ParseUint(number, 10, 64); !ok || err != nil {
			return fmt.Errorf("%q is no version: begin for instance with \"download version 2, 900 bytes\"", first)
		}
	case Reset:
		var ok bool
		if s.Reason, ok = boot.ParseResetReason(first); !ok {
			return fmt.Errorf("reset reason %q is unknown: use for instance POWER_ON, SOFTWARE or WATCHDOG", first)
		}
	default:
		return fmt.Errorf("%q is unknown: use download or reset", do)
	}
	for _, p := range parts[1:] {
		if err := s.parseAttribute(p); err != nil {
			return err
		}
	}
	return nil
}

// parseAttribute reads one of what follows the event.
func (s *Step) parseAttribute(p string) error {
	var err error
	number := func(prefix, suffix string, bits int) (n uint64, ok bool) {
		var first, last bool
		digits, first := strings.CutPrefix(p, prefix)
		digits, last = strings.CutSuffix(digits, suffix)
		if !first || !last {
			return 0, false
		}
		n, err = strconv.ParseUint(digits, 10, bits)
		return n, true
	}
	if s.Do == Reset {
		n, ok := number("RAM seed ", "", 64)
		if !ok {
			return fmt.Errorf("%q is unknown: a reset has a reason and perhaps \", RAM seed 4\"", p)
		}
		s.Random, s.RAM = true, n
		return err
	}
	if p == "not activated" {
		s.Left = true
		return nil
	}
	if bad, ok := strings.CutPrefix(p, "bad "); ok {
		s.Bad = BadCandidate(bad)
		return s.Bad.check()
	}
	if n, ok := number("seed ", "", 64); ok {
		s.Seed = n
		return err
	}
	if n, ok := number("to slot ", "", 32); ok {
		s.Slot = uint32(n)
		return err
	}
	if n, ok := number("", " bytes", 32); ok {
		s.Size = uint32(n)
		return err
	}
	return fmt.Errorf("%q is unknown: write \", 900 bytes, seed 1, to slot 0, bad hash, not activated\", each where it is needed", p)
}

// parseFaults reads "torn in write at step 12, seed 7; then before at step 2".
func (s *Step) parseFaults(text string) (err error) {
	if text == "" {
		return nil
	}
	parts := strings.Split(text, "; then ")
	mode, rest, _ := strings.Cut(parts[0], " at ")
	mode, phase, within := strings.Cut(mode, " in ")
	if within {
		s.In = Phase(phase)
		parts[0] = mode + " at " + rest
		if !slices.Contains(phases, s.In) {
			return fmt.Errorf("phase %q is unknown: use prepare, write or activate", phase)
		}
	}
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

// check finds what makes a step impossible to perform.
func (s *Step) check() error {
	switch {
	case s.Do == Download && (s.Size == 0 || s.Size > MaxImage):
		return fmt.Errorf("%d bytes are out of range: use 1 to %d", s.Size, MaxImage)
	case s.Do == Reset && s.In != "":
		return fmt.Errorf("a reset has no phases: leave out \"in %s\"", s.In)
	case s.Left && s.In == Activate:
		return fmt.Errorf("a candidate that is not activated has no phase %q", s.In)
	}
	for _, f := range append(slices.Clone(s.Then), s.Fault) {
		if f.Mode == model.Fail {
			return fmt.Errorf("mode fail is none of a power cut: use before, after, torn, prefix, weak, ecc or stray")
		}
	}
	return nil
}
