package kv

import (
	"errors"
	"strings"
	"testing"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
	"dualbank/model"
)

// TestECCErrorIsNoErrorCode: on a part that raises an exception where its ECC cannot correct a unit, what a cut leaves
// of a unit is no READ_FAILED. The device does not boot.
func TestECCErrorIsNoErrorCode(t *testing.T) {
	c := Sweep{Device: explore.Device{Part: "stm32l496zg", Unit: 8, Base: 0x080F0000, Size: 8192}, Seed: 1, Collections: 1, Modes: []string{"ecc"}, MaxCuts: 600}
	kinds := map[string]bool{}
	for _, f := range sweep(t, c).Findings {
		kinds[f.Symptom.Kind] = true
		if strings.Contains(f.Symptom.Error, "READ_FAILED") {
			t.Errorf("%v (%v)", f.Symptom, f.Place)
		}
		if f.Symptom.Kind == sut.KindNoBoot && !strings.Contains(f.Symptom.String(), "the device does not boot") {
			t.Errorf("%v does not say that the device does not boot", f.Symptom)
		}
	}
	if !kinds[sut.KindNoBoot] {
		t.Errorf("no device stands still: %v", kinds)
	}
}

// TestTransientErrors: a step that fails once does not surface on internal flash, where FlashIAP tries again below the
// store. The driver of a serial NOR flash passes it on.
func TestTransientErrors(t *testing.T) {
	for _, serial := range []bool{false, true} {
		failed := 0
		for at := range uint64(12) {
			f, err := small.Flash()
			if err != nil {
				t.Fatal(err)
			}
			r, err := sut.NewRun(f, &small, func(dev kvstore.BlockDevice) sut.Store { return kvstore.NewTDB(dev, kvstore.Options{}) }, []string{"a"}, nil, 64)
			if err != nil {
				t.Fatal(err)
			}
			if serial {
				r.Serial()
			}
			if err := r.Store.Open(); err != nil {
				t.Fatal(err)
			}
			f.Arm(model.Cut{Step: at, Mode: model.Fail})
			if r.Store.Set("a", make([]byte, 20), 0) != nil {
				failed++
			}
		}
		if serial != (failed > 0) {
			t.Errorf("serial NOR %v: %d of 12 sets fail", serial, failed)
		}
	}
}

// standing is a store whose open and lock do as they are told.
type standing struct {
	*kvstore.TDBStore
	opens error
	locks int
}

func (s *standing) Open() error    { return s.opens }
func (s *standing) LocksHeld() int { return s.locks }

// TestHaltsAreToldApart: an open that ends in MBED_ERROR is no open that fails, an unlock too many is a halt under the
// RTOS, and what is undefined in the reference says that it is a stand-in.
func TestHaltsAreToldApart(t *testing.T) {
	f, err := small.Flash()
	if err != nil {
		t.Fatal(err)
	}
	s := &standing{}
	r, err := sut.NewRun(f, &small, func(dev kvstore.BlockDevice) sut.Store {
		s.TDBStore = kvstore.NewTDB(dev, kvstore.Options{})
		return s
	}, nil, nil, 64)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		opens error
		locks int
		kind  string
		words string
	}{
		{kvstore.ErrReadFailed, 0, sut.KindNotOpen, "the store does not open: READ_FAILED"},
		{&kvstore.FatalError{Err: kvstore.ErrReadFailed}, 0, sut.KindHalts, "MBED_ERROR"},
		{nil, -1, "lock-released", "a halt under the RTOS"},
		{nil, 1, "lock-held", "still held"},
		{errors.Join(kvstore.ErrUndefined), 0, sut.KindNotOpen, "UNDEFINED, a stand-in"},
	} {
		r.Bad, s.opens, s.locks = nil, c.opens, c.locks
		r.Reopen(sut.RuleOpens, "")
		if len(r.Bad) != 1 || r.Bad[0].Symptom.Kind != c.kind || !strings.Contains(r.Bad[0].Symptom.String(), c.words) {
			t.Errorf("%v, lock %d: %+v", c.opens, c.locks, r.Bad)
		}
	}
}
