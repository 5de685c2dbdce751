package edge

import (
	"context"
	"fmt"
	"io"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/kv/sut"
	"dualbank/fuzz/update"
	"dualbank/kvstore"
	"dualbank/results"
)

// Probe looks at one edge.
type Probe struct {
	Name    string
	Subject string // whose rules it looks at
	What    string // for people
	run     func(t *trial, n int) (more bool, err error)
}

// Probes are all probes; those that take longest come last.
var Probes = []Probe{
	{"names", sut.SubjectName, "keys named like the store's own", names},
	{"root-of-trust", sut.SubjectName, "device keys of 16 and 32 bytes, and none after a reset", rootOfTrust},
	{"full-area", sut.SubjectName, "areas filled to the last program unit", fullArea},
	{"area-versions", sut.SubjectName, "versions of areas at their edges", areaVersions},
	{"sizes", sut.SubjectName, "sizes of keys and values around every unit and buffer", sizes},
	{"secure-sizes", sut.SubjectName, "the same of a SecureStore, read at offsets", secureSizes},
	{"live-bytes", sut.SubjectName, "a bit of every live byte flips", liveBytes},
	{"provisioning", sut.SubjectName, "reserved data is set again after a cut", provisioning},
	{"reserved-twice", sut.SubjectName, "two cuts where reserved data is put back", reservedTwice},
	{"resets", sut.SubjectName, "cuts in a reset", resets},
	{"clearing-erase", sut.SubjectName, "cuts in erases between records of one size", clearingErase},
	{"slots", update.SubjectName, "slots of layouts off sectors, at the end of the flash, many", slotEdges},
	{"retries", update.SubjectName, "images that fail, after resets of every kind", retries},
	{"image-versions", update.SubjectName, "versions of images at their edges", imageVersions},
	{"activation", update.SubjectName, "a reset between write and activate", activation},
	{"intact", update.SubjectName, "intact images of many hashes", intact},
	{"damage", update.SubjectName, "damaged candidates and active images", damage},
	{"image-sizes", update.SubjectName, "sizes of images around every buffer, and near 2^32", imageSizes},
	{"update-errors", update.SubjectName, "device errors in an update", updateErrors},
	{"periodic", update.SubjectName, "cuts again and again after so many steps", periodic},
}

// Sweep is all trials of a probe.
type Sweep struct {
	Probe   *Probe
	Profile kvstore.Profile
	Repairs kvstore.Repairs // of the stores
	Mended  boot.Repairs    // of client and bootloader
	KV      kvstore.Defects
	Boot    boot.Defects
	Most    uint64 // no more trials once so many states have been judged; 0: all
}

// Run runs them. The result is a function of c.
func (c Sweep) Run(ctx context.Context) (*explore.Sweep, error) {
	s := &explore.Sweep{Map: results.CutMap{Name: fmt.Sprintf("%s, profile %v", c.Probe.What, c.Profile)}}
	g := explore.NewGroups()
	var cases []*Case
	for n := 0; ctx.Err() == nil && (c.Most == 0 || s.Stats.Judged < c.Most); n++ {
		k := &Case{Probe: c.Probe.Name, Trial: n, Profile: c.Profile.String(), Repairs: c.Repairs, Boot: c.Mended}
		if c.KV != 0 || c.Boot != 0 {
			k.Defects = explore.Planted{}
			if c.KV != 0 {
				k.Defects[kv.Planted] = uint64(c.KV)
			}
			if c.Boot != 0 {
				k.Defects[update.Planted] = uint64(c.Boot)
			}
		}
		t := &trial{c: k, w: io.Discard}
		more, err := t.of(c.Probe)
		if err != nil {
			return nil, fmt.Errorf("probe %s, trial %d: %w", c.Probe.Name, n, err)
		}
		if !more {
			break
		}
		s.Stats.Cuts += t.cuts
		s.Stats.Judged += t.cuts
		for _, b := range t.bad {
			g.Add(b.v, b.at, explore.Hit{Op: n, Mode: explore.NoCut})
		}
		cases = append(cases, k)
	}
	s.Findings = g.Findings(c.Probe.Subject, func(at explore.Hit) explore.Case { return cases[at.Op] })
	return s, ctx.Err()
}
