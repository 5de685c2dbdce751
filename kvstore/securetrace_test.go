package kvstore_test

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dualbank/internal/flashtest"
	. "dualbank/kvstore"
	"dualbank/kvstore/secure"
)

func TestSecureTraces(t *testing.T) {
	root, files := TraceFiles(t, "testdata", ".txt")
	for _, path := range files {
		name, err := filepath.Rel(root, path)
		if err != nil {
			name = path
		}
		t.Run(filepath.ToSlash(name), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range []Profile{MbedOS, MbedCE} {
				replaySecure(t, p, string(text))
			}
		})
	}
}

// secureStep is a command and what was recorded of it.
type secureStep struct {
	line    int
	command string
	want    []string
}

func parseSecure(text string) (steps []secureStep) {
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		line = strings.TrimRight(line, "\r ")
		switch {
		case line == "", strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "> "):
			steps = append(steps, secureStep{line: i + 1, command: line[2:]})
		case len(steps) > 0:
			s := &steps[len(steps)-1]
			s.want = append(s.want, line)
		}
	}
	return steps
}

func replaySecure(t *testing.T, p Profile, text string) {
	steps := parseSecure(text)
	if len(steps) == 0 {
		t.Fatal("no commands in the trace")
	}
	d := &secureDriver{t: t, profile: p, saved: map[string]RawValue{}}
	for _, s := range steps {
		if slices.Equal(s.want, []string{"= SKIPPED_UB"}) {
			continue // was not executed when the trace was recorded
		}
		got := d.run(s.command)
		if !sameSecure(s.command, got, s.want) {
			t.Fatalf("%v, line %d: %.200s\n got %.600s\nwant %.600s", p, s.line, s.command,
				strings.Join(got, "\n     "), strings.Join(s.want, "\n     "))
		}
	}
}

// sameSecure compares all lines; of a get that failed only the name of the error counts.
func sameSecure(command string, got, want []string) bool {
	got, want = slices.Clone(got), slices.Clone(want)
	if strings.HasPrefix(command, "get ") && len(want) > 0 && !strings.HasPrefix(want[0], "= SUCCESS") {
		want[0], _, _ = strings.Cut(want[0], " actual=")
	}
	return slices.Equal(got, want)
}

// cutFlash loses power at a call of program or erase.
type cutFlash struct {
	*flashtest.Flash
	left int // calls to go; negative: no cut
	cut  func()
}

func (f *cutFlash) strike() bool {
	if f.left == 0 {
		f.cut()
	}
	if f.left >= 0 {
		f.left--
	}
	return f.Off
}

func (f *cutFlash) Program(addr uint32, p []byte) error {
	if f.strike() {
		return flashtest.ErrOff
	}
	return f.Flash.Program(addr, p)
}

func (f *cutFlash) Erase(addr, size uint32) error {
	if f.strike() {
		return flashtest.ErrOff
	}
	return f.Flash.Erase(addr, size)
}

// cutName is what a cut calls a store: the internal one is r, also where it holds the device key only.
func cutName(store string) string {
	if store == "k" {
		return "r"
	}
	return store
}

// secureDriver runs the commands of a trace.
type secureDriver struct {
	t       *testing.T
	profile Profile
	flash   map[string]*cutFlash // u, r, and k for the device key without rollback protection
	stores  map[string]*TDBStore
	key     *secure.DeviceKey
	secure  *secure.Store
	cutBy   string
	saved   map[string]RawValue

	draws  uint32
	forced []byte
	dry    bool
}

func (d *secureDriver) entropy(p []byte) error {
	if d.dry {
		return errors.New("no entropy")
	}
	if d.forced != nil {
		copy(p, d.forced)
		d.forced = nil
		return nil
	}
	for i := range p {
		p[i] = 0xA0 + byte(i&0x3F)
	}
	var k [4]byte
	binary.BigEndian.PutUint32(k[:], d.draws)
	copy(p, k[:])
	d.draws++
	return nil
}

