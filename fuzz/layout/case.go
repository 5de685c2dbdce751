package layout

import (
	"fmt"
	"io"
	"strings"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/update"
)

// Case is a configuration that can be tried again, with an update for it.
type Case struct {
	Config
	Client  string          `json:"client"`            // generation of the update client, "old" or "new"
	Slot    uint32          `json:"slot"`              // of the update, modulo the number of slots
	Size    uint32          `json:"size"`              // bytes of its firmware, modulo what fits
	Planted explore.Planted `json:"defects,omitempty"` // defects of the past that store, client and bootloader show
}

func init() { explore.Register("layout", func() explore.Case { return new(Case) }) }

// Device says in words on what the case runs.
func (c *Case) Device() string { return c.flash() }

// Variant is the generation of the client.
func (c *Case) Variant() string { return c.Client }

// Len is the number of lines of the files.
func (c *Case) Len() (n int) {
	for i := range c.Files {
		n += len(c.Files[i].Lines)
	}
	return n
}

// clone returns a copy whose fields may be replaced.
func (c *Case) clone() *Case {
	o := *c
	return &o
}

// Clean is the case without defects of the past.
func (c *Case) Clean() explore.Case {
	clean := *c
	clean.Planted = nil
	return &clean
}

// String is the case for people.
func (c *Case) String() string {
	flash, files, _ := strings.Cut(c.Config.String(), "\n")
	return fmt.Sprintf("%s\nan update of the %s client through slot %d, firmware %d\n%s", flash, c.Client, c.Slot, c.Size, files)
}

// Run tries the configuration.
func (c *Case) Run(o *explore.Outcome) error {
	client, ok := boot.ParseGeneration(c.Client)
	if !ok {
		return fmt.Errorf("layout.client: %q is unknown: use old or new", c.Client)
	}
	return try(&c.Config, firmware{client, c.Slot, c.Size}, o)
}

// Case is the case on software with planted defects.
func (c *Case) Case(p explore.Planted) explore.Case {
	of := *c
	if of.Planted = nil; len(p) > 0 {
		of.Planted = p
	}
	return &of
}

// Replay tries the configuration again and tells w what happens.
func (c *Case) Replay(w io.Writer, env explore.Env) (*explore.Replayed, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	for key := range c.Planted {
		if key != kv.Planted && key != update.Planted {
			return nil, fmt.Errorf("layout.defects: %q is unknown: use %s and %s", key, kv.Planted, update.Planted)
		}
	}
	return explore.ReplayInput(w, fmt.Sprintf("layout   of %d files", len(c.Files)), c, c.Planted, env)
}
