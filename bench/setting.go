package bench

import (
	"fmt"
	"strings"
	"time"

	"dualbank/boot"
	"dualbank/kvstore"
	"dualbank/model"
)

// Duration is a time.Duration that scenario files write as time.ParseDuration reads it.
type Duration time.Duration

// MarshalText writes "80ms".
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads "80ms".
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("%q is no time: give one such as 80ms or 1h30m", b)
	}
	*d = Duration(v)
	return nil
}

// word returns the value whose name is b. what names the setting in the error, which lists the names.
func word[T any](what string, b []byte, values []T, name func(T) string) (v T, err error) {
	var names []string
	for _, v := range values {
		if name(v) == string(b) {
			return v, nil
		}
		names = append(names, name(v))
	}
	return v, fmt.Errorf("%s %q is unknown: choose one of %s", what, b, strings.Join(names, ", "))
}

// Corner is a model.Corner, in scenario files "typ", "max" or "sampled".
type Corner model.Corner

func (c Corner) String() string { return model.Corner(c).String() }

// MarshalText writes the corner's name.
func (c Corner) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads it.
func (c *Corner) UnmarshalText(b []byte) (err error) {
	*c, err = word("corner", b, []Corner{Corner(model.Typ), Corner(model.Max), Corner(model.Sampled)}, Corner.String)
	return err
}

// Speculation is a setting of the model, in the file "reported", "off" or "always".
type Speculation model.Speculation

func (s Speculation) String() string { return model.Speculation(s).String() }

// MarshalText writes the setting's name.
func (s Speculation) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads it.
func (s *Speculation) UnmarshalText(b []byte) (err error) {
	all := []Speculation{Speculation(model.SpeculationReported), Speculation(model.SpeculationOff), Speculation(model.SpeculationAlways)}
	*s, err = word("speculation", b, all, Speculation.String)
	return err
}

// Code is where code runs from, in scenario files "bank1" to "bank4" or "ram"; "layout" for an application where the
// layout has it, "code" for a handler beside its application.
type Code model.Code

// Values beside those of model.Code.
const (
	codeOfLayout Code = Code(model.CodeInRAM) - 1 - iota
	codeBeside
)

func (c Code) String() string {
	switch c {
	case Code(model.CodeInRAM):
		return "ram"
	case codeOfLayout:
		return "layout"
	case codeBeside:
		return "code"
	}
	return fmt.Sprintf("bank%d", c+1)
}

// MarshalText writes the place's name.
func (c Code) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads it.
func (c *Code) UnmarshalText(b []byte) (err error) {
	*c, err = word("place", b, []Code{codeOfLayout, codeBeside, 0, 1, 2, 3, Code(model.CodeInRAM)}, Code.String)
	return err
}

// Profile is a kvstore.Profile, in scenario files "MbedCE", "MbedOS" or "Hardened".
type Profile kvstore.Profile

func (p Profile) String() string { return kvstore.Profile(p).String() }

// MarshalText writes the profile's name.
func (p Profile) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads it.
func (p *Profile) UnmarshalText(b []byte) (err error) {
	*p, err = word("profile", b, []Profile{Profile(kvstore.MbedCE), Profile(kvstore.MbedOS), Profile(kvstore.Hardened)}, Profile.String)
	return err
}

// Client is a generation of the update client, in scenario files "new" or "old".
type Client boot.Generation

func (c Client) String() string { return boot.Generation(c).String() }

// MarshalText writes the generation's name.
func (c Client) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads it.
func (c *Client) UnmarshalText(b []byte) (err error) {
	*c, err = word("client", b, []Client{Client(boot.ClientNew), Client(boot.ClientOld)}, Client.String)
	return err
}

// Strategy is how a candidate is installed. The zero value is Copy.
type Strategy string

// The strategies.
const (
	Copy Strategy = "copy" // the bootloader copies it over the running image
	Swap Strategy = "swap" // the bootloader swaps the banks; the device has the layout of layout.Layout.Swapping
)

// ParseStrategy reads the name of a strategy.
func ParseStrategy(name string) (Strategy, error) {
	if s := Strategy(name); s == Copy || s == Swap {
		return s, nil
	}
	return "", fmt.Errorf("%q is no strategy: use %s or %s", name, Copy, Swap)
}

// Candidate is where update candidates are stored. Empty: as the configuration files say, by
// MBED_CLOUD_CLIENT_UPDATE_STORAGE.
type Candidate string

// The places of candidates.
const (
	InternalCandidate Candidate = "internal" // on the internal flash (ARM_UCP_FLASHIAP)
	ExternalCandidate Candidate = "external" // on the serial NOR flash (ARM_UCP_FLASHIAP_BLOCKDEVICE)
)

// Mode is a cell.Mode, in scenario files by its name.
type Mode struct{ model.Mode }

// MarshalText writes the mode's name.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads it. The zero Mode has no name.
func (m *Mode) UnmarshalText(b []byte) (err error) {
	modes := []Mode{{model.Before}, {model.After}, {model.Torn}, {model.Prefix}, {model.Weak}, {model.ECC}, {model.Stray}}
	*m, err = word("mode", b, modes, func(m Mode) string { return m.String() })
	return err
}