func (d *secureDriver) mount(rbp bool) {
	d.flash, d.stores = map[string]*cutFlash{}, map[string]*TDBStore{}
	make := func(name, sectors string, unit uint32) *TDBStore {
		f := &cutFlash{Flash: flashtest.New(d.t, sectors, unit), left: -1}
		f.Copies = true
		f.cut = func() {
			d.cutBy = cutName(name)
			for _, g := range d.flash {
				g.Off = true
			}
		}
		d.flash[name] = f
		d.stores[name] = NewTDB(f, Options{Profile: d.profile})
		return d.stores[name]
	}
	o := secure.Options{Store: make("u", "16x4K", 1), Entropy: d.entropy, Repairs: d.profile.Repairs()}
	if rbp {
		r := make("r", "4x4K", 8)
		o.RBP, d.key = r, secure.NewDeviceKey(r, nil)
	} else {
		d.key = secure.NewDeviceKey(make("k", "4x4K", 8), nil)
	}
	o.Key = d.key.Mend(o.Repairs)
	d.secure = secure.New(o)
}

func (d *secureDriver) boot() error {
	d.cutBy = ""
	for _, f := range d.flash {
		f.Off, f.left = false, -1
	}
	if k := d.stores["k"]; k != nil {
		if err := k.Open(); err != nil {
			return err
		}
	}
	return d.secure.Open()
}

func (d *secureDriver) run(command string) []string {
	w := strings.Fields(command)
	arg := func(i int, otherwise string) string {
		if i < len(w) {
			return w[i]
		}
		return otherwise
	}
	key := secureKey(arg(1, `""`))
	number := func(i int, otherwise string) int {
		n, err := strconv.ParseInt(arg(i, otherwise), 0, 64)
		if err != nil {
			d.t.Fatalf("%s: %v", command, err)
		}
		return int(n)
	}
	switch w[0] {
	case "mount":
		d.mount(w[1] == "rbp")
		return d.result(d.boot())
	case "reboot":
		return d.result(d.boot())
	case "rot":
		return d.keyResult(d.key.Inject(Unhex(w[1])))
	case "genrot":
		return d.keyResult(d.key.Generate(number(1, ""), d.entropy))
	case "derive":
		out := make([]byte, number(2, ""))
		err := d.key.Derive(append([]byte{}, secureValue(w[1])...), out)
		if err != nil {
			out = nil
		}
		return []string{keyNumber(err) + " " + ToHex(out)}
	case "iv":
		d.forced = Unhex(w[1])
		return d.result(nil)
	case "entropy_fail":
		d.dry = w[1] != "0"
		return d.result(nil)
	case "depth":
		n := d.secure.LocksHeld()
		for _, s := range d.stores {
			n += s.LocksHeld()
		}
		return []string{fmt.Sprint("= ", n)}
	case "cut":
		for name, f := range d.flash {
			if cutName(name) == w[1] {
				f.left = number(2, "")
			}
		}
		return d.result(nil)
	case "set":
		return d.result(d.secure.Set(key, secureValue(w[3]), Flags(number(2, ""))), key)
	case "get":
		buf := bytes.Repeat([]byte{0xCC}, number(2, "4096"))
		n, err := d.secure.Get(key, buf, uint32(number(3, "0")))
		if err != nil {
			return d.result(err)
		}
		return []string{fmt.Sprintf("= SUCCESS %d %s", n, ToHex(buf[:n]))}
	case "info":
		i, err := d.secure.Info(key)
		if err != nil {
			return d.result(err)
		}
		return []string{fmt.Sprintf("= SUCCESS size=%d flags=%d", i.Size, i.Flags)}
	case "remove", "remove!":
		return d.result(d.secure.Remove(key), key)
	case "reset":
		return d.result(d.secure.Reset())
	case "list":
		return d.list(arg(1, ""))
	case "start":
		return d.result(d.secure.SetStart(key, uint32(number(2, "")), Flags(number(3, ""))))
	case "add":
		return d.result(d.secure.SetAdd(secureValue(w[1])))
	case "fin":
		err := d.secure.SetFinalize()
		if len(w) > 1 {
			return d.result(err, key)
		}
		return d.result(err)
	case "show":
		return d.records(key)
	case "dump":
		return d.dump()
	}
	return d.attack(w)
}

