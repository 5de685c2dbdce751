package edge

import (
	"bytes"
	"crypto/aes"
	"encoding/binary"
	"fmt"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
	"dualbank/kvstore/secure"
	"dualbank/model"
)

var roots = [2][]byte{bytes.Repeat([]byte("0123456789abcdef"), 2), bytes.Repeat([]byte("fedcba98FEDCBA98"), 2)}

// rootOfTrust gives a device a root of trust of 16 or 32 bytes, derives keys from it, takes it away with a reset and
// gives it again.
func rootOfTrust(t *trial, n int) (bool, error) {
	if n >= 4 {
		return false, nil
	}
	size, both := 16*(1+n%2), n >= 2
	root := roots[0][:size]
	t.part("root of %d bytes", size)
	d := small(8)
	if both {
		return true, t.secureRoot(size)
	}
	s, err := t.open(&d, false, []string{"a"}, 64)
	if err != nil {
		return false, err
	}
	key := secure.NewDeviceKey(s.tdb, nil)
	t.derives(key, root, "no root", false)
	t.inject(key, root, "")
	if s.set("a", 10, 0) && s.collect("a") && s.collect("a") {
		t.holds(s.tdb, key, root, "running")
	}
	if err := s.tdb.Reset(); err != nil {
		t.report(explore.Symptom{Rule: sut.RuleWorks, Kind: "op-fails", Op: "reset", Error: sut.ErrorName(err)}, "success", err.Error())
		return true, nil
	}
	t.derives(key, root, "after a reset", false)
	t.inject(key, roots[1][:size], "reset")
	s.F.Boot()
	if err := s.Store.Open(); err == nil {
		t.holds(s.tdb, key, roots[1][:size], "clean-reboot")
	}
	return true, nil
}

// inject gives the device a root of trust, which has to succeed, and again, which must not.
func (t *trial) inject(key *secure.DeviceKey, root []byte, when string) {
	t.cuts++
	if err := key.Inject(root); err != nil {
		t.report(explore.Symptom{Rule: sut.RuleReserved, Kind: "root-refused", When: when, Error: err.Error()}, "success", err.Error())
	}
	if err := key.Inject(root); err != secure.ErrKeyExists {
		t.report(explore.Symptom{Rule: sut.RuleReserved, Kind: "second-key"}, secure.ErrKeyExists.Error(), fmt.Sprint(err))
	}
}

// holds looks for the root of trust and for keys derived from it.
func (t *trial) holds(s *kvstore.TDBStore, key *secure.DeviceKey, root []byte, when string) {
	t.cuts++
	buf := make([]byte, 64)
	if n, err := s.Reserved(buf); err != nil || !bytes.Equal(buf[:n], root) {
		t.report(explore.Symptom{Rule: sut.RuleReserved, Kind: "root-differs", When: when}, fmt.Sprintf("%d bytes", len(root)), fmt.Sprintf("%d bytes, error %v", n, err))
	}
	t.derives(key, root, when, true)
}

// derives derives keys: those of root, or, where there is none, none.
func (t *trial) derives(key *secure.DeviceKey, root []byte, when string, there bool) {
	for _, size := range []int{16, 32} {
		out := make([]byte, size)
		err := key.Derive([]byte("salt"), out)
		switch {
		case !there && err == nil:
			t.report(explore.Symptom{Rule: sut.RuleSecret, Kind: "no-root-key", Op: "derive"}, secure.ErrKeyNotFound.Error(), "success "+when)
		case there && err == nil && !bytes.Equal(out, derived(root, []byte("salt"), size)):
			t.report(explore.Symptom{Rule: sut.RuleSecret, Kind: "derived-differs", When: when}, "SP 800-108 in counter mode with AES-CMAC", fmt.Sprintf("%d other bytes", size))
		case there && err != nil && size >= len(root):
			t.report(explore.Symptom{Rule: sut.RuleWorks, Kind: "op-fails", Op: "derive", Error: err.Error()}, "a key", err.Error())
		}
	}
}

// derived is a key of size bytes by SP 800-108 in counter mode with AES-CMAC, written down once more.
func derived(root, salt []byte, size int) (out []byte) {
	for i := byte(1); len(out) < size; i++ {
		m := append(append([]byte{i}, salt...), 0)
		out = append(out, cmac(root, binary.LittleEndian.AppendUint32(m, uint32(size)))...)
	}
	return out
}

// cmac is the AES-CMAC of m (RFC 4493).
func cmac(key, m []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil // a root of another size
	}
	double := func(p []byte) []byte {
		q := make([]byte, 16)
		for i := range q {
			q[i] = p[i] << 1
			if i < 15 {
				q[i] |= p[i+1] >> 7
			}
		}
		if p[0]&0x80 != 0 {
			q[15] ^= 0x87
		}
		return q
	}
	sub := make([]byte, 16)
	block.Encrypt(sub, sub)
	sub = double(sub)
	last := append([]byte(nil), m[(len(m)-1)/16*16:]...)
	if len(last) < 16 {
		last = append(last, 0x80)
		last = append(last, make([]byte, 16-len(last))...)
		sub = double(sub)
	}
	for i := range last {
		last[i] ^= sub[i]
	}
	mac := make([]byte, 16)
	for _, b := range [][]byte{m[:(len(m)-1)/16*16], last} {
		for ; len(b) > 0; b = b[16:] {
			for i := range mac {
				mac[i] ^= b[i]
			}
			block.Encrypt(mac, mac)
		}
	}
	return mac
}

