package secure

import (
	"testing"

	"dualbank/internal/flashtest"
	"dualbank/kvstore"
)

// unfinished is a store in which no set ends.
type unfinished struct{ kvstore.Store }

func (unfinished) SetFinalize() error { return kvstore.ErrWriteFailed }

// TestFinalizeFails: the error of a set's end below reaches the caller, and nothing is noted as if it had succeeded.
func TestFinalizeFails(t *testing.T) {
	under := kvstore.NewTDB(flashtest.New(t, "16x4K", 1), kvstore.Options{})
	rbp := openTDB(t, flashtest.New(t, "4x4K", 8), kvstore.Options{})
	key := NewDeviceKey(rbp, nil)
	if err := key.Inject(make([]byte, rootSize)); err != nil {
		t.Fatal(err)
	}
	s := New(Options{Store: unfinished{under}, RBP: rbp, Key: key})
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	if err := s.Set("key", []byte("value"), kvstore.FlagReplayProtection); err != kvstore.ErrWriteFailed {
		t.Errorf("Set: %v", err)
	}
	if _, err := rbp.Info("key"); err != kvstore.ErrItemNotFound {
		t.Errorf("the rollback protection: %v", err)
	}
}
