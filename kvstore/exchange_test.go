package kvstore

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dualbank/internal/flashtest"
	"dualbank/internal/long"
)

// TestProfilesExchange: what one profile has written another reads: keys, values, flags and reserved data. The
// commands of all recorded traces are performed by each profile, without cuts, failures and changes from outside;
// the others open copies of its flash on the way. A sample of the traces by default.
func TestProfilesExchange(t *testing.T) {
	exchangeTraces(t, ".jsonl", 12, 100, exchange)
}

// exchangeTraces performs the recorded traces with an extension by each profile, by default each n-th of them. exchange
// performs one, and returns how often another profile has read what there was; all together at least so often.
func exchangeTraces(t *testing.T, ext string, n, least int, exchange func(t *testing.T, name string, text []byte, writer Profile) (compared int)) {
	t.Helper()
	compared := 0
	_, files := traceFiles(t, "testdata", ext)
	for i, path := range files {
		if i%n != 0 && !long.Enabled() {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, writer := range Profiles {
			compared += exchange(t, filepath.Base(path), text, writer)
		}
	}
	if compared < least {
		t.Errorf("only %d times another profile has read", compared)
	}
}

// exchange performs a trace and returns how often another profile has read what there was.
func exchange(t *testing.T, name string, text []byte, writer Profile) (compared int) {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	var head traceHead
	if err := json.Unmarshal([]byte(lines[0]), &head); err != nil {
		t.Fatal(err)
	}
	f := flashtest.New(t, head.Sectors, head.Prog)
	f.Strict, f.Rewrites = head.Strict, !head.Strict
	d := traceDriver{flash: f, store: NewTDB(f, Options{Profile: writer}), buf: make([]byte, 1<<20), iterators: map[string]*KeyIterator{}}
	for i, line := range lines[1:] {
		var l traceLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		switch word, _, _ := strings.Cut(l.C, " "); word {
		case "cut", "poke", "fail":
			continue
		}
		if strings.Contains(l.C, " "+masterKey+" ") {
			continue // a set of it makes the flash an empty store's, or is refused: RepairMasterKey
		}
		d.run(l.C)
		if i%40 != 0 && i != len(lines)-2 {
			continue
		}
		want := readAll(f, writer)
		for _, reader := range Profiles {
			if reader == MbedOS && exactFit(f) {
				continue // docs/repairs.md lists it
			}
			if got := readAll(f, reader); !maps.Equal(got, want) {
				t.Fatalf("%s, line %d: %v has written, and %v reads\n%v\nand not\n%v", name, i+2, writer, reader, got, want)
			}
			compared++
		}
	}
	return compared
}

// copyOf is a copy of a flash without its faults.
func copyOf(f *flashtest.Flash) *flashtest.Flash {
	return &flashtest.Flash{Cells: slices.Clone(f.Cells), Ends: f.Ends, Unit: f.Unit, Strict: f.Strict, Copies: f.Copies, Rewrites: f.Rewrites}
}

// readAll is what a profile reads on a copy of a flash.
func readAll(f *flashtest.Flash, p Profile) map[string]string {
	s := NewTDB(copyOf(f), Options{Profile: p})
	if err := s.Open(); err != nil {
		return map[string]string{"": err.Error()}
	}
	all := map[string]string{}
	for _, k := range allKeys(s) {
		v, err := RawRead(s, k)
		all[k] = fmt.Sprint(v, err)
	}
	var buf [reservedSize]byte
	n, err := s.Reserved(buf[:])
	all["/reserved"] = fmt.Sprint(buf[:n], err)
	return all
}

// allKeys are the keys that a store lists, without the master record's.
func allKeys(s Store) (keys []string) {
	it, err := s.Iterate("")
	if err != nil {
		return nil
	}
	for k, err := it.Next(); err == nil; k, err = it.Next() {
		if k != masterKey {
			keys = append(keys, k)
		}
	}
	return keys
}

// exactFit reports whether the last record ends with its area.
func exactFit(f *flashtest.Flash) bool {
	s := NewTDB(copyOf(f), Options{Profile: MbedCE})
	return s.Open() == nil && s.free == s.area
}

// RawValue is a value with its flags.
type RawValue struct {
	Flags Flags
	Value []byte
}

// RawRead reads a key of a TDBStore.
func RawRead(s *TDBStore, key string) (RawValue, error) {
	i, err := s.Info(key)
	if err != nil {
		return RawValue{}, err
	}
	v := RawValue{i.Flags, make([]byte, i.Size)}
	_, err = s.Get(key, v.Value, 0)
	return v, err
}