// secureRoot resets a SecureStore, which takes its root of trust with it: without one nothing is stored, and with
// another one it works again.
func (t *trial) secureRoot(size int) error {
	d := explore.Device{Sectors: "24x512", Unit: 8, Size: 12288}
	s, err := t.open(&d, true, []string{"c0", "r0", "n0"}, 64)
	if err != nil {
		return err
	}
	sec := s.Store.(*sut.SecureStore)
	if size == 16 && (!s.set("c0", 30, 0) || !s.set("r0", 20, 0) || !s.set("n0", 10, 0)) {
		return nil
	}
	if err := s.perform(&script.Op{Kind: script.Reset}); err != nil {
		t.report(explore.Symptom{Rule: sut.RuleWorks, Kind: "op-fails", Op: "reset", Error: sut.ErrorName(err)}, "success", err.Error())
		return nil
	}
	value := []byte("what must be authenticated")
	refused := func(when string) {
		for _, key := range []string{"c0", "r0", "n0"} {
			t.cuts++
			if err := sec.Set(key, value, 0); err == nil {
				t.report(explore.Symptom{Rule: sut.RuleSecret, Kind: "no-root-key", Op: "set"}, kvstore.ErrFailedOperation.Error(), "success "+when)
			}
			if _, err := sec.Get(key, s.Buf, 0); err == nil {
				t.report(explore.Symptom{Rule: sut.RuleSecret, Kind: "no-root-key", Op: "get"}, "an error", "a value "+when)
			}
		}
	}
	refused("after a reset")
	t.inject(sec.Key, roots[1][:size], "reset")
	if size != 16 {
		return nil // keys of 16 bytes cannot be derived from it: every set fails
	}
	for _, key := range []string{"c0", "r0", "n0"} {
		err := sec.Set(key, value, 0)
		if n, e := sec.Get(key, s.Buf, 0); err != nil || e != nil || !bytes.Equal(s.Buf[:n], value) {
			t.report(explore.Symptom{Rule: sut.RuleWorks, Kind: "op-fails", Op: "set", When: "reset", Error: fmt.Sprint(err)}, "success", fmt.Sprintf("set %q: %v, get: %v", key, err, e))
		}
	}
	return nil
}

var reservedDevices = []explore.Device{small(1), small(8), {Part: "stm32l496zg", Unit: 8, Base: 0x080F0000, Size: 8192}}

var plainModes = []model.Mode{model.Before, model.After, model.Torn, model.Prefix}

// steps is how many steps fn takes, tried on a fork of f.
func steps(f *model.Flash, fn func()) uint64 {
	f.Mark()
	defer f.Rollback()
	first := f.Steps()
	fn()
	return f.Steps() - first
}

// provisioning cuts the set of a root of trust at every step, and gives it again: the same one, or another one as a
// device does that draws it.
func provisioning(t *trial, n int) (bool, error) {
	if n >= len(reservedDevices)*2*2 {
		return false, nil
	}
	d := reservedDevices[n/4]
	same, later := n%2 == 0, n/2%2 == 1
	again := roots[0][:16]
	if t.part("the same root of trust"); !same {
		again = roots[1][:16]
		t.part("another root of trust")
	}
	if d.Part != "" {
		t.part("%s, on flash with ECC", t.at.Part)
	}
	s, err := t.open(&d, false, []string{"a"}, 64)
	if err != nil {
		return false, err
	}
	if !s.set("a", 16, 0) || later && !s.collect("a") {
		return true, nil // of the areas, the other one is active then
	}
	key := secure.NewDeviceKey(s.tdb, nil)
	fresh := func() bool { s.F.Boot(); return s.Store.Open() == nil }
	s.F.Mark()
	fresh()
	var hits []uint32 // address of each step
	s.F.Observe(func(e *model.Event) {
		for n := range e.Steps {
			if hits = append(hits, e.Addr); e.Kind == model.Program {
				hits[len(hits)-1] += uint32(n) * d.Unit
			}
		}
	})
	_ = key.Inject(roots[0][:16])
	s.F.Observe(nil)
	s.F.Rollback()
	l := s.tdb.Layout()
	part := t.at.Part
	for at := range uint64(len(hits)) {
		area := "standby"
		if off := hits[at] - d.Base - l.Base[l.Active]; off < l.Size {
			area = "active"
		}
		t.at.Part = part + ", after a cut in the " + area + " area"
		for _, mode := range plainModes {
			t.cuts++
			s.F.Mark()
			fresh()
			s.F.Arm(model.Cut{Step: at, Mode: mode, Seed: at})
			_ = key.Inject(roots[0][:16])
			if s.F.Off() && fresh() {
				t.provisioned(s, key, again)
			}
			s.F.Rollback()
		}
	}
	return true, nil
}

