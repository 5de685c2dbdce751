package fuzz_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"dualbank/fuzz"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/kvstore"
)

// A finding's file is a script that people read and edit. Here the power goes in the one set of the script, when
// it has completed 205 steps: the header is there, and half of its data.
func ExampleParseFinding() {
	f, err := fuzz.ParseFinding([]byte(`{
		"format": 2, "id": "example", "subject": "KVStore",
		"symptom": {"rule": 1, "kind": "not-open", "error": "READ_FAILED"},
		"kv": {
			"device": {"sectors": "8x512", "unit": 1, "size": 4096},
			"profile": "MbedCE", "judge": "walk", "keys": ["twin-jwadjele"],
			"script": ["set \"twin-jwadjele\", 176 bytes; after at step 205"]
		}
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	broken, err := f.Replay(os.Stdout)
	fmt.Println("broken:", broken, err)
	// Output:
	// finding  example
	// rule     1 of the rules for the KVStore: it opens
	// run      of 1 step
	//          8x512, 0x00000000+0x1000, program unit 1, profile MbedCE
	//             0 set "twin-jwadjele", 176 bytes; after at step 205
	// faults   that hit: after
	// shows    in: set, fault after
	// outcome  rule 1 is broken: the store does not open: READ_FAILED
	//          expected open succeeds
	//          seen     open fails: read failed
	// broken: true <nil>
}

// t stands for the *testing.T of a test.
type t struct{}

func (t) Helper() {}

func (t) Errorf(format string, args ...any) {
	for line := range strings.Lines(fmt.Sprintf(format, args...)) {
		if strings.HasPrefix(line, "outcome") {
			fmt.Print(line)
		}
	}
}

// volatile is a store that keeps its values in RAM alone.
type volatile map[string][]byte

func (v volatile) Open() error { clear(v); return nil }

func (v volatile) Set(key string, value []byte) error { v[key] = value; return nil }

func (v volatile) Get(key string) ([]byte, error) {
	if value, ok := v[key]; ok {
		return value, nil
	}
	return nil, kvstore.ErrItemNotFound
}

func (v volatile) Remove(key string) error { delete(v, key); return nil }

func (v volatile) List() ([]string, error) { return slices.Sorted(maps.Keys(v)), nil }

// A store of your own needs no more than open, set, get, remove and list. This one forgets everything in a reset.
func ExampleExplore() {
	store := kv.FromSimple(func(kvstore.BlockDevice) volatile { return volatile{} })
	fuzz.Explore(t{}, store, kv.Sweep{Device: explore.Device{Sectors: "2x512", Unit: 8, Size: 1024}, Seed: 1})
	// Output:
	// outcome  rule 2 is broken: a key that was stored is missing
}
