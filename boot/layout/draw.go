package layout

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"dualbank/boot"
)

// Draw writes the map of the flash as a table: one line for each region and each gap, ascending by
// address.
func (l *Layout) Draw(w io.Writer) error {
	c := &l.Chip
	end := uint64(c.Base) + uint64(c.Size())
	banks := " in 1 bank"
	switch n := len(c.Banks); {
	case n == 0:
		banks = ""
	case n > 1:
		banks = fmt.Sprintf(" in %d banks", n)
	}
	if _, err := fmt.Fprintf(w, "%s: flash 0x%08X-0x%08X, %s%s, programmed by %s\n\n", l.Target, c.Base, end, size(uint64(c.Size()-c.Gap.Size)), banks, size(uint64(c.Unit))); err != nil {
		return err
	}
	var table strings.Builder
	t := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "region\tstart\tend\tsize\tbank\terase units\tnotes")
	at := uint64(c.Base)
	for _, r := range l.Regions {
		if uint64(r.Start) > at {
			l.free(t, at, uint64(r.Start))
		}
		l.row(t, r.Name, uint64(r.Start), r.End(), l.note(r))
		if r.Name == RegionCandidate && len(l.Slots) > 1 {
			for i, s := range l.Slots {
				l.row(t, fmt.Sprintf("  slot %d", i), uint64(s.Addr), uint64(s.Addr)+uint64(s.Size), l.room(s))
			}
		}
		at = max(at, r.End())
	}
	if at < end {
		l.free(t, at, end)
	}
	t.Flush() // a Builder takes everything
	for line := range strings.Lines(table.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	if l.BlockDevice {
		_, err := fmt.Fprintf(w, "\ncandidates on a block device: %d at 0x%X, %s in all\n", l.Config.Locations, l.Config.StorageAddr, size(uint64(l.Config.StorageSize)))
		return err
	}
	return nil
}

// String returns what Draw writes.
func (l *Layout) String() string {
	var b strings.Builder
	l.Draw(&b) // a Builder takes everything
	return b.String()
}

// free writes lines for addresses that no region has: free ones, and those of the gap.
func (l *Layout) free(w io.Writer, from, to uint64) {
	if g := l.Chip.Gap; g.meets(from, to) {
		start, end := max(from, uint64(g.Start)), min(to, uint64(g.Start)+uint64(g.Size))
		if from < start {
			l.row(w, "(free)", from, start, "")
		}
		fmt.Fprintf(w, "(no flash)\t0x%08X\t0x%08X\t%s\t-\t-\t\n", start, end, size(end-start))
		from = end
	}
	if from < to {
		l.row(w, "(free)", from, to, "")
	}
}

func (l *Layout) row(w io.Writer, name string, from, to uint64, note string) {
	bank, units := "-", "-"
	if end := uint64(l.Chip.Base) + uint64(l.Chip.Size()); from < to && from >= uint64(l.Chip.Base) && to <= end {
		first, last := l.Chip.bank(from)+1, l.Chip.bank(to-1)+1
		if len(l.Chip.Banks) == 0 {
			bank = "-"
		} else if bank = fmt.Sprint(first); last != first {
			bank = fmt.Sprintf("%d-%d", first, last)
		}
		units = runs(l.Chip.units(from, to))
	}
	fmt.Fprintf(w, "%s\t0x%08X\t0x%08X\t%s\t%s\t%s\t%s\n", name, from, to, size(to-from), bank, units, note)
}

// runs formats a list of sizes and joins equal neighbours: "4 x 16 KiB + 64 KiB".
func runs(sizes []uint32) string {
	var parts []string
	for i := 0; i < len(sizes); {
		n := 1
		for i+n < len(sizes) && sizes[i+n] == sizes[i] {
			n++
		}
		s := size(uint64(sizes[i]))
		if n > 1 {
			s = fmt.Sprintf("%d x %s", n, s)
		}
		parts = append(parts, s)
		i += n
	}
	return strings.Join(parts, " + ")
}

func (l *Layout) note(r Region) string {
	switch r.Name {
	case RegionHeader:
		if l.FOTA {
			return "FOTA client"
		}
		return "version 2, 112 B"
	case RegionApplication:
		h, ok := l.Region(RegionHeader)
		switch {
		case !ok:
			return ""
		case h.End() <= uint64(r.Start) && l.Chip.up(h.End()) >= uint64(r.Start):
			return "erased together with the header"
		}
		return "erased apart from the header"
	case RegionKVStore:
		if a := storeAreas(l.Chip.units(uint64(r.Start), r.End())); a[0] == a[1] {
			return "two areas of " + size(a[0])
		}
	case RegionCandidate:
		if l.FOTA {
			return "FOTA client"
		}
		if len(l.Slots) == 1 {
			return "1 slot, " + l.room(l.Slots[0])
		}
		return fmt.Sprintf("%d slots", len(l.Slots))
	}
	return ""
}

func (l *Layout) room(s boot.Slot) string {
	if s.Size == 0 {
		return "empty"
	}
	return fmt.Sprintf("firmware up to %d B", s.Size-min(s.Size, boot.FirmwareOffset(l.Chip.Unit)))
}
