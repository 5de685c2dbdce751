package kvstore_test

import (
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"dualbank/internal/flashtest"
	"dualbank/internal/golden"
	. "dualbank/kvstore"
	"dualbank/kvstore/storage"
	"dualbank/model/random"
)

// TestSecureFigures: what partitions of each type ask of both devices and of the processor, and what they answer by name,
// stays as it is unless a change means to change it, with each repair and defect that is theirs.
func TestSecureFigures(t *testing.T) {
	var b strings.Builder
	options := []Options{{}, {Profile: Hardened}}
	for _, r := range []Repairs{RepairTwoStores, RepairRemoveEntry, RepairSecretPieces, RepairSetState, RepairOffset, RepairAuthentic, RepairLongRoot, RepairPartitionName, RepairMaskedReads} {
		options = append(options, Options{Repairs: r})
	}
	for _, d := range []Defects{DefectWriteOnceUnguarded, DefectOptionalIntegrity, DefectRemoveRefused, DefectTrustedFlags, DefectSliceBaseTwice} {
		options = append(options, Options{Defects: d})
	}
	for i, o := range options {
		for _, typ := range []storage.Type{storage.TDBInternal, storage.TDBExternal, storage.TDBExternalNoRBP} {
			all := crc32.NewIEEE()
			o.CPU = Work{all}
			internal, external := flashtest.New(t, "4x2K", 8), flashtest.New(t, "8x1K", 1)
			internal.Logging, external.Logging = true, true
			rnd := random.New(7)
			parts := storage.Parts{Options: o, Internal: internal, External: external, Entropy: func(p []byte) error { rnd.Fill(p); return nil }}
			p, err := storage.Config{Type: typ, Partition: "kv", ExternalBase: 1024, ExternalSize: 6 << 10}.Build(parts)
			if err != nil {
				t.Fatal(err)
			}
			fails := useNames(p, internal, external, all, uint64(i))
			for _, line := range append(internal.Log, external.Log...) {
				fmt.Fprintln(all, line)
			}
			fmt.Fprintf(&b, "%s, %v, repairs %v, defects %x: %d calls fail, %d and %d steps, cells %08x and %08x, all %08x\n", typ, o.Profile, o.Repairs, uint64(o.Defects),
				fails, internal.Steps, external.Steps, crc32.ChecksumIEEE(internal.Cells), crc32.ChecksumIEEE(external.Cells), all.Sum32())
		}
	}
	golden.Compare(t, "figures-secure.golden", b.String())
}

// useNames does operations on a partition by its names, and notes what they return.
func useNames(p *storage.Partition, internal, external *flashtest.Flash, all io.Writer, seed uint64) (failed int) {
	r := random.New(seed)
	note := func(what string, err error) {
		if err != nil {
			failed++
		}
		fmt.Fprintln(all, what, err)
	}
	var n storage.NameSpace
	note("attach", n.Attach(p))
	note("open", n.Open())
	note("inject", p.Key.Inject(make([]byte, 16<<(seed%2))))
	names := []string{"/kv/a", "b", "k/c", "/kv/dd", "/x/a", "/kv/no?"}
	flags := []Flags{0, 0, 0, FlagConfidential, FlagReplayProtection, FlagConfidential | FlagReplayProtection}
	for range 140 {
		name := names[r.Intn(len(names))]
		value := make([]byte, r.Intn(60)*r.Intn(9))
		r.Fill(value)
		f := flags[r.Intn(len(flags))]
		if r.Intn(40) == 0 {
			f |= FlagWriteOnce
		}
		switch r.Intn(14) {
		case 0, 1, 2, 3:
			note("set", n.Set(name, value, f))
		case 4, 5:
			k, err := n.Get(name, value, uint32(r.Intn(40)*r.Intn(9)))
			note("get", err)
			fmt.Fprintf(all, "%d %x\n", k, value)
		case 6:
			info, err := n.Info(name)
			note("info", err)
			fmt.Fprintln(all, info)
		case 7:
			note("remove", n.Remove(name))
		case 8:
			note("start", n.SetStart(name, uint32(len(value)), f))
			for len(value) > 0 {
				k := min(len(value), 1+r.Intn(64))
				note("add", n.SetAdd(value[:k]))
				value = value[k:]
			}
			if r.Intn(5) > 0 {
				note("finalize", n.SetFinalize())
			}
		case 9:
			it, err := n.Iterate([]string{"", "/kv/", "/kv/a", "/x/"}[r.Intn(4)])
			for note("iterate", err); err == nil; {
				var k string
				k, err = it.Next()
				note("next "+k, err)
			}
		case 10:
			if r.Intn(5) == 0 {
				note("reset", n.ResetPartition(name))
				note("inject", p.Key.Inject(make([]byte, 16)))
			}
		case 11:
			on := []*flashtest.Flash{internal, external}[r.Intn(2)]
			on.Armed, on.CutAt, on.CutMode, on.CutSeed = true, on.Steps+uint64(r.Intn(80)), 'a', uint32(r.Uint64())
			note("cut set", n.Set(name, value, f))
			on.Armed, on.Off = false, false
			note("open", n.Open())
		case 12:
			on := []*flashtest.Flash{internal, external, external, external}[r.Intn(4)]
			at := uint32(r.Intn(len(on.Cells)))
			on.Cells[at] &= byte(r.Uint64()) // an attacker, or a worn cell
			if r.Intn(6) == 0 {
				internal.Blank()
				external.Blank()
			}
			note("open", n.Open())
			note("inject", p.Key.Inject(make([]byte, 16)))
		case 13:
			out := make([]byte, 16<<r.Intn(2))
			note("derive", p.Key.Derive(value, out))
			fmt.Fprintf(all, "%x\n", out)
			if r.Intn(6) == 0 {
				note("close", n.Close())
				note("info", func() error { _, err := n.Info(name); return err }())
				note("open", n.Open())
			}
		}
	}
	return failed
}
