package inspect

import (
	"fmt"

	"dualbank/boot/layout"
	"dualbank/kvstore"
)

// Options are what is known of the device apart from the dump. All are optional.
type Options struct {
	Layout  *layout.Layout // where everything should be; nil: unknown, places are guessed
	Chip    layout.Chip    // the flash, if there is no layout; without erase units it is unknown
	Profile kvstore.Profile
	Unit    uint32  // program unit of the store in bytes; 0: the chip's, or what the store shows
	Rated   uint32  // rated erases of a sector; 0: unknown
	Age     float64 // of the device in years, up to 1000; 0: unknown
}

// inspection holds the state of one Inspect call.
type inspection struct {
	dump *Dump
	Options
	report *Report
}

func (l *inspection) damage(format string, args ...any) {
	l.report.Damage = append(l.report.Damage, fmt.Sprintf(format, args...))
}
