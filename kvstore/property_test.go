package kvstore_test

import (
	"bytes"
	"slices"
	"sort"
	"strings"
	"testing"

	"dualbank/internal/flashtest"
	. "dualbank/kvstore"
	"dualbank/kvstore/storage"

	"pgregory.net/rapid"
)

// The property tests drive a store and a plain map with the same operations. They know of the
// reference what docs/kvstore-findings.md says, each in one place here, and take nothing else.

// kind is a store type under test.
type kind struct {
	name     string
	storage  storage.Type
	flags    Flags // that the storage type honours
	external bool
}

var kinds = []kind{
	{"TDBStore", storage.TDBInternal, FlagWriteOnce, false},
	{"TDB_EXTERNAL", storage.TDBExternal, FlagWriteOnce | FlagConfidential | FlagReplayProtection, true},
	{"TDB_EXTERNAL_NO_RBP", storage.TDBExternalNoRBP, FlagWriteOnce | FlagConfidential, true},
}

// What a SecureStore adds to a value, and its entry in the rollback protection store, in bytes.
const (
	secureBytes = 20 + macBytes
	macBytes    = 16
)

// geometries go from two sectors to the mixed ones of an F429.
var geometries = []string{"2x512", "2x2K", "3x1K", "8x512", "32x128", "4x1K+1x4K", "1x4K+4x1K", "4x16K+1x64K"}

// truth is what a key must be.
type truth struct {
	value []byte
	flags Flags
}

// run is one history.
type history struct {
	t     fataler
	kind  kind
	parts *storage.Partition
	store Store
	want  map[string]truth
	// dirty has the TDBStores that were closed or lost power within a set: what it wrote is in the way until a
	// collection, and a set that meets it fails (finding 5).
	dirty map[*TDBStore]uint64 // collections then
	// split has the keys of which the two stores of a SecureStore disagree.
	split map[string]bool
}

type fataler interface {
	Fatalf(string, ...any)
}

func (h *history) check(ok bool, format string, args ...any) {
	if !ok {
		h.t.Fatalf(format, args...)
	}
}

// tdbs are the TDBStores of the partition.
func (h *history) tdbs() (all []*TDBStore) {
	for _, s := range []*TDBStore{h.parts.Internal, h.parts.External} {
		if s != nil {
			all = append(all, s)
		}
	}
	return all
}

// before is what a TDBStore was before a call.
type before struct {
	free     uint32
	failures uint64
	pending  bool
}

func (h *history) before() (all []before) {
	for _, s := range h.tdbs() {
		all = append(all, before{s.Layout().Free, s.FailedCollections(), s.Pending()})
	}
	return all
}

// raw is what the store below a SecureStore has for key.
func (h *history) raw(key string) (v RawValue) {
	if h.parts.External != nil {
		v, _ = RawRead(h.parts.External, key)
	}
	return v
}

// halfDone notes a key whose set or remove failed in the rollback protection store, after it was done
// in the store below (finding 6). Its record does not pass the checks any more.
func (h *history) halfDone(key string, was RawValue) {
	if now := h.raw(key); h.kind.storage == storage.TDBExternal && (now.Flags != was.Flags || !bytes.Equal(now.Value, was.Value)) {
		h.split[key] = true
		delete(h.want, key)
	}
}

// broken says whether the store is in a state that the reference comes into and does not survive. What
// follows is not compared.
func (h *history) broken() bool {
	for _, s := range h.tdbs() {
		if s.Profile() == MbedOS && s.FillsArea() {
			return true // finding 2: a collection moved a record to where it cannot be read
		}
		if s.StaleNext() {
			return true // finding 4: a collection ended where a record of an earlier life begins
		}
	}
	return false
}

