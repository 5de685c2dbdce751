package inspect

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// JSON writes the report as JSON.
func (r *Report) JSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	return enc.Encode(r)
}

// Print writes the report as text. With all it shows dead and stale records too.
func (r *Report) Print(w io.Writer, all bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", r.File, r.Format)
	for _, g := range r.Ranges {
		fmt.Fprintf(&b, ", 0x%08X to 0x%08X (%s)", g.Start, uint64(g.Start)+uint64(g.Size), size(g.Size))
	}
	fmt.Fprintf(&b, "\nlayout: %s\n", r.Layout)
	r.printRegions(&b)
	for i := range r.Stores {
		r.Stores[i].print(&b, all)
	}
	if len(r.Stores) == 0 {
		fmt.Fprintf(&b, "\nno TDBStore\n")
	}
	r.printFirmware(&b)
	fmt.Fprintln(&b)
	for _, d := range r.Damage {
		fmt.Fprintf(&b, "damaged: %s\n", d)
	}
	switch {
	case len(r.Damage) > 0:
	case len(r.Stores) == 0 && len(r.Firmware) == 0:
		fmt.Fprintln(&b, "nothing was found: no dump of a device's flash, or of another part of it")
	default:
		fmt.Fprintln(&b, "nothing is damaged")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// columns writes lines with cells separated by tabs.
func columns(b *strings.Builder, lines []string) {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, l := range lines {
		fmt.Fprintln(t, l)
	}
	_ = t.Flush() // into memory
}

func (r *Report) printRegions(b *strings.Builder) {
	if len(r.Regions) == 0 {
		return
	}
	fmt.Fprintln(b)
	lines := []string{"region\tfrom\tto\tsize\twritten\tnot in the dump"}
	for _, g := range r.Regions {
		lines = append(lines, fmt.Sprintf("%s\t0x%08X\t0x%08X\t%s\t%s\t%s", g.Name, g.Start, uint64(g.Start)+uint64(g.Size), size(g.Size), size(g.Written), size(g.Missing)))
	}
	columns(b, lines)
}

func (s *Store) print(b *strings.Builder, all bool) {
	fmt.Fprintf(b, "\nTDBStore at 0x%08X, %s, program unit %s: %d keys\n", s.Start, size(s.Size), size(s.Unit), len(s.Records))
	if s.Guessed != "" {
		fmt.Fprintf(b, "guessed: %s\n", s.Guessed)
	}
	lines := []string{"area\tfrom\tsize\tstate\tversion\tlive\tdead\troom\tat the end\tstale records\terases"}
	for i, a := range s.Areas {
		lines = append(lines, fmt.Sprintf("%d\t0x%08X\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%d\t%d",
			i, a.Start, size(a.Size), a.State, a.Version, size(a.Live), size(a.Dead), size(a.Room), a.Tail, len(a.Stale), a.Erases))
	}
	columns(b, lines)
	for i, a := range s.Areas {
		if a.Reserved != "" {
			fmt.Fprintf(b, "area %d has %d bytes of reserved data\n", i, len(a.Reserved)/2)
		}
	}
	s.printLife(b)
	lines = []string{"record at\tstate\tsize\tkey\tvalue"}
	for i, a := range s.Areas {
		for _, e := range a.Log {
			if all || i == s.Active && e.State == "live" {
				lines = append(lines, e.line())
			}
		}
		for _, e := range a.Stale {
			if all {
				lines = append(lines, e.line())
			}
		}
	}
	if len(lines) > 1 {
		columns(b, lines)
	}
}

func (s *Store) printLife(b *strings.Builder) {
	if s.Active < 0 {
		return
	}
	more := ""
	if s.Wrapped {
		more = "; the area version has wrapped round or began anew, so there were more"
	}
	rated := "no rating known"
	if s.Rated > 0 {
		rated = fmt.Sprintf("rated for %d", s.Rated)
	}
	fmt.Fprintf(b, "erases of the most worn sector so far: %d at least, %s%s\n", s.Erases, rated, more)
	if s.Rated > 0 && s.Years > 0 {
		fmt.Fprintf(b, "years left at the rate so far: %.1f\n", s.Years)
	}
}

func (e *Entry) line() string {
	value := fmt.Sprintf("%d bytes", len(e.Value)/2)
	const most = 32
	switch {
	case e.Value == "":
		value = "empty"
	case e.Text != "" && len(e.Text) <= most:
		value += fmt.Sprintf(" %q", e.Text)
	case len(e.Value) <= most:
		value += " " + e.Value
	default:
		value += " " + e.Value[:most] + "..."
	}
	if e.State == "tombstone" {
		value = ""
	}
	if e.Flags != 0 {
		value += fmt.Sprintf(" flags 0x%X", e.Flags)
	}
	return fmt.Sprintf("0x%08X\t%s\t%d\t%s\t%s", e.Addr, e.State, e.Size, e.Key, value)
}

func (r *Report) printFirmware(b *strings.Builder) {
	if len(r.Firmware) == 0 {
		fmt.Fprintf(b, "\nno firmware header\n")
		return
	}
	fmt.Fprintln(b)
	lines := []string{"firmware\theader at\theader\tversion\tsize\tfrom\tcheck\twritten\t"}
	for _, im := range r.Firmware {
		version, length, start := "-", "-", "-"
		if im.State == headerValid || im.State == headerExternal {
			version, length = fmt.Sprint(im.Version), fmt.Sprint(im.Size)
			if im.Start > 0 {
				start = fmt.Sprintf("0x%08X", im.Start)
			}
		}
		check := im.Check
		if check == "" {
			check = "-"
		}
		lines = append(lines, fmt.Sprintf("%s\t0x%08X\t%s\t%s\t%s\t%s\t%s\t%s\t%s", im.Place, im.Header, im.State, version, length, start, check, size(im.Written), im.Note))
	}
	columns(b, lines)
}

// size prints bytes: "24 B", "64 KiB", "1.5 KiB".
func size(n uint32) string {
	switch {
	case n < 1024:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.4g KiB", float64(n)/1024)
	}
	return fmt.Sprintf("%.4g MiB", float64(n)/(1<<20))
}
