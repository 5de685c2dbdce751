package kvstore_test

import (
	"testing"

	"dualbank/internal/flashtest"
	. "dualbank/kvstore"
	"dualbank/kvstore/storage"
)

// work counts what a store tells of its work.
type work struct {
	calls, keys, crc, aes int
}

func (w *work) Call()       { w.calls++ }
func (w *work) CRC32(n int) { w.crc += n }
func (w *work) AES(n int)   { w.aes += n }
func (w *work) AESKey()     { w.keys++ }

func TestCPUWork(t *testing.T) {
	var w work
	took := func(f func() error) work {
		t.Helper()
		w = work{}
		if err := f(); err != nil {
			t.Fatal(err)
		}
		return w
	}
	s := OpenTDB(t, flashtest.New(t, "2x2K", 1), Options{CPU: &w})
	buf := make([]byte, 40)
	const key, record = 3, CRCOffset + 3 + 40 // bytes of a hash and of a record's CRC
	for _, c := range []struct {
		name string
		do   func() error
		want work
	}{
		// The reference reads a record twice: to find it, and for the caller.
		{"first set", func() error { return s.Set("key", buf, 0) }, work{calls: 1, crc: key + 2*record}},
		{"second set", func() error { return s.Set("key", buf, 0) }, work{calls: 1, crc: key + 3*record}},
		{"get", func() error { _, err := s.Get("key", buf, 0); return err }, work{calls: 1, crc: key + 2*record}},
		{"get from an offset", func() error { _, err := s.Get("key", buf, 1); return err }, work{calls: 1, crc: key + record}},
		{"info", func() error { _, err := s.Info("key"); return err }, work{calls: 1, crc: key + 2*record}},
	} {
		if got := took(c.do); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}

	p := partition(t, storage.TDBExternal, Options{CPU: &w}, flashtest.New(t, "4x4K", 8), flashtest.New(t, "16x4K", 1))
	// Two keys are derived, each under the root's key schedule: a block of message and the subkey. Then
	// 40 bytes of key stream, and 6 + 20 + 40 bytes of MAC with its subkey.
	want := work{keys: 4, aes: 16 * (2 + 2 + 3 + 5 + 1)}
	got := took(func() error { return p.Main.Set("secret", buf, FlagConfidential) })
	if got.keys != want.keys || got.aes != want.aes || got.calls == 0 || got.crc == 0 {
		t.Errorf("confidential set: %+v, want %+v", got, want)
	}
	got = took(func() error { _, err := p.Main.Get("secret", buf, 0); return err })
	if got.keys != want.keys || got.aes != want.aes {
		t.Errorf("confidential get: %+v, want %+v", got, want)
	}
	want = work{keys: 2, aes: 16 * (2 + 5 + 1)}
	got = took(func() error { return p.Main.Set("public", buf, 0) })
	if got.keys != want.keys || got.aes != want.aes {
		t.Errorf("plain set: %+v, want %+v", got, want)
	}
}