func (d *secureDriver) list(prefix string) []string {
	it, err := d.secure.Iterate(prefix)
	if err != nil {
		return d.result(err)
	}
	var keys []string
	master := false
	for {
		var k string
		if k, err = it.Next(); err != nil {
			break
		}
		if k == MasterKey {
			master = true
		} else {
			keys = append(keys, k)
		}
	}
	if err := it.Close(); err != nil {
		d.t.Fatal(err)
	}
	slices.Sort(keys)
	if master {
		keys = append(keys, "+"+MasterKey)
	}
	return []string{strings.Join(append(append([]string{"= SUCCESS"}, keys...), "end="+errorName(err)), " ")}
}

// result is the result line and the record lines of keys.
func (d *secureDriver) result(err error, keys ...string) []string {
	if d.cutBy != "" {
		return []string{"= POWER_CUT " + d.cutBy}
	}
	lines := []string{"= " + errorName(err)}
	for _, k := range keys {
		lines = append(lines, d.records(k)...)
	}
	return lines
}

func errorName(err error) string {
	if err == nil {
		return "SUCCESS"
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Name
	}
	return err.Error()
}

// keyResult is the result line of a command that writes the device key.
func (d *secureDriver) keyResult(err error) []string {
	if d.cutBy != "" {
		return d.result(err)
	}
	return []string{keyNumber(err)}
}

func keyNumber(err error) string {
	var e secure.KeyError
	if err != nil && !errors.As(err, &e) {
		return "= " + err.Error()
	}
	return fmt.Sprint("= ", int(e))
}

func (d *secureDriver) record(store, key string) string {
	v, err := RawRead(d.stores[store], key)
	name := strings.ToUpper(store) + " " + key
	switch {
	case err == ErrItemNotFound:
		return name + " absent"
	case err != nil:
		return name + " " + errorName(err)
	}
	return fmt.Sprintf("%s %d %s", name, v.Flags, ToHex(v.Value))
}

func (d *secureDriver) records(key string) []string {
	lines := []string{d.record("u", key)}
	if d.stores["r"] != nil {
		lines = append(lines, d.record("r", key))
	}
	return lines
}

func (d *secureDriver) dump() (lines []string) {
	for _, name := range []string{"u", "r"} {
		s := d.stores[name]
		if s == nil {
			continue
		}
		it, err := s.Iterate("")
		if err != nil {
			d.t.Fatal(err)
		}
		var keys []string
		for k, err := it.Next(); err != ErrItemNotFound; k, err = it.Next() {
			if err != nil {
				it.(*KeyIterator).Skip() // the dump goes on behind a record that cannot be read
			} else {
				keys = append(keys, k)
			}
		}
		if err := it.Close(); err != nil {
			d.t.Fatal(err)
		}
		slices.Sort(keys)
		for _, k := range keys {
			if k != MasterKey {
				lines = append(lines, d.record(name, k))
			}
		}
	}
	return lines
}

// attack runs a command of the attacker, who writes the flash past the store.
func (d *secureDriver) attack(w []string) []string {
	key := secureKey(w[1])
	name, what := w[0][:1], w[0][1:]
	s := d.stores[name]
	if s == nil {
		d.t.Fatalf("unknown command %q", w[0])
	}
	var err error
	switch what {
	case "save":
		var v RawValue
		if v, err = RawRead(s, key); err == nil {
			d.saved[key] = v
		}
		return d.result(err)
	case "restore":
		v, ok := d.saved[key]
		if !ok {
			return d.result(ErrItemNotFound)
		}
		if len(w) > 2 {
			key = secureKey(w[2])
		}
		err = s.Put(key, v)
	case "put":
		n, e := strconv.ParseUint(w[2], 0, 32)
		if e != nil {
			d.t.Fatal(e)
		}
		err = s.Put(key, RawValue{Flags(n), secureValue(w[3])})
	case "wipe":
		err = d.wipe(s, key)
	case "xor":
		at, e := strconv.Atoi(w[2])
		if e != nil {
			d.t.Fatal(e)
		}
		err = s.Patch(d.flash[name].Cells, key, at, Unhex(w[3]), true)
	case "flip":
		at, e := strconv.Atoi(w[2])
		if e != nil {
			d.t.Fatal(e)
		}
		err = s.Patch(d.flash[name].Cells, key, at, []byte{1}, false)
	default:
		d.t.Fatalf("unknown command %q", w[0])
	}
	if err != nil {
		return d.result(err)
	}
	if what == "flip" {
		return d.result(nil)
	}
	return d.result(nil, key)
}

