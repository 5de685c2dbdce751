package kvstore_test

import (
	"testing"

	"dualbank/internal/flashtest"
	. "dualbank/kvstore"
	"dualbank/kvstore/storage"
)

// FuzzSecureRecord puts bytes where a record and its rollback protection entry are. Nothing may be
// accepted but what SecureStore wrote.
func FuzzSecureRecord(f *testing.F) {
	f.Add([]byte{}, []byte{}, uint32(0), false)
	f.Add(Unhex("140001000b000000000000000000000000000000"+"68656c6c6f20776f726c64"+"b74d20f047a17cb1e14d8e7fba0a31b8"), []byte{}, uint32(0), true)
	f.Add(Unhex("14000100ffffffff02000000000000000000000068656c6c6f"), Unhex("b74d20f047a17cb1e14d8e7fba0a31b8"), uint32(0xFFFFFFF0), true)
	f.Add(Unhex("1400010010000000080000000000000000000000b74d20f047a17cb1e14d8e7fba0a31b8"), Unhex("b74d20f047a17cb1e14d8e7fba0a31b8"), uint32(1), true)
	f.Fuzz(func(t *testing.T, record, entry []byte, offset uint32, rbp bool) {
		typ := storage.TDBExternalNoRBP
		if rbp {
			typ = storage.TDBExternal
		}
		p := partition(t, typ, Options{}, flashtest.New(t, "4x4K", 8), flashtest.New(t, "4x4K", 1))
		if p.External.Set("key", record, 0) != nil {
			return
		}
		if rbp && len(entry) > 0 && p.Internal.Set("key", entry, 0) != nil {
			return
		}
		if i, err := p.Main.Info("key"); err == nil {
			t.Fatalf("accepted %x with entry %x: %+v", record, entry, i)
		}
		var buf [300]byte
		if n, err := p.Main.Get("key", buf[:], offset); err == nil || n != 0 {
			t.Fatalf("%d bytes, %v of a record that is not authentic", n, err)
		}
		if err := p.Main.Set("key", []byte("new"), FlagReplayProtection); err != nil {
			return
		}
		if n, err := p.Main.Get("key", buf[:], 0); err != nil || string(buf[:n]) != "new" {
			t.Fatalf("after a set: %q, %v", buf[:n], err)
		}
		if err := p.Main.Remove("key"); err != nil {
			t.Fatal(err)
		}
	})
}