// forgive reboots a store whose last call left it in a state that a reboot mends.
func (h *history) forgive(was []before) {
	for i, s := range h.tdbs() {
		if at, ok := h.dirty[s]; ok && s.Collections() != at {
			delete(h.dirty, s)
		}
		if s.FailedCollections() != was[i].failures {
			// Finding 3: a collection had no room for all records, and left the table mixed up. The flash
			// is whole.
			if was[i].pending {
				h.dirty[s] = s.Collections()
			}
			h.reboot(false)
			h.compare()
			return
		}
	}
}

// failed judges an error that a store without defects would not have returned.
func (h *history) failed(was []before, what, key string, size int, err error) {
	full := err == ErrMediaFull
	for i, s := range h.tdbs() {
		if _, ok := h.dirty[s]; ok && err == ErrInvalidData {
			full = true
		}
		if err == ErrInvalidData && s.Profile() == MbedOS {
			// Finding 1: the record ended exactly at the end of the area.
			n := s.PaddedHeader() + uint32(len(key)+size)
			switch {
			case what == "Remove":
			case s == h.parts.External:
				n += secureBytes
			case h.kind.external:
				n = s.PaddedHeader() + uint32(len(key)+macBytes)
			}
			if was[i].free+n == s.Layout().Size || s.Layout().Free+n == s.Layout().Size {
				full = true
				// If the collection after it fails too, it stays in the way.
				h.dirty[s] = s.Collections()
			}
		}
	}
	// Finding 2: a collection moved the key's own record to where it cannot be read.
	full = full || err == ErrInvalidData && h.broken()
	h.check(full, "%s(%q, %d bytes): %v", what, key, size, err)
}

func (h *history) set(key string, value []byte, flags Flags) {
	was, record := h.before(), h.raw(key)
	err := h.store.Set(key, value, flags)
	h.settle(was, "Set", key, value, flags, err)
	if err != nil {
		h.halfDone(key, record)
	}
}

// settle compares the outcome of a set with what it must be.
func (h *history) settle(was []before, what, key string, value []byte, flags Flags, err error) {
	old, exists := h.want[key]
	switch {
	case exists && old.flags&FlagWriteOnce != 0:
		// A store that is full says so before it looks.
		if err != ErrWriteProtected {
			h.failed(was, what, key, len(value), err)
		}
	case exists && old.flags&FlagReplayProtection != 0 && flags&FlagReplayProtection == 0 && h.kind.storage == storage.TDBExternal:
		h.check(err == ErrInvalidArgument, "%s(%q) without replay protection: %v", what, key, err)
	case err == nil:
		h.want[key] = truth{bytes.Clone(value), flags & h.kind.flags}
	default:
		h.failed(was, what, key, len(value), err)
	}
}

func (h *history) remove(key string) {
	was, record := h.before(), h.raw(key)
	err := h.store.Remove(key)
	if err != nil {
		defer h.halfDone(key, record)
	}
	old, exists := h.want[key]
	switch {
	case !exists && err == ErrItemNotFound:
	case !exists:
		h.failed(was, "Remove", key, 0, err)
	case old.flags&FlagWriteOnce != 0 && err == ErrWriteProtected:
	case old.flags&FlagWriteOnce == 0 && err == nil:
		delete(h.want, key)
	default:
		h.failed(was, "Remove", key, 0, err)
	}
}

func (h *history) get(key string, size, offset int) {
	buf := make([]byte, size)
	n, err := h.store.Get(key, buf, uint32(offset))
	w, exists := h.want[key]
	switch {
	case !exists:
		h.check(err == ErrItemNotFound, "Get(%q) of a key that is not there: %v", key, err)
	case offset > len(w.value):
		if !h.kind.external || len(w.value)%256 != 0 { // a SecureStore does not notice then
			h.check(err == ErrInvalidSize, "Get(%q) from %d of %d: %v", key, offset, len(w.value), err)
		}
	default:
		want := w.value[offset:min(len(w.value), offset+size)]
		h.check(err == nil && bytes.Equal(buf[:n], want), "Get(%q, %d bytes from %d) = %x, %v; want %x", key, size, offset, buf[:n], err, want)
	}
}

