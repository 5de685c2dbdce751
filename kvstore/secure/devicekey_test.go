package secure

import (
	"encoding/hex"
	"errors"
	"testing"

	"dualbank/internal/flashtest"
	"dualbank/kvstore"
)

func TestDerive(t *testing.T) {
	for _, c := range []struct {
		root, salt string
		size       int
		want       string
	}{
		{"000102030405060708090a0b0c0d0e0f", "Once upon a time", 16, "8751b236ebbbd93fe484830a311e37e7"},
		{"000102030405060708090a0b0c0d0e0f", "Once upon a time", 32, "a0680770b86eed32d9d3e97a8604aed50b47eccba65aa5efe91df76b925a9fe3"},
		{"2b7e151628aed2a6abf7158809cf4f3c", "ENCkey1", 16, "962a3eec85e6f5cb9e5dafc5b7fd01dd"},
		{"2b7e151628aed2a6abf7158809cf4f3c", "AUTHkey1", 16, "4ba09450f645735006a471bfce30abaf"},
	} {
		k := NewDeviceKey(openTDB(t, flashtest.New(t, "2x2K", 1), kvstore.Options{}), nil)
		if err := k.Inject(unhex(c.root)); err != nil {
			t.Fatal(err)
		}
		out := make([]byte, c.size)
		if err := k.Derive([]byte(c.salt), out); err != nil || hex.EncodeToString(out) != c.want {
			t.Errorf("%s, %q: %x, %v; want %s", c.root, c.salt, out, err, c.want)
		}
	}
}

func TestDeviceKeyErrors(t *testing.T) {
	f := flashtest.New(t, "2x2K", 8)
	s := openTDB(t, f, kvstore.Options{})
	k := NewDeviceKey(s, nil)
	salt, out := []byte("salt"), make([]byte, 16)
	draw := func(p []byte) error {
		for i := range p {
			p[i] = byte(i)
		}
		return nil
	}
	dry := func([]byte) error { return errors.New("dry") }
	f.Fail = func(bool, uint32) bool { return true }
	broken := k.Inject(make([]byte, 16))
	f.Fail = nil
	for _, c := range []struct {
		name string
		got  error
		want error
	}{
		{"store that cannot write", broken, ErrKeySave},
		{"derive without a root", k.Derive(salt, out), ErrKeyNotFound},
		{"derive 24 bytes", k.Derive(salt, make([]byte, 24)), ErrKeyType},
		{"root of 2 bytes", k.Inject(make([]byte, 2)), ErrKeySize},
		{"generate 8 bytes", k.Generate(8, draw), ErrKeySize},
		{"generate without entropy", k.Generate(32, dry), ErrKeyEntropy},
		{"generate", k.Generate(32, draw), nil},
		{"generate again", k.Generate(32, draw), ErrKeyExists},
		{"inject again", k.Inject(make([]byte, 16)), ErrKeyExists},
		{"16 bytes of a root of 32", k.Derive(salt, out), ErrKeyRead},
		{"no salt", k.Derive(nil, make([]byte, 32)), ErrKeyCMAC},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
	// The root survives collections and reboots.
	for range 200 {
		if err := s.Set("key", make([]byte, 100), 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	var root, want [32]byte
	_ = draw(want[:])
	if n, err := s.Reserved(root[:]); err != nil || n != 32 || root != want {
		t.Errorf("after %d collections: %x, %v", s.Collections(), root[:n], err)
	}
	if err := s.Reset(); err != nil {
		t.Fatal(err)
	}
	if err := k.Derive(salt, out); err != ErrKeyNotFound {
		t.Errorf("after a reset: %v", err)
	}
}

func openTDB(t *testing.T, f kvstore.BlockDevice, o kvstore.Options) *kvstore.TDBStore {
	t.Helper()
	s := kvstore.NewTDB(f, o)
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	return s
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}