// provisioned gives a device its root of trust after a cut in the first attempt: it has the first one by now, or
// takes the second one; either stays, in both areas.
func (t *trial) provisioned(s *store, key *secure.DeviceKey, again []byte) {
	want := again
	buf := make([]byte, 64)
	err := key.Inject(again)
	switch err {
	case nil:
	case secure.ErrKeyExists:
		want = roots[0][:16]
	default:
		t.report(explore.Symptom{Rule: sut.RuleReserved, Kind: "root-refused", Error: err.Error()}, "success", err.Error())
		return
	}
	look := func(when string) bool {
		n, err := s.tdb.Reserved(buf)
		if err == nil && bytes.Equal(buf[:n], want) {
			return true
		}
		t.report(explore.Symptom{Rule: sut.RuleReserved, Kind: "root-differs", When: when}, fmt.Sprintf("%d bytes", len(want)), fmt.Sprintf("%d bytes, error %v", n, err))
		return false
	}
	if !look("") {
		return
	}
	if err == nil { // the set of this one was not cut
		for _, base := range s.tdb.Layout().Base {
			s.F.Mark()
			s.F.Poke(s.Device.Base+base, make([]byte, 72))
			s.F.Boot()
			if s.Store.Open() == nil {
				if n, err := s.tdb.Reserved(buf); err != nil || !bytes.Equal(buf[:n], want) {
					t.report(explore.Symptom{Rule: sut.RuleReserved, Kind: "reserved-copy"}, sut.Describe(want), fmt.Sprintf("%d bytes, error %v", n, err))
				}
			}
			s.F.Rollback()
		}
	}
	s.F.Boot()
	if s.Store.Open() != nil || !look("clean-reboot") {
		return
	}
	for i := range 400 { // two collections, at least
		if err := s.Store.Set("a", make([]byte, 40+i%2), 0); err != nil {
			break
		}
	}
	look(sut.AfterNextSet)
}

// reservedTwice cuts a collection while it puts reserved data back, and then one of the next three.
func reservedTwice(t *trial, n int) (bool, error) {
	devices := []explore.Device{small(8), {Sectors: "8x512", Unit: 32, Size: 4096}, reservedDevices[2]}
	const collections = 3
	if n >= len(devices)*collections {
		return false, nil
	}
	d, later := devices[n/collections], n%collections
	t.part("second cut in a later collection")
	t.tell("%d collections later", later)
	s, err := t.open(&d, false, []string{"a"}, 64)
	if err != nil {
		return false, err
	}
	op := script.Op{Kind: script.Reserved, Size: 64, Seed: 9}
	want := op.Value()
	if !s.do(op) || !s.collect("a") || !s.collect("a") || !s.collect("a") {
		return true, nil
	}
	fresh := func() bool { s.F.Boot(); return s.Store.Open() == nil }
	// full sets until the next set collects, and reports whether it will.
	full := func() bool {
		for range 400 {
			l := s.tdb.Layout()
			if l.Free+sut.RecordSize(&script.Op{Kind: script.Set, Key: "a", Size: 40}, l.Unit) > l.Size {
				return true
			}
			if s.Store.Set("a", want[:40], 0) != nil {
				return false
			}
		}
		return false
	}
	if !full() {
		return true, nil
	}
	head := 1 + (72+d.Unit-1)/d.Unit // steps of a cleaning: an erase, and the reserved data
	buf := make([]byte, 64)
	for first := range uint64(head) + 1 {
		for _, mode := range plainModes {
			s.F.Mark()
			fresh()
			s.F.Arm(model.Cut{Step: first, Mode: mode, Seed: first})
			_ = s.Store.Set("a", want[:40], 0)
			sound := s.F.Off() && fresh()
			for range later {
				sound = sound && full() && s.Store.Set("a", want[:40], 0) == nil
			}
			if sound && full() {
				for second := range uint64(head) + 1 {
					for _, mode := range plainModes {
						t.cuts++
						s.F.Mark()
						fresh()
						s.F.Arm(model.Cut{Step: second, Mode: mode, Seed: second})
						_ = s.Store.Set("a", want[:40], 0)
						if s.F.Off() && fresh() {
							if n, err := s.tdb.Reserved(buf); err != nil || !bytes.Equal(buf[:n], want) {
								t.report(explore.Symptom{Rule: sut.RuleReserved, Kind: "reserved-changed", When: sut.AfterSecondCut}, sut.Describe(want), fmt.Sprintf("%d bytes, error %v", n, err))
							}
						}
						s.F.Rollback()
					}
				}
			}
			s.F.Rollback()
		}
	}
	return true, nil
}