// compare reads everything.
func (h *history) compare() {
	for _, key := range sortedKeys(h.want) {
		w := h.want[key]
		h.get(key, len(w.value)+1, 0)
		i, err := h.store.Info(key)
		h.check(err == nil && int(i.Size) == len(w.value) && i.Flags == w.flags, "Info(%q) = %+v, %v; want %d bytes, flags %x",
			key, i, err, len(w.value), w.flags)
	}
	it, err := h.store.Iterate("")
	h.check(err == nil, "Iterate: %v", err)
	var keys []string
	for {
		k, err := it.Next()
		if err != nil {
			h.check(err == ErrItemNotFound, "Next: %v", err)
			break
		}
		// After a reboot the reference lists its master record.
		if k != MasterKey && !h.split[k] {
			keys = append(keys, k)
		}
	}
	h.check(it.Close() == nil, "Close of an iterator")
	sort.Strings(keys)
	h.check(slices.Equal(keys, sortedKeys(h.want)), "keys %v, want %v", keys, sortedKeys(h.want))
}

func sortedKeys(m map[string]truth) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func TestStoreLikeMap(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, rapid.MakeCheck(k.likeMap))
	}
}

// The fuzz targets make the same operations out of bytes.

func FuzzTDBInternal(f *testing.F)      { kinds[0].fuzz(f) }
func FuzzTDBExternal(f *testing.F)      { kinds[1].fuzz(f) }
func FuzzTDBExternalNoRBP(f *testing.F) { kinds[2].fuzz(f) }

func (k kind) fuzz(f *testing.F) {
	f.Add([]byte{})
	for seed := range byte(8) {
		r, p := flashtest.LCG(seed), make([]byte, 4096)
		for i := range p {
			p[i] = r.Next()
		}
		f.Add(p)
	}
	f.Fuzz(rapid.MakeFuzz(k.likeMap))
}

// likeMap is the property: the store behaves as a map does, but for the findings.
func (k kind) likeMap(t *rapid.T) {
	h := newHistory(t, k)
	if h == nil {
		return
	}
	names := []string{"a", "b", "key", "another.key", strings.Repeat("l", 60), strings.Repeat("m", 127)}
	size := min(int(largest(h.parts)), 700)
	value := func() []byte {
		n := rapid.IntRange(0, size).Draw(t, "size")
		return bytes.Repeat([]byte{rapid.Byte().Draw(t, "fill")}, n)
	}
	was := h.before()
	for range rapid.IntRange(0, 80).Draw(t, "operations") {
		if h.broken() {
			return
		}
		h.forgive(was)
		was = h.before()
		key := rapid.SampledFrom(names).Draw(t, "key")
		if h.split[key] {
			continue
		}
		switch op := rapid.IntRange(0, 19).Draw(t, "op"); op {
		case 0, 1, 2, 3, 4, 5, 6, 7, 8:
			flags := Flags(0)
			if op == 0 {
				flags = rapid.SampledFrom([]Flags{1, 2, 8, 10, 3}).Draw(t, "flags")
			}
			h.set(key, value(), flags)
		case 9, 10:
			h.remove(key)
		case 11, 12:
			h.get(key, rapid.IntRange(0, 400).Draw(t, "buffer"), rapid.IntRange(0, 400).Draw(t, "offset"))
		case 13:
			if rapid.Bool().Draw(t, "abandon") {
				h.begin(t, key, value())
			} else {
				h.incremental(t, key, value())
			}
		case 14, 15:
			h.compare()
		case 16, 17:
			if op == 17 {
				if h.begin(t, key, value()); h.broken() {
					return
				}
			}
			h.reboot(false)
		case 18:
			h.reboot(true)
		case 19:
			if rapid.IntRange(0, 3).Draw(t, "really") == 0 {
				h.reset()
			}
		}
	}
	if h.broken() {
		return
	}
	h.forgive(was)
	h.compare()
	h.reboot(false)
	h.compare()
}

