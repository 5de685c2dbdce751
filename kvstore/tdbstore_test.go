package kvstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dualbank/internal/flashtest"
)

// TestUnitBuffer writes through the buffer and looks at what reaches the device.
func TestUnitBuffer(t *testing.T) {
	f := flashtest.New(t, "2x64", 8)
	f.Logging = true
	b := unitBuffer{dev: f}
	b.attach(128, 8)
	do := func(err, want error) {
		t.Helper()
		if err != want {
			t.Fatalf("got %v, want %v", err, want)
		}
	}
	sent := func(want ...string) {
		t.Helper()
		if !slices.Equal(f.Log, want) {
			t.Fatalf("device saw %v, want %v", f.Log, want)
		}
		f.Log = nil
	}
	seq := func(n int) []byte {
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(i + 1)
		}
		return p
	}
	f.Cells[7] = 0x77

	do(b.program(3, seq(2)), nil) // part of a unit: held, filled up from the flash
	sent()
	p := make([]byte, 16)
	do(b.read(0, p), nil)
	if !bytes.Equal(p[:9], []byte{0xFF, 0xFF, 0xFF, 1, 2, 0xFF, 0xFF, 0x77, 0xFF}) {
		t.Fatalf("read does not see the held unit: %x", p)
	}
	do(b.program(5, seq(3)), nil) // to the end of the unit
	sent("P 0 8")
	do(b.program(6, seq(22)), nil) // tail of unit 0, units 8 and 16 in one call, rest held
	sent("P 0 8", "P 8 16")
	do(b.program(40, nil), nil) // nothing to write, yet another unit
	sent("P 24 8")
	do(b.program(41, seq(1)), nil)
	do(b.flush(), nil)
	do(b.flush(), nil)
	sent("P 40 8")

	// A held unit is dropped by an erase that touches its address, the end included.
	do(b.program(64+1, seq(1)), nil)
	do(b.erase(0, 64), nil)
	do(b.flush(), nil)
	sent("E 0 64")
	do(b.program(64+9, seq(1)), nil)
	do(b.erase(0, 64), nil)
	do(b.flush(), nil)
	sent("E 0 64", "P 72 8")

	// A held unit that cannot be programmed stays held and fails every write elsewhere.
	f.Fail = func(_ bool, addr uint32) bool { return addr == 16 }
	do(b.program(17, seq(1)), nil)
	do(b.program(32, seq(8)), ErrWriteFailed)
	do(b.program(40, nil), ErrWriteFailed)
	do(b.program(18, seq(1)), nil)
	do(b.flush(), ErrWriteFailed)
	sent("P 16 8", "P 16 8", "P 16 8")
	do(b.erase(0, 64), nil)
	do(b.program(32, seq(8)), nil)
	sent("E 0 64", "P 32 8")

	do(b.program(124, seq(8)), ErrWriteFailed) // off the end
	sent("P 120 8")
}

