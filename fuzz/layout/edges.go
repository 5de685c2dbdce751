package layout

import (
	"context"
	"fmt"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/results"
)

// Edges tries layouts on every small flash that are right, and each again with one number of its files or one bound between
// two regions at an edge: off a sector, at the flash's end or behind it, over another region. Most ends it after so many layouts; 0: none does. The
// result is a function of its arguments.
func Edges(ctx context.Context, planted explore.Planted, most uint64) (*explore.Sweep, error) {
	s := &explore.Sweep{Map: results.CutMap{Name: "layouts at edges"}}
	g := explore.NewGroups()
	var cases []*Case
	for c := range edges {
		if ctx.Err() != nil || most > 0 && s.Stats.Judged == most {
			break
		}
		s.Stats.Cuts++
		s.Stats.Judged++
		o := explore.Outcome{Planted: planted}
		if err := explore.Examine(c, &o); err != nil {
			return nil, fmt.Errorf("layout %d at an edge: %w", len(cases), err)
		}
		for _, b := range o.Bad {
			g.Add(b.Violation, b.Place, explore.Hit{Op: len(cases), Mode: explore.NoCut})
		}
		cases = append(cases, c)
	}
	s.Findings = g.Findings(SubjectName, func(at explore.Hit) explore.Case { return cases[at.Op].Case(planted) })
	return s, ctx.Err()
}

// edges yields the layouts. In each the bootloader, the application with its header, and the other two regions have a
// quarter of the flash. Then a bound between two regions lies elsewhere, or one number is wrong.
func edges(yield func(*Case) bool) {
	const bounds, shifts = 3, 5
	n := 0
	for change := range 1 + len(numberNames)*wrongKinds + bounds*shifts {
		for variant := range byte(4) { // header apart or not, and either order of KVStore and candidates
			for kind := range smallFlashes {
				m := maker{}
				ends, unit := m.flash(kind)
				quarter := byte(max(len(ends)/4, 1))
				// What right reads: how ten numbers are spelled, three bounds, the application's offset and whether it has a
				// sector of its own, the order of the other two regions, the number of slots.
				m.Choices = explore.NewChoices([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, quarter - 1, quarter - 1, quarter - 1, 0, variant & 1, variant >> 1, 0})
				f := m.right(ends, unit)
				switch at := change - 1; {
				case at < 0:
				case at < bounds*shifts:
					f.shift(at%bounds, [shifts]uint32{1, ^uint32(0), (ends[1] - ends[0]) / 2, unit, -unit}[at/bounds])
				default:
					at -= bounds * shifts
					num := &f.n[at/wrongKinds]
					*num = wrong(*num, at%wrongKinds, ends, unit)
				}
				m.add(bootloaderFile, f.bootloader(), f.says())
				m.add(applicationFile, f.application(), f.says())
				if !yield(&Case{Config: m.made(), Client: boot.Generation(n & 1).String()}) {
					return
				}
				n++
			}
		}
	}
}

// shift moves the bound behind the bootloader (0), the application (1) or the region after it (2) by so many bytes.
func (f *fields) shift(bound int, by uint32) {
	first, second := [2]int{numKV, numKVSize}, [2]int{numStorage, numStorageSize}
	if f.n[numStorage] < f.n[numKV] {
		first, second = second, first
	}
	switch bound {
	case 0:
		for _, i := range []int{numRestrict, numDetails, numAppStart} {
			f.n[i] += by
		}
		f.n[numMaxApp] -= by
	case 1:
		f.n[numMaxApp] += by
		f.n[first[0]] += by
		f.n[first[1]] -= by
	case 2:
		f.n[first[1]] += by
		f.n[second[0]] += by
		f.n[second[1]] -= by
	}
}