// newHistory is a store of a kind on drawn devices, blank and open; nil if they are too small.
func newHistory(t *rapid.T, k kind) *history {
	profile := rapid.SampledFrom([]Profile{MbedCE, MbedOS}).Draw(t, "profile")
	flash := func(name string) *flashtest.Flash {
		sizes, err := flashtest.Sectors(rapid.SampledFrom(geometries).Draw(t, name+" sectors"))
		if err != nil {
			t.Fatalf("%v", err)
		}
		f := &flashtest.Flash{Unit: rapid.SampledFrom([]uint32{1, 2, 4, 8, 16, 32}).Draw(t, name+" unit")}
		for _, n := range sizes {
			end := uint32(len(f.Cells)) + n
			f.Cells = append(f.Cells, bytes.Repeat([]byte{0xFF}, int(n))...)
			f.Ends = append(f.Ends, end)
		}
		return f
	}
	parts := storage.Parts{Internal: flash("internal"), Options: Options{Profile: profile}}
	if k.external {
		parts.External = flash("external")
		draws := byte(0)
		parts.Entropy = func(p []byte) error {
			draws++
			p[0] = draws
			return nil
		}
	}
	p, err := storage.Config{Type: k.storage, Partition: "kv"}.Build(parts)
	if err != nil {
		t.Fatalf("%v", err)
	}
	n := &storage.NameSpace{}
	if err := n.Attach(p); err != nil {
		t.Fatalf("%v", err)
	}
	h := &history{t: t, kind: k, parts: p, store: n, want: map[string]truth{}, dirty: map[*TDBStore]uint64{}, split: map[string]bool{}}
	if err := n.Open(); err != nil {
		if strings.Contains(err.Error(), "too small") {
			return nil
		}
		t.Fatalf("%v", err)
	}
	h.injectKey()
	return h
}

func (h *history) injectKey() {
	if h.kind.external {
		h.check(h.parts.Key.Inject(make([]byte, 16)) == nil, "Inject")
	}
}

// largest is the size of the largest value that could ever be set.
func largest(p *storage.Partition) uint32 {
	s := p.Internal
	if p.External != nil {
		s = p.External
	}
	return s.Layout().Size - s.Layout().First - 24
}

func (h *history) reset() {
	h.check(h.store.Reset() == nil, "Reset")
	clear(h.want)
	clear(h.split)
	if h.kind.storage == storage.TDBExternal {
		h.injectKey()
	}
}

// begin begins a set and leaves it.
func (h *history) begin(t *rapid.T, key string, value []byte) {
	if h.store.SetStart(key, uint32(len(value)), 0) == nil && len(value) > 0 {
		_ = h.store.SetAdd(value[:rapid.IntRange(0, len(value)).Draw(t, "added")])
	}
}

// reboot closes the store, or does not, and opens it.
func (h *history) reboot(clean bool) {
	for _, s := range h.tdbs() {
		if s.Pending() {
			h.dirty[s] = s.Collections()
		}
	}
	if clean {
		h.check(h.store.Close() == nil, "Close")
	}
	h.check(h.store.Open() == nil, "Open")
}

// incremental sets a value in pieces that begin at multiples of 16, as confidential ones must.
func (h *history) incremental(t *rapid.T, key string, value []byte) {
	was := h.before()
	err := h.store.SetStart(key, uint32(len(value)), 0)
	for rest := value; err == nil && len(rest) > 0; {
		n := min(16*rapid.IntRange(1, 8).Draw(t, "piece"), len(rest))
		err = h.store.SetAdd(rest[:n])
		rest = rest[n:]
	}
	if err == nil {
		err = h.store.SetFinalize()
	}
	h.settle(was, "incremental set", key, value, 0, err)
}