// list collects the keys of an iterator from now on.
func list(t testing.TB, it Iterator) (keys []string) {
	t.Helper()
	for {
		k, err := it.Next()
		if err == ErrItemNotFound {
			return keys
		}
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
}

func openTDB(t testing.TB, f BlockDevice, o Options) *TDBStore {
	t.Helper()
	s := NewTDB(f, o)
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestIterators(t *testing.T) {
	s := openTDB(t, flashtest.New(t, "2x2K", 1), Options{})
	set := func(key string) {
		t.Helper()
		if err := s.Set(key, []byte("v"), 0); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 8 {
		set(fmt.Sprintf("k%d", i))
	}
	all, err := s.Iterate("")
	if err != nil {
		t.Fatal(err)
	}
	keys := list(t, all)
	if len(keys) != 8 {
		t.Fatalf("keys %v", keys)
	}
	for i := range len(keys) - 1 {
		if CRC([]byte(keys[i])) <= CRC([]byte(keys[i+1])) {
			t.Fatalf("%v is not in descending order of hash", keys)
		}
	}
	if err := all.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := all.Next(); err != ErrNotReady {
		t.Errorf("Next on a closed iterator: %v", err)
	}

	// After four keys: one of them goes, a new one comes before the place, another behind it.
	it, err := s.Iterate("k")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		if k, err := it.Next(); err != nil || k != keys[i] {
			t.Fatalf("Next = %q, %v; want %q", k, err, keys[i])
		}
	}
	if err := s.Remove(keys[1]); err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(keys[4:])
	var before, behind string
	at := CRC([]byte(keys[4]))
	for i := 0; before == "" || behind == ""; i++ {
		k := fmt.Sprintf("kx%d", i)
		switch h := CRC([]byte(k)); {
		case h > CRC([]byte(keys[0])) && before == "":
			before = k
			set(k)
		case h < at && behind == "":
			behind = k
			set(k)
			want = append(want, k)
		}
	}
	got := list(t, it)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("after changes: %v, want %v", got, want)
	}

	for range maxIterators - 1 {
		if _, err := s.Iterate(""); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Iterate(""); err != ErrOutOfResources {
		t.Errorf("iterator %d: %v", maxIterators+1, err)
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	next, err := s.Iterate("")
	if err != nil {
		t.Fatal(err)
	}
	k := next.(*KeyIterator)
	var small [2]byte
	if _, err := k.NextKey(small[:]); err != ErrInvalidSize {
		t.Errorf("NextKey into %d bytes: %v", len(small), err)
	}
	if _, err := k.Next(); err != nil {
		t.Errorf("Next after a buffer too small: %v", err)
	}
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	if _, err := next.Next(); err != ErrNotReady {
		t.Errorf("Next after a reboot: %v", err)
	}
	again, err := s.Iterate("TD")
	if err != nil {
		t.Fatal(err)
	}
	if got := list(t, again); !slices.Equal(got, []string{masterKey}) {
		t.Errorf("after a reboot the master record is listed: %v", got)
	}
}

// TestLocks follows the reference's lock through sets that fail.
func TestLocks(t *testing.T) {
	var f *flashtest.Flash
	for _, c := range []struct {
		name string
		do   func(s *TDBStore) error
		err  error
		want int
	}{
		{"a set", func(s *TDBStore) error { return s.Set("k", []byte("v"), 0) }, nil, 0},
		{"a get", func(s *TDBStore) error { _, err := s.Info("none"); return err }, ErrItemNotFound, 0},
		{"a set that is refused", func(s *TDBStore) error { return s.Remove("none") }, ErrItemNotFound, 0},
		{"a begun set", func(s *TDBStore) error { return s.SetStart("k", 3, 0) }, nil, 1},
		{"a finished incremental set", func(s *TDBStore) error {
			return errors.Join(s.SetStart("k", 3, 0), s.SetAdd([]byte("abc")), s.SetFinalize())
		}, nil, 0},
		{"two begun sets", func(s *TDBStore) error {
			return errors.Join(s.SetStart("k", 3, 0), s.SetStart("l", 3, 0))
		}, nil, 2},
		{"finalize with too little data", func(s *TDBStore) error {
			return errors.Join(s.SetStart("k", 3, 0), s.SetFinalize())
		}, ErrInvalidSize, 0},
		{"no program of the key", func(s *TDBStore) error {
			at := s.Layout().Free + headerSize
			f.Fail = func(_ bool, addr uint32) bool { return addr == at }
			return s.Set("k", []byte("v"), 0)
		}, ErrWriteFailed, 0},
		{"no program of the data", func(s *TDBStore) error {
			at := s.Layout().Free + headerSize + 1
			f.Fail = func(_ bool, addr uint32) bool { return addr == at }
			return s.Set("k", []byte("v"), 0)
		}, ErrWriteFailed, 1},
		{"no program of the header", func(s *TDBStore) error {
			at := s.Layout().Free
			f.Fail = func(_ bool, addr uint32) bool { return addr == at }
			return s.Set("k", []byte("v"), 0)
		}, ErrWriteFailed, 0},
		{"no program of the header, no collection", func(s *TDBStore) error {
			at := s.Layout().Free
			f.Fail = func(erase bool, addr uint32) bool { return erase || addr == at }
			return s.Set("k", []byte("v"), 0)
		}, ErrWriteFailed, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			f = flashtest.New(t, "2x2K", 1)
			s := openTDB(t, f, Options{})
			if err := c.do(s); !errors.Is(err, c.err) {
				t.Fatalf("got %v, want %v", err, c.err)
			}
			if s.LocksHeld() != c.want {
				t.Errorf("%d locks held, want %d", s.LocksHeld(), c.want)
			}
			f.Fail = nil
			if err := s.Open(); err != nil || s.LocksHeld() != 0 {
				t.Errorf("after an open: %v, %d locks held", err, s.LocksHeld())
			}
		})
	}
}

// TestPendingSet begins a set and does something else.
func TestPendingSet(t *testing.T) {
	f := flashtest.New(t, "2x2K", 1)
	s := openTDB(t, f, Options{})
	check := func(what string, err, want error) {
		t.Helper()
		if err != want {
			t.Fatalf("%s: %v, want %v", what, err, want)
		}
	}
	check("add without start", s.SetAdd([]byte("x")), ErrInvalidArgument)
	check("finalize without start", s.SetFinalize(), ErrInvalidArgument)

	check("start", s.SetStart("a", 4, 0), nil)
	check("add", s.SetAdd([]byte("ab")), nil)
	check("add too much", s.SetAdd([]byte("abc")), ErrInvalidSize)
	check("add", s.SetAdd([]byte("cd")), nil)
	check("finalize", s.SetFinalize(), nil)
	var buf [8]byte
	n, err := s.Get("a", buf[:], 0)
	if err != nil || string(buf[:n]) != "abcd" {
		t.Fatalf("Get = %q, %v", buf[:n], err)
	}

	check("start", s.SetStart("a", 4, 0), nil)
	check("another set collects first", s.Set("b", nil, 0), nil)
	if s.Collections() != 1 {
		t.Errorf("%d collections, want 1", s.Collections())
	}
	check("add to the set that was lost", s.SetAdd([]byte("x")), ErrInvalidArgument)

	// The collection after a failing add does not come to the master record: the set goes on.
	check("start", s.SetStart("a", 4, 0), nil)
	f.Fail = func(bool, uint32) bool { return true }
	check("add", s.SetAdd([]byte("x")), ErrWriteFailed)
	f.Fail = nil
	check("add", s.SetAdd([]byte("abcd")), nil)
	collections := s.Collections()
	check("finalize", s.SetFinalize(), ErrInvalidData) // the CRC had the failing piece too
	if s.Collections() != collections+1 {
		t.Errorf("%d collections, want %d", s.Collections(), collections+1)
	}
}

// TestReservedUnread: a collection goes on without the reserved data if they cannot be read; they stay where they are.
func TestReservedUnread(t *testing.T) {
	for _, c := range []struct {
		what      string
		from, end uint32
		kept      bool
	}{
		{"nothing", 0, 0, true},
		{"the trailer", reservedSize, reservedSize + trailerSize, false},
		{"the data", 0, 3, false},
	} {
		f := flashtest.New(t, "2x2K", 1)
		s := openTDB(t, f, Options{})
		if err := errors.Join(s.SetReserved([]byte("key")), s.SetStart("a", 1, 0)); err != nil {
			t.Fatal(err)
		}
		other := f.Cells[s.Layout().Size:][:reservedSize]
		f.BadRead = func(addr, end uint32) bool { return end > addr && addr == c.from && end == c.end }
		if err := s.Set("b", nil, 0); err != nil || s.Collections() != 1 { // the set that was begun makes it collect
			t.Errorf("%s cannot be read: %d collections, %v", c.what, s.Collections(), err)
		}
		if kept := string(other[:3]) == "key"; kept != c.kept {
			t.Errorf("%s cannot be read: reserved data in the other area: %v", c.what, kept)
		}
		f.BadRead = nil
		var buf [8]byte
		if n, err := s.Reserved(buf[:]); err != nil || string(buf[:n]) != "key" {
			t.Errorf("%s could not be read: %q, %v", c.what, buf[:n], err)
		}
	}
}

func TestLongKey(t *testing.T) {
	s := openTDB(t, flashtest.New(t, "2x2K", 1), Options{})
	for _, c := range []struct {
		n    int
		want error
	}{{0, ErrInvalidArgument}, {127, nil}, {128, ErrInvalidData}, {129, ErrInvalidArgument}} {
		if err := s.Set(strings.Repeat("k", c.n), []byte("v"), 0); err != c.want {
			t.Errorf("key of %d bytes: %v, want %v", c.n, err, c.want)
		}
	}
	for _, c := range " */?:;\"|<>\\\x00" {
		if err := s.Set("a"+string(c), nil, 0); err != ErrInvalidArgument {
			t.Errorf("key with %q: %v", c, err)
		}
	}
	if err := s.Set("a", nil, 4); err != ErrInvalidArgument {
		t.Errorf("unknown flag: %v", err)
	}
}

func TestNotOpen(t *testing.T) {
	s := NewTDB(flashtest.New(t, "2x2K", 1), Options{})
	_, get := s.Get("a", nil, 0)
	_, info := s.Info("a")
	_, iter := s.Iterate("")
	_, reserved := s.Reserved(nil)
	for name, err := range map[string]error{
		"Set": s.Set("a", nil, 0), "Get": get, "Info": info, "Remove": s.Remove("a"), "SetStart": s.SetStart("a", 0, 0),
		"SetAdd": s.SetAdd(nil), "SetFinalize": s.SetFinalize(), "Iterate": iter, "Reset": s.Reset(),
		"Reserved": reserved, "SetReserved": s.SetReserved(nil),
	} {
		if err != ErrNotReady {
			t.Errorf("%s on a store that is not open: %v", name, err)
		}
	}
}

// rawRecord is a record as it lies on flash with a program unit of 1.
func rawRecord(key string, data []byte, flags Flags, size uint32) []byte {
	h := make([]byte, headerSize, headerSize+len(key)+len(data))
	putHeader(h, flags, uint16(len(key)), size)
	sum := ieeeAdd(ieeeAdd(ieeeAdd(0, h[:crcOffset]), []byte(key)), data)
	binary.LittleEndian.PutUint32(h[crcOffset:], storeCRC(sum))
	return append(append(h, key...), data...)
}

// TestFatalOpen opens images on which the reference halts.
func TestFatalOpen(t *testing.T) {
	wraps := rawRecord(masterKey, nil, 0, 0xFFFFFFA0)
	f := flashtest.New(t, "2x2K", 1)
	copy(f.Cells[72:], wraps)
	s := NewTDB(f, Options{})
	for range 2 {
		var fatal *FatalError
		err := s.Open()
		if !errors.As(err, &fatal) || fatal.Err != ErrReadFailed || !errors.Is(err, ErrReadFailed) {
			t.Fatalf("size that wraps in a master record: %v", err)
		}
		if want := `fatal: mbed_error READ_FAILED "TDBSTORE: Unable to read record at init"`; err.Error() != want {
			t.Errorf("%s, want %s", err, want)
		}
		if err := s.Set("a", nil, 0); err != ErrNotReady {
			t.Errorf("set after a fatal open: %v", err)
		}
	}

	// A whole record of another key where the master record is. With data the reference takes it for its own.
	f.Blank()
	copy(f.Cells[72:], rawRecord("TDBX", nil, 0, 0))
	if err := s.Open(); !errors.Is(err, ErrItemNotFound) || !strings.Contains(err.Error(), "Unable to read record at init") {
		t.Errorf("another key in the master record's place: %v", err)
	}
	f.Blank()
	copy(f.Cells[72:], rawRecord("TDBX", []byte{7, 0, 0, 0, 0, 0, 0, 0}, 0, masterData))
	if err := s.Open(); err != nil || s.version != 7 {
		t.Errorf("another key with data in the master record's place: version %d, %v", s.version, err)
	}

	f.Blank()
	f.Fail = func(erase bool, _ uint32) bool { return !erase }
	if err := s.Open(); err == nil || !strings.Contains(err.Error(), "WRITE_FAILED \"TDBSTORE: Unable to write master record at init\"") {
		t.Errorf("master record that cannot be written: %v", err)
	}
	f.Fail = nil

	// The same size in a later record: the open fails, and nothing is repaired.
	f.Blank()
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	copy(f.Cells[s.Layout().Free:], rawRecord("key", nil, 0, 0xFFFFFFA0))
	if err := s.Open(); err != ErrReadFailed {
		t.Errorf("size that wraps in a record: %v", err)
	}
	// Without the CRC such a record leads the reference's scan back for ever.
	n := NewTDB(f, Options{NoCRCScan: true})
	if err := n.Open(); err == nil || !strings.Contains(err.Error(), "scan without end") {
		t.Errorf("scan without CRC: %v", err)
	}
}

func TestNoCRCScan(t *testing.T) {
	f := flashtest.New(t, "2x2K", 1)
	s := openTDB(t, f, Options{})
	for _, k := range []string{"a", "b", "c"} {
		if err := s.Set(k, []byte("value"), 0); err != nil {
			t.Fatal(err)
		}
	}
	l := s.Layout()
	f.Cells[l.First+headerSize+3] ^= 1 // in the value of a
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	if got := s.Layout().Free; got != l.First {
		t.Errorf("a scan with CRC ends at %d, want %d", got, l.First)
	}
	n := openTDB(t, f, Options{NoCRCScan: true})
	if got := n.Layout().Free; got != l.Free {
		t.Errorf("a scan without CRC ends at %d, want %d", got, l.Free)
	}
	if _, err := n.Info("a"); err != ErrInvalidData {
		t.Errorf("a: %v", err)
	}
	if i, err := n.Info("b"); err != nil || i.Size != 5 {
		t.Errorf("b: %v, %v", i, err)
	}
}

// TestTable follows the reference's table through keys and opens.
func TestTable(t *testing.T) {
	s := openTDB(t, flashtest.New(t, "2x8K", 1), Options{})
	for i := range 20 {
		if err := s.Set(fmt.Sprint("key", i), nil, 0); err != nil {
			t.Fatal(err)
		}
		if keys, room := s.Table(); keys != i+1 || room != max(16, i+1) {
			t.Errorf("after %d keys: %d keys, room for %d", i+1, keys, room)
		}
	}
	for i := range 18 {
		if err := s.Remove(fmt.Sprint("key", i)); err != nil {
			t.Fatal(err)
		}
	}
	if keys, room := s.Table(); keys != 2 || room != 20 {
		t.Errorf("after removes: %d keys, room for %d", keys, room)
	}
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	// The master record is a key now, and during the scan there were 20 others.
	if keys, room := s.Table(); keys != 3 || room != 21 {
		t.Errorf("after an open: %d keys, room for %d", keys, room)
	}
}

// keys32 are 32 keys as the workload of the sets per second has them.
func keys32() []string {
	keys := make([]string, 32)
	for i := range keys {
		keys[i] = fmt.Sprintf("key%02d", i)
	}
	return keys
}

// TestSteadyState does not allocate.
func TestSteadyState(t *testing.T) {
	s := openTDB(t, flashtest.New(t, "4x16K+1x64K", 8), Options{})
	keys, value := keys32(), make([]byte, 32)
	for range 300 {
		for _, k := range keys {
			if err := s.Set(k, value, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	n := 0
	for name, f := range map[string]func() error{
		"Set":  func() error { n++; return s.Set(keys[n%32], value, 0) },
		"Get":  func() error { n++; _, err := s.Get(keys[n%32], value, 0); return err },
		"Info": func() error { n++; _, err := s.Info(keys[n%32]); return err },
		"Open": func() error { return s.Open() },
	} {
		allocs := testing.AllocsPerRun(200, func() {
			if err := f(); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}

// TestCollidingKeys has keys of the same hash: a record with data is taken for that of any of them, one
// without data is told apart by its key.
func TestCollidingKeys(t *testing.T) {
	a, b := collidingKeys()
	if CRC([]byte(a)) != CRC([]byte(b)) || a == b {
		t.Fatalf("%q and %q do not collide", a, b)
	}
	read := func(s *TDBStore, key string) (string, error) {
		var buf [32]byte
		n, err := s.Get(key, buf[:], 0)
		return string(buf[:n]), err
	}
	s := openTDB(t, flashtest.New(t, "2x2K", 1), Options{})
	for _, k := range []string{a, b} {
		if err := s.Set(k, []byte("of "+k), 0); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		for _, k := range []string{a, b} {
			if got, err := read(s, k); err != nil || got != "of "+b {
				t.Errorf("Get(%q) = %q, %v; want the value that was set last", k, got, err)
			}
		}
		if err := s.Open(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Remove(a); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Info(b); err != ErrItemNotFound {
		t.Errorf("%q after the other's remove: %v", b, err)
	}

	s = openTDB(t, flashtest.New(t, "2x2K", 1), Options{})
	for _, k := range []string{a, b} {
		if err := s.Set(k, nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	if keys, _ := s.Table(); keys != 2 {
		t.Errorf("%d keys without data, want 2", keys)
	}
	if err := s.Remove(a); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Info(a); err != ErrItemNotFound {
		t.Errorf("%q without data, after its remove: %v", a, err)
	}
	if _, err := s.Info(b); err != nil {
		t.Errorf("%q without data, after the other's remove: %v", b, err)
	}
}

// TestLastPiece compares long keys without data: the last piece of the key on flash decides, and where
// the caller's key is shorter the reference reads beyond it.
func TestLastPiece(t *testing.T) {
	var s TDBStore
	s.unit = 1
	long := strings.Repeat("k", workSize)
	for _, c := range []struct {
		flash, data, key string
		want             bool
		undefined        Undefined
	}{
		{long + "tail", "", long + "tail", true, 0},
		{long + "tail", "", long + "tale", false, 0},
		{long + "tail", "", strings.Repeat("x", workSize) + "tail", true, 0},
		{long, "", strings.Repeat("x", workSize), false, 0},
		{"key", "", "keys", true, 0},
		{"keys", "", "key", false, 0},
		{"keys", "v", "other", true, 0},
		{long + "tail", "", "key", false, UndefinedKey},
	} {
		s.rec, s.undefined = record{key: []byte(c.flash), data: []byte(c.data)}, 0
		if got := s.matches([]byte(c.key + "\x00")); got != c.want || s.undefined != c.undefined {
			t.Errorf("key %q, record %q with data %q: %v, undefined %q", c.key, c.flash, c.data, got, s.undefined)
		}
	}
}

// TestHeapDamage opens an image that cannot be read behind more than 16 keys.
func TestHeapDamage(t *testing.T) {
	for _, c := range []struct {
		keys int
		want Undefined
	}{{14, 0}, {16, UndefinedHeap}} {
		f := flashtest.New(t, "2x2K", 1)
		s := openTDB(t, f, Options{})
		for i := range c.keys {
			if err := s.Set(fmt.Sprint("key", i), []byte("value"), 0); err != nil {
				t.Fatal(err)
			}
		}
		free := s.Layout().Free
		f.BadRead = func(addr, _ uint32) bool { return addr >= free && addr < s.Layout().Base[1] }
		if err := s.Open(); err != ErrReadFailed || s.Undefined() != c.want {
			t.Errorf("%d keys: %v, undefined %q; want %q", c.keys, err, s.Undefined(), c.want)
		}
		f.BadRead = nil
		if err := s.Open(); err != nil || s.Undefined() != 0 {
			t.Errorf("%d keys, readable again: %v, undefined %q", c.keys, err, s.Undefined())
		}
	}
}

// TestUnalignedSectors has erase units that are not aligned to their own size. The reference erases
// multiples of a unit's size, which are no units: the device refuses.
func TestUnalignedSectors(t *testing.T) {
	f := flashtest.New(t, "1x1K+4x2K+1x1K", 1)
	s := openTDB(t, f, Options{})
	if l := s.Layout(); l.Base[1] != 5<<10 {
		t.Fatalf("layout %+v", l)
	}
	f.Logging = true
	if err := s.SetStart("unfinished", 0, 0); err != nil {
		t.Fatal(err)
	}
	if err := s.Set("key", []byte("value"), 0); err != ErrWriteFailed {
		t.Errorf("a set that has to collect garbage: %v", err)
	}
	// Area 1 starts at 5 KiB, where a unit starts; 4 KiB is in the middle of one.
	if want := "E 4096 2048"; f.Log[len(f.Log)-1] != want {
		t.Errorf("steps %q, want %q last", f.Log, want)
	}
}

// collidingKeys finds two keys of the same length with the same hash.
func collidingKeys() (string, string) {
	seen := map[uint32]int{}
	name := func(i int) string { return fmt.Sprintf("k%07d", i*2654435) }
	for i := 0; ; i++ {
		h := CRC([]byte(name(i)))
		if j, ok := seen[h]; ok && name(j) != name(i) {
			return name(j), name(i)
		}
		seen[h] = i
	}
}

// TestMasterCopies: with RepairMasterListed a copy of a master record among the records is no key, and a key that looks
// like its name is one.
func TestMasterCopies(t *testing.T) {
	for _, c := range []struct {
		repairs Repairs
		want    []string
	}{
		{0, []string{masterKey, "TDBSTORE", "TDBT", "last"}},
		{RepairMasterListed, []string{"TDBSTORE", "TDBT", "last"}},
	} {
		f := flashtest.New(t, "2x2K", 1)
		s := openTDB(t, f, Options{Repairs: c.repairs})
		for _, k := range []string{"TDBT", "TDBSTORE"} {
			if err := s.Set(k, []byte("value"), 0); err != nil {
				t.Fatal(err)
			}
		}
		l := s.Layout()
		copy(f.Cells[l.Free:], append(bytes.Clone(f.Cells[l.Master:l.First]), rawRecord("last", []byte("value"), 0, 5)...))
		if err := s.Open(); err != nil {
			t.Fatal(err)
		}
		it, err := s.Iterate("")
		if err != nil {
			t.Fatal(err)
		}
		got := list(t, it)
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("with the repairs %v: %q, want %q", c.repairs, got, c.want)
		}
	}
}