func (d *secureDriver) wipe(s *TDBStore, key string) error {
	v, err := RawRead(s, key)
	if err == ErrItemNotFound {
		// An absent key counts as wiped, too. The recorder left the table as it was where the key has an
		// entry in the rollback protection store (n100938.txt).
		if r := d.stores["r"]; r == nil || s == r {
			s.DropMaster()
		} else if _, err := r.Info(key); err == ErrItemNotFound {
			s.DropMaster()
		}
		return nil
	}
	if err == nil && v.Flags&FlagWriteOnce != 0 {
		v.Flags &^= FlagWriteOnce
		err = s.Put(key, v)
	}
	if err != nil {
		return err
	}
	if err := s.Remove(key); err != nil {
		return err
	}
	s.DropMaster()
	return nil
}

func secureValue(s string) []byte {
	if text, ok := strings.CutPrefix(s, "str:"); ok {
		return []byte(text)
	}
	if n, ok := strings.CutPrefix(s, "seq:"); ok {
		p := make([]byte, cmp.Or(int(TraceNumber(n)), 0))
		for i := range p {
			p[i] = byte(i)
		}
		return p
	}
	return Unhex(s)
}

func secureKey(s string) string {
	if s == `""` {
		return ""
	}
	if r, ok := strings.CutPrefix(s, "rep:"); ok && len(r) > 2 && r[1] == ':' {
		return strings.Repeat(r[:1], int(TraceNumber(r[2:])))
	}
	return TraceKey(s)
}

// TestSecureDriver checks what the driver of the traces does where no recorded trace shows it.
func TestSecureDriver(t *testing.T) {
	for name, text := range map[string]string{
		"an absent key is wiped": `
> mount norbp
= SUCCESS
> reboot
= SUCCESS
> uwipe none
= SUCCESS
U none absent
> list
= SUCCESS end=ITEM_NOT_FOUND
> reboot
= SUCCESS
> list
= SUCCESS +TDBS end=ITEM_NOT_FOUND`,
		"power fails in the device key's store": `
> mount norbp
= SUCCESS
> cut r 0
= SUCCESS
> rot 000102030405060708090a0b0c0d0e0f
= POWER_CUT r
> reboot
= SUCCESS
> rot 000102030405060708090a0b0c0d0e0f
= 0`,
		"an undefined outcome is not replayed": `
> mount rbp
= SUCCESS
> remove none
= SKIPPED_UB`,
	} {
		t.Run(name, func(t *testing.T) { replaySecure(t, MbedCE, text) })
	}
}

// TestSecureVectors has the stored values of the specification.
func TestSecureVectors(t *testing.T) {
	for _, c := range []struct {
		key, value string
		flags      Flags
		iv, want   string
	}{
		{
			"key1", "hello world", 0, "",
			"140001000b000000000000000000000000000000" + "68656c6c6f20776f726c64" + "b74d20f047a17cb1e14d8e7fba0a31b8",
		},
		{
			"secret", string(secureValue("seq:40")), FlagConfidential, "1122334455667788",
			"1400010028000000020000001122334455667788" +
				"8c5e8470f2d4411e72c4bf565eb0f0664614d347a9cca697e9beeecbaeb00f3b7d4a52f31b21bafa" + "561dbf1a9bc1780e282e99070593bb2c",
		},
	} {
		d := &secureDriver{t: t, profile: MbedCE}
		d.mount(true)
		if err := d.boot(); err != nil {
			t.Fatal(err)
		}
		if err := d.key.Inject(Unhex("000102030405060708090a0b0c0d0e0f")); err != nil {
			t.Fatal(err)
		}
		d.forced = Unhex(c.iv)
		if err := d.secure.Set(c.key, []byte(c.value), c.flags); err != nil {
			t.Fatal(err)
		}
		v, err := RawRead(d.stores["u"], c.key)
		if err != nil || hex.EncodeToString(v.Value) != c.want || v.Flags != 0 {
			t.Errorf("%s: flags %x, %x, %v\nwant %s", c.key, v.Flags, v.Value, err, c.want)
		}
		buf := make([]byte, 64)
		n, err := d.secure.Get(c.key, buf, 0)
		if err != nil || string(buf[:n]) != c.value {
			t.Errorf("Get(%q) = %x, %v", c.key, buf[:n], err)
		}
	}
}
