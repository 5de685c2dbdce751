// Package long keeps the tests that take long out of the default set.
//
//  1. A test that takes long and covers code that shorter tests cover too calls Test first.
//  2. One that is slow under the race detector alone, which sees nothing in it that it does not see in others, calls Alone
//     first.
//  3. `make test` runs the default set: such tests are skipped, and property tests make fewer checks.
//  4. `make test LONG=1`, and .ci/run, run the tests once more, without the race detector, and with DUALBANK_LONG set:
//     every test runs.
//
// Only tests import this package.
package long

import (
	"os"
	"testing"
)

// Enabled reports whether DUALBANK_LONG is set.
func Enabled() bool { return os.Getenv("DUALBANK_LONG") != "" }

// Test skips t unless DUALBANK_LONG is set.
func Test(t testing.TB) {
	t.Helper()
	if !Enabled() {
		t.Skip("takes long: make test LONG=1 runs it")
	}
}

// Alone skips t under the race detector, which makes it ten times slower and sees nothing in it that it does not see in others.
func Alone(t testing.TB) {
	t.Helper()
	if raced {
		t.Skip("runs without the race detector: make test LONG=1")
	}
}
